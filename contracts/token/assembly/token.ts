/**
 * ERC-20 with the errors of ERC-6093 and an owner who may mint. Balances, allowances and supply are kept as the built-in
 * token keeps them.
 */
import { Address, Context, StorageMap, StorageMap2, StorageValue, U256 } from "../../sdk/assembly";

@event
class Transfer {
  @indexed from: Address;
  @indexed to: Address;
  value: U256;
}

@event
class Approval {
  @indexed owner: Address;
  @indexed spender: Address;
  value: U256;
}

@event
class OwnershipTransferred {
  @indexed previousOwner: Address;
  @indexed newOwner: Address;
}

@error
class ERC20InsufficientBalance {
  sender: Address;
  balance: U256;
  needed: U256;
}

@error
class ERC20InvalidSender {
  sender: Address;
}

@error
class ERC20InvalidReceiver {
  receiver: Address;
}

@error
class ERC20InsufficientAllowance {
  spender: Address;
  allowance: U256;
  needed: U256;
}

@error
class ERC20InvalidApprover {
  approver: Address;
}

@error
class ERC20InvalidSpender {
  spender: Address;
}

@error
class OwnableUnauthorizedAccount {
  account: Address;
}

@error
class OwnableInvalidOwner {
  owner: Address;
}

@contract
class Token {
  tokenName: StorageValue<string> = new StorageValue("name");
  tokenSymbol: StorageValue<string> = new StorageValue("symbol");
  tokenDecimals: StorageValue<u8> = new StorageValue("decimals");
  tokenOwner: StorageValue<Address> = new StorageValue("owner");
  supply: StorageValue<U256> = new StorageValue("totalSupply");
  balances: StorageMap<Address, U256> = new StorageMap("bal:");
  allowances: StorageMap2<Address, Address, U256> = new StorageMap2("alw:");

  /** The caller owns the token and holds its first supply. */
  @constructor
  deploy(name: string, symbol: string, decimals: u8, initialSupply: U256): void {
    const owner = Context.caller();
    this.tokenName.set(name);
    this.tokenSymbol.set(symbol);
    this.tokenDecimals.set(decimals);
    this.tokenOwner.set(owner);
    OwnershipTransferred.emit(Address.ZERO, owner);
    if (!initialSupply.isZero) this.create(owner, initialSupply);
  }

  @view
  name(): string {
    return this.tokenName.get();
  }

  @view
  symbol(): string {
    return this.tokenSymbol.get();
  }

  @view
  decimals(): u8 {
    return this.tokenDecimals.get();
  }

  @view
  totalSupply(): U256 {
    return this.supply.get();
  }

  @view
  balanceOf(account: Address): U256 {
    return this.balances.get(account);
  }

  @view
  allowance(owner: Address, spender: Address): U256 {
    return this.allowances.get(owner, spender);
  }

  @view
  owner(): Address {
    return this.tokenOwner.get();
  }

  @entrypoint
  transfer(to: Address, value: U256): bool {
    this.move(Context.caller(), to, value);
    return true;
  }

  @entrypoint
  approve(spender: Address, value: U256): bool {
    const owner = Context.caller();
    this.allow(owner, spender, value);
    Approval.emit(owner, spender, value);
    return true;
  }

  /** An allowance of 2^256-1 is without end: it is not reduced. */
  @entrypoint
  transferFrom(from: Address, to: Address, value: U256): bool {
    const spender = Context.caller();
    const allowed = this.allowances.get(from, spender);
    if (allowed != U256.MAX) {
      if (allowed < value) ERC20InsufficientAllowance.revert(spender, allowed, value);
      this.allow(from, spender, allowed.wrappingSubtract(value));
    }
    this.move(from, to, value);
    return true;
  }

  @entrypoint
  mint(to: Address, amount: U256): void {
    this.requireOwner();
    this.create(to, amount);
  }

  @entrypoint
  burn(value: U256): void {
    const holder = Context.caller();
    if (holder.isZero) ERC20InvalidSender.revert(holder);
    this.debit(holder, value);
    this.supply.set(this.supply.get() - value);
    Transfer.emit(holder, Address.ZERO, value);
  }

  @entrypoint
  transferOwnership(newOwner: Address): void {
    const owner = this.requireOwner();
    if (newOwner.isZero) OwnableInvalidOwner.revert(newOwner);
    this.tokenOwner.set(newOwner);
    OwnershipTransferred.emit(owner, newOwner);
  }

  private requireOwner(): Address {
    const caller = Context.caller();
    if (caller != this.tokenOwner.get()) OwnableUnauthorizedAccount.revert(caller);
    return caller;
  }

  private allow(owner: Address, spender: Address, value: U256): void {
    if (owner.isZero) ERC20InvalidApprover.revert(owner);
    if (spender.isZero) ERC20InvalidSpender.revert(spender);
    this.allowances.set(owner, spender, value);
  }

  private move(from: Address, to: Address, value: U256): void {
    if (from.isZero) ERC20InvalidSender.revert(from);
    if (to.isZero) ERC20InvalidReceiver.revert(to);
    this.debit(from, value);
    this.balances.set(to, this.balances.get(to).wrappingAdd(value));
    Transfer.emit(from, to, value);
  }

  private debit(from: Address, value: U256): void {
    const balance = this.balances.get(from);
    if (balance < value) ERC20InsufficientBalance.revert(from, balance, value);
    this.balances.set(from, balance.wrappingSubtract(value));
  }

  /** The supply bounds every balance: where it fits, they do. */
  private create(to: Address, amount: U256): void {
    if (to.isZero) ERC20InvalidReceiver.revert(to);
    this.supply.set(this.supply.get() + amount);
    this.balances.set(to, this.balances.get(to).wrappingAdd(amount));
    Transfer.emit(Address.ZERO, to, amount);
  }
}
