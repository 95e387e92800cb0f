/**
 * Holds an ERC-20 token, the built-in one or any other, for many: shares of the whole, as in ERC-4626. What is sent to the
 * vault as a gift raises the worth of every share.
 *
 *   shares = assets × (supply + 1) / (holdings + 1), rounded against who asks
 *
 * The added ones stand for a share that nobody owns (OpenZeppelin's "virtual shares"): whoever is first cannot make later
 * deposits round to nothing without giving away more than is gained.
 */
import { Address, Context, StorageMap, StorageValue, U256 } from "../../sdk/assembly";
import { Erc20 } from "../../sdk/assembly/erc20";

@event
class Deposit {
  @indexed sender: Address;
  @indexed owner: Address;
  assets: U256;
  shares: U256;
}

@event
class Withdraw {
  @indexed receiver: Address;
  @indexed owner: Address;
  assets: U256;
  shares: U256;
}

@error
class VaultInsufficientShares {
  owner: Address;
  shares: U256;
  needed: U256;
}

@error
class VaultZeroShares {
  assets: U256;
}

@error
class VaultInvalidAsset {
  asset: Address;
}

@error
class VaultTransferFailed {
  asset: Address;
}

@contract
class Vault {
  token: StorageValue<Address> = new StorageValue("asset");
  supply: StorageValue<U256> = new StorageValue("totalSupply");
  balances: StorageMap<Address, U256> = new StorageMap("bal:");

  /** @param asset the token that it holds: it must answer balanceOf. */
  @constructor
  deploy(asset: Address): void {
    if (asset.isZero || asset == Context.self()) VaultInvalidAsset.revert(asset);
    this.token.set(asset);
    new Erc20(asset).balanceOf(Context.self());
  }

  @view
  asset(): Address {
    return this.token.get();
  }

  /** What the vault holds. */
  @view
  totalAssets(): U256 {
    return new Erc20(this.token.get()).balanceOf(Context.self());
  }

  /** All shares. */
  @view
  totalSupply(): U256 {
    return this.supply.get();
  }

  /** The shares of one. */
  @view
  balanceOf(account: Address): U256 {
    return this.balances.get(account);
  }

  @view
  convertToShares(assets: U256): U256 {
    return this.sharesFor(assets, this.totalAssets());
  }

  @view
  convertToAssets(shares: U256): U256 {
    return this.assetsFor(shares);
  }

  /**
   * Takes tokens that the caller has approved. Answers the shares that `owner` got for them.
   * The price is that of before the transfer and shares are made after it, so that a token that calls back in between meets
   * a vault as it was. A token that delivers less than it was asked for is refused.
   */
  @entrypoint
  deposit(assets: U256, owner: Address): U256 {
    const self = Context.self();
    const caller = Context.caller();
    const asset = new Erc20(this.token.get());
    const holdings = asset.balanceOf(self);
    const shares = this.sharesFor(assets, holdings);
    if (shares.isZero) VaultZeroShares.revert(assets);
    if (!asset.transferFrom(caller, self, assets)) VaultTransferFailed.revert(asset.address);
    if (asset.balanceOf(self) < holdings + assets) VaultTransferFailed.revert(asset.address);
    this.supply.set(this.supply.get() + shares);
    this.balances.set(owner, this.balances.get(owner) + shares);
    Deposit.emit(caller, owner, assets, shares);
    return shares;
  }

  /** Gives up shares of the caller. Answers the tokens that `receiver` got for them. */
  @entrypoint
  redeem(shares: U256, receiver: Address): U256 {
    const owner = Context.caller();
    const balance = this.balances.get(owner);
    if (balance < shares) VaultInsufficientShares.revert(owner, balance, shares);
    const assets = this.assetsFor(shares);
    this.balances.set(owner, balance - shares);
    this.supply.set(this.supply.get() - shares);
    const asset = new Erc20(this.token.get());
    if (!asset.transfer(receiver, assets)) VaultTransferFailed.revert(asset.address);
    Withdraw.emit(receiver, owner, assets, shares);
    return assets;
  }

  private sharesFor(assets: U256, holdings: U256): U256 {
    return assets.mulDiv(this.supply.get() + U256.ONE, holdings + U256.ONE);
  }

  private assetsFor(shares: U256): U256 {
    return shares.mulDiv(this.totalAssets() + U256.ONE, this.supply.get() + U256.ONE);
  }
}
