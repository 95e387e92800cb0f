/** Coins: the native value of the chain as the list of denominations and amounts that CosmWasm moves. There is one denomination. */
import { asArray, asObject, asString } from "./guest-json.ts";

export interface Coin {
  readonly denom: string;
  /** A decimal; CosmWasm's amounts are uint128. */
  readonly amount: string;
}

const UINT128_LIMIT = 1n << 128n;

export function asCoins(value: unknown): Coin[] {
  return asArray(value).map((item) => {
    const coin = asObject(item);
    return { denom: asString(coin["denom"]), amount: asString(coin["amount"]) };
  });
}

/** What the coins are worth in the native denomination, or why they cannot be moved. */
export function nativeAmount(coins: readonly Coin[], denom: string): bigint | string {
  let total = 0n;
  for (const coin of coins) {
    if (!/^(0|[1-9][0-9]{0,38})$/.test(coin.amount) || BigInt(coin.amount) >= UINT128_LIMIT)
      return `invalid coins: amount ${JSON.stringify(coin.amount.slice(0, 48))} is no uint128`;
    const amount = BigInt(coin.amount);
    if (amount === 0n) continue;
    if (coin.denom !== denom)
      return `insufficient funds: the chain has ${denom} only, not ${JSON.stringify(coin.denom.slice(0, 128))}`;
    total += amount;
  }
  return total < UINT128_LIMIT ? total : "invalid coins: the sum is no uint128";
}

/** The coins of an amount: none for zero. Undefined when CosmWasm has no number as large. */
export function coinsOf(amount: bigint, denom: string): Coin[] | undefined {
  if (amount >= UINT128_LIMIT) return undefined;
  return amount === 0n ? [] : [{ denom, amount: String(amount) }];
}
