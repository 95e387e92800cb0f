/**
 * Question   What does a gate on encrypted bits cost, alone, in batches and on two threads; what does its key cost?
 * Workload   random gates of all kinds on a pool of 64 ciphertexts, one level a call; eight 64-bit additions side by side, bit
 *            by bit (majority and parity of three); an evaluation key loaded from its file, and again by a second thread.
 * Expected   set 1, one thread, batches of 8 and more: at most 3.0 ms a gate with AVX-512, 3.9 ms with AVX2; two threads at
 *            least 1.85 times one; 4.5 additions a second; a call costs under 1 % of a batch; a second thread adds under 10 % of a key.
 * Checked    every output is decrypted and compared with the plain gate, every sum with BigInt's; one wrong one ends the run.
 * Run        node scripts/run.mjs bench/crypto/gates.ts [--rounds 7] [--seconds 1]    (kernels and threads in turn, round by round)
 *
 * `ms` is wall-clock time a gate; `cpu` processor time, all threads, which other work on the machine disturbs less.
 */
import { Worker } from "node:worker_threads";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { type EvaluationKey, GATE_WORDS, OPERATION, Tfhe } from "../../src/native/tfhe.ts";
import type { TfheKernel } from "../../src/native/tfhe-addon.ts";
import { plainGate } from "../../test/support/tfhe.ts";
import { rippleAdders } from "../support/encrypted-adders.ts";
import { memoryOf, printBanner } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { spreadOf } from "../support/statistics.ts";

const POOL = 64;
const CONTEXT = new Uint8Array(32);
const KERNELS: TfheKernel[] = ["avx512", "avx2", "portable"];
const ADDITIONS = 8;
const BITS = 64;

const options = readOptions({ rounds: 7, seconds: 1 });
const addon = loadAddon();
if (!isAddon(addon)) throw new Error(addon.missing);
const tfhe = new Tfhe(addon);

interface Keys {
  readonly secretKey: Uint8Array;
  readonly evaluationKey: Uint8Array;
  readonly words: number;
  readonly parameterSet: number;
}

interface Cost {
  readonly wallMs: number;
  readonly processorMs: number;
}

function costOf(act: () => void): Cost {
  const before = process.cpuUsage();
  const start = process.hrtime.bigint();
  act();
  const wallMs = Number(process.hrtime.bigint() - start) / 1e6;
  const { user, system } = process.cpuUsage(before);
  return { wallMs, processorMs: (user + system) / 1e3 };
}

function randomBits(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => (Math.random() < 0.5 ? 0 : 1));
}

function encryptBits(keys: Keys, bits: Uint8Array): Uint32Array {
  const { keyId } = tfhe.describeSecretKey(keys.secretKey);
  const binding = { parameterSet: keys.parameterSet, keyId, context: CONTEXT };
  return tfhe.expand(tfhe.encrypt(keys.secretKey, bits, CONTEXT), binding).words;
}

/** Levels of `batch` bootstrapped gates for about `seconds`; cost of one gate. */
function measureGates(keys: Keys, key: EvaluationKey, batch: number, threads: number): Cost {
  const bits = randomBits(POOL);
  const arena = new Uint32Array((POOL + batch) * keys.words);
  arena.set(encryptBits(keys, bits));
  const total = { wallMs: 0, processorMs: 0, gates: 0 };
  while (total.wallMs < options.seconds * 1000) {
    const gates = new Uint32Array(GATE_WORDS * batch);
    const expected = new Uint8Array(batch);
    for (let i = 0; i < batch; i++) {
      const word = (1 + Math.floor(Math.random() * 4)) | (Math.floor(Math.random() * 16) << 8);
      const slots = [0, 0, 0].map(() => Math.floor(Math.random() * POOL));
      gates.set([word, ...slots, POOL + i], GATE_WORDS * i);
      expected[i] = plainGate(
        word,
        slots.map((slot) => bits[slot]!),
      );
    }
    const cost = costOf(() => key.evaluate(arena, { gates, levelEnds: Uint32Array.of(batch) }, { threads }));
    total.wallMs += cost.wallMs;
    total.processorMs += cost.processorMs;
    total.gates += batch;
    const actual = tfhe.decrypt(keys.secretKey, arena.subarray(POOL * keys.words));
    if (Buffer.compare(actual, expected) !== 0) throw new Error("a gate came out wrong");
    for (let i = 0; i < Math.min(batch, POOL); i++) {
      arena.copyWithin(i * keys.words, (POOL + i) * keys.words, (POOL + i + 1) * keys.words);
      bits[i] = expected[i]!;
    }
  }
  return { wallMs: total.wallMs / total.gates, processorMs: total.processorMs / total.gates };
}

function measureAdditions(keys: Keys, key: EvaluationKey, threads: number): Cost {
  const adders = rippleAdders(ADDITIONS, BITS);
  const bits = randomBits(ADDITIONS * 2 * BITS);
  const arena = new Uint32Array(adders.slots * keys.words);
  arena.set(encryptBits(keys, bits));
  const cost = costOf(() => key.evaluate(arena, adders.program, { threads }));
  const numberAt = (from: ArrayLike<number>, at: number) =>
    Array.from({ length: BITS }, (_, i) => BigInt(from[at + i]!) << BigInt(i)).reduce((sum, bit) => sum | bit);
  const ciphertexts = adders.sumSlots.flatMap((slot) => [
    ...arena.subarray(slot * keys.words, (slot + 1) * keys.words),
  ]);
  const sums = tfhe.decrypt(keys.secretKey, Uint32Array.from(ciphertexts));
  for (let i = 0; i < ADDITIONS; i++) {
    const expected = BigInt.asUintN(BITS, numberAt(bits, 2 * i * BITS) + numberAt(bits, (2 * i + 1) * BITS));
    if (numberAt(sums, i * BITS) !== expected) throw new Error("a sum came out wrong");
  }
  return cost;
}

/** A call whose gates cost nothing: what Node-API, checks and threads add to a batch. */
function measureCall(keys: Keys, key: EvaluationKey, threads: number): number {
  const arena = new Uint32Array(32 * keys.words);
  const gates = Uint32Array.from(Array.from({ length: 16 }, (_, i) => [OPERATION.zero, 0, 0, 0, i]).flat());
  const calls = 2_000;
  const levelEnds = Uint32Array.of(16);
  return (
    costOf(() => {
      for (let i = 0; i < calls; i++) key.evaluate(arena, { gates, levelEnds }, { threads });
    }).wallMs / calls
  );
}

/** Resident bytes that a second thread adds by loading the same key and running one gate. */
async function measureSecondThread(keys: Keys): Promise<number> {
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { tfhe } = require(workerData.addon);
    parentPort.once("message", () => {
      const key = tfhe.loadKey(workerData.file, "");
      tfhe.evaluate(key.handle, workerData.arena, Uint32Array.of(1, 0, 1, 0, 2), Uint32Array.of(1), 1, new Int32Array(2));
      parentPort.postMessage("done");
    });
    parentPort.postMessage("ready");`;
  const shared = new Uint8Array(new SharedArrayBuffer(keys.evaluationKey.length));
  shared.set(keys.evaluationKey);
  const arena = new Uint32Array(3 * keys.words);
  const worker = new Worker(source, {
    eval: true,
    workerData: { addon: `${process.cwd()}/native/build/Release/polytorus.node`, file: shared, arena },
  });
  const answer = () =>
    new Promise<void>((resolve, reject) => worker.once("message", () => resolve()).once("error", reject));
  await answer();
  const before = memoryOf(process.pid).residentBytes;
  worker.postMessage("go");
  await answer();
  const added = memoryOf(process.pid).residentBytes - before;
  await worker.terminate();
  return added;
}

function availableKernels(file: Uint8Array): Map<TfheKernel, EvaluationKey> {
  const keys = new Map<TfheKernel, EvaluationKey>();
  for (const kernel of KERNELS) {
    try {
      keys.set(kernel, tfhe.loadKey(file, kernel));
    } catch (error) {
      process.stdout.write(`${kernel}: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  return keys;
}

function print(name: string, costs: readonly Cost[]): void {
  const wall = spreadOf(costs.map((cost) => cost.wallMs));
  const processor = spreadOf(costs.map((cost) => cost.processorMs));
  const text = ({ median, min }: { median: number; min: number }) =>
    `${median.toFixed(2).padStart(6)} (best ${min.toFixed(2)})`;
  process.stdout.write(`  ${name.padEnd(34)} ${text(wall)} ms   cpu ${text(processor)} ms\n`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function makeKeys(parameterSet: number): Keys {
  const set = tfhe.parameterSets().find(({ id }) => id === parameterSet)!;
  let pair!: ReturnType<Tfhe["generateKeys"]>;
  const made = costOf(() => {
    pair = tfhe.generateKeys(parameterSet);
  });
  const loads: Cost[] = [];
  let resident = 0;
  for (let i = 0; i < 3; i++) {
    let key!: EvaluationKey;
    tfhe.keyCache(0); // Forgets what nobody holds.
    tfhe.keyCache(1e9);
    loads.push(
      costOf(() => {
        key = tfhe.loadKey(pair.evaluationKey);
      }),
    );
    resident = key.residentBytes;
    key.release();
  }
  process.stdout.write(
    `${set.name}: LWE ${set.lweSecurityBits} bits, GLWE ${set.glweSecurityBits} bits, worst gate fails with 2^${set.failureLog2.toFixed(0)}\n` +
      `  key: generated in ${made.processorMs.toFixed(0)} ms (cpu); file ${megabytes(pair.evaluationKey.length)}; ` +
      `resident ${megabytes(resident)}; ciphertext ${4 * set.ciphertextWords} B\n`,
  );
  print("load a key, whole", loads);
  return { ...pair, words: set.ciphertextWords, parameterSet };
}

printBanner("What does a gate on encrypted bits cost?", options);
const keys = makeKeys(1);
const kernels = availableKernels(keys.evaluationKey);
const fastest = kernels.get(tfhe.loadKey(keys.evaluationKey).kernel)!;
const added = await measureSecondThread(keys);
process.stdout.write(
  `  a second thread with the same key adds ${megabytes(added)}: ${((100 * added) / fastest.residentBytes).toFixed(1)} % of it\n`,
);
const series = new Map<string, Cost[]>();
const measure = (name: string, act: () => Cost) => series.set(name, [...(series.get(name) ?? []), act()]);
for (let round = 0; round < options.rounds; round++) {
  for (const [kernel, key] of kernels) {
    if (kernel === "portable" && round > 1) continue;
    measure(`${kernel}, 1 thread, 16 at once`, () => measureGates(keys, key, 16, 1));
  }
  for (const batch of [1, 4, 8])
    measure(`${fastest.kernel}, 1 thread, ${batch} at once`, () => measureGates(keys, fastest, batch, 1));
  measure(`${fastest.kernel}, 2 threads, 32 at once`, () => measureGates(keys, fastest, 32, 2));
}
for (const [name, costs] of series) print(name, costs);

const one = series.get(`${fastest.kernel}, 1 thread, 16 at once`)!;
const two = series.get(`${fastest.kernel}, 2 threads, 32 at once`)!;
const ratios = spreadOf(one.map((cost, i) => cost.wallMs / two[i]!.wallMs));
process.stdout.write(
  `  two threads over one, by round: median ${ratios.median.toFixed(2)}, best ${ratios.max.toFixed(2)}\n`,
);

const additions = Array.from({ length: Math.max(3, options.rounds >> 1) }, () => measureAdditions(keys, fastest, 2));
const wall = spreadOf(additions.map((cost) => cost.wallMs));
process.stdout.write(
  `  eight 64-bit additions, 2 threads: ${((ADDITIONS * 1e3) / wall.median).toFixed(2)} additions/s (best ${((ADDITIONS * 1e3) / wall.min).toFixed(2)}); ` +
    `cpu ${(spreadOf(additions.map((cost) => cost.processorMs)).median / ADDITIONS).toFixed(0)} ms an addition\n`,
);
const alone = measureCall(keys, fastest, 1);
const batchMs = 16 * spreadOf(one.map((cost) => cost.wallMs)).min;
process.stdout.write(
  `  a call without bootstraps: ${(alone * 1e3).toFixed(1)} us, ${((100 * alone) / batchMs).toFixed(2)} % of a batch of 16; ` +
    `with a second thread ${(measureCall(keys, fastest, 2) * 1e3).toFixed(0)} us\n\n`,
);
for (const key of kernels.values()) key.release();

const conservative = makeKeys(2);
const conservativeKey = tfhe.loadKey(conservative.evaluationKey);
print(`${conservativeKey.kernel}, 1 thread, 16 at once`, [measureGates(conservative, conservativeKey, 16, 1)]);
