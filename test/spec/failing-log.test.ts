/** Decision 7: execution runs ahead of durability and nobody sees it; an append that fails takes its block and all after it back. */
import { describe, expect, it } from "vitest";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import { EngineError, StorageError } from "../../src/errors.ts";
import { Executor, headOf } from "../../src/execution/executor.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { AutoSequencer } from "../../src/sequencer/auto-sequencer.ts";
import { Batch, type Wait } from "../../src/sequencer/batch.ts";
import {
  type ExecutorFace,
  type ExecutorMethod,
  InlineExecutor,
  type Past,
} from "../../src/sequencer/executor-handle.ts";
import { IdGate } from "../../src/sequencer/id-gate.ts";
import { IdIndex } from "../../src/sequencer/id-index.ts";
import { Pipeline } from "../../src/sequencer/pipeline.ts";
import { QueryQueue } from "../../src/sequencer/query-queue.ts";
import { catchUp } from "../../src/service/catch-up.ts";
import { MemoryLog } from "../../src/storage/memory-log.ts";
import { ALICE, BOB, deployment, type Fate, fateOf, transfer } from "../support/engine.ts";

/** A log whose appends wait until they are told to succeed or fail. */
class HeldLog extends MemoryLog {
  held: { entries: readonly Uint8Array[]; resolve(): void; reject(error: StorageError): void }[] = [];
  isHolding = false;

  override append(entries: readonly Uint8Array[]): Promise<void> {
    if (!this.isHolding) return super.append(entries);
    return new Promise((resolve, reject) => this.held.push({ entries, resolve, reject }));
  }
  async letThrough(): Promise<void> {
    for (const { entries, resolve } of this.held.splice(0)) {
      await super.append(entries);
      resolve();
    }
  }
  fail(retryable: boolean): void {
    for (const { reject } of this.held.splice(0)) reject(new StorageError("no space left on device", { retryable }));
  }
}

/** An executor on a thread of its own takes a while to take blocks back, and can be lost meanwhile. */
class SlowlyUndoing extends InlineExecutor {
  lost: EngineError | undefined;

  override async ask<M extends ExecutorMethod>(
    method: M,
    args: Parameters<ExecutorFace[M]>,
    past?: Past,
  ): Promise<ReturnType<ExecutorFace[M]>> {
    if (method === "undo") await soon();
    if (this.lost !== undefined) throw this.lost;
    return await super.ask(method, args, past);
  }
}

const zero = new Uint8Array(32);

function newExecutor(): Executor {
  return new Executor({
    snapshot: { get: () => undefined, range: () => [], appliedSeq: () => -1 },
    tree: new PortableStateTree(),
    hasher: portableHasher,
    engines: [new BuiltinEngine()],
    parameters: DEFAULT_PARAMETERS,
    head: { seq: -1, height: -1, timestampMs: 0, blockHash: zero, stateRoot: zero },
    table: { pinned: true },
  });
}

async function start() {
  const log = new HeldLog();
  const executor = newExecutor();
  const genesis = executor.genesis([]);
  await log.append([genesis]);
  const fatal: EngineError[] = [];
  const durable: number[] = [];
  const ids = new IdIndex();
  const sequencer: { auto?: AutoSequencer } = {};
  const running = { lose: () => {} };
  const pipeline = new Pipeline({
    log,
    head: headOf(new BlockEntry(genesis)),
    startExecutor: async (head, onLost) => {
      const handle = new SlowlyUndoing(head.seq === 0 ? executor : newExecutor());
      if (head.seq > 0) await catchUp(handle, -1, head, (seq) => new BlockEntry(log.read(seq)!));
      running.lose = () => {
        handle.lost = new EngineError("EXECUTION_TIMEOUT", "it spins", {});
        onLost(handle.lost);
      };
      return { handle, progress: new Int32Array(1).fill(1) };
    },
    now: () => 1_000,
    onDurable: (entry) => {
      durable.push(entry.height);
      ids.add(entry);
    },
    stage: () => undefined,
    onRoom: () => sequencer.auto?.pump(),
    onFatal: (error) => fatal.push(error),
  });
  await pipeline.start();
  const followers = { bytes: 0, max: 1_000 };
  const auto = new AutoSequencer({
    pipeline,
    ids: new IdGate({ ids, readBlock: (seq) => new BlockEntry(log.read(seq)!), now: () => 1_000 }),
    backlogBytesMax: 1 << 20,
    chainHash: () => zero,
    followerBacklog: () => followers,
  });
  sequencer.auto = auto;
  const queries = new QueryQueue(pipeline);
  const submit = (transactions: TransactionJson[], wait: Wait = "durable") =>
    new Promise<Fate[]>((resolve, reject) => {
      auto.submit(
        (out) => {
          for (const tx of transactions) encodeTransaction(tx, out);
          return transactions.length;
        },
        wait,
        { settle: (outcome) => resolve(transactions.map((_, i) => fateOf(outcome, i))), fail: reject },
      );
    });
  const balance = (token: string, owner: string) =>
    new Promise<bigint>((resolve, reject) => {
      queries.submit(
        (out) => {
          encodeTransaction(
            { kind: "call", sender: ALICE, gasLimit: 1_000_000, to: token, entrypoint: "balanceOf", args: [owner] },
            out,
          );
          return 1;
        },
        { settle: (answer) => resolve(BigInt(toHex(answer.returnData))), fail: reject },
      );
    });
  const [deployed] = await submit([deployment()]);
  const token = toHex((deployed as Extract<Fate, { receipt: unknown }>).receipt.contractAddress!);
  return {
    log,
    pipeline,
    auto,
    followers,
    submit,
    balance,
    token,
    executor,
    fatal,
    durable,
    lose: () => running.lose(),
  };
}

/** Everything runs on this thread: turns of its loop are all that is waited for. */
async function soon(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("a block that is executed but not durable", () => {
  it("is told to nobody: submitters and readers wait for the log", async () => {
    const { log, submit, balance, token } = await start();
    log.isHolding = true;
    const events: string[] = [];
    const write = submit([transfer(token, ALICE, BOB, 5)]).then(() => events.push("written"));
    await soon();
    const read = balance(token, BOB).then((amount) => events.push(`read ${amount}`));
    await soon();
    expect(events).toEqual([]);
    await log.letThrough();
    await Promise.all([write, read]);
    expect(events).toEqual(["written", "read 5"]);
  });

  it("is told to those who asked for no more than execution", async () => {
    const { log, submit, token, durable } = await start();
    log.isHolding = true;
    const [fate] = await submit([transfer(token, ALICE, BOB, 5)], "executed");
    expect(fate).toMatchObject({ height: 2 });
    expect(durable).toEqual([1]);
    await log.letThrough();
  });

  it.each(["executed", "accepted"] as const)(
    "keeps its ids: the same request runs once, though its sender asked to wait for no more than %s",
    async (wait) => {
      const { log, submit, balance, token } = await start();
      log.isHolding = true;
      const withId = transfer(token, ALICE, BOB, 5, { id: `0x${"1d".repeat(32)}`, nonce: 1 });
      await submit([withId], wait);
      await soon();
      const again = submit([withId]);
      await soon();
      await log.letThrough();
      await soon();
      await log.letThrough();
      expect(await again).toMatchObject([{ height: 2, receipt: { status: "success" } }]);
      expect(await balance(token, BOB)).toBe(5n);
    },
  );

  it("is taken back with all after it when the append fails, and everyone who waits is told", async () => {
    const { log, submit, balance, token, executor, pipeline } = await start();
    const root = toHex(executor.blocks.root());
    log.isHolding = true;
    const first = submit([transfer(token, ALICE, BOB, 5)]);
    await soon();
    const second = submit([transfer(token, ALICE, BOB, 6)]);
    const read = balance(token, BOB);
    await soon();
    expect(toHex(executor.blocks.root())).not.toBe(root);
    log.isHolding = false;
    log.fail(true);
    const results = await Promise.allSettled([first, second, read]);
    for (const result of results)
      expect(result).toMatchObject({ status: "rejected", reason: { code: "STORAGE_ERROR", retryable: true } });
    await expect.poll(() => [toHex(executor.blocks.root()), pipeline.head.height]).toEqual([root, 1]);
    expect(await balance(token, BOB)).toBe(0n);
    expect(await submit([transfer(token, ALICE, BOB, 7)])).toMatchObject([
      { height: 2, receipt: { status: "success" } },
    ]);
    expect(await balance(token, BOB)).toBe(7n);
  });

  it("keeps nobody waiting who asks while it is taken back", async () => {
    const { log, submit, balance, token } = await start();
    log.isHolding = true;
    const write = submit([transfer(token, ALICE, BOB, 5)]);
    write.catch(() => undefined);
    await soon();
    log.isHolding = false;
    log.fail(true);
    const reads: Promise<bigint>[] = [];
    for (let turn = 0; turn < 10; turn++) {
      reads.push(balance(token, BOB));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect(write).rejects.toMatchObject({ code: "STORAGE_ERROR" });
    expect(await Promise.all(reads)).toEqual(reads.map(() => 0n));
    expect(await submit([transfer(token, ALICE, BOB, 7)])).toMatchObject([{ receipt: { status: "success" } }]);
  });

  it.each(["before the append fails", "while it is taken back"])(
    "is gone with an executor that is lost %s, and the engine goes on",
    async (when) => {
      const { log, submit, balance, token, fatal, lose, pipeline } = await start();
      log.isHolding = true;
      const write = submit([transfer(token, ALICE, BOB, 5)]);
      write.catch(() => undefined);
      await soon();
      log.isHolding = false;
      if (when === "before the append fails") lose();
      log.fail(true);
      if (when === "while it is taken back") {
        await new Promise((resolve) => setImmediate(resolve));
        lose();
      }
      const read = balance(token, BOB);
      await expect(write).rejects.toMatchObject({ code: "STORAGE_ERROR", retryable: true });
      expect(await read).toBe(0n);
      expect(await submit([transfer(token, ALICE, BOB, 7)])).toMatchObject([
        { height: 2, receipt: { status: "success" } },
      ]);
      expect(await balance(token, BOB)).toBe(7n);
      expect([fatal, pipeline.head.height]).toEqual([[], 2]);
    },
  );

  it("keeps nobody waiting for an engine that can't go on", async () => {
    const { log, submit, token, fatal, pipeline } = await start();
    log.isHolding = true;
    const write = submit([transfer(token, ALICE, BOB, 5)]);
    await soon();
    log.fail(false);
    await expect(write).rejects.toMatchObject({ code: "STORAGE_ERROR" });
    await soon();
    pipeline.abort(fatal[0]!);
    await expect(pipeline.exclusive(async () => {})).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });

  it("stops the engine when the outcome on disk is unknown", async () => {
    const { log, submit, token, fatal } = await start();
    log.isHolding = true;
    const write = submit([transfer(token, ALICE, BOB, 5)]);
    await soon();
    log.fail(false);
    await expect(write).rejects.toMatchObject({ code: "STORAGE_ERROR", retryable: false });
    await soon();
    expect(fatal).toHaveLength(1);
    expect(fatal[0]).toBeInstanceOf(EngineError);
  });
});

describe("a fault of ours while a batch is answered", () => {
  it("is told to its submitter, and counts no other batch as done", async () => {
    const { log, auto, pipeline, submit, token } = await start();
    const encode = (out: ByteWriter) => {
      encodeTransaction(transfer(token, ALICE, BOB, 5), out);
      return 1;
    };
    const failed = await new Promise<EngineError>((resolve) => {
      const settle = () => {
        throw new Error("a fault in an answer");
      };
      auto.submit(encode, "executed", { settle, fail: resolve });
    });
    expect(failed).toMatchObject({ code: "INTERNAL_ERROR" });
    await pipeline.executedIsDurable();
    expect(pipeline.hasWrites).toBe(false);
    log.isHolding = true;
    const write = submit([transfer(token, ALICE, BOB, 6)]);
    while (!pipeline.hasWrites) await new Promise((resolve) => setImmediate(resolve));
    for (let waiting = 0; waiting < 3; waiting++) pipeline.execute(new Batch(new ByteWriter()));
    expect(pipeline.hasRoom).toBe(false);
    await soon();
    await log.letThrough();
    expect(await write).toMatchObject([{ receipt: { status: "success" } }]);
  });
});

describe("a log that its followers do not keep up with", () => {
  it("takes nothing more at the bound of what they lack, and has run nothing of what it refused", async () => {
    const { followers, submit, balance, token } = await start();
    followers.bytes = followers.max;
    await expect(submit([transfer(token, ALICE, BOB, 1)])).rejects.toMatchObject({
      code: "BUSY",
      facts: { retryAfterMs: 1_000, backlogBytes: 1_000, maxBytes: 1_000 },
    });
    followers.bytes--;
    await submit([transfer(token, ALICE, BOB, 2)]);
    expect(await balance(token, BOB)).toBe(2n);
  });
});
