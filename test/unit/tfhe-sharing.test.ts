import { createCipheriv, createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type EvaluationKey, OPERATION } from "../../src/native/tfhe.ts";
import type { TfheKernel } from "../../src/native/tfhe-addon.ts";
import { NO_CONTEXT as context, randomGates, seededBelow, tfhe } from "../support/tfhe.ts";

const KERNELS: TfheKernel[] = ["avx512", "avx2", "portable"];
const WIDTH = 24;

const set = tfhe.parameterSets()[0]!;
const words = set.ciphertextWords;
let secretKey: Uint8Array;
let evaluationKey: Uint8Array;
let keyId: Uint8Array;
let key: EvaluationKey;

function encryptBits(bits: Uint8Array): Uint32Array {
  return tfhe.expand(tfhe.encrypt(secretKey, bits, context), { parameterSet: set.id, keyId, context }).words;
}

/** Undefined where the processor lacks the instructions. */
function tryLoad(file: Uint8Array, kernel: TfheKernel): EvaluationKey | undefined {
  try {
    return tfhe.loadKey(file, kernel);
  } catch (error) {
    expect(String(error)).toMatch(/does not run/);
    return undefined;
  }
}

/** The arena after three levels of random gates on fixed ciphertexts. */
function runThreeLevels(inputs: Uint32Array, evaluator: EvaluationKey, threads: number): Uint32Array {
  const below = seededBelow(7);
  const arena = new Uint32Array(2 * inputs.length);
  arena.set(inputs);
  for (let level = 0; level < 3; level++) {
    const { gates } = randomGates(new Uint8Array(WIDTH), WIDTH, below);
    evaluator.evaluate(arena, { gates, levelEnds: Uint32Array.of(WIDTH) }, { threads });
    arena.copyWithin(0, inputs.length);
  }
  return arena;
}

beforeAll(() => {
  ({ secretKey, evaluationKey } = tfhe.generateKeys());
  keyId = tfhe.describeSecretKey(secretKey).keyId;
  key = tfhe.loadKey(evaluationKey);
});
afterAll(() => key.release());

it("gives the same ciphertext bytes on every instruction set and number of threads", () => {
  const inputs = encryptBits(Uint8Array.from({ length: WIDTH }, (_, i) => i & 1));
  const expected = runThreeLevels(inputs, key, 1);
  expect(runThreeLevels(inputs, key, 2)).toEqual(expected);
  expect(runThreeLevels(inputs, key, 7)).toEqual(expected);
  let kernels = 0;
  for (const kernel of KERNELS) {
    const forced = tryLoad(evaluationKey, kernel);
    if (forced === undefined) continue;
    expect(forced.kernel).toBe(kernel);
    expect(runThreeLevels(inputs, forced, 2)).toEqual(expected);
    forced.release();
    kernels++;
  }
  expect(kernels).toBeGreaterThanOrEqual(1);
});

/** A file of the right form whose words are ChaCha20's: no key for anything, but evaluation does not know that. */
function formOfKey(): Uint8Array {
  const payloadBytes = 32 + 4 * (735 * 9 * 512 + 289 * 4);
  const header = Buffer.from("5054464802010100", "hex");
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(payloadBytes));
  const file = Buffer.concat([header, length, chaCha20(1, payloadBytes)]);
  return Buffer.concat([file, createHash("sha256").update(file).digest()]);
}

function chaCha20(key: number, bytes: number): Buffer {
  return createCipheriv("chacha20", Buffer.alloc(32, key), Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

it("gives these bytes for these words, for ever: results are replayed and compared by their hash", () => {
  const stream = chaCha20(2, 4 * words * WIDTH);
  const inputs = new Uint32Array(stream.buffer, stream.byteOffset, words * WIDTH);
  for (const kernel of KERNELS) {
    const evaluator = tryLoad(formOfKey(), kernel);
    if (evaluator === undefined) continue;
    const outputs = runThreeLevels(inputs, evaluator, 2);
    evaluator.release();
    expect(createHash("sha256").update(outputs).digest("hex"), kernel).toBe(
      "088175b190eae8e9f651eea321d2b2fd615ca75c2690996f3f512aac7c0fafc2",
    );
  }
});

it("gives the same bytes for a gate alone, in a batch, and in a level of a longer program", () => {
  const bits = Uint8Array.from({ length: WIDTH }, (_, i) => (i >> 1) & 1);
  const inputs = encryptBits(bits);
  const { gates } = randomGates(bits, WIDTH, seededBelow(9));
  const together = new Uint32Array(2 * inputs.length);
  together.set(inputs);
  key.evaluate(together, { gates, levelEnds: Uint32Array.of(WIDTH) }, { threads: 1 });
  const apart = new Uint32Array(2 * inputs.length);
  apart.set(inputs);
  key.evaluate(apart, { gates, levelEnds: Uint32Array.from({ length: WIDTH }, (_, i) => i + 1) }, { threads: 2 });
  expect(apart).toEqual(together);
});

it("keeps one expanded copy for the whole process, which outlives the worker that made it", async () => {
  const before = tfhe.keyCache();
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { tfhe } = require(workerData.path);
    const key = tfhe.loadKey(workerData.evaluationKey, "");
    const arena = workerData.arena;
    tfhe.evaluate(key.handle, arena, Uint32Array.of(${OPERATION.and}, 0, 1, 0, 2), Uint32Array.of(1), 1, new Int32Array(2));
    parentPort.postMessage(arena);
  `;
  const arena = new Uint32Array(3 * words);
  arena.set(encryptBits(Uint8Array.of(1, 1)));
  const path = `${process.cwd()}/native/build/Release/polytorus.node`;
  const workers = [1, 2].map(
    () => new Worker(source, { eval: true, workerData: { path, evaluationKey, arena: arena.slice() } }),
  );
  const answers = await Promise.all(
    workers.map(
      (worker) => new Promise<Uint32Array>((resolve, reject) => worker.on("message", resolve).on("error", reject)),
    ),
  );
  for (const answer of answers) expect([...tfhe.decrypt(secretKey, answer)]).toEqual([1, 1, 1]);
  await Promise.all(workers.map((worker) => worker.terminate()));
  expect(tfhe.keyCache()).toEqual(before);
  const attached = tfhe.attachKey(keyId);
  expect(attached?.residentBytes).toBe(key.residentBytes);
  attached?.release();
  expect(tfhe.attachKey(new Uint8Array(32))).toBeUndefined();
});

it("refuses a key when those that are held fill the bound, and forgets only keys that nobody holds", () => {
  const { maxBytes } = tfhe.keyCache();
  const other = tfhe.generateKeys();
  try {
    tfhe.keyCache(key.residentBytes);
    expect(() => tfhe.loadKey(other.evaluationKey)).toThrow(expect.objectContaining({ code: "TFHE_KEY_CACHE_FULL" }));
    tfhe.keyCache(2 * key.residentBytes);
    const second = tfhe.loadKey(other.evaluationKey);
    expect(tfhe.keyCache().keys).toBe(2);
    second.release();
    expect(tfhe.keyCache().keys).toBe(2);
    tfhe.keyCache(key.residentBytes);
    expect(tfhe.keyCache().keys).toBe(1);
    expect(tfhe.attachKey(keyId)?.residentBytes).toBe(key.residentBytes);
  } finally {
    tfhe.keyCache(maxBytes);
  }
});

it("stops between batches when the shared flag is set, and counts what is done", async () => {
  const control = new Int32Array(new SharedArrayBuffer(8));
  const arena = new Uint32Array(34 * words);
  arena.set(encryptBits(Uint8Array.of(0, 1)));
  const level = (first: number) =>
    Array.from({ length: 16 }, (_, i) => [OPERATION.and, first === 2 ? 0 : 2 + i, 1, 0, first + i]).flat();
  const levels = 400;
  const gates = Uint32Array.from(Array.from({ length: levels }, (_, i) => level(i % 2 === 0 ? 2 : 18)).flat());
  const levelEnds = Uint32Array.from({ length: levels }, (_, i) => 16 * (i + 1));
  const canceller = new Worker(
    `const { workerData } = require("node:worker_threads");
     while (Atomics.load(workerData, 1) < 32) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
     Atomics.store(workerData, 0, 1);`,
    { eval: true, workerData: control },
  );
  const result = key.evaluate(arena, { gates, levelEnds }, { threads: 1, control });
  await canceller.terminate();
  expect(result.levels).toBeGreaterThanOrEqual(2);
  expect(result.levels).toBeLessThan(levels);
  expect(result.bootstraps).toBe(control[1]);
  expect(tfhe.decrypt(secretKey, arena.subarray(0, 2 * words))).toEqual(Uint8Array.of(0, 1));
});
