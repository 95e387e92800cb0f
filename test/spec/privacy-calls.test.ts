/** Calls to privacy contracts in a block: handles, permissions and gas, before anything is evaluated. */
import { describe, expect, it } from "vitest";
import { inputHandle } from "../../src/encoding/encrypted-handle.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { decodeErc20Error } from "../../src/encoding/erc20-abi.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { PrivacyContractEngine } from "../../src/engines/privacy/privacy-engine.ts";
import { PRIVACY_ERRORS } from "../../src/engines/privacy/refusal.ts";
import { RejectedError } from "../../src/errors.ts";
import { InlineChain } from "../support/inline-chain.ts";
import { COLLECTION, collectionContract, KEY_ID } from "../support/privacy-manifests.ts";

const [alice, bob, carol] = ["a1", "b0", "c2"].map((byte) => `0x${byte.repeat(20)}`) as [string, string, string];
const GAS = 10_000_000_000;
const u64 = getEncryptedType("euint64")!;
const sent = (seed: number, type = u64) => toHex(inputHandle(new Uint8Array(32).fill(seed), type));

function start(bindings: Record<string, { contract?: string; owner: string; keyId?: string }> = {}) {
  let address = "";
  const chain = new InlineChain({
    engines: [
      new PrivacyContractEngine({
        queueFull: () => undefined,
        parameterSetOf: (keyId) => (toHex(keyId) === KEY_ID ? "plain" : undefined),
        bindingOf(handle) {
          const binding = bindings[toHex(handle)];
          if (binding === undefined) return undefined;
          const { keyId = KEY_ID, contract = address, owner } = binding;
          return { keyId: fromHex(keyId)!, contract: fromHex(contract)!, owner: fromHex(owner)! };
        },
      }),
    ],
  });
  const { status, contractAddress } = chain.send({
    kind: "deploy",
    sender: alice,
    gasLimit: GAS,
    contract: collectionContract(),
  });
  expect(status).toBe("success");
  address = toHex(contractAddress!);
  const call = (sender: string, entrypoint: string, args: unknown[], gasLimit = GAS) =>
    chain.send({ kind: "call", sender, to: address, entrypoint, args, gasLimit });
  const view = (entrypoint: string, args: unknown[] = []) =>
    toHex(chain.query({ sender: carol, to: address, entrypoint, args, gasLimit: GAS }).returnData);
  return { chain, call, view, address };
}

function refusal(run: () => unknown): Record<string, unknown> {
  try {
    run();
  } catch (problem) {
    if (problem instanceof RejectedError) return { code: problem.code, ...problem.facts };
    throw problem;
  }
  return {};
}

function revertName(returnData: Uint8Array): string | undefined {
  const selector = toHex(returnData.subarray(0, 4));
  return (
    Object.values(PRIVACY_ERRORS).find((error) => toHex(error.selector) === selector)?.name ??
    decodeErc20Error(returnData)?.name
  );
}

describe("privacy contracts in a block", () => {
  it("answers a handle of the result's type at once, the same one on every machine", () => {
    const run = () => {
      const { call, view } = start({ [sent(1)]: { owner: bob } });
      const { status, returnData } = call(bob, "contribute", [sent(1)]);
      expect(status).toBe("success");
      expect(view("total")).toBe(toHex(returnData));
      return toHex(returnData);
    };
    expect(run()).toBe(run());
    expect(run().slice(-4)).toBe("0402");
  });

  it("gives another handle for the same operation on other inputs", () => {
    const { call } = start({ [sent(1)]: { owner: bob }, [sent(2)]: { owner: bob } });
    const first = call(bob, "contribute", [sent(1)]).returnData;
    const second = call(bob, "contribute", [sent(2)]).returnData;
    expect(toHex(first)).not.toBe(toHex(second));
  });

  it("keeps what accounts have apart, and answers a word of zeros for those who have nothing", () => {
    const { call, view } = start({ [sent(1)]: { owner: bob } });
    call(bob, "contribute", [sent(1)]);
    expect(view("shareOf", [bob])).toMatch(/0402$/);
    expect(view("shareOf", [carol])).toBe(`0x${"00".repeat(32)}`);
  });

  it.each([
    ["that was never sent", {}, "PRIVACY_INPUT_UNKNOWN", undefined],
    ["of another owner", { [sent(1)]: { owner: carol } }, "PRIVACY_INPUT_MISMATCH", "owner"],
    ["for another contract", { [sent(1)]: { owner: bob, contract: carol } }, "PRIVACY_INPUT_MISMATCH", "contract"],
    [
      "under another key",
      { [sent(1)]: { owner: bob, keyId: `0x${"22".repeat(32)}` } },
      "PRIVACY_INPUT_MISMATCH",
      "keyId",
    ],
  ])("rejects a ciphertext %s before anything runs", (_, bindings, code, part) => {
    const { call } = start(bindings);
    expect(refusal(() => call(bob, "contribute", [sent(1)]))).toMatchObject({ code, ...(part && { part }) });
  });

  it("reverts when a value is used by someone whom the access list does not name", () => {
    const { call, view } = start({ [sent(1)]: { owner: bob } });
    call(bob, "contribute", [sent(1)]);
    const share = view("shareOf", [bob]);
    expect(call(bob, "contribute", [share]).status).toBe("success");
    const stolen = call(carol, "contribute", [share]);
    expect([stolen.status, revertName(stolen.returnData)]).toEqual(["reverted", "HandleNotAllowed"]);
    const replayed = call(carol, "contribute", [sent(1)]);
    expect([replayed.status, revertName(replayed.returnData)]).toEqual(["reverted", "HandleNotAllowed"]);
  });

  it("reverts for a handle of another type, and for one that nobody made", () => {
    const { call } = start({ [sent(1, getEncryptedType("euint32")!)]: { owner: bob } });
    expect(revertName(call(bob, "contribute", [sent(1, getEncryptedType("euint32")!)]).returnData)).toBe(
      "HandleWrongType",
    );
    expect(revertName(call(bob, "contribute", [`0x${"07".repeat(30)}0402`]).returnData)).toBe("HandleUnknown");
  });

  it("lets only the owner call what is the owner's", () => {
    const { call } = start();
    expect(revertName(call(bob, "isReached", ["5"]).returnData)).toBe("CallerNotAllowed");
    expect(call(alice, "isReached", ["5"]).status).toBe("success");
  });

  it("lets whoever may decrypt a value share it, and nobody else", () => {
    const { call, view } = start({ [sent(1)]: { owner: bob } });
    call(bob, "contribute", [sent(1)]);
    const share = view("shareOf", [bob]);
    expect(revertName(call(carol, "allowDecrypt", [share, carol]).returnData)).toBe("HandleNotAllowed");
    expect(call(bob, "allowDecrypt", [share, carol]).status).toBe("success");
  });

  it("takes a public number as a constant that is in the handle's past for all to see", () => {
    const { call, view } = start();
    expect(call(carol, "contributeOpenly", ["7"]).status).toBe("success");
    expect(view("total")).toMatch(/0402$/);
    expect(refusal(() => call(carol, "contributeOpenly", [String(1n << 64n)]))).toMatchObject({
      code: "INVALID_AMOUNT",
    });
  });

  it("pays for every gate and level that it orders, and leaves nothing behind when gas ends", () => {
    const { call, view } = start({ [sent(1)]: { owner: bob } });
    const { status } = call(bob, "contribute", [sent(1)], 500_000_000);
    expect(status).toBe("halted");
    expect(view("total")).toBe(`0x${"00".repeat(32)}`);
    expect(Number(call(bob, "contribute", [sent(1)]).gasUsed)).toBeGreaterThan(2 * 127 * 2_750_000);
  });
});

describe("manifests", () => {
  const refused = (change: (manifest: Record<string, never>) => void) => {
    const manifest = structuredClone(COLLECTION) as unknown as Record<string, never>;
    change(manifest);
    const contract = { ...collectionContract(), manifest };
    return refusal(() => new PrivacyContractEngine().admitDeploy(contract))["path"];
  };
  type Loose = Record<string, Record<string, Record<string, unknown>>>;

  it.each([
    [
      "an operation that there is not",
      "contract.manifest.circuits.add.operation",
      (m: Loose) => (m["circuits"]!["add"]!["operation"] = "pow"),
    ],
    [
      "a type that there is not",
      "contract.manifest.state.total.type",
      (m: Loose) => (m["state"]!["total"]!["type"] = "euint65"),
    ],
    [
      "a value that nothing makes",
      "contract.manifest.entrypoints.contribute.allow[0].value",
      (m: Loose) => (m["entrypoints"]!["contribute"]!["allow"] = [{ value: "nothing", to: "owner", may: "use" }]),
    ],
    [
      "a state that there is not",
      "contract.manifest.entrypoints.total.returns[0]",
      (m: Loose) => (m["entrypoints"]!["total"]!["returns"] = ["state.sum"]),
    ],
    [
      "a value of another type",
      "contract.manifest.entrypoints.isReached.set.state.total",
      (m: Loose) => (m["entrypoints"]!["isReached"]!["set"] = { "state.total": "reached" }),
    ],
    [
      "a key that it does not know",
      "contract.manifest.entrypoints.total.steps2",
      (m: Loose) => (m["entrypoints"]!["total"]!["steps2"] = []),
    ],
    [
      "the name of a standard entrypoint",
      "contract.manifest.entrypoints.registerInput",
      (m: Loose) => (m["entrypoints"]!["registerInput"] = {}),
    ],
    [
      "a circuit with bits of another type",
      "contract.manifest.circuits.add.inputs",
      (m: Loose) =>
        (m["circuits"]!["add"] = {
          bristol: "1 3\n2 1 1\n1 1\n\n2 1 0 1 2 AND\n",
          inputs: ["ebool", "euint8"],
          outputs: ["ebool"],
        }),
    ],
    [
      "a circuit that is none",
      "contract.manifest.circuits.add.bristol",
      (m: Loose) =>
        (m["circuits"]!["add"] = {
          bristol: "1 3\n2 1 1\n1 1\n\n2 1 0 3 2 AND\n",
          inputs: ["ebool", "ebool"],
          outputs: ["ebool"],
        }),
    ],
  ])("are refused for %s, with the path", (_, path, change) => {
    expect(refused(change as never)).toBe(path);
  });
});
