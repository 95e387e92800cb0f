/** What the rewriter refuses, by rule, and what an instrumented module does at its borders. */
import { describe, expect, it } from "vitest";
import { GAS_PER_GROWN_PAGE, STACK_HEIGHT_MAX } from "../../src/engines/wasm/module/gas-schedule.ts";
import { instrumentModule, type ModulePolicy } from "../../src/engines/wasm/module/instrument.ts";
import { LIMITS } from "../../src/engines/wasm/module/limits.ts";
import { ModuleRejected } from "../../src/engines/wasm/module/module-rejected.ts";
import { binaryOf, binaryOfBody, MeteredInstance, POLICY } from "../support/wasm-text.ts";

const MEMORY = '(memory (export "memory") 1)';
const repeat = (text: string, count: number) => Array(count).fill(text).join(" ");

function rejection(module: string | Uint8Array, policy: ModulePolicy = POLICY): ModuleRejected {
  try {
    instrumentModule(typeof module === "string" ? binaryOf(module) : module, policy);
  } catch (error) {
    if (error instanceof ModuleRejected) return error;
    throw error;
  }
  throw new Error(`admitted: ${module.slice(0, 200)}`);
}

describe("refused by its rule", () => {
  const inBody = (code: string) => `(module ${MEMORY} (table 1 funcref) (func ${code}))`;
  const nested = (depth: number) =>
    binaryOfBody([...Array<number[]>(depth).fill([0x02, 0x40]).flat(), ...Array<number>(depth).fill(0x0b)]);
  const branches = (count: number) =>
    inBody(`(local ${repeat("i64", 240)}) block ${repeat("i32.const 0 br_if 0", count)} end`);
  const cases: [string, string][] = [
    ["invalid-module", inBody("i32.add drop")],
    ["operator-not-allowed", inBody("v128.const i64x2 0 0 drop")],
    ["operator-not-allowed", inBody("i32.const 0 ref.null func table.set 0")],
    ["operator-not-allowed", inBody("atomic.fence")],
    ["operator-not-allowed", `(module ${MEMORY} (func $f return_call $f))`],
    ["type-not-allowed", `(module ${MEMORY} (func (param externref)))`],
    ["type-not-allowed", inBody("(local v128)")],
    ["type-not-allowed", `(module ${MEMORY} (table 1 externref))`],
    ["import-not-allowed", `(module (import "env" "other" (func)) ${MEMORY})`],
    ["import-not-allowed", '(module (import "env" "memory" (memory 1)) (export "memory" (memory 0)))'],
    ["import-not-allowed", `(module (import "env" "g" (global i32)) ${MEMORY})`],
    ["import-type", `(module (import "env" "host" (func)) ${MEMORY})`],
    ["export-missing", "(module (memory 1))"],
    ["export-missing", '(module (memory 1) (func (export "memory")))'],
    ["export-reserved", `(module ${MEMORY} (func (export "$gas")))`],
    ["memory-not-allowed", "(module)"],
    ["memory-not-allowed", '(module (memory (export "memory") 17))'],
    ["memory-not-allowed", '(module (memory (export "memory") 1 2 shared))'],
    ["segment-not-allowed", `(module ${MEMORY} (data "passive"))`],
    ["segment-out-of-bounds", `(module ${MEMORY} (data (i32.const 65534) "abc"))`],
    ["segment-out-of-bounds", `(module ${MEMORY} (data (i32.const -1) "abc"))`],
    ["segment-out-of-bounds", `(module ${MEMORY} (table 1 funcref) (func $f) (elem (i32.const 1) $f))`],
    ["limit-locals", inBody(`(local ${repeat("i32", LIMITS.locals + 1)})`)],
    ["limit-branch-table", inBody(`i32.const 0 br_table ${repeat("0", LIMITS.branchTable + 2)}`)],
    [
      "limit-operand-height",
      inBody(`${repeat("i32.const 0", LIMITS.operandHeight + 1)} ${repeat("drop", LIMITS.operandHeight + 1)}`),
    ],
    ["limit-function-weight", branches(4_000)],
    ["limit-body-bytes", inBody(repeat("nop", LIMITS.bodyBytes))],
    ["limit-table-entries", `(module ${MEMORY} (table ${LIMITS.tableEntries + 1} funcref))`],
    ["limit-parameters", `(module ${MEMORY} (func (param ${repeat("i32", LIMITS.parameters + 1)})))`],
    ["limit-globals", `(module ${MEMORY} ${repeat("(global i32 (i32.const 0))", LIMITS.globals + 1)})`],
    ["limit-name-bytes", `(module ${MEMORY} (func (export "${"n".repeat(LIMITS.nameBytes + 1)}")))`],
  ];
  it.each(cases)("%s: %.60s", (rule, text) => {
    expect(rejection(text).rule).toBe(rule);
  });

  it("limit-nesting", () => {
    expect(rejection(nested(LIMITS.nesting + 1)).rule).toBe("limit-nesting");
    expect(instrumentModule(nested(LIMITS.nesting), POLICY).initialPages).toBe(1);
  });

  it("one below the limits is admitted", () => {
    for (const text of [
      inBody(`(local ${repeat("i32", LIMITS.locals)})`),
      inBody(`i32.const 0 br_table ${repeat("0", LIMITS.branchTable + 1)}`),
      inBody(`${repeat("i32.const 0", LIMITS.operandHeight)} ${repeat("drop", LIMITS.operandHeight)}`),
      `(module ${MEMORY} (table ${LIMITS.tableEntries} funcref))`,
      `(module ${MEMORY} (func (param ${repeat("i32", LIMITS.parameters)})))`,
    ]) {
      expect(WebAssembly.validate(instrumentModule(binaryOf(text), POLICY).bytes)).toBe(true);
    }
  });

  it("says where, what was expected and what it got", () => {
    const code = binaryOf(`(module ${MEMORY} (func nop v128.const i64x2 0 0 drop))`);
    const error = rejection(`(module ${MEMORY} (func nop v128.const i64x2 0 0 drop))`);
    expect(code[error.offset]).toBe(0xfd);
    expect(error.message).toMatch(
      /^expected an operator of .*, received opcode fd.* \(rule operator-not-allowed, byte \d+ of the module\)$/,
    );
    expect(rejection(`(module ${MEMORY} (func (local ${repeat("i32", 257)})))`).facts).toEqual({
      limit: 256,
      received: 257,
    });
  });

  it("operators on floats, under a policy without them", () => {
    const policy = { ...POLICY, floats: "refuse" } as const;
    const error = rejection(`(module ${MEMORY} (func (param f64) local.get 0 f64.abs drop))`, policy);
    expect([error.rule, error.facts]).toEqual(["float-operator", { operator: "f64.abs" }]);
  });

  it("a required export that is missing or of another type", () => {
    const policy = { ...POLICY, exports: new Map([["call", { params: [], results: ["i32"] as const }]]) };
    expect(rejection(`(module ${MEMORY})`, policy).rule).toBe("export-missing");
    expect(rejection(`(module ${MEMORY} (func (export "call")))`, policy).rule).toBe("export-type");
  });
});

describe("gas", () => {
  // Part of the protocol: another price is another METERING_VERSION.
  it.each([
    ["", 0],
    ["nop block end loop end", 0],
    ["i32.const 1 if nop else nop end", 2],
    ["i32.const 1 i32.const 2 i32.add drop", 4],
    ["i32.const 0 i32.load drop", 4],
    ["i32.const 0 i64.const 1 i64.store32", 4],
    ["i32.const 7 i32.const 2 i32.div_u drop", 15],
    ["i64.const 7 i64.const 2 i64.rem_s drop", 15],
    ["f64.const 1 f64.const 2 f64.add drop", 6],
    ["f32.const 1 f32.const 2 f32.div drop", 15],
    ["f64.const 2 f64.sqrt drop", 14],
    ["i32.const 1 f64.convert_i32_s drop", 5],
    ["f64.const 2 i32.trunc_f64_s drop", 6],
    ["f32.const 2 i64.trunc_sat_f32_u drop", 6],
    ["block i32.const 0 br_table 0 end", 5],
    ["call $nothing", 8],
    ["i32.const 0 call_indirect (type $none)", 13],
    ["i32.const 0 i32.const 0 i32.const 0 memory.fill", 15],
    ["i32.const 0 i32.const 0 i32.const 0 memory.copy", 15],
    ["memory.size drop", 2],
    ["i32.const 0 memory.grow drop", 14],
    ["i32.const 1 memory.grow drop", 14 + 16_384],
    ["(local i32 i32 i32)", 0],
    ["(local i32 i32 i32 i32)", 1],
  ])("of %j is %i", (code, gas) => {
    const instance = new MeteredInstance(`(module ${MEMORY} (type $none (func)) (table 1 funcref)
      (elem (i32.const 0) $nothing) (func $nothing) (func (export "run") ${code}))`);
    instance.call("run");
    expect(1_000_000n - instance.gas).toBe(BigInt(gas));
  });

  it("ends a loop that does not end, with all of it used", () => {
    const instance = new MeteredInstance(`(module ${MEMORY} (func (export "spin") loop br 0 end))`);
    expect(instance.trap("spin")).toBe("unreachable");
    expect(instance.gas).toBe(-1n);
  });

  it("is tested by a loop of which no instruction costs anything", () => {
    const text = `(module ${MEMORY} (func (export "spin") loop block nop end loop br 1 end end))`;
    expect(new MeteredInstance(text).trap("spin")).toBe("unreachable");
  });

  it("is up to date when the host is called, and what the host takes stays taken", () => {
    const seen: bigint[] = [];
    const instance: MeteredInstance = new MeteredInstance(
      `(module (import "env" "host" (func $host (param i32) (result i32))) ${MEMORY}
        (func (export "run") (param $n i32)
          loop local.get $n call $host drop local.get $n i32.const 1 i32.sub local.tee $n br_if 0 end))`,
      POLICY,
      (argument) => {
        seen.push(instance.gas);
        instance.gas -= 1_000n;
        return argument;
      },
    );
    instance.call("run", 3);
    // A turn: get, call (8), drop, get, const, sub, tee, br_if.
    expect(seen.map((gas, i) => gas - (seen[i + 1] ?? instance.gas))).toEqual([1_015n, 1_015n, 1_000n]);
  });

  it("pays for copied and filled bytes by eight, before it is done", () => {
    const instance = new MeteredInstance(
      `(module ${MEMORY} (func (export "fill") (param i32) i32.const 0 i32.const 1 local.get 0 memory.fill))`,
    );
    const priceOf = (bytes: number) => {
      instance.gas = 1_000_000n;
      instance.call("fill", bytes);
      return 1_000_000n - instance.gas;
    };
    expect(priceOf(8_000) - priceOf(7)).toBe(1_000n);
    instance.gas = 100n;
    instance.trap("fill", 65_536);
    expect([instance.gas, new Uint8Array(instance.memory.buffer)[60_000]]).toEqual([-1n, 0]);
  });
});

describe("stack height", () => {
  const RECURSE = `(module ${MEMORY} (global $depth (mut i32) (i32.const 0)) (export "depth" (global $depth))
    (func $down (export "down") global.get $depth i32.const 1 i32.add global.set $depth call $down))`;

  it("ends a recursion at the same depth however often the code ran", () => {
    const instance = new MeteredInstance(RECURSE);
    const depths = Array.from({ length: 200 }, () => {
      instance.gas = 1_000_000n;
      instance.trap("down");
      const depth = (instance.exports["depth"] as unknown as { value: number }).value;
      expect(instance.stack).toBe(-1);
      instance.call("$reset");
      return depth;
    });
    // Frames of two operands and eight: the 2,001st does not fit 20,000.
    expect(new Set(depths)).toEqual(new Set([2_000]));
    expect(instance.stack).toBe(STACK_HEIGHT_MAX);
  });

  it("is full again after a call that returns from within blocks", () => {
    const instance = new MeteredInstance(
      `(module ${MEMORY} (func $leaf) (func (export "run") (result i32) block loop call $leaf i32.const 7 return end end unreachable))`,
    );
    expect(instance.call("run")).toBe(7);
    expect(instance.stack).toBe(STACK_HEIGHT_MAX);
  });
});

describe("memory", () => {
  const GROWING = `(module (memory (export "memory") 3 10)
    (func (export "grow") (param i32) (result i32) local.get 0 memory.grow)
    (func (export "size") (result i32) memory.size)
    (func (export "store") (param i32) local.get 0 i32.const 1 i32.store8))`;

  it("grows within the slack without growing, then really, and not beyond what it declares", () => {
    const instance = new MeteredInstance(GROWING);
    expect([instance.call("grow", 4), instance.call("size"), instance.memory.buffer.byteLength / 65_536]).toEqual([
      3, 7, 7,
    ]);
    expect([instance.call("grow", 1), instance.call("size"), instance.memory.buffer.byteLength / 65_536]).toEqual([
      7, 8, 8,
    ]);
    expect([instance.call("grow", 3), instance.call("size")]).toEqual([-1, 8]);
    expect(instance.call("grow", -1)).toBe(-1);
    expect(1_000_000n - instance.gas).toBeGreaterThan(5n * BigInt(GAS_PER_GROWN_PAGE));
  });

  it("does not grow by more than there is gas for", () => {
    const instance = new MeteredInstance(GROWING);
    instance.gas = BigInt(3 * GAS_PER_GROWN_PAGE);
    instance.trap("grow", 4);
    expect([instance.gas, instance.pages]).toEqual([-1n, 3]);
  });

  it("notes the pages written to, a range's too, and none for a module of two pages", () => {
    const instance = new MeteredInstance(
      `(module (memory (export "memory") 5)
        (func (export "store") (param i32) local.get 0 i64.const 1 i64.store offset=1016)
        (func (export "far") (param i32) local.get 0 i64.const 1 i64.store offset=131072)
        (func (export "fill") (param i32 i32) local.get 0 i32.const 1 local.get 1 memory.fill))`,
    );
    const pagesOf = (name: string, ...args: number[]) => {
      instance.call("$reset");
      instance.call(name, ...args);
      return instance.dirty.toString(2);
    };
    expect(pagesOf("store", 65_536)).toBe("10");
    expect(pagesOf("far", 65_535)).toBe("100");
    expect(pagesOf("fill", 65_535, 2)).toBe("11");
    expect(pagesOf("fill", 65_536, 65_537)).toBe("110");
    expect(pagesOf("fill", 0, 0)).toBe("0");
    const small = new MeteredInstance(`(module ${MEMORY} (func (export "s") i32.const 0 i32.const 1 i32.store))`);
    small.call("s");
    expect([small.module.tracksDirtyPages, small.module.slackPages, small.dirty]).toEqual([true, 0, 1n]);
    const none = new MeteredInstance(`(module (memory (export "memory") 0))`);
    expect([none.module.tracksDirtyPages, none.module.slackPages]).toEqual([false, 0]);
  });

  it("notes the page of every turn when a loop changes the local that it stores through", () => {
    const instance = new MeteredInstance(
      `(module (memory (export "memory") 5) (func (export "run") (param $at i32)
        (i32.store (local.get $at) (i32.const 1))
        (loop
          (i32.store (local.get $at) (i32.const 2))
          (local.set $at (i32.add (local.get $at) (i32.const 65536)))
          (br_if 0 (i32.lt_u (local.get $at) (i32.const 262144))))))`,
    );
    instance.call("run", 0);
    expect(instance.dirty.toString(2)).toBe("1111");
  });
});

describe("start and reset", () => {
  it("runs start when told to, metered, and resets to what it left", () => {
    const instance = new MeteredInstance(
      `(module (memory (export "memory") 3) (global $g (export "g") (mut i64) (i64.const 5))
        (func $init i64.const 9 global.set $g i32.const 1 memory.grow drop)
        (func (export "set") i64.const 1 global.set $g i32.const 2 memory.grow drop) (start $init))`,
    );
    const global = instance.exports["g"] as unknown as { value: bigint };
    expect([instance.module.hasStart, global.value]).toEqual([true, 5n]);
    instance.call("$start");
    expect([global.value, instance.pages, instance.gas < 1_000_000n]).toEqual([9n, 4, true]);
    instance.call("set");
    instance.call("$reset");
    expect([global.value, instance.pages]).toEqual([9n, 4]);
  });

  it("leaves the gas as it is", () => {
    const instance = new MeteredInstance(`(module ${MEMORY} (func (export "f")))`);
    instance.gas = 77n;
    instance.call("$reset");
    expect(instance.gas).toBe(77n);
  });
});

describe("floats", () => {
  const NAN = `(module ${MEMORY} (func (export "add") (param i32 i32) (result i32)
      local.get 0 f32.reinterpret_i32 local.get 1 f32.reinterpret_i32 f32.add i32.reinterpret_f32)
    (func (export "min") (param i64 i64) (result i64)
      local.get 0 f64.reinterpret_i64 local.get 1 f64.reinterpret_i64 f64.min i64.reinterpret_f64)
    (func (export "neg") (param i32) (result i32) local.get 0 f32.reinterpret_i32 f32.neg i32.reinterpret_f32))`;

  it("make the canonical NaN in every tier, and keep the bits that the standard defines", () => {
    const instance = new MeteredInstance(NAN);
    for (let i = 0; i < 20_000; i++) {
      instance.gas = 1_000n;
      const sum = instance.call("add", 0x7fc00001, -0x3ffffe) as number;
      if (sum !== 0x7fc00000) expect(`turn ${i}: ${sum.toString(16)}`).toBe("turn 0: 7fc00000");
    }
    expect(instance.call("min", 0x7ff4_0000_0000_0001n, 1n)).toBe(0x7ff8_0000_0000_0000n);
    expect((instance.call("neg", 0x7fc00001) as number) >>> 0).toBe(0xffc00001);
    expect(instance.call("add", 0x3f800000, 0x40000000)).toBe(0x40400000);
  });
});

it("keeps the custom sections of the original beside the module, not in it", () => {
  const code = binaryOf(`(module ${MEMORY})`);
  const section = Uint8Array.of(0, 4, 2, 0x68, 0x69, 42);
  const module = instrumentModule(new Uint8Array([...code, ...section]), POLICY);
  expect(module.customSections).toEqual([{ name: "hi", bytes: Uint8Array.of(42) }]);
  expect(WebAssembly.Module.customSections(new WebAssembly.Module(module.bytes), "hi")).toEqual([]);
});
