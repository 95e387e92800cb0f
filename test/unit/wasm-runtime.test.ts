/** Module cache, module store, memory images and the pool of instances: what is kept, for how long, and what damage does. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { InstanceSlot, type SlotModule } from "../../src/engines/wasm/instance-slot.ts";
import { MemoryImage, PAGE_BYTES } from "../../src/engines/wasm/memory-image.ts";
import { instrumentModule, METERING_VERSION } from "../../src/engines/wasm/module/instrument.ts";
import { ModuleCache, type ModuleStore } from "../../src/engines/wasm/module-cache.ts";
import { readModuleNames } from "../../src/engines/wasm/module-names.ts";
import { PolytorusAbi } from "../../src/engines/wasm/polytorus/polytorus-abi.ts";
import { SlotPool } from "../../src/engines/wasm/slot-pool.ts";
import { decodeStoredModule, encodeStoredModule } from "../../src/engines/wasm/stored-module.ts";
import { GasMeter, Halt } from "../../src/execution/gas.ts";
import type { HostContext } from "../../src/execution/host.ts";
import { ALICE, BOB } from "../support/engine.ts";
import { contractText, WasmChain, wasmOf } from "../support/wasm-chain.ts";

const abi = new PolytorusAbi();
const rewritten = (parts: Parameters<typeof contractText>[0] = {}) =>
  instrumentModule(wasmOf(contractText(parts)), abi.policy);
const program = abi.open([]);
/** A frame that can pay for anything, and needs nothing else. */
const RICH = hostOf(new GasMeter(1_000_000_000));

function memoryStore(): ModuleStore & { entries: Map<string, Uint8Array>; puts: number; damages: string[] } {
  const entries = new Map<string, Uint8Array>();
  const damages: string[] = [];
  return {
    entries,
    damages,
    damaged: (name) => damages.push(name),
    puts: 0,
    get: (key) => entries.get(key),
    put(key, bytes) {
      this.puts++;
      entries.set(key, bytes);
    },
  };
}

function cacheOf(options: { bytesMax?: number; store?: ModuleStore } = {}) {
  const counts = { compiled: 0, dropped: [] as string[] };
  const cache = new ModuleCache({
    bytesMax: options.bytesMax ?? 1_000_000_000,
    store: options.store,
    compile: (bytes) => {
      counts.compiled++;
      return new WebAssembly.Module(bytes);
    },
    dropped: ({ key }) => counts.dropped.push(key),
  });
  return { cache, counts };
}

describe("the module cache", () => {
  it("compiles a module once, and rewrites it only when nobody has it", () => {
    const store = memoryStore();
    const first = cacheOf({ store });
    let rewrites = 0;
    const rewrite = () => {
      rewrites++;
      return rewritten();
    };
    const module = first.cache.get("k", rewrite);
    expect(first.cache.get("k", rewrite)).toBe(module);
    const second = cacheOf({ store });
    expect(second.cache.get("k", rewrite).layout).toEqual(module.layout);
    // What comes from the store was compiled as a whole before: not by the compiler that may be another thread.
    expect([rewrites, first.counts.compiled, second.counts.compiled, store.puts]).toEqual([1, 1, 0, 1]);
  });

  it("stores an admitted module only once it is run", () => {
    const store = memoryStore();
    const { cache } = cacheOf({ store });
    cache.keep("k", rewritten());
    expect(store.puts).toBe(0);
    cache.get("k", () => expect.unreachable());
    cache.get("k", () => expect.unreachable());
    expect(store.puts).toBe(1);
  });

  it("forgets what was used longest ago when its bytes run out", () => {
    const { cache, counts } = cacheOf({ bytesMax: 200_000 });
    for (const key of ["a", "b", "a", "c"]) cache.get(key, rewritten);
    expect(counts.dropped).toEqual(["b"]);
    expect([cache.has("a"), cache.has("b"), cache.has("c")]).toEqual([true, false, true]);
  });

  it("ignores and replaces what the store has damaged, torn or taken for another", () => {
    const good = encodeStoredModule(rewritten());
    const damages = [
      new Uint8Array(0),
      good.subarray(0, 20),
      good.subarray(0, good.length - 1),
      Uint8Array.from(good, (byte, i) => (i === 100 ? byte ^ 1 : byte)),
      Uint8Array.from(good, (byte, i) => (i === good.length - 1 ? byte ^ 1 : byte)),
      createHash("sha512").digest(),
    ];
    for (const damaged of damages) {
      expect(decodeStoredModule(damaged)).toBeUndefined();
      const store = memoryStore();
      const name = `v${METERING_VERSION}-6b`;
      store.entries.set(name, damaged);
      const { cache } = cacheOf({ store });
      cache.get("k", rewritten);
      expect(toHex(store.entries.get(name)!)).toBe(toHex(good));
      expect(store.damages).toEqual([name]);
    }
    expect(toHex(decodeStoredModule(good)!.bytes)).toBe(toHex(rewritten().bytes));
  });
});

describe("a contract's outcome does not depend on", () => {
  const counter = wasmOf(
    contractText({
      rest: `(global $g (mut i32) (i32.const 1))`,
      call: `(global.set $g (i32.mul (global.get $g) (i32.const 3)))
        (drop (call $state_get (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 4)))
        (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (global.get $g)))
        (call $state_set (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 4))
        (call $return_data (i32.const 16) (i32.const 4))`,
    }),
  );

  it.each([
    ["a cache that keeps nothing", { modulesBytesMax: 1 }],
    ["a pool that keeps nothing", { slotsBytesMax: 0 }],
    ["a store", { store: memoryStore() }],
  ])("%s", (_name, wasm) => {
    const results = [{}, wasm].map((options) => {
      const chain = new WasmChain({ wasm: options });
      const contracts = [chain.install(ALICE, counter), chain.install(ALICE, counter)];
      return Array.from({ length: 10 }, (_, i) => {
        const { gasUsed, returnData } = chain.callRaw(BOB, contracts[i % 2]!);
        return [gasUsed, toHex(returnData)];
      });
    });
    expect(results[1]).toEqual(results[0]);
  });
});

describe("the pool", () => {
  const slotModule = (parts: Parameters<typeof contractText>[0] = {}): SlotModule =>
    cacheOf().cache.get(JSON.stringify(parts), () => rewritten(parts));
  const poolOf = (slotsMax: number, bytesMax = 1_000_000_000) => new SlotPool({ slotsMax, bytesMax }, { left: 20_000 });

  it("gives the same instance again, and another while that one runs", () => {
    const pool = poolOf(8);
    const module = slotModule();
    const [one, two] = [pool.take(module, program), pool.take(module, program)];
    expect(two).not.toBe(one);
    pool.give(one);
    expect(pool.take(module, program)).toBe(one);
    expect(pool.live).toBe(2);
  });

  it("keeps no more instances than its limits, the longest unused go first", () => {
    const pool = poolOf(2);
    const modules = [1, 2, 3].map((pages) => slotModule({ memory: String(pages) }));
    for (const module of modules) pool.give(pool.take(module, program));
    expect(modules.map(({ waiting }) => waiting.length)).toEqual([0, 1, 1]);
    expect(pool.live).toBe(2);
    const small = poolOf(100, 2 * PAGE_BYTES);
    const other = slotModule();
    const taken = [1, 2, 3].map(() => small.take(other, program));
    for (const slot of taken) small.give(slot);
    expect([other.waiting.length, small.live]).toEqual([2, 2]);
    small.forget(other);
    expect([other.waiting.length, small.live]).toEqual([0, 0]);
  });

  it("drops instances whose memory has grown", () => {
    const pool = poolOf(8);
    const module = slotModule({ call: "(drop (memory.grow (i32.const 1)))" });
    const slot = pool.take(module, program);
    slot.begin(RICH);
    slot.call("call");
    pool.give(slot);
    expect([module.waiting.length, pool.live]).toEqual([0, 0]);
  });
});

describe("an instance", () => {
  const slotOf = (call: string) => {
    const { cache } = cacheOf();
    return new InstanceSlot(
      cache.get("k", () => rewritten({ call })),
      program,
      { left: 20_000 },
    );
  };

  it("throws a fault of the host, and no halt, when its memory cannot grow below the limit", () => {
    const { cache } = cacheOf();
    const module = cache.get("k", () => rewritten({ call: "(drop (memory.grow (i32.const 2)))" }));
    // A machine that has no more memory than this: the real growth fails where the chain allows it.
    const poor: SlotModule = { ...module, layout: { ...module.layout, maxPages: 1 } };
    const slot = new InstanceSlot(poor, program, { left: 20_000 });
    slot.begin(RICH);
    expect(() => slot.call("call")).toThrow(/no memory is left/);
  });

  it("lets what a host function throws through as it is, unless it is not meant", () => {
    const slot = slotOf("(drop (call $input_length))");
    expect(() => slot.call("call")).toThrow(Halt);
    slot.end();
    const broken = hostOf(new GasMeter(10_000));
    broken.charge = () => {
      throw new TypeError("a bug");
    };
    slot.begin(broken);
    expect(() => slot.call("call")).toThrow("the WebAssembly host failed: a bug");
  });

  it("has its memory checked at every edge", () => {
    const slot = slotOf("");
    expect([slot.isInside(0, PAGE_BYTES), slot.isInside(1, PAGE_BYTES), slot.isInside(-1, 1)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(slot.isInside(-1, 2)).toBe(false);
    expect(() => slot.view(PAGE_BYTES, 1)).toThrow(Halt);
    expect(() => slot.read(-4, 8)).toThrow(Halt);
    expect(() => slot.lend(PAGE_BYTES - 1, 2, 0)).toThrow(Halt);
    expect(() => slot.write(PAGE_BYTES - 1, new Uint8Array(2))).toThrow(Halt);
    expect(slot.view(PAGE_BYTES, 0).length).toBe(0);
    slot.write(PAGE_BYTES - 2, Uint8Array.of(1, 2, 3, 4), 1, 3);
    expect([...slot.lend(PAGE_BYTES - 2, 2, 0)]).toEqual([2, 3]);
  });
});

describe("a memory image", () => {
  it("restores marked pages, those 64 further on, and what a mark covers behind them", () => {
    const pages = 70;
    const original = new Uint8Array(pages * PAGE_BYTES);
    for (const at of [5, PAGE_BYTES - 1, PAGE_BYTES, 3 * PAGE_BYTES + 1_000, 65 * PAGE_BYTES + 77])
      original[at] = (at % 251) | 1;
    const image = new MemoryImage(original);
    const memory = new Uint8Array(original.length).fill(0xee);
    image.restore(memory, 0b110, 0x8000_0000 | 0, -1, -1);
    for (const page of [1, 2, 63, 65, 66]) {
      const [start, end] = [page * PAGE_BYTES, Math.min((page + 1) * PAGE_BYTES + 1_024, memory.length)];
      expect(Buffer.compare(memory.subarray(start, end), original.subarray(start, end)), `page ${page}`).toBe(0);
    }
    expect(memory[4 * PAGE_BYTES]).toBe(0xee);
    image.restoreAll(memory);
    expect(Buffer.compare(memory, original)).toBe(0);
  });

  it("restores what was written, from the marks of pages and blocks, whatever was written", () => {
    const pages = 67;
    const original = new Uint8Array(pages * PAGE_BYTES);
    for (let at = 2 * PAGE_BYTES + 500; at < 3 * PAGE_BYTES + 9_000; at++) original[at] = (at % 251) | 1;
    const image = new MemoryImage(original);
    const memory = original.slice();
    const marks = new Int32Array(4);
    const mark = (first: number, bit: number) => {
      marks[first + (bit >> 5)]! |= 1 << bit;
    };
    // Bases beside the borders of blocks and pages, and of what the image holds.
    const bases = fc.oneof(
      fc.integer({ min: 0, max: memory.length - 1 }),
      fc.tuple(fc.integer({ min: 0, max: 8 * 64 }), fc.integer({ min: -9, max: 9 })).map(([n, by]) => n * 1_024 + by),
      fc.integer({ min: 2 * PAGE_BYTES, max: 4 * PAGE_BYTES }),
    );
    const store = fc.record({ base: bases, offset: fc.nat({ max: 1_016 }), width: fc.constantFrom(1, 2, 4, 8) });
    fc.assert(
      fc.property(fc.array(store, { maxLength: 12 }), (stores) => {
        marks.fill(0);
        for (const { base, offset, width } of stores) {
          const at = base + offset;
          if (base < 0 || at + width > memory.length) continue;
          memory.fill(0xee, at, at + width);
          mark(0, (base >> 16) & 63);
          mark(2, (base >> 10) & 63);
        }
        image.restore(memory, marks[0]!, marks[1]!, marks[2]!, marks[3]!);
        expect(Buffer.compare(memory, original)).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});

describe("names of a module", () => {
  it("are read from modules that are whole, and as far as they go from others", () => {
    const code = wasmOf(contractText({}));
    const names = readModuleNames(code);
    expect(names.imports[0]).toEqual({ module: "polytorus", name: "input_length" });
    expect(names.exports).toEqual(["memory", "deploy", "call"]);
    for (let length = 0; length < code.length; length += 7) {
      const { imports } = readModuleNames(code.subarray(0, length));
      expect(names.imports.slice(0, imports.length)).toEqual(imports);
    }
  });
});

/** A host that has gas and nothing else. */
function hostOf(gas: GasMeter): HostContext {
  return { gas, charge: (_item: string, amount: number) => gas.charge(amount) } as unknown as HostContext;
}
