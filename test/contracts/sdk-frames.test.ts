/** Context, logs, hashes, failures and calls of the SDK. */
import { createHash, randomBytes } from "node:crypto";
import { keccak_256 } from "@noble/hashes/sha3.js";
import secp256k1 from "secp256k1";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Artifact, loadArtifact } from "../../contracts/sdk/testing/artifact.ts";
import { ContractInterface } from "../../contracts/sdk/testing/contract-interface.ts";
import { TestChain, type TestContract } from "../../contracts/sdk/testing/test-chain.ts";
import { encodeParameters } from "../../src/encoding/abi-codec.ts";
import { parseAbiType } from "../../src/encoding/abi-types.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { alice, bob, expectCall, nobody } from "../support/contract-calls.ts";

let artifact: Artifact;
let chain: TestChain;
let probe: TestContract;
beforeAll(async () => {
  artifact = await loadArtifact("contracts/sdk/fixtures/probe");
});
beforeEach(() => {
  chain = new TestChain();
  probe = chain.deploy(artifact, [], { from: alice });
});

describe("context", () => {
  it("tells block, parties, value and balances", () => {
    chain.height = 77;
    chain.timestampMs = 1_800_000_000_123;
    chain.state.balances.set(bob, 2n ** 200n);
    expect(probe.query("chain")).toEqual(["77", "1800000000123", "1"]);
    expect(probe.query("parties", [], bob)).toEqual([probe.address, bob, bob]);
    expectCall(probe, "pay", [], { from: bob, value: 5n, result: "5" });
    expect(probe.query("balance", [bob])).toBe((2n ** 200n - 5n).toString());
    expect(probe.query("balance", [probe.address])).toBe("5");
  });
});

describe("logs", () => {
  it("index values as words, and text by its hash", () => {
    const report = probe.call("logAll", ["title", true, "-2", "0x0102", [`0x${"11".repeat(32)}`]], { from: alice });
    const hash = toHex(keccak_256(Buffer.from("title")));
    expect(report.events).toEqual([
      {
        address: probe.address,
        event: "Everything",
        args: { text: hash, flag: true, small: "-2", data: "0x0102", words: [`0x${"11".repeat(32)}`] },
      },
    ]);
    const signature = "Everything(string,bool,int16,bytes,bytes32[])";
    expect(chain.state.logs[0]!.topics[0]).toEqual(keccak_256(Buffer.from(signature)));
  });
});

describe("hashes and signatures", () => {
  it("are those of Keccak-256 and SHA-256", () => {
    const data = randomBytes(200);
    const sha256 = `0x${createHash("sha256").update(data).digest("hex")}`;
    expect(probe.query("digests", [toHex(data)])).toEqual([toHex(keccak_256(data)), sha256]);
  });

  it("name the signer, and nobody for what is no signature", () => {
    const key = Buffer.alloc(32, 7);
    const hash = keccak_256(Buffer.from("message"));
    const { signature, recid } = secp256k1.ecdsaSign(hash, key);
    const signer = toHex(keccak_256(secp256k1.publicKeyCreate(key, false).subarray(1)).subarray(12));
    const signed = toHex(Buffer.concat([signature, Buffer.from([27 + recid])]));
    expect(probe.query("signer", [toHex(hash), signed])).toBe(signer);
    expect(probe.query("signer", [toHex(hash), `${signed.slice(0, -2)}00`])).toBe(nobody);
    expect(probe.query("signer", [toHex(hash), "0x01"])).toBe(nobody);
  });
});

describe("failures", () => {
  it("carry the arguments of the contract's own error, and undo what was written", () => {
    expectCall(probe, "refuse", ["too late", ["1", "65535"]], {
      from: alice,
      error: ["Refused", { reason: "too late", codes: ["1", "65535"] }],
    });
  });

  it("of require and assert say why", () => {
    expect(probe.call("requires", [true], { from: alice }).status).toBe("success");
    expect(probe.call("requires", [false], { from: alice }).error).toEqual({
      name: "Error",
      args: { message: "the condition does not hold" },
    });
    const { error } = probe.call("asserts", [false], { from: alice });
    expect(error?.args["message"]).toMatch(
      /^abort: the assertion does not hold at sdk\/fixtures\/probe.*\.ts:\d+:\d+$/,
    );
  });

  it("halt where the contract traps, or writes as a view", () => {
    expect(probe.call("halt", [], { from: alice })).toMatchObject({ status: "halted", reason: "unreachable" });
    expect(() => probe.query("lie")).toThrow("a static call may not write");
  });
});

describe("calls to other contracts", () => {
  it("answer typed results, and pass on the error of the callee", () => {
    const other = chain.deploy(artifact, [], { from: bob });
    expect(probe.query("divideAt", [other.address, "100", "7"])).toBe("14");
    expect(probe.call("divideAt", [other.address, "1", "0"], { from: alice }).error).toEqual({
      name: "Panic",
      args: { code: "18" },
    });
  });

  it("write to the callee's state, not the caller's", () => {
    const other = chain.deploy(artifact, [], { from: bob });
    expectCall(probe, "putAt", [other.address, "1", "hello"], { from: alice });
    expect([other.query("text", ["1"]), probe.query("text", ["1"])]).toEqual(["hello", ""]);
  });

  it("revert with a message when the callee halts, and with no data when it answers something else", () => {
    const other = chain.deploy(artifact, [], { from: bob });
    expect(probe.call("haltAt", [other.address], { from: alice }).error?.args["message"]).toBe(
      `call halted in ${other.address}`,
    );
    expect(probe.call("divideAt", [bob, "1", "1"], { from: alice })).toMatchObject({
      status: "reverted",
      error: { name: "" },
    });
  });

  it("raw, move value and tell how they ended without failing the caller", () => {
    const other = chain.deploy(artifact, [], { from: bob });
    const face = new ContractInterface(artifact.abi);
    chain.state.balances.set(probe.address, 10n);
    const calldata = (entrypoint: string) => toHex(face.encodeCall(entrypoint, []));
    const paid = toHex(encodeParameters([parseAbiType("uint256")], ["4"]));
    expectCall(probe, "callRaw", [other.address, calldata("pay"), "4"], {
      from: alice,
      result: `0x00${paid.slice(2)}`,
    });
    expect(chain.state.balances.get(other.address)).toBe(4n);
    expectCall(probe, "callRaw", [other.address, calldata("halt"), "0"], { from: alice, result: "0x02" });
    expectCall(probe, "callRaw", [other.address, "0x00000000", "0"], { from: alice, result: "0x01" });
  });
});
