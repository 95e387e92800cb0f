/**
 * Sample data for development: three tokens with holders, an allowance and a cap, the same on every chain. Rich enough to page
 * through, small enough to read.
 */
import type { SeedTransactionJson } from "../client/admin-methods.ts";

const GAS_DEPLOY = "2000000";
const GAS_CALL = "200000";
const DOLLAR = 10n ** 6n;
const GOLD = 10n ** 18n;

/** @param accounts well-known development accounts, at least four; the first deploys. */
export function sampleTransactions(accounts: readonly string[]): SeedTransactionJson[] {
  const [alice, bob, ...rest] = accounts as [string, string, ...string[]];
  const others = [bob, ...rest];
  const deploy = (label: string, sender: string, contract: object): SeedTransactionJson =>
    ({ label, kind: "deploy", sender, gasLimit: GAS_DEPLOY, contract: { type: "erc20", ...contract } }) as never;
  const call = (sender: string, to: string, entrypoint: string, ...args: unknown[]): SeedTransactionJson =>
    ({ kind: "call", sender, to, entrypoint, args, gasLimit: GAS_CALL }) as never;
  return [
    deploy("dollar", alice, {
      name: "Sample Dollar",
      symbol: "SUSD",
      decimals: 6,
      initialSupply: String(1_000_000n * DOLLAR),
      mintable: true,
      burnable: true,
      pausable: true,
    }),
    deploy("gold", alice, { name: "Sample Gold", symbol: "SGLD", decimals: 18, initialSupply: String(1_000n * GOLD) }),
    deploy("points", bob, {
      name: "Sample Points",
      symbol: "SPTS",
      decimals: 0,
      initialSupply: "0",
      mintable: true,
      cap: "1000000",
    }),
    ...others.map((holder, i) => call(alice, "@dollar", "transfer", holder, String(BigInt(i + 1) * 1_000n * DOLLAR))),
    ...others.map((holder, i) => call(alice, "@gold", "transfer", holder, String(BigInt(i + 1) * GOLD))),
    ...others.map((holder, i) => call(bob, "@points", "mint", holder, String(100 * (i + 1)))),
    call(alice, "@dollar", "approve", bob, "5000000000"),
    call(bob, "@dollar", "transferFrom", alice, others[1], "1250000000"),
    call(alice, "@dollar", "burn", "1000000"),
  ];
}
