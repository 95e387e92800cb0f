/**
 * What `$gas` says after a call is what a slow interpreter counts instruction by instruction, on random programs with loops,
 * branches, calls and memory; results, memory and dirty pages agree as well. WASM_PROGRAMS sets how many.
 */
import { describe, expect, it } from "vitest";
import {
  DIRTY_BLOCK_SHIFT,
  DIRTY_OVERHANG_BYTES,
  DIRTY_PAGE_SHIFT,
} from "../../src/engines/wasm/module/dirty-pages.ts";
import { instrumentModule, SLACK_PAGES } from "../../src/engines/wasm/module/instrument.ts";
import { parseModule } from "../../src/engines/wasm/module/parse-module.ts";
import { asText, Interpreter, OutOfGas, Trap, type Value } from "../support/wasm-interpreter.ts";
import { HOST_TYPE, ProgramGenerator } from "../support/wasm-program-generator.ts";

const PROGRAMS = Number(process.env["WASM_PROGRAMS"] ?? 400);
const GAS = 60_000n;
const HOST_GAS = 100n;
const LIMIT_PAGES = 12;
const POLICY = {
  imports: new Map([["env.host", HOST_TYPE]]),
  exports: new Map(),
  floats: "refuse",
  memoryPagesMax: LIMIT_PAGES,
} as const;

interface Run {
  outcome: string;
  gas: bigint;
  memory: Uint8Array;
  dirty: bigint;
  blocks: bigint;
  tracksDirtyPages: boolean;
}

class HostHalt extends Error {}

function runMetered(
  code: Uint8Array,
  name: string,
  args: readonly Value[],
  generator: ProgramGenerator,
  i: number,
): Run {
  const module = instrumentModule(code, POLICY);
  const memory = new WebAssembly.Memory({ initial: module.initialPages + SLACK_PAGES, maximum: module.maxPages });
  const host = (argument: number) => {
    if (gas.value < 0n) throw new HostHalt();
    gas.value -= HOST_GAS;
    return argument ^ 0x55;
  };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes), {
    $m: { m: memory },
    env: { host },
  });
  const gas = exports["$gas"] as unknown as { value: bigint };
  gas.value = GAS;
  let outcome: string;
  try {
    const result = (exports[name] as CallableFunction)(...args) as Value | undefined;
    outcome = `returned ${asText(result === undefined ? [] : [result], generator.typeOf(i).results)}`;
    expect((exports["$stack"] as WebAssembly.Global).value).toBe(20_000);
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError || error instanceof HostHalt)) throw error;
    outcome = "trapped";
  }
  if (gas.value < 0n) outcome = "out of gas";
  const [dirty, blocks] = ["$dirty", "$blocks"].map((name) =>
    BigInt.asUintN(64, (exports[name] as WebAssembly.Global).value as bigint),
  ) as [bigint, bigint];
  const { tracksDirtyPages } = module;
  return { outcome, gas: gas.value, memory: new Uint8Array(memory.buffer), dirty, blocks, tracksDirtyPages };
}

function runInterpreted(code: Uint8Array, index: number, args: readonly Value[], generator: ProgramGenerator): Run {
  const host = (argument: number, on: Interpreter) => {
    on.gas -= HOST_GAS;
    if (on.gas < 0n) throw new OutOfGas();
    return argument ^ 0x55;
  };
  const slackPages = SLACK_PAGES;
  const interpreter = new Interpreter(parseModule(code), GAS, { slackPages, limitPages: LIMIT_PAGES, host });
  let outcome: string;
  try {
    outcome = `returned ${asText(interpreter.call(index + 1, args), generator.typeOf(index).results)}`;
  } catch (error) {
    if (!(error instanceof Trap || error instanceof OutOfGas)) throw error;
    outcome = error instanceof Trap ? "trapped" : "out of gas";
  }
  return { outcome, gas: interpreter.gas, memory: interpreter.memory, dirty: 0n, blocks: 0n, tracksDirtyPages: false };
}

/** Blocks that hold something and are not covered by the masks: memory was zero before. */
function uncovered(memory: Uint8Array, dirty: bigint, blocks: bigint): number[] {
  const size = 1 << DIRTY_BLOCK_SHIFT;
  const hasBit = (mask: bigint, bit: number) => ((mask >> BigInt(bit & 63)) & 1n) === 1n;
  const isMarked = (block: number) =>
    block >= 0 && hasBit(blocks, block) && hasBit(dirty, block >> (DIRTY_PAGE_SHIFT - DIRTY_BLOCK_SHIFT));
  return Array.from({ length: memory.length / size }, (_, block) => block).filter((block) => {
    if (isMarked(block)) return false;
    const from = block * size + (isMarked(block - 1) ? DIRTY_OVERHANG_BYTES : 0);
    return memory.subarray(from, (block + 1) * size).some((byte) => byte !== 0);
  });
}

describe("gas", () => {
  it(`is what an interpreter counts, over ${PROGRAMS} random programs`, () => {
    const outcomes = new Map<string, number>();
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const generator = new ProgramGenerator(seed);
      const code = generator.module();
      for (let i = 0; i < generator.functionCount; i++) {
        const args = generator.argumentsOf(i);
        const interpreted = runInterpreted(code, i, args, generator);
        const metered = runMetered(code, `f${i}`, args, generator, i);
        const kind = interpreted.outcome.split(" ", 1)[0]!;
        outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
        const where = `seed ${seed}, f${i}`;
        if (kind === "returned") {
          expect(`${where}: ${metered.outcome}`).toBe(`${where}: ${interpreted.outcome}`);
          expect(`${where}: ${metered.gas}`).toBe(`${where}: ${interpreted.gas}`);
          const shared = Math.min(metered.memory.length, interpreted.memory.length);
          expect(Buffer.compare(metered.memory.subarray(0, shared), interpreted.memory.subarray(0, shared))).toBe(0);
          if (metered.tracksDirtyPages) expect(uncovered(metered.memory, metered.dirty, metered.blocks)).toEqual([]);
        } else {
          // Charged ahead, a run may end for lack of gas just before its trap, or trap before the next test of the gas.
          expect([`${where}: trapped`, `${where}: out of gas`]).toContain(`${where}: ${metered.outcome}`);
        }
      }
    }
    console.log([...outcomes].map(([kind, count]) => `${count} ${kind}`).join(", "));
    expect(outcomes.get("returned")).toBeGreaterThan(PROGRAMS);
  });
});
