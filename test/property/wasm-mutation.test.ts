/**
 * Mutated modules: each is refused with a ModuleRejected, or its instrumented form is valid and, run with little gas, comes to
 * an end. WASM_MUTATIONS says how many of small programs are tried; of compiled contracts a hundredth of that, and
 * of those below 100 KB a fifth.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadArtifact } from "../../contracts/sdk/testing/artifact.ts";
import { instrumentModule, type ModulePolicy } from "../../src/engines/wasm/module/instrument.ts";
import { LIMITS } from "../../src/engines/wasm/module/limits.ts";
import { ModuleRejected } from "../../src/engines/wasm/module/module-rejected.ts";
import { parseModule } from "../../src/engines/wasm/module/parse-module.ts";
import { HOST_TYPE, ProgramGenerator, randomSource } from "../support/wasm-program-generator.ts";

const MUTATIONS = Number(process.env["WASM_MUTATIONS"] ?? 6_000);
const SEED = Number(process.env["WASM_MUTATION_SEED"] ?? 1);
const TIMEOUT_MS = Math.max(300_000, MUTATIONS * 10);
const GAS = 100_000n;
const SMALL: ModulePolicy = {
  imports: new Map([["env.host", HOST_TYPE]]),
  exports: new Map(),
  floats: "canonicalise",
  memoryPagesMax: 16,
};

/** Bytes with which a change is likely to mean something: opcodes, types, section ids, LEB128 borders. */
const TELLING = [
  0, 1, 2, 3, 4, 5, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x1b, 0x20, 0x21, 0x22, 0x28, 0x36, 0x3f, 0x40,
];
TELLING.push(0x41, 0x42, 0x60, 0x6a, 0x70, 0x7c, 0x7d, 0x7e, 0x7f, 0x80, 0x92, 0xa0, 0xc0, 0xfc, 0xfd, 0xff);

class Mutator {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomSource(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  mutate(original: Uint8Array, other: Uint8Array): Uint8Array {
    let bytes: Uint8Array = original.slice();
    for (let count = 1 + this.below(4); count > 0 && bytes.length > 9; count--) bytes = this.#once(bytes, other);
    return bytes;
  }

  #once(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    const at = this.below(bytes.length);
    switch (this.below(10)) {
      case 0:
        bytes[at] = bytes[at]! ^ (1 << this.below(8));
        return bytes;
      case 1:
        bytes[at] = this.below(256);
        return bytes;
      case 2:
        return Buffer.concat([
          bytes.subarray(0, at),
          Uint8Array.of(TELLING[this.below(TELLING.length)]!),
          bytes.subarray(at),
        ]);
      case 3:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + this.below(4))]);
      case 4: {
        const from = this.below(bytes.length - 8);
        return Buffer.from(bytes.copyWithin(at, from, from + this.below(8)));
      }
      case 5: {
        const from = this.below(other.length);
        bytes.set(other.subarray(from, from + Math.min(16, bytes.length - at)), at);
        return bytes;
      }
      case 6:
        return this.below(20) === 0 ? bytes.slice(0, at) : bytes;
      default:
        bytes[at] = TELLING[this.below(TELLING.length)]!;
        return bytes;
    }
  }
}

/** The rule that refused it, or undefined; anything else that is thrown fails the test. */
function admit(
  code: Uint8Array,
  policy: ModulePolicy,
): { rule: string } | { bytes: Uint8Array<ArrayBuffer>; initial: number } {
  try {
    const module = instrumentModule(code, policy);
    return { bytes: module.bytes, initial: module.initialPages + module.slackPages };
  } catch (error) {
    if (!(error instanceof ModuleRejected)) throw error;
    return { rule: error.rule };
  }
}

/** Of CosmWasm contracts, WASI programs, and what the AssemblyScript compiler makes: each with the imports that it has. */
async function compiledContracts(): Promise<{ code: Uint8Array; policy: ModulePolicy }[]> {
  const require = createRequire(import.meta.url);
  const folderOf = (name: string, folder: string) => join(dirname(require.resolve(`${name}/package.json`)), folder);
  const folders = [folderOf("@oraichain/common-contracts-build", "data"), folderOf("@wasmer/wasi", "tests")];
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const found = files.filter((file) => file.endsWith(".wasm")).map((file) => new Uint8Array(readFileSync(file)));
  const built = await Promise.all(["counter", "token", "escrow", "vault"].map(loadArtifact));
  return [...built.map(({ code }) => code), ...found].flatMap((code) => {
    if (code.length > LIMITS.moduleBytes || !WebAssembly.validate(code)) return [];
    const { imports, types } = parseModule(code);
    const allowed = new Map(imports.map((item) => [`${item.module}.${item.name}`, types[item.typeIndex]!]));
    return [{ code, policy: { ...SMALL, imports: allowed, memoryPagesMax: 512 } }];
  });
}

class HostHalt extends Error {}

/** Calls every exported function; returns how many came to an end by themselves. */
function runAll(bytes: Uint8Array<ArrayBuffer>, initial: number): number {
  const memory = new WebAssembly.Memory({ initial, maximum: 20 });
  let gas: { value: bigint } | undefined;
  const host = () => {
    if (gas !== undefined && gas.value < 0n) throw new HostHalt();
    return 7;
  };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { $m: { m: memory }, env: { host } });
  gas = exports["$gas"] as unknown as { value: bigint };
  let returned = 0;
  for (const [name, item] of Object.entries(exports)) {
    if (typeof item !== "function" || name === "$reset") continue;
    gas.value = GAS;
    try {
      // undefined becomes 0; a BigInt parameter refuses it.
      (item as CallableFunction)(...Array.from({ length: item.length }, () => 1));
      returned++;
    } catch (error) {
      const isOutcome =
        error instanceof WebAssembly.RuntimeError || error instanceof HostHalt || error instanceof TypeError;
      if (!isOutcome) throw error;
    }
    (exports["$reset"] as CallableFunction)();
  }
  return returned;
}

describe("mutated modules", () => {
  it(
    `are refused by name, or valid and metered, over ${MUTATIONS} small programs`,
    () => {
      const mutator = new Mutator(SEED);
      const rules = new Map<string, number>();
      let admitted = 0;
      let program = new ProgramGenerator(SEED).module();
      for (let i = 0; i < MUTATIONS; i++) {
        const other = program;
        if (i % 8 === 0) program = new ProgramGenerator(SEED * 1_000_003 + i).module();
        const code = mutator.mutate(program, other);
        const result = admit(code, SMALL);
        if ("rule" in result) {
          rules.set(result.rule, (rules.get(result.rule) ?? 0) + 1);
          continue;
        }
        admitted++;
        if (!WebAssembly.validate(result.bytes))
          throw new Error(`not valid: mutation ${i} of seed ${SEED}: ${Buffer.from(code).toString("hex")}`);
        runAll(result.bytes, result.initial);
      }
      console.log(`${admitted} admitted; ${[...rules].map(([rule, count]) => `${count} ${rule}`).join(", ")}`);
      expect(admitted).toBeGreaterThan(MUTATIONS / 20);
      expect(rules.size).toBeGreaterThan(8);
    },
    TIMEOUT_MS,
  );

  it(
    "are refused by name, or valid, of contracts that compilers made",
    async () => {
      const contracts = await compiledContracts();
      const smallBytesMax = 100_000;
      const mutator = new Mutator(SEED + 1);
      const counts = { tried: 0, admitted: 0 };
      const tryOne = (all: typeof contracts, i: number) => {
        const { code, policy } = all[i % all.length]!;
        const result = admit(mutator.mutate(code, all[(i + 1) % all.length]!.code), policy);
        counts.tried++;
        if ("rule" in result) return;
        counts.admitted++;
        expect(WebAssembly.validate(result.bytes)).toBe(true);
      };
      for (let i = 0; i < MUTATIONS / 100; i++) tryOne(contracts, i);
      const small = contracts.filter(({ code }) => code.length < smallBytesMax);
      for (let i = 0; i < MUTATIONS / 5; i++) tryOne(small, i);
      console.log(`${counts.admitted} of ${counts.tried} admitted, of ${contracts.length} contracts`);
      expect(counts.admitted).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  it("are refused however short they are cut", () => {
    const program = new ProgramGenerator(SEED).module();
    for (let length = 0; length < program.length; length++) {
      expect(() => instrumentModule(program.slice(0, length), SMALL)).toThrow(ModuleRejected);
    }
  });
});
