/**
 * Work paid by milestones. The client deposits all of them in an ERC-20 token; each is released by the client, one after
 * the other, or given back by the provider; after the deadline the client may take back what is left. An arbiter that both
 * named at the start may settle any of it.
 *
 *   open ──▶ milestone 0 release ──▶ milestone 1 release ──▶ …          refund (provider, or client after the deadline)
 *                                                                       settle (arbiter: a part to each)
 * Always
 *  - The token balance of this contract is at least the sum of what its deals hold.
 *  - State is written before the token is called, so that a token that calls back finds nothing to take twice.
 */
import { Address, Context, StorageMap, StorageMap2, StorageValue, U256 } from "../../sdk/assembly";
import { Erc20 } from "../../sdk/assembly/erc20";

const MILESTONES_MAX = 64;

@event
class DealOpened {
  @indexed id: u64;
  @indexed client: Address;
  @indexed provider: Address;
  total: U256;
}

@event
class MilestoneReleased {
  @indexed id: u64;
  milestone: u32;
  amount: U256;
}

@event
class DealClosed {
  @indexed id: u64;
  toClient: U256;
  toProvider: U256;
}

@error
class UnknownDeal {
  id: u64;
}

@error
class DealIsClosed {
  id: u64;
}

@error
class NotAllowed {
  caller: Address;
}

@error
class DeadlineNotReached {
  deadlineMs: u64;
  nowMs: u64;
}

@error
class InvalidMilestones {
  count: u32;
}

@error
class InvalidParty {
  party: Address;
}

@error
class MoreThanHeld {
  held: U256;
  asked: U256;
}

@error
class TransferFailed {
  token: Address;
}

@record
class Deal {
  client: Address = Address.ZERO;
  provider: Address = Address.ZERO;
  arbiter: Address = Address.ZERO;
  token: Address = Address.ZERO;
  deadlineMs: u64 = 0;
  milestoneCount: u32 = 0;
  /** How many are paid; the next one to be released. */
  released: u32 = 0;
  /** What this contract still holds for the deal. */
  held: U256 = U256.ZERO;
}

@contract
class Escrow {
  nextId: StorageValue<u64> = new StorageValue("nextId");
  deals: StorageMap<u64, Deal> = new StorageMap("deal:");
  amounts: StorageMap2<u64, u32, U256> = new StorageMap2("amount:");

  /** Takes the sum from the caller, who must have approved it. Answers the deal's id. */
  @entrypoint
  open(provider: Address, arbiter: Address, token: Address, deadlineMs: u64, milestones: U256[]): u64 {
    const client = Context.caller();
    if (provider.isZero || provider == client) InvalidParty.revert(provider);
    if (arbiter == client || arbiter == provider) InvalidParty.revert(arbiter);
    if (milestones.length == 0 || milestones.length > MILESTONES_MAX) InvalidMilestones.revert(milestones.length);

    const id = this.nextId.get() + 1;
    this.nextId.set(id);
    let total = U256.ZERO;
    for (let i = 0; i < milestones.length; i++) {
      if (milestones[i].isZero) InvalidMilestones.revert(milestones.length);
      this.amounts.set(id, i, milestones[i]);
      total = total + milestones[i];
    }
    const deal = new Deal();
    deal.client = client;
    deal.provider = provider;
    deal.arbiter = arbiter;
    deal.token = token;
    deal.deadlineMs = deadlineMs;
    deal.milestoneCount = milestones.length;
    deal.held = total;
    this.deals.set(id, deal);

    if (!new Erc20(token).transferFrom(client, Context.self(), total)) TransferFailed.revert(token);
    DealOpened.emit(id, client, provider, total);
    return id;
  }

  /** The client pays the next milestone. Answers its number. */
  @entrypoint
  release(id: u64): u32 {
    const deal = this.openDeal(id);
    if (Context.caller() != deal.client) NotAllowed.revert(Context.caller());
    const milestone = deal.released;
    const amount = this.amounts.get(id, milestone);
    deal.released = milestone + 1;
    deal.held = deal.held - amount;
    this.deals.set(id, deal);
    this.pay(deal.token, deal.provider, amount);
    MilestoneReleased.emit(id, milestone, amount);
    if (deal.held.isZero) DealClosed.emit(id, U256.ZERO, U256.ZERO);
    return milestone;
  }

  /** What is left goes back to the client: by the provider at any time, by the client from the deadline on. */
  @entrypoint
  refund(id: u64): U256 {
    const deal = this.openDeal(id);
    const caller = Context.caller();
    if (caller == deal.client) {
      const now = Context.timestampMs();
      if (now < deal.deadlineMs) DeadlineNotReached.revert(deal.deadlineMs, now);
    } else if (caller != deal.provider) {
      NotAllowed.revert(caller);
    }
    const rest = deal.held;
    this.close(id, deal, rest, U256.ZERO);
    return rest;
  }

  /** The arbiter divides what is left; the client gets what the provider does not. */
  @entrypoint
  settle(id: u64, toProvider: U256): void {
    const deal = this.openDeal(id);
    const caller = Context.caller();
    if (deal.arbiter.isZero || caller != deal.arbiter) NotAllowed.revert(caller);
    if (toProvider > deal.held) MoreThanHeld.revert(deal.held, toProvider);
    this.close(id, deal, deal.held - toProvider, toProvider);
  }

  @view
  deal(id: u64): Deal {
    if (!this.deals.has(id)) UnknownDeal.revert(id);
    return this.deals.get(id);
  }

  /** What each milestone pays, in order. */
  @view
  milestones(id: u64): U256[] {
    const amounts = new Array<U256>();
    const cursor = this.amounts.entries(id);
    while (cursor.next()) amounts.push(cursor.value);
    return amounts;
  }

  private openDeal(id: u64): Deal {
    const deal = this.deal(id);
    if (deal.held.isZero) DealIsClosed.revert(id);
    return deal;
  }

  private close(id: u64, deal: Deal, toClient: U256, toProvider: U256): void {
    deal.held = U256.ZERO;
    this.deals.set(id, deal);
    this.pay(deal.token, deal.client, toClient);
    this.pay(deal.token, deal.provider, toProvider);
    DealClosed.emit(id, toClient, toProvider);
  }

  private pay(token: Address, to: Address, amount: U256): void {
    if (amount.isZero) return;
    if (!new Erc20(token).transfer(to, amount)) TransferFailed.revert(token);
  }
}
