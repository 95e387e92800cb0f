/**
 * Question   What does admitting a WebAssembly module cost, and what does metering add to what it runs?
 * Workload   the twelve CosmWasm contracts of @oraichain/common-contracts-build (165 to 506 KB), admitted again and again in one
 *            process, after each was admitted once, cold. Then SHA-256, Argon2's compression (bench/support/argon2-loop.ts), xorshift,
 *            a sieve and Fibonacci (bench/support/metered-loops.wat), raw and metered in turn, in V8's optimising tier; best of rounds, as everything else only adds time.
 * Expected   at least 30 MB/s warm; metered over raw at most 1.3 for SHA-256, 1.25 for Argon2 and 2.0 for the sieve and the calls.
 * Checked    every instrumented module compiles; raw and metered loops return the same; gas is the same in every round.
 * Run        node scripts/run.mjs bench/micro/wasm-admission.bench.ts [rounds]
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import wabt from "wabt";
import { instrumentModule, type ModulePolicy } from "../../src/engines/wasm/module/instrument.ts";
import { parseModule } from "../../src/engines/wasm/module/parse-module.ts";
import { argon2Text } from "../support/argon2-loop.ts";
import { printBanner } from "../support/machine.ts";

const rounds = Number(process.argv[2] ?? 12);
const GAS = 1n << 60n;
const LOOPS: [string, number][] = [
  ["sha256", 4_000],
  ["argon2", 2_000],
  ["xorshift", 4_000_000],
  ["sieve", 100_000],
  ["fib", 25],
];

printBanner("WebAssembly: admission, and metered over raw", { rounds });

/** As the module itself would have it: the bench measures rewriting, not the ABI. */
function policyFor(code: Uint8Array, floats: ModulePolicy["floats"]): ModulePolicy {
  const { imports, types } = parseModule(code);
  const allowed = new Map(imports.map((item) => [`${item.module}.${item.name}`, types[item.typeIndex]!]));
  return { imports: allowed, exports: new Map(), floats, memoryPagesMax: 512 };
}

function milliseconds(work: () => void): number {
  const started = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - started) / 1e6;
}

function best(work: () => void): number {
  return Math.min(...Array.from({ length: rounds }, () => milliseconds(work)));
}

const require = createRequire(join(process.cwd(), "package.json"));
const folder = join(dirname(require.resolve("@oraichain/common-contracts-build/package.json")), "data");
const contracts = readdirSync(folder)
  .filter((name) => name.endsWith(".wasm"))
  .map((name) => ({ name, code: new Uint8Array(readFileSync(join(folder, name))) }));

console.log("| contract | KB | instrumented | cold ms | warm ms | MB/s |\n|---|---|---|---|---|---|");
const rows = contracts.map(({ name, code }) => {
  const policy = policyFor(code, "canonicalise");
  let size = 0;
  const cold = milliseconds(() => {
    size = instrumentModule(code, policy).bytes.length;
  });
  return { name, code, policy, size, cold };
});
let bytes = 0;
let total = 0;
for (const { name, code, policy, size, cold } of rows) {
  new WebAssembly.Module(instrumentModule(code, policy).bytes);
  const warm = best(() => instrumentModule(code, policy));
  bytes += code.length;
  total += warm;
  const cells = [name, Math.round(code.length / 1e3), `x${(size / code.length).toFixed(2)}`];
  console.log(`| ${[...cells, cold.toFixed(1), warm.toFixed(2), (code.length / warm / 1e3).toFixed(0)].join(" | ")} |`);
}
console.log(`\nall: ${(bytes / total / 1e3).toFixed(0)} MB/s warm\n`);

const { parseWat } = await wabt();
const loops = readFileSync("bench/support/metered-loops.wat", "utf8");
const source = loops.replace(/\)\s*$/, `${argon2Text()})`);
const code = new Uint8Array(parseWat("metered-loops.wat", source).toBinary({}).buffer);
const raw = new WebAssembly.Instance(new WebAssembly.Module(code)).exports;
const module = instrumentModule(code, policyFor(code, "refuse"));
const memory = new WebAssembly.Memory({ initial: module.initialPages + module.slackPages, maximum: module.maxPages });
const metered = new WebAssembly.Instance(new WebAssembly.Module(module.bytes), { $m: { m: memory } }).exports;
const gas = metered["$gas"] as unknown as { value: bigint };

console.log("| loop | raw ms | metered ms | metered / raw | gas | gas a microsecond |\n|---|---|---|---|---|---|");
for (const [name, size] of LOOPS) {
  const [plain, counted] = [raw, metered].map((exports) => exports[name] as (n: number) => number) as [
    (n: number) => number,
    (n: number) => number,
  ];
  const used = new Set<bigint>();
  let isSame = true;
  const timings = Array.from({ length: rounds }, () => {
    let expected = 0;
    let received = 0;
    const rawMs = milliseconds(() => {
      expected = plain(size);
    });
    gas.value = GAS;
    const meteredMs = milliseconds(() => {
      received = counted(size);
    });
    used.add(GAS - gas.value);
    isSame &&= expected === received;
    return { rawMs, meteredMs };
  });
  const [price, ...others] = used;
  if (!isSame || others.length > 0) throw new Error(`${name}: results or gas differ: ${[...used]}`);
  const rawMs = Math.min(...timings.map((timing) => timing.rawMs));
  const meteredMs = Math.min(...timings.map((timing) => timing.meteredMs));
  const perMicrosecond = Number(price) / meteredMs / 1e3;
  const cells = [name, rawMs.toFixed(2), meteredMs.toFixed(2), (meteredMs / rawMs).toFixed(2), price];
  console.log(`| ${[...cells, perMicrosecond.toFixed(0)].join(" | ")} |`);
}
