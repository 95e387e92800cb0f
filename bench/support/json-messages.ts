/** Queries of a CosmWasm token's balances as JSON-RPC lines, each run: the result cache is bypassed. */
import { endOfLine, HEAD_BYTES_MAX, idOf, lineText, SLACK_BYTES, writeHead, writeText } from "./json-line.ts";
import type { Random } from "./random.ts";
import { AnswerError, CHECK_EVERY, type Wire } from "./wire.ts";

const TAIL = Buffer.from('"}}}}\n');
const SUCCESS = Buffer.from('{"result":');

export class JsonMessages implements Wire {
  readonly requestBytesMax: number;
  readonly #random: Random;
  readonly #head: Buffer;
  readonly #holders: readonly Buffer[];
  readonly #balance: string;
  #answers = 0;

  /** @param holders as the token writes addresses; each has `balance`. */
  constructor(options: { token: string; holders: readonly string[]; balance: string }, random: Random) {
    this.#random = random;
    this.#holders = options.holders.map((holder) => Buffer.from(holder));
    this.#balance = options.balance;
    this.#head = Buffer.from(
      `,"method":"contract_query","params":{"address":"${options.token}","cache":"bypass","msg":{"balance":{"address":"`,
    );
    this.requestBytesMax = HEAD_BYTES_MAX + this.#head.length + 64 + SLACK_BYTES;
  }

  write(out: Buffer, at: number, slot: number): number {
    const next = writeHead(out, at, slot, this.#head);
    return writeText(out, writeText(out, next, this.#holders[this.#random.below(this.#holders.length)]!), TAIL);
  }

  endOf(input: Buffer, from: number, end: number): number {
    return endOfLine(input, from, end);
  }

  read(input: Buffer, from: number, end: number): number {
    const at = input.indexOf(SUCCESS, from);
    if (at < from || at >= end) throw new AnswerError("a query has no result", lineText(input, from, end));
    if (this.#answers++ % CHECK_EVERY === 0) {
      const { result } = JSON.parse(lineText(input, from, end)) as { result?: { returnData: string } };
      const answer = Buffer.from(result?.returnData.slice(2) ?? "", "hex").toString();
      if (answer !== JSON.stringify({ balance: this.#balance }))
        throw new AnswerError(`a balance is not ${this.#balance}`, answer);
    }
    return idOf(input, from);
  }

  operations(): number {
    return 1;
  }
}
