/** The follower's thread as the daemon runs it: a real journal, a real store, messages. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { toLatin1 } from "../../src/encoding/bytes.ts";
import type {
  FollowerProgress,
  FollowerReport,
  FollowerRequest,
  FollowerWorkerData,
} from "../../src/storage/follower-protocol.ts";
import { Journal } from "../../src/storage/journal.ts";
import { LmdbSnapshot } from "../../src/storage/lmdb-snapshot.ts";
import { GatedWorker } from "../../src/thread-gate.ts";
import { bundle } from "../support/bundle.ts";
import { BUILT } from "../support/engine.ts";
import { ChainBuilder } from "../support/entries.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

class Thread {
  readonly reports: FollowerReport[] = [];
  readonly exitCode: Promise<number>;
  readonly #worker: Worker;

  constructor(script: string, data: FollowerWorkerData) {
    this.#worker = new GatedWorker(script, { workerData: data });
    this.#worker.on("message", (report: FollowerReport) => this.reports.push(report));
    this.exitCode = new Promise((resolve, reject) => {
      this.#worker.once("exit", resolve);
      this.#worker.once("error", reject);
    });
  }

  get progress(): FollowerProgress | undefined {
    return this.reports.findLast((report) => "appliedSeq" in report);
  }

  durable(durableSeq: number): void {
    this.tell({ durableSeq, times: new Float64Array(0) });
  }

  tell(request: FollowerRequest): void {
    this.#worker.postMessage(request);
  }

  kill(): Promise<number> {
    return this.#worker.terminate();
  }
}

/** 60 blocks with a rollback now and then, in a journal of small segments. */
async function writeJournal(directory: string): Promise<ChainBuilder> {
  const chain = new ChainBuilder();
  for (let n = 0; n < 60; n++) {
    chain.block({
      changes: new Map([
        ["\x13hot", Uint8Array.of(n)],
        [`\x13${n % 7}`, Uint8Array.of(n)],
      ]),
    });
    if (n % 9 === 8) chain.rollBack(chain.headHeight - 3);
  }
  const { journal } = Journal.open({ directory, segmentBytes: 4096 });
  for (const entry of chain.entries) await journal.append([entry]);
  await journal.close();
  return chain;
}

function stateIn(stateDirectory: string): { appliedSeq: number; rows: [string, string][] } {
  const reader = LmdbSnapshot.open(stateDirectory);
  const rows = Array.from(reader.range(Uint8Array.of(1), Uint8Array.of(255)), ({ key, value }): [string, string] => [
    toLatin1(key),
    toLatin1(value),
  ]);
  void reader.close();
  return { appliedSeq: reader.appliedSeq(), rows };
}

describe("follower-worker", () => {
  it("applies what it is told of, survives being killed, indexes sealed segments and stops when all is applied", async () => {
    const script = await bundle({ file: "src/threads/follower-worker.ts" });
    const directory = temporaryDirectory();
    const data: FollowerWorkerData = {
      journalDirectory: join(directory, "journal"),
      stateDirectory: join(directory, "state"),
      indexDirectory: join(directory, "index"),
      windowMs: 20,
    };
    const chain = await writeJournal(data.journalDirectory);
    const last = chain.entries.length - 1;

    const killed = new Thread(script, data);
    killed.durable(30);
    await expect.poll(() => killed.progress?.appliedSeq).toBe(30);
    killed.durable(40);
    await killed.kill();

    const thread = new Thread(script, data);
    await expect.poll(() => thread.progress?.appliedSeq).toBeGreaterThanOrEqual(30);
    thread.durable(last);
    thread.tell({ stop: true });
    expect(await thread.exitCode).toBe(0);
    expect(thread.progress).toMatchObject({ appliedSeq: last, backlogEntries: 0, backlogBytes: 0 });
    const expected = [...chain.state].map(([key, value]) => [key, toLatin1(value)]).sort();
    expect(stateIn(data.stateDirectory)).toEqual({ appliedSeq: last, rows: expected });

    const again = new Thread(script, data);
    const segments = readdirSync(data.journalDirectory).length;
    await expect.poll(() => readdirSync(data.indexDirectory).length).toBeGreaterThan(3);
    again.tell({ stop: true });
    expect(await again.exitCode).toBe(0);
    expect(readdirSync(data.indexDirectory).length).toBeLessThan(segments);
  });

  it("reports an error and ends with code 1", async () => {
    const script = await bundle({ file: "src/threads/follower-worker.ts" });
    const directory = temporaryDirectory();
    const data = {
      journalDirectory: join(directory, "journal"),
      stateDirectory: join(directory, "state"),
      indexDirectory: join(directory, "index"),
    };
    await writeJournal(data.journalDirectory);
    const thread = new Thread(script, data);
    thread.durable(10_000);
    expect(await thread.exitCode).toBe(1);
    expect(thread.reports.at(-1)).toMatchObject({
      error: { code: expect.stringMatching(/STORAGE_ERROR|JOURNAL_DAMAGED/) },
    });
  });

  it("counts the times of entries that it is told of before analytics are open", async () => {
    // As built: there analytics are a file of their own, which takes its time to load.
    const script = new URL("follower-worker.js", BUILT).pathname;
    const directory = temporaryDirectory();
    const data = {
      journalDirectory: join(directory, "journal"),
      stateDirectory: join(directory, "state"),
      indexDirectory: join(directory, "index"),
      analyticsPath: join(directory, "analytics.json"),
    };
    const chain = new ChainBuilder();
    for (let n = 0; n < 5; n++) chain.block({ transactions: [{ to: new Uint8Array(20), logs: [] }] });
    const { journal } = Journal.open({ directory: data.journalDirectory });
    await journal.append(chain.entries);
    await journal.close();
    const thread = new Thread(script, data);
    thread.tell({ durableSeq: 4, times: Float64Array.from(chain.entries.flatMap((_, seq) => [seq, 2, 1, 250])) });
    thread.tell({ durableSeq: 4, id: 1, question: { about: "chain" } });
    await expect
      .poll(() => thread.reports.find((report) => "answer" in report))
      .toMatchObject({
        answer: { total: { executions: 5, timed: 5 } },
      });
    thread.tell({ stop: true });
    expect(await thread.exitCode).toBe(0);
  });
});
