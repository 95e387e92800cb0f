/**
 * The published flows of cw3-fixed-multisig, and of cw3-flex-multisig with a cw4-group: contracts that act on others, by
 * submessages and queries.
 */
import { beforeEach, describe, expect, it } from "vitest";
import type { CosmWasmEvent } from "../../src/encoding/cosmwasm-event.ts";
import { CosmWasmChain, DENOM } from "../support/cosmwasm-chain.ts";
import { contractBytes } from "../support/cosmwasm-contracts.ts";

const chain = new CosmWasmChain();
const voters = ["ann", "ben", "cem"].map((name) => chain.account(name)) as [Uint8Array, Uint8Array, Uint8Array];
const [ann, ben, cem] = voters;
const stranger = chain.account("stranger");
const text = (address: Uint8Array) => chain.text(address);
const base64 = (message: unknown) => Buffer.from(JSON.stringify(message)).toString("base64");

function made(codeName: Parameters<typeof contractBytes>[0], message: unknown, admin?: Uint8Array): Uint8Array {
  const result = chain.instantiate(ann, chain.store(contractBytes(codeName)), message, admin ? { admin } : {});
  expect(result.error).toBe("");
  return result.address;
}

function token(owner: Uint8Array, amount: string): Uint8Array {
  const initial_balances = [{ address: text(owner), amount }];
  return made("cw20-base", { name: "Cash", symbol: "CASH", decimals: 6, initial_balances });
}

function balance(at: Uint8Array, of: Uint8Array): string {
  return chain.query<{ balance: string }>(at, { balance: { address: text(of) } }).balance;
}

/** @returns the proposal's number. */
function propose(multisig: Uint8Array, from: Uint8Array, msgs: unknown[]): number {
  const result = chain.execute(from, multisig, { propose: { title: "pay", description: "what we owe", msgs } });
  expect(result.error).toBe("");
  return Number(attribute(result.events, "proposal_id"));
}

function attribute(events: readonly CosmWasmEvent[], key: string): string | undefined {
  return events.flatMap(({ attributes }) => attributes).find((candidate) => candidate.key === key)?.value;
}

function vote(multisig: Uint8Array, from: Uint8Array, proposal_id: number, choice: string) {
  return chain.execute(from, multisig, { vote: { proposal_id, vote: choice } });
}

function status(multisig: Uint8Array, proposal_id: number): string {
  return chain.query<{ status: string }>(multisig, { proposal: { proposal_id } }).status;
}

describe("cw3-fixed-multisig", () => {
  let multisig: Uint8Array;
  let cash: Uint8Array;
  const pay = (amount: string) => ({
    wasm: {
      execute: {
        contract_addr: text(cash),
        msg: base64({ transfer: { recipient: text(stranger), amount } }),
        funds: [],
      },
    },
  });

  beforeEach(() => {
    multisig = made("cw3-fixed-multisig", {
      voters: voters.map((voter) => ({ addr: text(voter), weight: 1 })),
      threshold: { absolute_count: { weight: 2 } },
      max_voting_period: { height: 100 },
    });
    cash = token(multisig, "1000");
  });

  it("pays from a token once enough have voted, and tells of it in order", () => {
    const id = propose(multisig, ann, [pay("40")]);
    expect(chain.execute(ben, multisig, { execute: { proposal_id: id } }).status).toBe("reverted");
    expect(vote(multisig, stranger, id, "yes").status).toBe("reverted");
    expect(vote(multisig, ben, id, "yes").error).toBe("");
    const result = chain.execute(stranger, multisig, { execute: { proposal_id: id } });
    expect(result.error).toBe("");
    expect(result.events.map(({ type, attributes }) => [type, attributes[0]!.value])).toEqual([
      ["execute", text(multisig)],
      ["wasm", text(multisig)],
      ["execute", text(cash)],
      ["wasm", text(cash)],
    ]);
    expect([balance(cash, multisig), balance(cash, stranger)]).toEqual(["960", "40"]);
    expect(status(multisig, id)).toBe("executed");
    expect(chain.execute(ann, multisig, { execute: { proposal_id: id } }).status).toBe("reverted");
  });

  it("carries out all messages of a proposal or none", () => {
    const id = propose(multisig, ann, [pay("1"), pay("1000")]);
    vote(multisig, ben, id, "yes");
    const result = chain.execute(ann, multisig, { execute: { proposal_id: id } });
    expect(result).toMatchObject({ status: "reverted", events: [], error: "Overflow: Cannot Sub with 999 and 1000" });
    expect(balance(cash, multisig)).toBe("1000");
    expect(status(multisig, id)).toBe("passed");
  });

  it("sends native coins that it has, and fails by name with those it has not", () => {
    chain.fund(multisig, 70n);
    const send = (amount: string, denom: string) => ({
      bank: { send: { to_address: text(stranger), amount: [{ denom, amount }] } },
    });
    const run = (message: unknown) => {
      const id = propose(multisig, ann, [message]);
      vote(multisig, ben, id, "yes");
      return chain.execute(ann, multisig, { execute: { proposal_id: id } });
    };
    const before = chain.balanceOf(stranger);
    const sent = run(send("70", DENOM));
    expect(sent.error).toBe("");
    expect(sent.events.slice(2)).toEqual([
      {
        type: "coin_spent",
        attributes: [
          { key: "spender", value: text(multisig) },
          { key: "amount", value: "70upoly" },
        ],
      },
      {
        type: "coin_received",
        attributes: [
          { key: "receiver", value: text(stranger) },
          { key: "amount", value: "70upoly" },
        ],
      },
      {
        type: "transfer",
        attributes: [
          { key: "recipient", value: text(stranger) },
          { key: "sender", value: text(multisig) },
          { key: "amount", value: "70upoly" },
        ],
      },
    ]);
    expect(chain.balanceOf(stranger)).toBe(before + 70n);
    expect(run(send("1", DENOM)).error).toBe("insufficient funds: 0upoly is smaller than 1upoly");
    expect(run(send("1", "uatom")).error).toMatch(/the chain has upoly only/);
    expect(run({ staking: { delegate: { validator: "x", amount: { denom: DENOM, amount: "1" } } } }).error).toBe(
      "unsupported message: this chain has no staking",
    );
  });

  it("rejects, closes and lists proposals", () => {
    const first = propose(multisig, ann, [pay("1")]);
    const second = propose(multisig, ben, []);
    vote(multisig, ben, first, "no");
    vote(multisig, cem, first, "no");
    expect(status(multisig, first)).toBe("rejected");
    const list = chain.query<{ proposals: { id: number }[] }>(multisig, { list_proposals: {} });
    expect(list.proposals.map(({ id }) => id)).toEqual([first, second]);
    expect(chain.query(multisig, { list_votes: { proposal_id: first } })).toMatchObject({
      votes: expect.arrayContaining([{ proposal_id: first, voter: text(cem), vote: "no", weight: 1 }]),
    });
    chain.height += 101;
    const closed = chain.execute(stranger, multisig, { close: { proposal_id: second } });
    chain.height -= 101;
    expect(closed.error).toBe("");
  });

  it("may be a member of itself: a call back into a contract whose response is under way", () => {
    const self = {
      wasm: { execute: { contract_addr: text(multisig), msg: base64({ close: { proposal_id: 99 } }), funds: [] } },
    };
    const id = propose(multisig, ann, [self]);
    vote(multisig, ben, id, "yes");
    const result = chain.execute(ann, multisig, { execute: { proposal_id: id } });
    expect(result.error).toMatch(/not found/);
  });
});

describe("cw3-flex-multisig with cw4-group", () => {
  it("votes with the weights that the group had when the proposal was made", () => {
    const group = made("cw4-group", {
      admin: text(ann),
      members: [
        { addr: text(ann), weight: 1 },
        { addr: text(ben), weight: 2 },
        { addr: text(cem), weight: 4 },
      ],
    });
    expect(chain.query(group, { total_weight: {} })).toEqual({ weight: 7 });
    // The group answers for a height what held when that block began.
    chain.height++;
    const multisig = made("cw3-flex-multisig", {
      group_addr: text(group),
      threshold: { threshold_quorum: { threshold: "0.51", quorum: "0.4" } },
      max_voting_period: { time: 3600 },
    });
    expect(chain.execute(ann, group, { add_hook: { addr: text(multisig) } }).error).toBe("");
    const cash = token(multisig, "10");
    const transfer = base64({ transfer: { recipient: text(ben), amount: "10" } });
    const id = propose(multisig, ben, [{ wasm: { execute: { contract_addr: text(cash), msg: transfer, funds: [] } } }]);
    chain.height++;
    // The group tells the multisig by submessage: its hook.
    const changed = chain.execute(ann, group, {
      update_members: { add: [{ addr: text(stranger), weight: 50 }], remove: [text(cem)] },
    });
    expect(changed.error).toBe("");
    expect(changed.events.filter(({ type }) => type === "execute")).toHaveLength(2);
    expect(vote(multisig, stranger, id, "yes").status).toBe("reverted");
    expect(vote(multisig, cem, id, "yes").error).toBe("");
    const result = chain.execute(stranger, multisig, { execute: { proposal_id: id } });
    expect(result.error).toBe("");
    expect(balance(cash, ben)).toBe("10");
    expect(chain.query(group, { member: { addr: text(cem) } })).toEqual({ weight: null });
    expect(chain.query(group, { member: { addr: text(cem), at_height: chain.height } })).toEqual({ weight: 4 });
    expect(chain.query(multisig, { list_voters: {} })).toMatchObject({
      voters: expect.arrayContaining([{ addr: text(stranger), weight: 50 }]),
    });
  });
});
