/** What becomes of jobs whose worker dies, or is told to stop: retried, three times at most, and never done twice. */
import { afterEach, describe, expect, it } from "vitest";
import { KeyHolder } from "../../src/client/key-holder.ts";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { hashOf } from "../../src/encoding/privacy-file.ts";
import { encodeTransaction } from "../../src/encoding/transaction.ts";
import { heldCiphertext, keyName } from "../../src/engines/privacy/held-blobs.ts";
import { type EvaluationTask, runTask, type TaskResult } from "../../src/engines/privacy/jobs/evaluation-task.ts";
import { PrivacyJobs } from "../../src/engines/privacy/jobs/privacy-jobs.ts";
import { PrivacyContractEngine } from "../../src/engines/privacy/privacy-engine.ts";
import { BlobFiles } from "../../src/storage/blobs/blob-files.ts";
import { temporaryDirectory } from "../support/engine.ts";
import { InlineChain } from "../support/inline-chain.ts";
import { collectionContract } from "../support/privacy-manifests.ts";

const ALICE = `0x${"a1".repeat(20)}`;
const keys = new KeyHolder(undefined).generateKeys("plain");
const GAS = 10_000_000_000;

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

type Run = (task: EvaluationTask, evaluate: () => TaskResult) => TaskResult;

/** Jobs over a real blob store and a real block; `run` decides what the worker does. */
async function start(run: Run, calls = 3) {
  const directory = temporaryDirectory();
  const blobs = BlobFiles.open(directory.path, { bytesMax: 1 << 24 });
  await blobs.commit([
    { name: keyName(keys.keyId), facts: { parameterSet: "plain", bytes: 96 }, bytes: keys.evaluationKey },
  ]);
  const chain = new InlineChain({ engines: [new PrivacyContractEngine()] });
  const contract = collectionContract(toHex(hashOf(keys.evaluationKey)));
  const deployed = chain.send({ kind: "deploy", sender: ALICE, gasLimit: GAS, contract });
  const to = toHex(deployed.contractAddress!);
  const out = new ByteWriter(1024);
  for (let i = 0; i < calls; i++) {
    const call = { kind: "call", sender: ALICE, nonce: 1 + i, gasLimit: GAS, to } as const;
    encodeTransaction({ ...call, entrypoint: "contributeOpenly", args: [String(i + 1)] }, out);
  }
  const { entry } = chain.executor.execute({
    height: 1,
    seq: 1,
    timestampMs: 0,
    parentHash: new Uint8Array(32),
    transactions: out.take(),
    submissionEnds: [calls],
  });
  const { table } = chain.executor;
  const queued = new Int32Array(new SharedArrayBuffer(4));
  const jobs = new PrivacyJobs(
    { workers: 1, taskGatesMax: 1000, now: Date.now },
    {
      blobs,
      leaf: async (key) => table.get(table.slotOfKey(key))?.slice(),
      run: async (task) => run(task, () => runTask(task, (hash) => blobs.read(hash))),
      report: () => {},
      queued,
    },
  );
  jobs.follow(new BlockEntry(entry!));
  opened.push(async () => {
    await jobs.close();
    await blobs.close();
    directory.remove();
  });
  const total = chain.query({ sender: ALICE, to, entrypoint: "total", args: [], gasLimit: GAS }).returnData.slice();
  return { jobs, blobs, total, queued, settled: () => jobs.wait(total, 5_000) };
}

describe("a worker that dies", () => {
  it("costs its jobs an attempt, and nothing is lost or done twice", async () => {
    let deaths = 0;
    const stored: string[] = [];
    const { settled, blobs, total, queued } = await start((task, evaluate) => {
      if (deaths < 2) {
        deaths++;
        throw new Error("worker exited with code 1");
      }
      stored.push(...task.applications.flatMap(({ outputs }) => outputs.map(({ handle }) => toHex(handle))));
      return evaluate();
    });
    expect(await settled()).toMatchObject({ status: "done", percent: 100 });
    expect(new Set(stored).size).toBe(stored.length);
    expect(heldCiphertext(blobs, total)).toMatchObject({ source: "result", parameterSet: "plain" });
    expect(Atomics.load(queued, 0)).toBe(0);
  });

  it("fails its job the third time, and whatever waits for its result, with the reason", async () => {
    const { settled, blobs, total } = await start(() => {
      throw new Error("worker exited with code 1");
    });
    const job = await settled();
    expect(job).toMatchObject({ status: "failed" });
    expect(job!.because).toContain("worker exited with code 1");
    expect(heldCiphertext(blobs, total)).toBeUndefined();
  });

  it("that was told to stop costs no attempt", async () => {
    let stops = 0;
    const { settled } = await start((_task, evaluate) => (stops++ < 5 ? undefined : evaluate()));
    expect(await settled()).toMatchObject({ status: "done", attempts: 1 });
  });
});
