/** What the SDK decodes and encodes against the engine's codec: every type, and calldata that is no encoding. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Artifact, loadArtifact } from "../../contracts/sdk/testing/artifact.ts";
import { ContractInterface } from "../../contracts/sdk/testing/contract-interface.ts";
import { TestChain, type TestContract } from "../../contracts/sdk/testing/test-chain.ts";
import { alice } from "../support/contract-calls.ts";

let artifact: Artifact;
let chain: TestChain;
let probe: TestContract;
beforeAll(async () => {
  artifact = await loadArtifact("contracts/sdk/fixtures/probe");
  chain = new TestChain();
  probe = chain.deploy(artifact, [], { from: alice });
});

const hex = (size: { minLength?: number; maxLength?: number }) =>
  fc.uint8Array(size).map((bytes) => `0x${Buffer.from(bytes).toString("hex")}`);
const exactly = (length: number) => hex({ minLength: length, maxLength: length });
const whole = (bits: number, isSigned: boolean) => {
  const half = 1n << BigInt(bits - 1);
  const range = isSigned ? { min: -half, max: half - 1n } : { min: 0n, max: 2n * half - 1n };
  return fc.oneof(fc.bigInt(range), fc.constantFrom(range.min, range.max)).map(String);
};

const TYPES: Record<string, fc.Arbitrary<unknown>> = {
  echoText: fc.string({ unit: "binary", maxLength: 80 }),
  echoBytes: hex({ maxLength: 100 }),
  echoWord: exactly(32),
  echoFlag: fc.boolean(),
  echoAddress: exactly(20),
  echoU8: whole(8, false),
  echoU16: whole(16, false),
  echoU32: whole(32, false),
  echoU64: whole(64, false),
  echoI8: whole(8, true),
  echoI16: whole(16, true),
  echoI32: whole(32, true),
  echoI64: whole(64, true),
  echoNumbers: fc.array(whole(256, false), { maxLength: 10 }),
  echoTexts: fc.array(fc.string({ maxLength: 40 }), { maxLength: 10 }),
  echoNested: fc.array(fc.array(whole(32, false), { maxLength: 4 }), { maxLength: 4 }),
};

describe("arguments and results", () => {
  it.each(Object.keys(TYPES))("come back as they went: %s", (entrypoint) => {
    fc.assert(
      fc.property(TYPES[entrypoint]!, (value) => {
        expect(probe.query(entrypoint, [value])).toEqual(value);
      }),
      { numRuns: 60 },
    );
  });

  it("finds what stands behind arguments of dynamic type", () => {
    const last = `0x${"5a".repeat(20)}`;
    expect(probe.query("lastOf", ["a".repeat(70), "0x0102", ["1", "2"], last])).toBe(last);
  });

  it("writes addresses as lower-case hex and reads them back", () => {
    expect(probe.query("addressText", [alice])).toBe(alice);
    expect(probe.query("parseAddress", [alice])).toBe(alice);
    expect(() => probe.query("parseAddress", [`${alice.slice(0, -1)}g`])).toThrow("not a hex digit");
  });
});

function send(calldata: Uint8Array) {
  return chain.send(probe.address, calldata, { from: alice }, true);
}

const REVERTED_EMPTY = { status: "reverted", returnData: new Uint8Array() };

describe("calldata that is no encoding reverts with no data", () => {
  const face = () => new ContractInterface(artifact.abi);
  const changed = (calldata: Uint8Array, at: number, value: number) => {
    const copy = Uint8Array.from(calldata);
    copy[at] = value;
    return copy;
  };

  it("when it is shorter than a selector, or none is known", () => {
    for (const calldata of [[], [1, 2, 3], [0, 0, 0, 0]]) {
      expect(send(Uint8Array.from(calldata))).toEqual(REVERTED_EMPTY);
    }
  });

  it("when bits are set that the type has not", () => {
    expect(send(changed(face().encodeCall("echoAddress", [alice]), 4, 1))).toEqual(REVERTED_EMPTY);
    expect(send(changed(face().encodeCall("echoFlag", [true]), 35, 2))).toEqual(REVERTED_EMPTY);
    expect(send(changed(face().encodeCall("echoU8", [1]), 34, 1))).toEqual(REVERTED_EMPTY);
    expect(send(changed(face().encodeCall("echoI8", [-1]), 4, 0))).toEqual(REVERTED_EMPTY);
    expect(send(changed(face().encodeCall("echoI8", [1]), 35, 0x80))).toEqual(REVERTED_EMPTY);
  });

  it("when it is cut anywhere", () => {
    const whole = face().encodeCall("lastOf", ["text", "0x0102", ["1", "2"], alice]);
    for (let length = 4; length < whole.length; length++) {
      const outcome = send(whole.slice(0, length));
      // The padding of the last part may be left out: Solidity reads it so too.
      if (outcome.status === "reverted") expect(outcome).toEqual(REVERTED_EMPTY);
      else expect(length).toBeGreaterThan(whole.length - 32);
    }
  });

  it("when offsets and lengths point out of it, and never otherwise than by a revert", () => {
    const whole = face().encodeCall("lastOf", ["some text that is long enough to matter", "0x01", ["7"], alice]);
    const change = fc.tuple(fc.integer({ min: 4, max: whole.length - 1 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Uint8Array.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        const outcome = send(bytes);
        if (outcome.status !== "success") expect(outcome).toEqual(REVERTED_EMPTY);
      }),
      { numRuns: 1500 },
    );
  });
});
