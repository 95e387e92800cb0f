/**
 * Gas: what work costs, and the meter that a frame spends from. Gas measures work, never time, so that every machine
 * charges the same. Amounts are whole numbers below 2^53 (the chain parameter `transactionGasMax` is 10^12), held as
 * `number`: a bigint would cost more than most of what it counts.
 *
 * The scale is Ethereum's, so that limits that people know fit; each price says why it stands where it does.
 */
import type { HaltReason } from "../encoding/receipt.ts";

export interface GasSchedule {
  /** Any transaction: its hash, nonce, receipt and share of block and journal. Ethereum's 21,000. */
  readonly transactionBase: number;
  /** Per byte of body: parsing, hashing and keeping it in the log. EIP-2028's price of a non-zero byte. */
  readonly bodyByte: number;
  /** A deployment on top of the base: contract record, address, code leaf. Ethereum's 32,000. */
  readonly deployBase: number;
  /** Per byte of code kept under its hash. Ethereum's 200. */
  readonly codeByte: number;
  /** One state read: at worst a lookup in the embedded store. EIP-2929's cold read. */
  readonly stateRead: number;
  readonly stateReadByte: number;
  /** Overwriting a value: a leaf rehashed, both values in the delta. EIP-2200's reset. */
  readonly stateWrite: number;
  /** A write that makes a new key: it stays in every state tree for ever. Ethereum's 20,000. */
  readonly stateCreate: number;
  readonly stateWriteByte: number;
  /** Per entry that an iteration yields. */
  readonly rangeEntry: number;
  /** A log, each topic, each byte of data: kept in receipts and indexed. Ethereum's 375, 375 and 8. */
  readonly logBase: number;
  readonly logTopic: number;
  readonly logByte: number;
  /** A call to another contract: a frame, a lookup of its record. EIP-2929's cold account. */
  readonly callBase: number;
  /** Recovering a signer (permit). Ethereum's ecrecover precompile. */
  readonly signatureRecover: number;
}

/** Protocol version 1. A retired version's schedule stays: old blocks are replayed with it. */
export const GAS_SCHEDULE_1: GasSchedule = {
  transactionBase: 21_000,
  bodyByte: 16,
  deployBase: 32_000,
  codeByte: 200,
  stateRead: 2_100,
  stateReadByte: 3,
  stateWrite: 2_900,
  stateCreate: 20_000,
  stateWriteByte: 8,
  rangeEntry: 200,
  logBase: 375,
  logTopic: 375,
  logByte: 8,
  callBase: 2_600,
  signatureRecover: 3_000,
};

/** Thrown by engines and host to end a frame exceptionally: its gas is spent, its writes are dropped. */
export class Halt extends Error {
  readonly reason: HaltReason;

  constructor(reason: HaltReason) {
    super(reason);
    this.reason = reason;
  }
}

export class GasMeter {
  #limit = 0;
  #remaining = 0;
  /** The contract has looked at what remains: what it does may depend on its gas limit. */
  isObserved = false;

  constructor(limit = 0) {
    this.reset(limit);
  }

  reset(limit: number): void {
    this.#limit = limit;
    this.#remaining = limit;
    this.isObserved = false;
  }

  get limit(): number {
    return this.#limit;
  }
  get remaining(): number {
    return this.#remaining;
  }
  /** What remains, for the contract to see. */
  observe(): number {
    this.isObserved = true;
    return this.#remaining;
  }
  get used(): number {
    return this.#limit - this.#remaining;
  }

  /** @throws Halt OutOfGas when less is left; everything is then spent. */
  charge(amount: number): void {
    const remaining = this.#remaining - amount;
    if (remaining < 0) {
      this.#remaining = 0;
      throw new Halt("OutOfGas");
    }
    this.#remaining = remaining;
  }

  /** Everything is spent: what an exceptional halt does. */
  exhaust(): void {
    this.#remaining = 0;
  }

  /** Gives back what a callee did not use of what was set aside for it. */
  refund(amount: number): void {
    this.#remaining += amount;
  }
}
