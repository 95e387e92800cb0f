/** Requests that the tests of the front end send. */
import type { TransactionJson } from "../../src/encoding/transaction.ts";

export const ALICE = `0x${"a1".repeat(20)}`;
export const BOB = `0x${"b0".repeat(20)}`;
export const TOKEN = `0x${"70".repeat(20)}`;
export const HASH = `0x${"77".repeat(32)}`;

export function transfer(nonce: number | undefined, overrides: Partial<TransactionJson> = {}): TransactionJson {
  const base: TransactionJson = {
    kind: "call",
    sender: ALICE,
    gasLimit: "100000",
    to: TOKEN,
    entrypoint: "transfer",
    args: [BOB, "25"],
    ...overrides,
  };
  return nonce === undefined ? base : { ...base, nonce };
}

export const DEPLOY: TransactionJson = {
  kind: "deploy",
  sender: ALICE,
  gasLimit: "10000000",
  contract: { type: "erc20", name: "MyToken", symbol: "MTK", decimals: 18, initialSupply: "1000000" },
};

export function request(id: number | string, method: string, params: unknown = {}): object {
  return { jsonrpc: "2.0", id, method, params };
}
