/** A job under TFHE goes on where it was: after a stop, after its thread was killed, in another process. Same bytes always. */
import { Piscina } from "piscina";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { KeyHolder } from "../../src/client/key-holder.ts";
import { resultContext } from "../../src/encoding/encrypted-handle.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { hashOf } from "../../src/encoding/privacy-file.ts";
import { countCircuit } from "../../src/engines/privacy/circuit/levels.ts";
import type { EvaluationTask, TaskResult } from "../../src/engines/privacy/jobs/evaluation-task.ts";
import type { PrivacyJobs } from "../../src/engines/privacy/jobs/privacy-jobs.ts";
import { operationCircuit } from "../../src/engines/privacy/operations.ts";
import { BUILT } from "../support/engine.ts";
import { JobChain } from "../support/job-chain.ts";
import { tfhe } from "../support/tfhe.ts";

const holder = new KeyHolder(tfhe);
const keys = holder.generateKeys(holder.parameterSets()[0]!);
/** The entry of the daemon's own threads. */
const pool = new Piscina<{ task: EvaluationTask; directory: string }, TaskResult>({
  filename: new URL("privacy-worker.js", BUILT).href,
  minThreads: 0,
  maxThreads: 1,
});
/** Three products and a sum of bytes: some 300 gates, one job waiting for another. */
const MANIFEST = {
  name: "Products",
  circuits: { add: { operation: "add", type: "euint8" }, mul: { operation: "mul", type: "euint8" } },
  state: { total: { type: "euint8" } },
  entrypoints: {
    put: {
      inputs: [
        { name: "a", type: "euint8" },
        { name: "b", type: "euint8" },
      ],
      steps: [
        { circuit: "mul", inputs: ["a", "b"], outputs: ["product"] },
        { circuit: "add", inputs: ["state.total", "product"], outputs: ["sum"] },
      ],
      set: { "state.total": "sum" },
      returns: ["sum"],
    },
    total: { returns: ["state.total"] },
  },
};
const FACTORS = [
  [13n, 11n],
  [7n, 9n],
  [3n, 5n],
] as const;
const SUM = FACTORS.reduce((sum, [a, b]) => sum + a * b, 0n) % 256n;
const GATES = (["mul", "add"] as const).reduce((sum, name) => {
  return sum + FACTORS.length * countCircuit(operationCircuit(name, getEncryptedType("euint8")!)!.circuit).gates;
}, 0);
const EVERY_GATES = 16;
/** Gates of the three products' first level together. */
const WIDEST = 108;
/** Past the first level, and not at the end. */
const SOME_GATES = 150;

/** Encrypted once: what is computed from the same ciphertexts can be compared byte by byte. */
let chain: JobChain;
let expected: string;
beforeAll(async () => {
  const seal = (value: bigint) => ({ type: "euint8", value });
  chain = await JobChain.open({
    holder,
    keys,
    contract: (keyId) => ({ type: "privacy", keyId, parameterSet: keys.parameterSet, manifest: MANIFEST }),
    calls: FACTORS.map((factors) => ({ entrypoint: "put", args: factors.map(seal) })),
    query: "total",
  });
  expected = await finish(begin(onWorker([])));
});
beforeEach(async () => await chain.forgetResults());
afterAll(async () => {
  await pool.destroy();
  await chain.close();
});

type Run = Parameters<JobChain["start"]>[0];

/** Runs tasks on a real thread and notes their control words: [1] gates evaluated, [2] gates found done. */
function onWorker(controls: Int32Array[], meddle?: (control: Int32Array) => Promise<unknown>): Run {
  return async (task) => {
    controls.push(task.control);
    const result = pool.run({ task, directory: chain.directory });
    await Promise.race([meddle?.(task.control), result.catch(() => {})]);
    return await result;
  };
}

async function untilGates(control: Int32Array, gates: number): Promise<void> {
  while (Atomics.load(control, 1) < gates) await new Promise((resolve) => setTimeout(resolve, 1));
}

function begin(run: Run, workers = 1): PrivacyJobs {
  return chain.start(run, { workers, checkpointGates: EVERY_GATES });
}

/** @returns the hash of the stored file. */
async function finish(jobs: PrivacyJobs): Promise<string> {
  const view = await jobs.wait(chain.result, 60_000);
  expect(view).toMatchObject({ status: "done", percent: 100 });
  await jobs.close();
  expect(chain.checkpoints.names()).toEqual([]);
  const file = chain.file(chain.result)!;
  const answer = { data: toHex(file), context: toHex(resultContext(chain.result)) };
  expect(holder.decrypt(keys.secretKey, answer)).toBe(SUM);
  return toHex(hashOf(file));
}

const total = (controls: readonly Int32Array[], word: number) => controls.reduce((sum, c) => sum + c[word]!, 0);

describe("a job that is interrupted", () => {
  it("gives on two workers, uninterrupted, the bytes that it gives on one", async () => {
    expect(await finish(begin(onWorker([]), 2))).toBe(expected);
  });

  it("goes on where it was when its task was stopped", async () => {
    const controls: Int32Array[] = [];
    const stop = async (control: Int32Array) => {
      await untilGates(control, SOME_GATES);
      Atomics.store(control, 0, 1);
    };
    const jobs = begin(onWorker(controls, async (control) => controls.length <= 3 && (await stop(control))));
    expect(await finish(jobs)).toBe(expected);
    expect(total(controls, 2)).toBeGreaterThanOrEqual(WIDEST);
  });

  it("goes on from its last checkpoint when the thread that evaluates it is killed, and costs it an attempt", async () => {
    const controls: Int32Array[] = [];
    const kill = async (control: Int32Array) => {
      await untilGates(control, SOME_GATES);
      await Promise.all(pool.threads.map((thread) => thread.terminate()));
    };
    const jobs = begin(onWorker(controls, async (control) => controls.length === 1 && (await kill(control))));
    expect(await finish(jobs)).toBe(expected);
    expect(jobs.list({}).map(({ attempts }) => attempts)).toContain(2);
    expect(total(controls, 2)).toBeGreaterThanOrEqual(WIDEST);
  });

  it("goes on where it was after a stop and a start of everything", async () => {
    const controls: Int32Array[] = [];
    const first = begin(onWorker(controls));
    while (controls.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await untilGates(controls[0]!, SOME_GATES);
    const [running] = first.list({ status: "running" });
    expect(running).toMatchObject({ phase: "evaluating", etaMs: expect.any(Number) });
    expect(running!.ratePerSecond).toBeGreaterThan(0);
    await first.close();
    const second = begin(onWorker(controls));
    expect(await finish(second)).toBe(expected);
    expect(total(controls, 2)).toBeGreaterThanOrEqual(WIDEST);
    // The level that was half done when it stopped is all that was done twice.
    expect(total(controls, 1)).toBeLessThan(GATES + WIDEST);
  });

  it.each([
    ["cut short", (file: Uint8Array) => file.slice(0, -100)],
    ["with a bit turned", (file: Uint8Array) => file.map((byte, i) => (i === 5_000 ? byte ^ 1 : byte))],
    ["empty", () => new Uint8Array(0)],
  ])("begins again where its checkpoint is %s", async (_, spoil) => {
    const controls: Int32Array[] = [];
    const first = begin(onWorker(controls));
    while (controls.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await untilGates(controls[0]!, SOME_GATES);
    await first.close();
    const names = chain.checkpoints.names();
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) chain.checkpoints.write(name, spoil(chain.checkpoints.read(name)!));
    controls.length = 0;
    expect(await finish(begin(onWorker(controls)))).toBe(expected);
    expect(total(controls, 2)).toBe(0);
  });
});
