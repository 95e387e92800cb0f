/** Who pays whom next: uniform random pairs for measuring, and the two passes that prepare the holders. */
import { type Accounts, FUNDS } from "./accounts.ts";
import type { Random } from "./random.ts";

export interface TransferSource {
  readonly amount: number;
  from: number;
  to: number;
  /** Sets `from` and `to`; false when there are no more. */
  next(): boolean;
}

export class RandomTransfers implements TransferSource {
  readonly amount = 1;
  from = 0;
  to = 0;
  readonly #holders: number;
  readonly #random: Random;
  #left: number;

  constructor(accounts: Accounts, random: Random, count = Number.MAX_SAFE_INTEGER) {
    this.#holders = accounts.holders;
    this.#random = random;
    this.#left = count;
  }

  next(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    this.from = this.#random.below(this.#holders);
    this.to = this.#random.below(this.#holders);
    return true;
  }
}

/** The owner funds the holders `first` to `end` - 1. */
export class Funding implements TransferSource {
  readonly amount = FUNDS;
  from: number;
  to: number;
  readonly #end: number;

  constructor(accounts: Accounts, first: number, end: number) {
    this.from = accounts.owner;
    this.to = first - 1;
    this.#end = end;
  }

  next(): boolean {
    this.to++;
    return this.to < this.#end;
  }
}

/** Each holder from `first` to `end` - 1 sends once, so that its nonce's leaf exists. */
export class FirstSends implements TransferSource {
  readonly amount = 1;
  from: number;
  to = 0;
  readonly #end: number;
  readonly #holders: number;

  constructor(accounts: Accounts, first: number, end: number) {
    this.from = first - 1;
    this.#end = end;
    this.#holders = accounts.holders;
  }

  next(): boolean {
    this.from++;
    this.to = (this.from * 7 + 3) % this.#holders;
    return this.from < this.#end;
  }
}
