/**
 * A process outlives the threads that it ends, whatever they do at that moment. Each case is a process of its own: where the
 * rule is broken, lmdb or secp256k1 takes the process along.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { bundle } from "../support/bundle.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** As the daemon and this process have them (vitest.config.ts). */
const V8_OPTIONS = process.execArgv.filter((option) => option.includes("-space-size="));
const ROUNDS = 10;
/** A case takes a second. */
const TIMEOUT_MS = 50_000;

/** What a thread does without end, once it has said that it begins. */
const BUSY = {
  "loads lmdb and opens a store": `
    import { LmdbSnapshot } from "./src/storage/lmdb-snapshot.ts";
    begin();
    const snapshot = LmdbSnapshot.open(directory);
    for (;;) snapshot.refresh();`,
  "moves to the newest commit": `
    import { LmdbSnapshot } from "./src/storage/lmdb-snapshot.ts";
    const snapshot = LmdbSnapshot.open(directory);
    begin();
    for (;;) snapshot.refresh();`,
  "reads values": `
    import { LmdbSnapshot } from "./src/storage/lmdb-snapshot.ts";
    const snapshot = LmdbSnapshot.open(directory);
    begin();
    for (;;) snapshot.get(Uint8Array.of(0x13, 1));`,
  "iterates rows, to their end and not": `
    import { LmdbSnapshot } from "./src/storage/lmdb-snapshot.ts";
    const snapshot = LmdbSnapshot.open(directory);
    begin();
    for (let i = 0; ; i++)
      for (const row of snapshot.range(Uint8Array.of(1), Uint8Array.of(255), { reverse: i % 2 === 0 })) if (i % 3 === 0) break;`,
  "counts rows": `
    import { LmdbSnapshot } from "./src/storage/lmdb-snapshot.ts";
    const snapshot = LmdbSnapshot.open(directory);
    begin();
    for (;;) snapshot.count(Uint8Array.of(1), Uint8Array.of(255));`,
  "recovers signers": `
    import { recoverSigner } from "./src/engines/builtin/signature-recovery.ts";
    recoverSigner(new Uint8Array(32), 27, new Uint8Array(64));
    begin();
    for (;;) recoverSigner(new Uint8Array(32), 27, new Uint8Array(64));`,
};

const PRELUDE = `
  import { parentPort, workerData } from "node:worker_threads";
  const { directory } = workerData;
  const begin = () => parentPort.postMessage("begins");`;

/** Runs `code` in a process whose `directory` has a store with rows; `threads` is the `script` of its threads. */
async function run(code: string, threads: string): Promise<{ output: string; code: unknown; signal: unknown }> {
  const script = await bundle({
    code: `
      import { ChainIndex } from "./src/storage/chain-index.ts";
      import { ChangeTable } from "./src/storage/change-table.ts";
      import { LmdbState } from "./src/storage/lmdb-state.ts";
      const directory = ${JSON.stringify(temporaryDirectory())};
      const script = ${JSON.stringify(threads)};
      const state = LmdbState.open(directory);
      const rows = new ChangeTable();
      for (let i = 0; i < 8; i++) rows.set(Uint8Array.of(0x13, i), new Uint8Array(40));
      state.write(rows, new ChainIndex());
      ${code}
      await state.close();
      console.log("lives");`,
  });
  const child = spawn(process.execPath, [...V8_OPTIONS, script], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [exitCode, signal] = (await once(child, "close")) as [number | null, string | null];
  return { output, code: exitCode, signal };
}

const LIVES = { output: "lives\n", code: 0, signal: null };

describe("a thread that is ended while it", () => {
  for (const [busy, code] of Object.entries(BUSY))
    it(`${busy} ends alone`, async () => {
      const end = `
        import { GatedWorker } from "./src/thread-gate.ts";
        for (let round = 0; round < ${ROUNDS}; round++) {
          const worker = new GatedWorker(script, { workerData: { directory } });
          await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
          for (const until = performance.now() + (round % 10) / 3; performance.now() < until; );
          await worker.terminate();
        }`;
      expect(await run(end, await bundle({ code: PRELUDE + code }))).toEqual(LIVES);
    });

  it("has started another one takes that along, and nothing else", async () => {
    const helper = await bundle({ code: PRELUDE + BUSY["moves to the newest commit"] });
    const starter = `
      import { GatedWorker } from "./src/thread-gate.ts";
      const helper = new GatedWorker(${JSON.stringify(helper)}, { workerData: { directory } });
      helper.once("message", begin);`;
    const end = `
      import { GatedWorker } from "./src/thread-gate.ts";
      for (let round = 0; round < ${ROUNDS}; round++) {
        const worker = new GatedWorker(script, { workerData: { directory } });
        await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
        await worker.terminate();
      }`;
    expect(await run(end, await bundle({ code: PRELUDE + starter }))).toEqual(LIVES);
  });

  it("answers queries for the pool ends alone, and the pool goes on", async () => {
    const answering = `
      import { LmdbSnapshot } from "./src/storage/lmdb-snapshot.ts";
      import { joinGate } from "./src/thread-gate.ts";
      import { workerData } from "node:worker_threads";
      joinGate(workerData.gate);
      export default function run({ progress }) {
        Atomics.store(new Int32Array(progress), 0, 0);
        const snapshot = LmdbSnapshot.open(workerData.directory);
        for (;;) snapshot.refresh();
      }`;
    const end = `
      import { QueryPool } from "./src/service/query-pool.ts";
      import { pathToFileURL } from "node:url";
      const pool = new QueryPool({
        script: pathToFileURL(script), workerData: () => ({ directory }), threads: 2, timeoutMs: 20, waitingMax: 64,
        durableSeq: () => 0, report: () => {},
      });
      const codes = new Set();
      for (let round = 0; round < ${ROUNDS}; round++)
        await Promise.all([1, 2, 3].map(() => new Promise((resolve) =>
          pool.submit(new Uint8Array(1), { settle: resolve, fail: ({ code }) => resolve(codes.add(code)) }))));
      if ([...codes].join() !== "EXECUTION_TIMEOUT") console.log(codes);
      pool.submit(new Uint8Array(1), { settle: () => {}, fail: () => {} });
      await new Promise((resolve) => setTimeout(resolve, 5));
      await pool.close();`;
    expect(await run(end, await bundle({ code: answering }))).toEqual(LIVES);
  });
});

describe("a thread of a pool", () => {
  const MODULE = JSON.stringify(new URL("../../dist/client.js", import.meta.url).pathname);
  const requiring = `
    import { createRequire } from "node:module";
    export default function run() {
      try {
        createRequire(import.meta.url)(${MODULE});
        return { error: { code: "INTERNAL_ERROR", message: "required", facts: {} } };
      } catch ({ code }) {
        return { error: { code: "INTERNAL_ERROR", message: code, facts: {} } };
      }
    }`;
  const REFUSED = `if (message !== "ERR_REQUIRE_ESM") console.log(message);`;

  it("that answers queries reads modules by import alone, which it may be ended at", async () => {
    const ask = `
      import { QueryPool } from "./src/service/query-pool.ts";
      import { pathToFileURL } from "node:url";
      const pool = new QueryPool({
        script: pathToFileURL(script), workerData: () => ({}), threads: 1, timeoutMs: 10_000, waitingMax: 1,
        durableSeq: () => 0, report: () => {},
      });
      const { message } = await new Promise((resolve) => pool.submit(new Uint8Array(1), { settle: resolve, fail: resolve }));
      ${REFUSED}
      await pool.close();`;
    expect(await run(ask, await bundle({ code: requiring }))).toEqual(LIVES);
  });

  it("that evaluates circuits does so too", async () => {
    const ask = `
      import { EvaluationPool } from "./src/engines/privacy/jobs/evaluation-pool.ts";
      import { pathToFileURL } from "node:url";
      const pool = new EvaluationPool({ script: pathToFileURL(script), directory, workers: 1 });
      const { message } = (await pool.run({})).error;
      ${REFUSED}
      await pool.close();`;
    expect(await run(ask, await bundle({ code: requiring }))).toEqual(LIVES);
  });
});

describe("a gate", () => {
  it("that is shut lets a thread finish its native call, and run nothing after it", async () => {
    const thread = `
      import { uninterrupted } from "./src/thread-gate.ts";
      const steps = workerData.steps;
      uninterrupted(() => {
        begin();
        Atomics.wait(steps, 0, 0);
        Atomics.store(steps, 1, 1);
      });
      Atomics.store(steps, 2, 1);`;
    const end = `
      import { GatedWorker } from "./src/thread-gate.ts";
      const steps = new Int32Array(new SharedArrayBuffer(12));
      const worker = new GatedWorker(script, { workerData: { directory, steps } });
      await new Promise((resolve) => worker.once("message", resolve));
      const ended = worker.terminate();
      await new Promise((resolve) => setTimeout(resolve, 20));
      Atomics.store(steps, 0, 1);
      Atomics.notify(steps, 0);
      await ended;
      if (steps.join() !== "1,1,0") console.log(steps);`;
    expect(await run(end, await bundle({ code: PRELUDE + thread }))).toEqual(LIVES);
  });
});
