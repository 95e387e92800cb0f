/** The published flows of cw20-base, the fungible token of CosmWasm, on a contract that nobody changed. */
import { beforeAll, describe, expect, it } from "vitest";
import { GAS_SCHEDULE_1 } from "../../src/execution/gas.ts";
import { CosmWasmChain } from "../support/cosmwasm-chain.ts";
import { contractBytes } from "../support/cosmwasm-contracts.ts";

const chain = new CosmWasmChain();
const alice = chain.account("alice");
const bob = chain.account("bob");
const carol = chain.account("carol");
const text = (address: Uint8Array) => chain.text(address);
let codeId = 0;

beforeAll(() => {
  codeId = chain.store(contractBytes("cw20-base"));
});

function token(balances: [Uint8Array, string][] = [[alice, "1000"]], more: Record<string, unknown> = {}): Uint8Array {
  const result = chain.instantiate(alice, codeId, {
    name: "Cash Money",
    symbol: "CASH",
    decimals: 9,
    initial_balances: balances.map(([address, amount]) => ({ address: text(address), amount })),
    ...more,
  });
  expect(result.error).toBe("");
  return result.address;
}

function balance(at: Uint8Array, owner: Uint8Array): string {
  return chain.query<{ balance: string }>(at, { balance: { address: text(owner) } }).balance;
}

describe("cw20-base", () => {
  it("is instantiated with balances and tells about itself", () => {
    const at = token([
      [alice, "1000"],
      [bob, "25"],
    ]);
    expect(chain.query(at, { token_info: {} })).toEqual({
      name: "Cash Money",
      symbol: "CASH",
      decimals: 9,
      total_supply: "1025",
    });
    expect([balance(at, alice), balance(at, bob), balance(at, carol)]).toEqual(["1000", "25", "0"]);
  });

  it("transfers, and emits what wasmd would", () => {
    const at = token();
    const result = chain.execute(alice, at, { transfer: { recipient: text(bob), amount: "400" } });
    expect(result).toMatchObject({ status: "success", error: "" });
    expect([balance(at, alice), balance(at, bob)]).toEqual(["600", "400"]);
    expect(result.events).toEqual([
      { type: "execute", attributes: [{ key: "_contract_address", value: text(at) }] },
      {
        type: "wasm",
        attributes: [
          { key: "_contract_address", value: text(at) },
          { key: "action", value: "transfer" },
          { key: "from", value: text(alice) },
          { key: "to", value: text(bob) },
          { key: "amount", value: "400" },
        ],
      },
    ]);
    expect(result.logs.map(({ address }) => address)).toEqual([at, at]);
  });

  it("reverts with the contract's error and changes nothing when the sender is one unit short", () => {
    const at = token();
    const result = chain.execute(alice, at, { transfer: { recipient: text(bob), amount: "1001" } });
    expect(result).toMatchObject({ status: "reverted", error: "Overflow: Cannot Sub with 1000 and 1001", events: [] });
    expect([balance(at, alice), balance(at, bob)]).toEqual(["1000", "0"]);
  });

  it("takes no address that is not its own normal form", () => {
    const at = token();
    for (const recipient of [text(bob).toUpperCase(), `${text(bob).slice(0, -1)}q`, "cosmos1qqq", ""]) {
      const result = chain.execute(alice, at, { transfer: { recipient, amount: "1" } });
      expect(result.status).toBe("reverted");
    }
  });

  it("lets a spender draw on an allowance until it is used up or decreased", () => {
    const at = token();
    const allow = { increase_allowance: { spender: text(bob), amount: "100", expires: { at_height: 20_000 } } };
    expect(chain.execute(alice, at, allow).error).toBe("");
    const draw = (amount: string) =>
      chain.execute(bob, at, { transfer_from: { owner: text(alice), recipient: text(carol), amount } });
    expect(draw("60").error).toBe("");
    expect(chain.query(at, { allowance: { owner: text(alice), spender: text(bob) } })).toEqual({
      allowance: "40",
      expires: { at_height: 20_000 },
    });
    expect(draw("41").error).toMatch(/Cannot Sub with 40 and 41/);
    expect(chain.execute(alice, at, { decrease_allowance: { spender: text(bob), amount: "40" } }).error).toBe("");
    expect(draw("1").error).toMatch(/No allowance/);
    expect(balance(at, carol)).toBe("60");
  });

  it("mints up to its cap, for the minter only, and burns", () => {
    const at = token([[alice, "10"]], { mint: { minter: text(carol), cap: "15" } });
    const mint = (from: Uint8Array, amount: string) =>
      chain.execute(from, at, { mint: { recipient: text(bob), amount } }).error;
    expect(mint(alice, "1")).toBe("Unauthorized");
    expect(mint(carol, "6")).toMatch(/cap/);
    expect(mint(carol, "5")).toBe("");
    expect(chain.execute(alice, at, { burn: { amount: "4" } }).error).toBe("");
    expect(chain.query(at, { token_info: {} })).toMatchObject({ total_supply: "11" });
    expect(chain.query(at, { minter: {} })).toEqual({ minter: text(carol), cap: "15" });
  });

  it("pages through owners in order of their addresses", () => {
    const holders = Array.from({ length: 25 }, (_, i) => chain.account(`holder ${i}`));
    const at = token(holders.map((holder) => [holder, "7"]));
    const page = (start?: string) =>
      chain.query<{ accounts: string[] }>(at, { all_accounts: { limit: 10, start_after: start } }).accounts;
    const first = page();
    const second = page(first.at(-1));
    const third = page(second.at(-1));
    expect([first.length, second.length, third.length]).toEqual([10, 10, 5]);
    expect([...first, ...second, ...third]).toEqual(holders.map(text).sort());
  });

  it("sends to a contract: a refused receive takes the tokens back", () => {
    const at = token();
    const other = token();
    // A cw20 has no `receive`: the submessage fails, and with it the send.
    const result = chain.execute(alice, at, { send: { contract: text(other), amount: "5", msg: "e30=" } });
    expect(result).toMatchObject({ status: "reverted", events: [] });
    expect(result.error).toMatch(/unknown variant|Error parsing/i);
    expect(balance(at, alice)).toBe("1000");
  });

  it("refuses messages it does not know with serde's words, and queries that do not exist", () => {
    const at = token();
    expect(chain.execute(alice, at, { fly: {} }).error).toMatch(/Error parsing.*unknown variant `fly`/);
    expect(() => chain.query(at, { fly: {} })).toThrow(/unknown variant `fly`/);
  });

  it("spends the same gas for the same call, and all of it when it runs out", () => {
    const at = token();
    const pay = () => chain.execute(alice, at, { transfer: { recipient: text(bob), amount: "1" } });
    const first = pay();
    const { gasUsed } = pay();
    expect(pay().gasUsed).toBe(gasUsed);
    // The first one makes bob's balance.
    expect(Math.abs(first.gasUsed - gasUsed)).toBeLessThan(GAS_SCHEDULE_1.stateCreate);
    const transfer = { transfer: { recipient: text(bob), amount: "1" } };
    expect(chain.execute(alice, at, transfer, { gas: gasUsed })).toMatchObject({ status: "success" });
    for (const gas of [gasUsed - 1, gasUsed >> 1, 500, 1]) {
      const short = chain.execute(alice, at, transfer, { gas });
      expect(short).toMatchObject({ status: "halted", haltReason: "OutOfGas", gasUsed: gas, events: [] });
    }
    expect(balance(at, bob)).toBe("4");
  });
});
