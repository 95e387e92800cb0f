/** Reads of balances as JSON-RPC lines. */
import type { Accounts } from "./accounts.ts";
import {
  ADDRESS_DIGITS,
  endOfLine,
  HEAD_BYTES_MAX,
  idOf,
  lineText,
  SLACK_BYTES,
  writeHead,
  writeText,
} from "./json-line.ts";
import type { Random } from "./random.ts";
import { AnswerError, CHECK_EVERY, copyBytes, type Wire } from "./wire.ts";

const RESULT_KEY = Buffer.from('{"result":"');
const QUERY_TAIL = Buffer.from('"]}}\n');

/** contract_query of balanceOf for random holders; every answer is compared with the book. */
export class JsonBalances implements Wire {
  readonly requestBytesMax: number;
  readonly #accounts: Accounts;
  readonly #balances: Float64Array | undefined;
  readonly #random: Random;
  readonly #head: Buffer;
  readonly #holderOf: number[] = [];
  #answers = 0;

  /** @param balances left out where the server can't know them (a null server). */
  constructor(options: { token: string }, modules: { accounts: Accounts; random: Random; balances?: Float64Array }) {
    this.#accounts = modules.accounts;
    this.#balances = modules.balances;
    this.#random = modules.random;
    this.#head = Buffer.from(
      `,"method":"contract_query","params":{"address":"${options.token}","entrypoint":"balanceOf","args":["0x`,
    );
    this.requestBytesMax = HEAD_BYTES_MAX + this.#head.length + ADDRESS_DIGITS + SLACK_BYTES;
  }

  write(out: Buffer, at: number, slot: number): number {
    const holder = this.#random.below(this.#accounts.holders);
    this.#holderOf[slot] = holder;
    const next = writeHead(out, at, slot, this.#head);
    copyBytes(this.#accounts.hex, ADDRESS_DIGITS * holder, ADDRESS_DIGITS, out, next);
    return writeText(out, next + ADDRESS_DIGITS, QUERY_TAIL);
  }

  endOf(input: Buffer, from: number, end: number): number {
    return endOfLine(input, from, end);
  }

  read(input: Buffer, from: number, end: number): number {
    const slot = idOf(input, from);
    if (this.#answers++ % CHECK_EVERY === 0) {
      const { result } = JSON.parse(lineText(input, from, end)) as { result?: { result: string } };
      this.#compare(slot, Number(result?.result), input, from, end);
    } else {
      const at = input.indexOf(RESULT_KEY, from) + RESULT_KEY.length;
      if (at < from || at >= end) throw new AnswerError("a query has no result", lineText(input, from, end));
      this.#compare(slot, decimalAt(input, at), input, from, end);
    }
    return slot;
  }

  operations(): number {
    return 1;
  }

  #compare(slot: number, balance: number, input: Buffer, from: number, end: number): void {
    const expected = this.#balances?.[this.#holderOf[slot]!];
    if (Number.isNaN(balance) || (expected !== undefined && balance !== expected)) {
      throw new AnswerError(`a balance is not ${expected}`, lineText(input, from, end));
    }
  }
}

function decimalAt(input: Buffer, from: number): number {
  let value = 0;
  let at = from;
  for (let c = input[at]!; c >= 48 && c <= 57; c = input[++at]!) value = 10 * value + c - 48;
  return at === from ? Number.NaN : value;
}
