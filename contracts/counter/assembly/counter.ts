/** A number that anyone may raise: the smallest contract that has state, a view, an event and an error. */
import { Address, Context, StorageMap, StorageValue } from "../../sdk/assembly";

@event
class Incremented {
  @indexed by: Address;
  amount: u64;
  total: u64;
}

@error
class CounterOverflow {
  total: u64;
  amount: u64;
}

@contract
class Counter {
  total: StorageValue<u64> = new StorageValue("total");
  shares: StorageMap<Address, u64> = new StorageMap("share:");

  @constructor
  deploy(start: u64): void {
    this.total.set(start);
  }

  @view
  value(): u64 {
    return this.total.get();
  }

  /** How much of the total came from this caller. */
  @view
  shareOf(caller: Address): u64 {
    return this.shares.get(caller);
  }

  /** Answers the new total. */
  @entrypoint
  increment(amount: u64): u64 {
    const total = this.total.get();
    if (amount > u64.MAX_VALUE - total) CounterOverflow.revert(total, amount);
    const caller = Context.caller();
    this.total.set(total + amount);
    this.shares.set(caller, this.shares.get(caller) + amount);
    Incremented.emit(caller, amount, total + amount);
    return total + amount;
  }
}
