/**
 * One rule of the ERC-20 as data: what there was before, one transaction, what it leaves. Every scenario runs twice,
 * the call once by entrypoint and args and once as calldata, and must come out the same.
 */
import { expect } from "vitest";
import { decodeResult, encodeCall } from "../../src/encoding/abi.ts";
import {
  decodeErc20Error,
  decodeErc20Log,
  type Erc20FunctionName,
  getErc20FunctionByName,
} from "../../src/encoding/erc20-abi.ts";
import { toHex } from "../../src/encoding/hex.ts";
import type { Receipt } from "../../src/encoding/receipt.ts";
import { InlineChain } from "./inline-chain.ts";

export const alice = `0x${"a1".repeat(20)}`;
export const bob = `0x${"b0".repeat(20)}`;
export const carol = `0x${"ca".repeat(20)}`;
export const issuer = `0x${"15".repeat(20)}`;
export const nobody = `0x${"00".repeat(20)}`;
export const UINT256_MAX = 2n ** 256n - 1n;

type Amounts = Record<string, bigint>;
type Allowances = Record<string, Amounts>;

export interface Erc20State {
  balances?: Amounts;
  /** By owner, then spender. */
  allowances?: Allowances;
  paused?: boolean;
  owner?: string;
  supply?: bigint;
}

export interface Erc20Call {
  from: string;
  entrypoint: Erc20FunctionName;
  args?: readonly unknown[];
}

export interface Erc20Scenario {
  /** What the deployment asks for besides a name, a symbol and 18 decimals. */
  token?: Record<string, unknown>;
  pre?: Erc20State & { calls?: readonly Erc20Call[] };
  tx: Erc20Call;
  expect: Erc20State & {
    status: "success" | "reverted";
    /** The result, decoded. */
    result?: unknown;
    error?: string;
    errorArgs?: Record<string, unknown>;
    logs?: readonly (readonly [event: string, ...args: unknown[]])[];
  };
}

export const PAUSABLE = { pausable: true };
export const MINTABLE = { mintable: true };
export const BURNABLE = { burnable: true };

export function erc20Scenario(scenario: Erc20Scenario): void {
  const byName = runScenario(scenario, "entrypoint");
  const byCalldata = runScenario(scenario, "calldata");
  expect(toHex(byCalldata.returnData)).toBe(toHex(byName.returnData));
  expect(byCalldata.logs).toEqual(byName.logs);
}

/** A token of which `issuer` holds everything that `balances` does not give to others. */
export class Erc20Fixture {
  readonly chain: InlineChain;
  readonly address: string;
  readonly deployment: Receipt;

  constructor(
    token: Record<string, unknown> = {},
    pre: NonNullable<Erc20Scenario["pre"]> = {},
    chain = new InlineChain(),
  ) {
    this.chain = chain;
    const balances = Object.entries(pre.balances ?? {});
    const initialSupply = pre.supply ?? balances.reduce((sum, [, balance]) => sum + balance, 0n);
    const contract = {
      type: "erc20",
      name: "Token",
      symbol: "TKN",
      decimals: 18,
      initialSupply: String(initialSupply),
      ...token,
    };
    this.deployment = chain.deploy(issuer, contract);
    expect(this.deployment.status).toBe("success");
    this.address = toHex(this.deployment.contractAddress!);
    for (const [account, balance] of balances) {
      if (account !== issuer) this.must({ from: issuer, entrypoint: "transfer", args: [account, String(balance)] });
    }
    for (const [from, spenders] of Object.entries(pre.allowances ?? {})) {
      for (const [spender, amount] of Object.entries(spenders)) {
        this.must({ from, entrypoint: "approve", args: [spender, String(amount)] });
      }
    }
    if (pre.paused === true) this.must({ from: issuer, entrypoint: "pause" });
    for (const call of pre.calls ?? []) this.must(call);
  }

  send({ from, entrypoint, args = [] }: Erc20Call, form: "entrypoint" | "calldata" = "entrypoint"): Receipt {
    const input =
      form === "entrypoint"
        ? { entrypoint, args }
        : { calldata: toHex(encodeCall(getErc20FunctionByName(entrypoint)!, args)) };
    return this.chain.call({ sender: from, to: this.address, ...input });
  }

  must(call: Erc20Call): Receipt {
    const receipt = this.send(call);
    if (receipt.status !== "success") throw new Error(`${call.entrypoint}: ${describeRevert(receipt)?.message}`);
    return receipt;
  }

  view(entrypoint: Erc20FunctionName, ...args: readonly unknown[]): unknown {
    const { returnData } = this.chain.query({ sender: nobody, to: this.address, entrypoint, args });
    return decodeResult(getErc20FunctionByName(entrypoint)!, returnData);
  }

  expectState({ balances = {}, allowances = {}, supply, owner, paused }: Erc20State): void {
    for (const [account, balance] of Object.entries(balances)) {
      expect(this.view("balanceOf", account), `balance of ${account}`).toBe(String(balance));
    }
    for (const [account, spenders] of Object.entries(allowances)) {
      for (const [spender, amount] of Object.entries(spenders)) {
        expect(this.view("allowance", account, spender), `allowance of ${account} to ${spender}`).toBe(String(amount));
      }
    }
    if (supply !== undefined) expect(this.view("totalSupply")).toBe(String(supply));
    if (owner !== undefined) expect(this.view("owner")).toBe(owner);
    if (paused !== undefined) expect(this.view("paused")).toBe(paused);
  }
}

export function describeRevert({ status, returnData }: Receipt) {
  return status === "reverted" ? decodeErc20Error(returnData) : undefined;
}

/** Logs as event name and arguments in order. */
export function describeLogs({ logs }: Receipt): unknown[] {
  return logs.map(({ topics, data }) => {
    const { event, args } = decodeErc20Log(topics, data)!;
    return [event, ...Object.values(args)];
  });
}

function runScenario({ token, pre, tx, expect: wanted }: Erc20Scenario, form: "entrypoint" | "calldata"): Receipt {
  const fixture = new Erc20Fixture(token, pre);
  const receipt = fixture.send(tx, form);
  const { status, result, error, errorArgs, logs, ...state } = wanted;
  expect(receipt.status).toBe(status);
  if (status === "reverted") expect(receipt.logs).toEqual([]);
  if (error !== undefined) expect(describeRevert(receipt)?.name).toBe(error);
  if (errorArgs !== undefined) expect(describeRevert(receipt)?.args).toEqual(errorArgs);
  if (result !== undefined)
    expect(decodeResult(getErc20FunctionByName(tx.entrypoint)!, receipt.returnData)).toEqual(result);
  if (logs !== undefined) expect(describeLogs(receipt)).toEqual(logs);
  fixture.expectState(state);
  return receipt;
}
