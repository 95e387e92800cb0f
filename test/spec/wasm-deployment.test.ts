/** Deploying WebAssembly: what is admitted, what is refused and how that reads, code shared by hash, constructors, ABIs. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { encodeParameters } from "../../src/encoding/abi-codec.ts";
import { parseAbiType } from "../../src/encoding/abi-types.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { decodeCodeContainer, encodeCodeContainer } from "../../src/engines/wasm/code-container.ts";
import { METERING_VERSION } from "../../src/engines/wasm/module/instrument.ts";
import { PolytorusAbi } from "../../src/engines/wasm/polytorus/polytorus-abi.ts";
import { WasmContractEngine } from "../../src/engines/wasm/wasm-engine.ts";
import type { EngineError } from "../../src/errors.ts";
import type { HostContext } from "../../src/execution/host.ts";
import { ALICE, BOB } from "../support/engine.ts";
import { contractText, WasmChain, wasmOf } from "../support/wasm-chain.ts";

/** Keeps its constructor's arguments; answers them, and its calldata after them. */
const KEEPER = contractText({
  deploy: `(call $input_read (i32.const 0) (i32.const 0) (call $input_length))
    (call $state_set (i32.const 0) (i32.const 0) (i32.const 0) (call $input_length))`,
  call: `(local $kept i32)
    (local.set $kept (call $state_get (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 4096)))
    (call $input_read (local.get $kept) (i32.const 0) (call $input_length))
    (call $return_data (i32.const 0) (i32.add (local.get $kept) (call $input_length)))`,
});

const ABI = [
  {
    type: "constructor",
    inputs: [
      { name: "owner", type: "address" },
      { name: "cap", type: "uint" },
    ],
  },
  {
    type: "function",
    name: "put",
    inputs: [
      { name: "to", type: "address" },
      { name: "n", type: "uint64" },
      { name: "yes", type: "bool" },
    ],
    outputs: [],
  },
  { type: "function", name: "put", inputs: [{ name: "text", type: "string" }], outputs: [] },
  { type: "function", name: "see", inputs: [], outputs: [{ name: "", type: "uint256" }], stateMutability: "view" },
  { type: "event", name: "Put", inputs: [{ name: "to", type: "address", indexed: true }] },
  { type: "error", name: "Full", inputs: [] },
];

const code = wasmOf(KEEPER);

function refusal(action: () => unknown): { code: string; message: string; facts: Record<string, unknown> } {
  try {
    action();
  } catch (problem) {
    const { code: errorCode, message, facts } = problem as EngineError;
    return { code: errorCode, message, facts };
  }
  throw new Error("it was not refused");
}

const deploy = (contract: Record<string, unknown>) =>
  refusal(() => new WasmChain().deploy(ALICE, { type: "wasm", ...contract }));
const embedded = (section: string) => {
  const name = "polytorus.abi";
  const body = Buffer.concat([Buffer.of(name.length), Buffer.from(name), Buffer.from(section)]);
  const size = [(body.length & 0x7f) | 0x80, (body.length >> 7) & 0x7f];
  return Buffer.concat([code, Buffer.of(0, ...size), body]);
};

describe("refuses", () => {
  it.each([
    [{}, "VALIDATION_ERROR", "contract.code"],
    [{ code: "0x", codeHash: "0x" }, "VALIDATION_ERROR", "contract.code"],
    [{ code: "hello" }, "VALIDATION_ERROR", "contract.code"],
    [{ code: toHex(code), owner: ALICE }, "VALIDATION_ERROR", "contract.owner"],
    [{ code: toHex(code), abi: "none" }, "VALIDATION_ERROR", "contract.abi"],
    [{ code: toHex(code), abi: [{ type: "tuple" }] }, "VALIDATION_ERROR", "contract.abi[0].type"],
    [
      { code: toHex(code), abi: [ABI[4], { type: "function", name: "f", inputs: [{ name: "x", type: "tuple" }] }] },
      "VALIDATION_ERROR",
      "contract.abi[1].f.inputs[0].type",
    ],
    [{ code: toHex(code), abi: [ABI[3], ABI[3]] }, "VALIDATION_ERROR", "contract.abi[1]"],
    [{ code: toHex(code), init: [1] }, "INVALID_CALLDATA", "contract.init"],
    [{ code: toHex(code), abi: ABI, init: [ALICE] }, "INVALID_CALLDATA", "contract.init"],
    [{ code: toHex(code), abi: ABI, init: [ALICE, "-1"] }, "INVALID_AMOUNT", "contract.init[1]"],
    [{ code: toHex(code), abi: ABI, init: { owner: "nobody", cap: "1" } }, "INVALID_ADDRESS", "contract.init[0]"],
    [
      { code: toHex(code), abi: ABI, init: { owner: ALICE, cap: "1", cup: "2" } },
      "INVALID_CALLDATA",
      "contract.init.cup",
    ],
    [{ code: toHex(embedded("[")) }, "CODE_REJECTED", "contract.code, section polytorus.abi"],
    [{ codeHash: `0x${"00".repeat(32)}` }, "VALIDATION_ERROR", "contract.codeHash"],
  ])("%j", (contract, errorCode, path) => {
    const { code: received, facts } = deploy(contract);
    expect([received, facts["path"]]).toEqual([errorCode, path]);
  });

  it.each([
    ["nothing", new Uint8Array(0), "malformed"],
    ["a truncated module", code.subarray(0, code.length - 3), "malformed"],
    [
      "an import that the ABI has not",
      wasmOf(
        `(module (import "polytorus" "clock" (func)) (memory (export "memory") 1) (func (export "deploy")) (func (export "call")))`,
      ),
      "import-not-allowed",
    ],
    [
      "an import of another type",
      wasmOf(
        `(module (import "polytorus" "revert" (func)) (memory (export "memory") 1) (func (export "deploy")) (func (export "call")))`,
      ),
      "import-type",
    ],
    ["no entry point", wasmOf(`(module (memory (export "memory") 1) (func (export "deploy")))`), "export-missing"],
    [
      "floating point",
      wasmOf(contractText({ call: "(drop (f64.add (f64.const 1) (f64.const 2)))" })),
      "float-operator",
    ],
    ["more memory than the chain gives", wasmOf(contractText({ memory: "513" })), "memory-not-allowed"],
  ])("code with %s, naming the rule and the byte", (_name, module, rule) => {
    const { code: received, facts } = deploy({ code: toHex(module) });
    expect([received, facts["rule"], typeof facts["offset"]]).toEqual(["CODE_REJECTED", rule, "number"]);
  });
});

describe("constructors", () => {
  const words = (...values: string[]) =>
    toHex(encodeParameters([parseAbiType("address"), parseAbiType("uint256")], values));

  it.each([
    ["an array", [ALICE, "5"]],
    ["an object, in any order", { cap: "5", owner: ALICE }],
    ["their encoding", words(ALICE, "5")],
  ])("take their arguments as %s", (_name, init) => {
    const chain = new WasmChain();
    const address = chain.install(ALICE, code, { abi: ABI, init });
    expect(toHex(chain.callRaw(BOB, address).returnData)).toBe(words(ALICE, "5"));
  });

  it("that revert leave no contract", () => {
    const chain = new WasmChain();
    const reverting = wasmOf(contractText({ deploy: "(call $revert (i32.const 0) (i32.const 4))" }));
    const receipt = chain.deploy(ALICE, { type: "wasm", code: toHex(reverting) });
    expect([receipt.status, toHex(receipt.returnData), receipt.contractAddress]).toEqual([
      "reverted",
      "0x00000000",
      undefined,
    ]);
  });
});

describe("an interface", () => {
  it("is kept with types by their canonical names, and embedded ones count", () => {
    const chain = new WasmChain();
    const given = chain.install(ALICE, code, { abi: ABI, init: [ALICE, 1] });
    const [constructor_, put] = chain.abi(given);
    expect(constructor_?.inputs[1]).toEqual({ name: "cap", type: "uint256" });
    expect(put).toMatchObject({ type: "function", name: "put", stateMutability: "nonpayable" });
    const section = chain.install(ALICE, embedded(JSON.stringify([ABI[3]])));
    expect(chain.abi(section)).toEqual([
      { type: "function", name: "see", stateMutability: "view", inputs: [], outputs: [{ name: "", type: "uint256" }] },
    ]);
  });

  it("turns entrypoints and arguments into calldata, by name, count and signature", () => {
    const chain = new WasmChain();
    const address = chain.install(ALICE, code, { abi: ABI, init: [ALICE, 0] });
    const calldata = (entrypoint: string, args: unknown[]) =>
      toHex(chain.call({ sender: BOB, to: address, entrypoint, args }).returnData).slice(2 + 128);
    const plain = calldata("put", [BOB, "18446744073709551615", true]);
    expect(plain.slice(8)).toBe(
      `${BOB.slice(2).padStart(64, "0")}${"f".repeat(16).padStart(64, "0")}${"1".padStart(64, "0")}`,
    );
    expect(calldata("put(address,uint64,bool)", [BOB, "18446744073709551615", true])).toBe(plain);
    expect(calldata("put", ["hi"])).toContain(Buffer.from("hi").toString("hex"));
    expect(calldata("see", [])).toHaveLength(8);
  });

  it("names what is wrong with a call", () => {
    const chain = new WasmChain();
    const address = chain.install(ALICE, code, { abi: ABI, init: [ALICE, 0] });
    const call = (entrypoint: string, ...args: unknown[]) => {
      const { code: errorCode, facts } = refusal(() => chain.call({ sender: BOB, to: address, entrypoint, args }));
      return [errorCode, facts["path"], facts["nearest"]];
    };
    expect(call("putt")).toEqual(["UNKNOWN_ENTRYPOINT", "entrypoint", ["put"]]);
    expect(call("put", BOB, "18446744073709551616", true)).toEqual(["INVALID_AMOUNT", "args[1]", undefined]);
    expect(call("put", "bob", "1", true)).toEqual(["INVALID_ADDRESS", "args[0]", undefined]);
    expect(call("put", BOB, "1", "yes")).toEqual(["INVALID_CALLDATA", "args[2]", undefined]);
    expect(call("see", 1)).toEqual(["INVALID_CALLDATA", "args", undefined]);
    expect(refusal(() => chain.call({ sender: BOB, to: address, msg: { see: {} } })).code).toBe("INVALID_CALLDATA");
    const silent = chain.install(ALICE, code);
    expect(refusal(() => chain.call({ sender: BOB, to: silent, entrypoint: "see", args: [] })).message).toMatch(
      /calldata/,
    );
  });
});

describe("code", () => {
  const engine = () => new WasmContractEngine({ abis: [new PolytorusAbi()] });
  const nothing = () => undefined;

  it("is the module as it came, its interface, its ABI and the metering's version", () => {
    const admitted = engine().admitDeploy({ type: "wasm", code: toHex(code), abi: [ABI[3]] }, nothing);
    const container = decodeCodeContainer(admitted.code);
    expect(container).toMatchObject({ meteringVersion: METERING_VERSION, abiId: 1 });
    expect(toHex(container.module)).toBe(toHex(code));
    expect(toHex(encodeCodeContainer(container))).toBe(toHex(admitted.code));
    expect(admitted.gas).toBeGreaterThan(0);
  });

  it("is the same whoever deploys it with whichever arguments, and another with another interface", () => {
    const codeOf = (more: Record<string, unknown>) =>
      toHex(engine().admitDeploy({ type: "wasm", code: toHex(code), ...more }, nothing).code);
    expect(codeOf({ abi: ABI, init: [ALICE, 1] })).toBe(codeOf({ abi: ABI, init: [BOB, 2] }));
    expect(codeOf({ abi: [ABI[3]] })).not.toBe(codeOf({}));
  });

  it("is found by its hash, and costs no admission then", () => {
    const first = engine().admitDeploy({ type: "wasm", code: toHex(code), abi: ABI, init: [ALICE, 1] }, nothing);
    const codeHash = toHex(createHash("sha256").update(first.code).digest());
    const known = engine().admitDeploy({ type: "wasm", codeHash, init: [BOB, 2] }, (hash) =>
      toHex(hash) === codeHash ? first.code : undefined,
    );
    expect(known).toEqual({ code: first.code, gas: 0 });
    const find = () => first.code;
    expect(refusal(() => engine().admitDeploy({ type: "wasm", codeHash, init: [BOB] }, find)).facts["path"]).toBe(
      "contract.init",
    );
    expect(refusal(() => engine().admitDeploy({ type: "wasm", codeHash, abi: ABI }, find)).facts["path"]).toBe(
      "contract.abi",
    );
  });
});

describe("an upgrade", () => {
  const engine = new WasmContractEngine({ abis: [new PolytorusAbi()] });
  const nothing = () => undefined;

  it("admits code as a deployment does, without the constructor's arguments", () => {
    const { code: upgraded, gas } = engine.admitUpgrade({ type: "wasm", code: toHex(code), abi: ABI }, nothing);
    const deployed = engine.admitDeploy({ type: "wasm", code: toHex(code), abi: ABI, init: [ALICE, 1] }, nothing);
    expect([toHex(upgraded), gas]).toEqual([toHex(deployed.code), deployed.gas]);
    const refused = (contract: Record<string, unknown>) =>
      refusal(() => engine.admitUpgrade({ type: "wasm", ...contract }, nothing)).facts["path"];
    expect(refused({ code: toHex(code), init: [] })).toBe("contract.init");
    expect(refused({ code: toHex(code), message: {} })).toBe("contract.message");
    expect(refused({})).toBe("contract.code");
  });

  it("runs nothing where the ABI has nothing to run", () => {
    const { code: upgraded } = engine.admitUpgrade({ type: "wasm", code: toHex(code) }, nothing);
    expect(engine.upgrade({} as HostContext, upgraded, undefined)).toMatchObject({ status: "success" });
  });
});
