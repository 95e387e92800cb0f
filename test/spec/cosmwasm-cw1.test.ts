/** cw1-whitelist sends whatever its admins say: every message of bank and wasm, carried out for a real contract. */
import { beforeEach, describe, expect, it } from "vitest";
import { CosmWasmChain, DENOM } from "../support/cosmwasm-chain.ts";
import { contractBytes } from "../support/cosmwasm-contracts.ts";

const admin = new CosmWasmChain().account("admin");
const base64 = (message: unknown) => Buffer.from(JSON.stringify(message)).toString("base64");

describe("cw1-whitelist", () => {
  let chain: CosmWasmChain;
  let proxy: Uint8Array;
  let whitelist: number;
  let cw20: number;
  const text = (address: Uint8Array) => chain.text(address);
  const run = (...msgs: unknown[]) => chain.execute(admin, proxy, { execute: { msgs } });
  const tokenMessage = (owner: Uint8Array) => ({
    name: "Cash",
    symbol: "CASH",
    decimals: 6,
    initial_balances: [{ address: text(owner), amount: "10" }],
  });

  beforeEach(() => {
    chain = new CosmWasmChain();
    whitelist = chain.store(contractBytes("cw1-whitelist"));
    cw20 = chain.store(contractBytes("cw20-base"));
    const made = chain.instantiate(admin, whitelist, { admins: [text(admin)], mutable: true });
    expect(made.error).toBe("");
    proxy = made.address;
    chain.fund(proxy, 1000n);
  });

  it("acts for its admins only", () => {
    const stranger = chain.account("stranger");
    const result = chain.execute(stranger, proxy, { execute: { msgs: [] } });
    expect(result).toMatchObject({ status: "reverted", error: "Unauthorized" });
    const can = { can_execute: { sender: text(stranger), msg: { bank: { burn: { amount: [] } } } } };
    expect(chain.query(proxy, can)).toEqual({ can_execute: false });
  });

  it("burns native coins, which are gone from the supply", () => {
    const result = run({ bank: { burn: { amount: [{ denom: DENOM, amount: "400" }] } } });
    expect(result.error).toBe("");
    expect(result.events.at(-1)).toEqual({
      type: "burn",
      attributes: [
        { key: "burner", value: text(proxy) },
        { key: "amount", value: "400upoly" },
      ],
    });
    expect(chain.balanceOf(proxy)).toBe(600n);
  });

  it("instantiates a contract with funds, whose creator it is", () => {
    const funds = [{ denom: DENOM, amount: "5" }];
    const fields = {
      admin: text(proxy),
      code_id: whitelist,
      msg: base64({ admins: [], mutable: false }),
      funds,
      label: "child",
    };
    const result = run({ wasm: { instantiate: fields } });
    expect(result.error).toBe("");
    const event = result.events.find(({ type }) => type === "instantiate")!;
    const child = chain.addresses.parse(event.attributes[0]!.value) as Uint8Array;
    expect(event.attributes[1]).toEqual({ key: "code_id", value: String(whitelist) });
    expect(chain.info(child)).toMatchObject({ creator: proxy, admin: proxy });
    expect(chain.balanceOf(child)).toBe(5n);
    expect(chain.query(child, { admin_list: {} })).toEqual({ admins: [], mutable: false });
  });

  it("upgrades and hands on what it is admin of, and nothing else", () => {
    const made = chain.instantiate(admin, cw20, tokenMessage(admin), { admin: proxy });
    const contract_addr = text(made.address);
    const migrate = { wasm: { migrate: { contract_addr, new_code_id: cw20, msg: base64({}) } } };
    const result = run(migrate);
    expect(result.error).toBe("");
    expect(result.events.find(({ type }) => type === "migrate")).toEqual({
      type: "migrate",
      attributes: [
        { key: "_contract_address", value: contract_addr },
        { key: "code_id", value: String(cw20) },
      ],
    });
    expect(run({ wasm: { update_admin: { contract_addr, admin: text(admin) } } }).error).toBe("");
    expect(run(migrate)).toMatchObject({ status: "reverted" });
    expect(run({ wasm: { clear_admin: { contract_addr } } })).toMatchObject({
      status: "reverted",
      error: "unauthorized",
    });
    expect(chain.migrate(admin, made.address, cw20, {}).error).toBe("");
    expect(chain.query(made.address, { balance: { address: text(admin) } })).toEqual({ balance: "10" });
  });

  it("undoes the first message when the second fails", () => {
    const result = run(
      { bank: { send: { to_address: text(admin), amount: [{ denom: DENOM, amount: "1" }] } } },
      { wasm: { execute: { contract_addr: text(admin), msg: base64({}), funds: [] } } },
    );
    expect(result.error).toBe(`no such contract: ${text(admin)}`);
    expect(chain.balanceOf(proxy)).toBe(1000n);
    expect(result.events).toEqual([]);
  });

  it("freezes: a contract may change its own rules for good", () => {
    expect(chain.execute(admin, proxy, { freeze: {} }).error).toBe("");
    expect(chain.execute(admin, proxy, { update_admins: { admins: [] } })).toMatchObject({ status: "reverted" });
  });
});
