/** What the SDK writes to the state: each type's form, order of keys, records, absence. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Artifact, loadArtifact } from "../../contracts/sdk/testing/artifact.ts";
import { TestChain, type TestContract } from "../../contracts/sdk/testing/test-chain.ts";
import { alice, bob, expectCall, nobody } from "../support/contract-calls.ts";

const HASH = `0x${"5e".repeat(32)}`;
const ZERO_HASH = `0x${"00".repeat(32)}`;

let artifact: Artifact;
let probe: TestContract;
beforeAll(async () => {
  artifact = await loadArtifact("contracts/sdk/fixtures/probe");
});
beforeEach(() => {
  probe = new TestChain().deploy(artifact, [], { from: alice });
});

function put(entrypoint: string, ...args: unknown[]): void {
  expectCall(probe, entrypoint, args, { from: alice });
}

const text = (value: string) => Buffer.from(value).toString("hex");

describe("values", () => {
  it("that were never set read as zero", () => {
    expect(probe.query("text", ["9"])).toBe("");
    expect(probe.query("flag", ["0x01"])).toBe(false);
    expect(probe.query("hash", [HASH])).toBe(ZERO_HASH);
    expect(probe.query("count", [alice])).toBe("0");
    expect(probe.query("blobOf")).toBe("0x");
    expect(probe.query("pair", ["a", "1"])).toBe(nobody);
    expect(probe.query("row", ["none"])).toEqual(["", "0", "0", "0", false, nobody, ZERO_HASH, "0x"]);
  });

  it("have one form each, and zero is absent", () => {
    put("put", "258", "é");
    put("putFlag", "0x0a", true);
    put("putHash", HASH, HASH);
    put("putCount", alice, "256");
    put("putBlob", "0x00ff");
    put("putPair", "ab", "7", bob);
    expect(probe.stored()).toEqual({
      [`0x${text("blob")}`]: "0x00ff",
      [`0x${text("count:")}${alice.slice(2)}`]: "0x0100",
      [`0x${text("flag:")}0a`]: "0x01",
      [`0x${text("hash:")}${HASH.slice(2)}`]: HASH,
      [`0x${text("pair:")}00000002${text("ab")}${"00".repeat(31)}07`]: bob,
      [`0x${text("text:")}00000102`]: `0x${text("é")}`,
    });
    put("put", "258", "");
    put("putFlag", "0x0a", false);
    put("putHash", HASH, ZERO_HASH);
    put("putCount", alice, "0");
    put("putBlob", "0x");
    put("putPair", "ab", "7", nobody);
    expect(probe.stored()).toEqual({});
  });

  it("of any length are read whole", () => {
    const long = "long ".repeat(2000);
    put("put", "1", long);
    expect(probe.query("text", ["1"])).toBe(long);
  });

  it("halt the call when they were not written by this type", () => {
    const chain = new TestChain();
    const other = chain.deploy(artifact, [], { from: alice });
    const key = `0x${text("count:")}${alice.slice(2)}`;
    chain.state.of(other.address).set(key, Uint8Array.of(1, 0, 0));
    expect(() => other.query("count", [alice])).toThrow("halted");
    chain.state.of(other.address).set(key, new Uint8Array(40));
    expect(() => other.query("count", [alice])).toThrow("halted");
  });
});

describe("records", () => {
  it("come back field by field", () => {
    const row = ["first", (2n ** 255n).toString(), "1700000000000", "-5", bob, HASH, "0xdeadbeef"];
    put("putRow", "key", ...row);
    expect(probe.query("hasRow", ["key"])).toBe(true);
    expect(probe.query("row", ["key"])).toEqual([...row.slice(0, 4), true, ...row.slice(4)]);
    put("dropRow", "key");
    expect(probe.query("hasRow", ["key"])).toBe(false);
  });

  it("read fields that were added after they were stored as zero", () => {
    const chain = new TestChain();
    const other = chain.deploy(artifact, [], { from: alice });
    const name = Buffer.from([0, 0, 0, 2, 0x68, 0x69]);
    chain.state.of(other.address).set(`0x${text("row:")}${text("k")}`, Uint8Array.from([...name, 1, 9]));
    expect(other.query("row", ["k"])).toEqual(["hi", "9", "0", "0", false, nobody, ZERO_HASH, "0x"]);
  });
});

describe("maps", () => {
  it("yield whole numbers in their order, either way", () => {
    for (const key of ["256", "1", "65536", "255"]) put("put", key, `value ${key}`);
    expect(probe.query("textKeys", [false])).toEqual(["1", "255", "256", "65536"]);
    expect(probe.query("textKeys", [true])).toEqual(["65536", "256", "255", "1"]);
    expect(probe.query("textValues")).toEqual(["value 1", "value 255", "value 256", "value 65536"]);
  });

  it("keep inner maps apart, whose outer keys begin alike", () => {
    put("putPair", "a", "5", alice);
    put("putPair", "ab", "6", alice);
    put("putPair", "a", "300", alice);
    expect(probe.query("pairKeys", ["a"])).toEqual(["5", "300"]);
    expect(probe.query("pairKeys", ["ab"])).toEqual(["6"]);
    expect(probe.query("pairKeys", [""])).toEqual([]);
  });

  it("take keys of any length", () => {
    const key = `0x${"7f".repeat(300)}`;
    put("putFlag", key, true);
    put("putFlag", "0x7f", true);
    expect([probe.query("flag", [key]), probe.query("flag", ["0x7f"]), probe.query("flag", ["0x"])]).toEqual([
      true,
      true,
      false,
    ]);
  });
});
