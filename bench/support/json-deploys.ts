/** tx_submit of ERC-20 deployments, one a request, from every holder in turn. */
import type { Accounts, Book } from "./accounts.ts";
import { endOfLine, idOf, lineText } from "./json-line.ts";
import { AnswerError, CHECK_EVERY, type Wire } from "./wire.ts";

export const DEPLOY_SUPPLY = "1000000000000000000000000";
const REQUEST_BYTES_MAX = 1_024;
const SUCCESS = Buffer.from('"status":"success"');
const ADDRESS = /^0x[0-9a-f]{40}$/;

export class JsonDeploys implements Wire {
  readonly requestBytesMax = REQUEST_BYTES_MAX;
  readonly #accounts: Accounts;
  readonly #book: Book;
  /** A null server answers with the receipt of a transfer: without a contract address. */
  readonly #isNullServer: boolean;
  #sent = 0;
  #answers = 0;

  constructor(modules: { accounts: Accounts; book: Book }, isNullServer: boolean) {
    this.#accounts = modules.accounts;
    this.#book = modules.book;
    this.#isNullServer = isNullServer;
  }

  write(out: Buffer, at: number, slot: number): number {
    const sender = this.#sent % this.#accounts.holders;
    const name = `Token ${this.#sent++}`;
    const text =
      `{"jsonrpc":"2.0","id":${slot},"method":"tx_submit","params":{"transaction":{"kind":"deploy","sender":"${this.#accounts.text(sender)}"` +
      `,"nonce":${this.#book.nonces[sender]!++},"gasLimit":"10000000","contract":{"type":"erc20","name":"${name}","symbol":"TKN"` +
      `,"decimals":18,"initialSupply":"${DEPLOY_SUPPLY}"}}}}\n`;
    return at + out.write(text, at, "latin1");
  }

  endOf(input: Buffer, from: number, end: number): number {
    return endOfLine(input, from, end);
  }

  read(input: Buffer, from: number, end: number): number {
    const status = input.indexOf(SUCCESS, from);
    const isChecked = this.#answers++ % CHECK_EVERY === 0 && !this.#isNullServer;
    if (status === -1 || status >= end || (isChecked && !isDeployment(lineText(input, from, end)))) {
      throw new AnswerError("a deployment did not succeed", lineText(input, from, end));
    }
    return idOf(input, from);
  }

  operations(): number {
    return 1;
  }
}

function isDeployment(text: string): boolean {
  const { result } = JSON.parse(text) as { result: { status: string; contractAddress: string | null } };
  return result.status === "success" && ADDRESS.test(result.contractAddress ?? "");
}
