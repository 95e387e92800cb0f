/** How a WebAssembly contract's frame ends when it does not return: which halt, what it costs, what is left of it. */
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { FRAME_GAS, FRAME_PAGE_GAS, WASM_GAS_RATIO } from "../../src/engines/wasm/wasm-gas.ts";
import { ALICE, BOB } from "../support/engine.ts";
import { contractText, WasmChain, wasmOf } from "../support/wasm-chain.ts";

const TRANSACTION_BASE = 21_000;
const RECURSE = `(func $deeper (param $n i32) (result i32)
  (i32.add (i32.const 1) (call $deeper (i32.add (local.get $n) (i32.const 1)))))`;

function install(parts: Parameters<typeof contractText>[0], options = {}) {
  const chain = new WasmChain(options);
  return { chain, address: chain.install(ALICE, wasmOf(contractText(parts))) };
}

function outcome(parts: Parameters<typeof contractText>[0], gasLimit = 1_000_000) {
  const { chain, address } = install(parts);
  const { status, haltReason, gasUsed } = chain.callRaw(BOB, address, "0x", gasLimit);
  return { status, haltReason, gasUsed };
}

describe("halts spend the whole limit", () => {
  it.each([
    ["an endless loop", "(loop (br 0))", "", "OutOfGas"],
    ["endless recursion", "(drop (call $deeper (i32.const 0)))", RECURSE, "StackOverflow"],
    ["unreachable", "(unreachable)", "", "Unreachable"],
    ["division by zero", "(drop (i32.div_u (i32.const 1) (i32.const 0)))", "", "Unreachable"],
    ["a load beyond the memory", "(drop (i32.load (i32.const 65536)))", "", "Unreachable"],
    ["a fill beyond the memory", "(memory.fill (i32.const 65535) (i32.const 1) (i32.const 2))", "", "Unreachable"],
    ["an indirect call of nothing", "(call_indirect (i32.const 0))", "(table 1 1 funcref)", "Unreachable"],
    [
      "growing until the gas is gone",
      "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))",
      "",
      "OutOfGas",
    ],
    [
      "filling until the gas is gone",
      "(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0))",
      "",
      "OutOfGas",
    ],
    ["asking the host until the gas is gone", "(loop (drop (call $input_length)) (br 0))", "", "OutOfGas"],
  ])("%s", (_name, call, rest, haltReason) => {
    // 512 pages cost less than this, so that the memory's limit comes first where it should not.
    const expected = { status: "halted", haltReason, gasUsed: 800_000 };
    expect(outcome({ call, rest }, 800_000)).toEqual(expected);
    expect(outcome({ call, rest }, 800_000)).toEqual(expected);
  });

  it("and leave neither writes nor logs", () => {
    const { chain, address } = install({
      call: `(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1))
        (call $state_set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))
        (if (call $input_length) (then (unreachable)))
        (call $return_data (i32.const 0) (call $state_get (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1)))`,
    });
    const halted = chain.callRaw(BOB, address, "0x01");
    expect([halted.status, halted.logs, toHex(halted.returnData)]).toEqual(["halted", [], "0x"]);
    // 0x00 was the value: a key that is made anew costs more than one that is overwritten.
    const [first, second] = [chain.callRaw(BOB, address), chain.callRaw(BOB, address)];
    expect(first.gasUsed - second.gasUsed).toBe(20_000 - 2_900);
  });
});

describe("gas", () => {
  const EMPTY_CALL = TRANSACTION_BASE + FRAME_GAS + FRAME_PAGE_GAS;

  it("of a contract that does nothing is that of its frame", () => {
    expect(outcome({}).gasUsed).toBe(EMPTY_CALL);
  });

  it("counts instructions at the schedule's ratio, a begun gas as a whole one", () => {
    const loop = (rounds: number) => ({
      call: `(local $i i32) (loop (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if 0 (i32.lt_u (local.get $i) (i32.const ${rounds}))))`,
    });
    const [few, many] = [outcome(loop(1_000)).gasUsed, outcome(loop(11_000)).gasUsed];
    const units = (many - few) * WASM_GAS_RATIO;
    expect(units / 10_000).toBeGreaterThan(4);
    expect(units / 10_000).toBeLessThan(12);
    expect(outcome(loop(1_000)).gasUsed).toBe(few);
  });

  it("suffices when it is exactly what the call needs, and one less halts", () => {
    const parts = {
      call: `(local $i i32)
        (loop (call $state_set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 8))
          (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if 0 (i32.lt_u (local.get $i) (i32.const 7))))
        (call $return_data (i32.const 0) (i32.const 4))`,
    };
    const { gasUsed } = outcome(parts);
    expect(outcome(parts, gasUsed)).toEqual({ status: "success", haltReason: undefined, gasUsed });
    expect(outcome(parts, gasUsed - 1)).toEqual({ status: "halted", haltReason: "OutOfGas", gasUsed: gasUsed - 1 });
  });

  it("of a revert is what was used until then", () => {
    const parts = (rounds: number) => ({
      call: `(local $i i32)
        (loop (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if 0 (i32.lt_u (local.get $i) (i32.const ${rounds}))))
        (call $revert (i32.const 0) (i32.const 0))`,
    });
    const [short, long] = [outcome(parts(10)), outcome(parts(10_000))];
    expect([short.status, long.status]).toEqual(["reverted", "reverted"]);
    expect(long.gasUsed).toBeGreaterThan(short.gasUsed + 3_000);
    expect(long.gasUsed).toBeLessThan(100_000);
  });

  it("used by the guest shows in what it may hand on", () => {
    const { chain, address } = install({
      call: `(local $i i32)
        (i64.store (i32.const 0) (call $gas_remaining))
        (loop (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if 0 (i32.lt_u (local.get $i) (i32.const 100000))))
        (i64.store (i32.const 8) (call $gas_remaining))
        (call $return_data (i32.const 0) (i32.const 16))`,
    });
    const data = Buffer.from(chain.callRaw(BOB, address).returnData);
    const spent = Number(data.readBigUInt64LE(0) - data.readBigUInt64LE(8));
    expect(spent).toBeGreaterThan(40_000);
    expect(spent).toBeLessThan(120_000);
  });
});

describe("start functions", () => {
  const START = `(global $g (mut i32) (i32.const 1)) (memory $unused 0)
    (func $start (global.set $g (i32.add (global.get $g) (i32.const 41))) (i32.store (i32.const 64) (i32.const 7)))
    (start $start)`.replace("(memory $unused 0)", "");
  const CALL = `(i32.store (i32.const 0) (global.get $g)) (i32.store (i32.const 4) (i32.load (i32.const 64)))
    (global.set $g (i32.const 5)) (i32.store (i32.const 64) (i32.const 9))
    (call $return_data (i32.const 0) (i32.const 8))`;

  it("have run once before every call, and every call pays for them alike", () => {
    const { chain, address } = install({ call: CALL, rest: START });
    const receipts = [1, 2, 3].map(() => chain.callRaw(BOB, address));
    expect(receipts.map(({ returnData }) => toHex(returnData))).toEqual(Array(3).fill("0x2a00000007000000"));
    expect(new Set(receipts.map(({ gasUsed }) => gasUsed)).size).toBe(1);
  });

  it.each([
    ["that trap", "(unreachable)", "Unreachable"],
    ["that do not end", "(loop (br 0))", "OutOfGas"],
    ["that call the host", "(drop (call $input_length))", "Unreachable"],
  ])("%s halt the deployment", (_name, body, haltReason) => {
    const chain = new WasmChain();
    const code = wasmOf(contractText({ rest: `(func $start ${body}) (start $start)` }));
    for (let i = 0; i < 2; i++) {
      const receipt = chain.deploy(ALICE, { type: "wasm", code: toHex(code) });
      expect([receipt.status, receipt.haltReason]).toEqual(["halted", haltReason]);
    }
  });
});
