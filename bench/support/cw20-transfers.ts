/** Transfers of a cw20 as a node would send them: JSON messages with the recipient's Bech32 text, from a template. */
import { encodeBech32 } from "../../src/encoding/bech32.ts";
import type { Accounts } from "./accounts.ts";
import { ADDRESS_DIGITS, SLACK_BYTES } from "./json-line.ts";
import type { TransferWriter } from "./json-transfers.ts";
import { copyBytes, writeDecimal } from "./wire.ts";

/** A transfer between holders costs a sixth of it. */
const GAS_LIMIT = 200_000;

const NO_ADDRESS = "0".repeat(ADDRESS_DIGITS);

export class Cw20Transfers implements TransferWriter {
  readonly bytesMax: number;
  readonly #accounts: Accounts;
  readonly #template: Buffer;
  readonly #senderAt: number;
  readonly #recipientAt: number;
  /** Of every account, one after the other. */
  readonly #texts: Uint8Array;
  readonly #textChars: number;

  constructor(accounts: Accounts, { token, addressPrefix }: { token: string; addressPrefix: string }) {
    const texts = Array.from({ length: accounts.holders + 1 }, (_, i) =>
      encodeBech32(addressPrefix, accounts.raw.subarray(20 * i, 20 * i + 20)),
    );
    this.#textChars = texts[0]!.length;
    this.#texts = Buffer.from(texts.join(""), "latin1");
    const text =
      `{"kind":"call","to":"${token}","gasLimit":"${GAS_LIMIT}","sender":"0x${NO_ADDRESS}"` +
      `,"msg":{"transfer":{"amount":"1","recipient":"${"?".repeat(this.#textChars)}"}},"nonce":`;
    this.#accounts = accounts;
    this.#template = Buffer.from(text, "latin1");
    this.#senderAt = text.indexOf(NO_ADDRESS);
    this.#recipientAt = text.indexOf("?");
    this.bytesMax = text.length + SLACK_BYTES;
  }

  textOf(account: number): string {
    const from = this.#textChars * account;
    return Buffer.from(this.#texts.subarray(from, from + this.#textChars)).toString("latin1");
  }

  write(out: Buffer, at: number, from: number, to: number, nonce: number): number {
    out.set(this.#template, at);
    copyBytes(this.#accounts.hex, ADDRESS_DIGITS * from, ADDRESS_DIGITS, out, at + this.#senderAt);
    copyBytes(this.#texts, this.#textChars * to, this.#textChars, out, at + this.#recipientAt);
    const end = writeDecimal(out, at + this.#template.length, nonce);
    out[end] = 125; // }
    return end + 1;
  }
}
