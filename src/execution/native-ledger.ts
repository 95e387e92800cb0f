/**
 * NativeLedger: the chain's own value: balances of accounts, and how much there is in all.
 * Always
 *  - The balances add up to the supply, which genesis sets and only `burn` lowers.
 */
import { parameterKey } from "../encoding/state-key.ts";
import { add, fromBigInt, lessThan, newUint256, subtract, toBigInt } from "../encoding/uint256.ts";
import type { StateTable } from "./state-table.ts";

/** Leaf of the state tree with the supply, shortest big-endian. */
const SUPPLY_LEAF = "nativeSupply";

export class NativeLedger {
  readonly #table: StateTable;
  readonly #balance = newUint256();
  readonly #amount = newUint256();

  constructor(table: StateTable) {
    this.#table = table;
  }

  balanceOf(account: Uint8Array): bigint {
    this.#table.load(this.#table.accountSlot(account, 0), this.#balance);
    return toBigInt(this.#balance);
  }

  supply(): bigint {
    this.#table.load(this.#supplySlot(), this.#balance);
    return toBigInt(this.#balance);
  }

  /** What a chain begins with. The sum is below 2^256. */
  begin(balances: readonly { address: Uint8Array; balance: bigint }[]): void {
    const table = this.#table;
    let supply = 0n;
    for (const { address, balance } of balances) {
      fromBigInt(balance, this.#balance);
      table.store(table.accountSlot(address, 0), this.#balance);
      supply += balance;
    }
    fromBigInt(supply, this.#balance);
    table.store(this.#supplySlot(), this.#balance);
  }

  covers(account: Uint8Array, value: bigint): boolean {
    this.#table.load(this.#table.accountSlot(account, 0), this.#balance);
    fromBigInt(value, this.#amount);
    return !lessThan(this.#balance, this.#amount);
  }

  /** The sender's balance was checked. All balances add up to what genesis gave, below 2^256: no addition overflows. */
  move(from: Uint8Array, to: Uint8Array, value: bigint): void {
    const table = this.#table;
    fromBigInt(value, this.#amount);
    this.#take(table.accountSlot(from, 0));
    const target = table.accountSlot(to, 0);
    table.load(target, this.#balance);
    if (add(this.#balance, this.#amount)) throw new Error("native balance overflow");
    table.store(target, this.#balance);
  }

  /** Takes value out of existence. The balance was checked. */
  burn(from: Uint8Array, value: bigint): void {
    fromBigInt(value, this.#amount);
    this.#take(this.#table.accountSlot(from, 0));
    this.#take(this.#supplySlot());
  }

  #take(slot: number): void {
    this.#table.load(slot, this.#balance);
    if (subtract(this.#balance, this.#amount)) throw new Error("native value moved without cover");
    this.#table.store(slot, this.#balance);
  }

  /** Looked up each time: the table may give slots out anew between blocks. */
  #supplySlot(): number {
    return this.#table.slotOfKey(parameterKey(SUPPLY_LEAF));
  }
}
