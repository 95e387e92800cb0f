/** The ERC-20 interface, of the built-in token and of any other. */
import { Address, U256 } from "./index";

@remote
export abstract class Erc20 {
  @view abstract name(): string;
  @view abstract symbol(): string;
  @view abstract decimals(): u8;
  @view abstract totalSupply(): U256;
  @view abstract balanceOf(account: Address): U256;
  @view abstract allowance(owner: Address, spender: Address): U256;
  abstract transfer(to: Address, value: U256): bool;
  abstract approve(spender: Address, value: U256): bool;
  abstract transferFrom(from: Address, to: Address, value: U256): bool;
}
