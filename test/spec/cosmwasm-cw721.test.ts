/** The published flows of cw721-base, CosmWasm's non-fungible token. */
import { describe, expect, it } from "vitest";
import { CosmWasmChain } from "../support/cosmwasm-chain.ts";
import { contractBytes } from "../support/cosmwasm-contracts.ts";

const chain = new CosmWasmChain();
const [minter, alice, bob, carol] = ["minter", "alice", "bob", "carol"].map((name) => chain.account(name)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const text = (address: Uint8Array) => chain.text(address);
const codeId = chain.store(contractBytes("cw721-base"));

function collection(): Uint8Array {
  const made = chain.instantiate(minter, codeId, { name: "Art", symbol: "ART", minter: text(minter) });
  expect(made.error).toBe("");
  return made.address;
}

function mint(at: Uint8Array, token_id: string, owner: Uint8Array, from = minter): string {
  const token_uri = `https://example.org/${token_id}`;
  return chain.execute(from, at, { mint: { token_id, owner: text(owner), token_uri, extension: {} } }).error;
}

function owner(at: Uint8Array, token_id: string): string {
  return chain.query<{ owner: string }>(at, { owner_of: { token_id } }).owner;
}

describe("cw721-base", () => {
  it("mints for the minter only, each id once, and lists what it has", () => {
    const at = collection();
    expect(mint(at, "one", alice)).toBe("");
    expect(mint(at, "two", bob)).toBe("");
    expect(mint(at, "three", alice)).toBe("");
    expect(mint(at, "one", bob)).toMatch(/already claimed/);
    expect(mint(at, "four", alice, alice)).toMatch(/not the contract's current owner/);
    expect(chain.query(at, { num_tokens: {} })).toEqual({ count: 3 });
    expect(chain.query(at, { all_tokens: { limit: 2 } })).toEqual({ tokens: ["one", "three"] });
    expect(chain.query(at, { all_tokens: { start_after: "three" } })).toEqual({ tokens: ["two"] });
    expect(chain.query(at, { tokens: { owner: text(alice) } })).toEqual({ tokens: ["one", "three"] });
    expect(chain.query(at, { nft_info: { token_id: "two" } })).toMatchObject({ token_uri: "https://example.org/two" });
  });

  it("is transferred by owner, approved spender and operator, and by nobody else", () => {
    const at = collection();
    mint(at, "one", alice);
    const move = (from: Uint8Array, to: Uint8Array) =>
      chain.execute(from, at, { transfer_nft: { recipient: text(to), token_id: "one" } }).error;
    expect(move(bob, bob)).not.toBe("");
    expect(chain.execute(alice, at, { approve: { spender: text(bob), token_id: "one" } }).error).toBe("");
    expect(move(bob, carol)).toBe("");
    // The approval ended with the transfer.
    expect(move(bob, bob)).not.toBe("");
    expect(chain.execute(carol, at, { approve_all: { operator: text(alice) } }).error).toBe("");
    expect(move(alice, bob)).toBe("");
    expect(owner(at, "one")).toBe(text(bob));
  });

  it("lets an approval expire with the height of the chain", () => {
    const at = collection();
    mint(at, "one", alice);
    const expires = { at_height: chain.height + 1 };
    expect(chain.execute(alice, at, { approve: { spender: text(bob), token_id: "one", expires } }).error).toBe("");
    chain.height++;
    const stolen = chain.execute(bob, at, { transfer_nft: { recipient: text(bob), token_id: "one" } });
    chain.height--;
    expect(stolen.status).toBe("reverted");
    expect(owner(at, "one")).toBe(text(alice));
  });

  it("burns, and takes back a sent token that its receiver refuses", () => {
    const at = collection();
    mint(at, "one", alice);
    const sent = chain.execute(alice, at, { send_nft: { contract: text(at), token_id: "one", msg: "e30=" } });
    expect(sent).toMatchObject({ status: "reverted", events: [] });
    expect(owner(at, "one")).toBe(text(alice));
    expect(chain.execute(alice, at, { burn: { token_id: "one" } }).error).toBe("");
    expect(chain.query(at, { num_tokens: {} })).toEqual({ count: 0 });
    expect(() => owner(at, "one")).toThrow(/not found/);
  });

  it("hands its ownership on in two steps", () => {
    const at = collection();
    const update = (from: Uint8Array, update_ownership: unknown) => chain.execute(from, at, { update_ownership }).error;
    expect(update(minter, { transfer_ownership: { new_owner: text(alice) } })).toBe("");
    expect(update(bob, "accept_ownership")).not.toBe("");
    expect(update(alice, "accept_ownership")).toBe("");
    expect(mint(at, "one", bob, alice)).toBe("");
    expect(mint(at, "two", bob)).not.toBe("");
  });
});
