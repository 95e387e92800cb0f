/**
 * Accounts: the holders 0…count-1 and, after them, the owner that funds them; their addresses and what each should have.
 * Always
 *  - An address follows from its number alone, spread over all bits: no part of the state is dense, every run has the same.
 *  - A Book is moved when a transfer is sent; every sent transfer is answered and checked before the book is compared.
 */
export class Accounts {
  readonly holders: number;
  /** 20 bytes an account. */
  readonly raw: Uint8Array;
  /** 40 lower-case digits an account. */
  readonly hex: Uint8Array;

  constructor(holders: number) {
    this.holders = holders;
    this.raw = new Uint8Array(20 * (holders + 1));
    const words = new DataView(this.raw.buffer);
    for (let i = 0; i <= holders; i++) {
      for (let word = 0; word < 4; word++) {
        const mixed = Math.imul(i + 1, 0x9e3779b1 + 2 * word) ^ Math.imul(i + 7, 0x85ebca6b);
        words.setUint32(20 * i + 4 * word, mixed ^ (mixed >>> 15));
      }
      words.setUint32(20 * i + 16, i);
    }
    this.hex = Buffer.from(Buffer.from(this.raw.buffer).toString("hex"), "latin1");
  }

  get owner(): number {
    return this.holders;
  }

  /** With 0x. */
  text(account: number): string {
    return `0x${Buffer.from(this.hex.buffer, this.hex.byteOffset + 40 * account, 40).toString("latin1")}`;
  }
}

/** What every account has at the start, so that no random sequence of transfers of 1 unit runs dry. */
export const FUNDS = 1_000_000;

export class Book {
  readonly nonces: Uint32Array;
  readonly balances: Float64Array;

  constructor(accounts: Accounts) {
    this.nonces = new Uint32Array(accounts.holders + 1);
    this.balances = new Float64Array(accounts.holders + 1);
  }

  /** Answers the sender's nonce for this transfer. */
  move(from: number, to: number, amount: number): number {
    this.balances[from]! -= amount;
    this.balances[to]! += amount;
    return this.nonces[from]!++;
  }

  /** The sender's last transfer did not happen. */
  takeBack(from: number, to: number, amount: number): void {
    this.balances[from]! += amount;
    this.balances[to]! -= amount;
    this.nonces[from]!--;
  }
}
