/** Pruning: blocks, receipts and logs that are no longer kept go, and whoever asks for them is told from where on they are. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Engine } from "../../src/engine.ts";
import { unlockDataDir } from "../../src/storage/encryption/unlocked.ts";
import { systemFiles } from "../../src/storage/files.ts";
import { LmdbState } from "../../src/storage/lmdb-state.ts";
import { listFirstSeqs } from "../../src/storage/segment-set.ts";
import { verifyChain } from "../../src/tools/verify-chain.ts";
import { itWith } from "../support/describe-with.ts";
import { writeKeyFile } from "../support/encrypted-directory.ts";
import {
  ALICE,
  BOB,
  balanceOf,
  bytes,
  heightOf,
  rootOf,
  submit,
  temporaryDirectory,
  transfer,
} from "../support/engine.ts";
import { openLineClient } from "../support/line-client.ts";
import { NATIVE } from "../support/need.ts";
import { addBlocks, clientOf, newChain, openSmall, prune, RUN, refusalOf, socketOf } from "../support/pruned-chain.ts";

const BLOCKS = 120;
const KEPT = 30;

const shared = { dataDir: "", token: "", hashes: new Map<number, string>(), lowest: 0, head: BLOCKS + 1 };

beforeAll(async () => {
  const directory = temporaryDirectory();
  shared.dataDir = directory.path;
  Object.assign(shared, await newChain(shared.dataDir, BLOCKS));
  const report = await prune(shared.dataDir, KEPT);
  shared.lowest = report["lowestHeight"] as number;
  return () => directory.remove();
});

function journalOf(dataDir: string): number[] {
  return listFirstSeqs(systemFiles, join(dataDir, "journal"));
}

describe("a pruned data directory", () => {
  it("keeps what it was told to keep, in whole segments", () => {
    expect(shared.lowest).toBeGreaterThan(0);
    expect(shared.lowest).toBeLessThanOrEqual(shared.head - KEPT + 1);
    expect(journalOf(shared.dataDir)[0]).toBe(shared.lowest);
  });

  it("goes on with equal roots, over restarts", async () => {
    for (let round = 1; round <= 2; round++) {
      const engine = await openSmall(shared.dataDir);
      expect(await balanceOf(engine, shared.token, BOB)).toBe(BigInt(shared.hashes.size));
      for (const [height, hash] of await addBlocks(engine, shared.token, 1)) shared.hashes.set(height, hash);
      shared.head++;
      await engine.close();
    }
  });

  it("answers PRUNED with the lowest height, never nothing, about what went", async () => {
    const engine = await openSmall(shared.dataDir);
    const client = await clientOf(engine);
    const { lowest, token } = shared;
    const gone = lowest - 1;
    const goneHash = shared.hashes.get(gone)!;
    const asked: [string, () => Promise<unknown>][] = [
      ["block_get", () => client.call("block_get", { height: gone })],
      ["block_get of genesis", () => client.call("block_get", { height: 0 })],
      ["contract_logs from", () => client.call("contract_logs", { address: token, fromBlock: gone })],
      ["contract_logs to", () => client.call("contract_logs", { address: token, toBlock: gone })],
      ["tx_list of a block", () => client.call("tx_list", { blockHeight: gone })],
      ["state_root", () => client.call("state_root", { at: gone })],
      ["state_proof", () => client.call("state_proof", { address: token, key: "0x00", at: gone })],
      ["log_entries", () => client.call("log_entries", { fromSeq: gone })],
      ["subscribe from", () => client.call("subscribe", { types: ["newBlocks"], fromBlock: gone })],
      [
        "subscribe since",
        () => client.call("subscribe", { types: ["newBlocks"], since: `${gone}.end.${"0".repeat(16)}` }),
      ],
    ];
    for (const [what, work] of asked) {
      const { code, facts } = await refusalOf(work());
      expect([what, code], JSON.stringify(facts)).toEqual([what, "PRUNED"]);
      expect([what, facts["lowestHeight"]]).toEqual([what, lowest]);
    }
    for (const [method, params] of [
      ["tx_get", { transactionHash: goneHash }],
      ["tx_receipt", { transactionHash: goneHash }],
      ["tx_trace", { transactionHash: goneHash }],
      ["block_get", { blockHash: goneHash }],
    ] as const)
      expect([method, await refusalOf(client.call(method, params))]).toEqual([
        method,
        {
          code: method === "block_get" ? "BLOCK_NOT_FOUND" : "TRANSACTION_NOT_FOUND",
          facts: expect.objectContaining({ lowestHeight: lowest }),
        },
      ]);
    await engine.close();
  });

  it("answers about the first block that is kept, and says in every page of history that it begins there", async () => {
    const engine = await openSmall(shared.dataDir);
    const client = await clientOf(engine);
    const { lowest, token } = shared;
    expect(await client.call("block_get", { height: lowest })).toMatchObject({ height: lowest });
    const transactionHash = shared.hashes.get(lowest)!;
    expect(await client.call("tx_receipt", { transactionHash })).toMatchObject({ blockHeight: lowest });
    const count = shared.head - lowest + 1;
    const logs = await client.call("contract_logs", { address: token, limit: 1_000 });
    expect(logs.items.map(({ blockHeight }) => blockHeight)[0]).toBe(lowest);
    expect(logs).toMatchObject({ nextCursor: null, lowestHeight: lowest });
    expect(logs.items).toHaveLength(count);
    const lists = [
      await client.call("contract_logs", { address: token, fromBlock: lowest, limit: 1_000 }),
      await client.call("contract_executions", { address: token, limit: 1_000 }),
      await client.call("tx_list", { limit: 1_000 }),
      await client.call("tx_list", { address: token, limit: 1_000 }),
      await client.call("block_list", { limit: 1_000 }),
    ];
    for (const list of lists) {
      expect(list).toMatchObject({ nextCursor: null, lowestHeight: lowest });
      expect(list.items).toHaveLength(count);
    }
    await engine.close();
  });

  it("executes again from the first block that is kept, and says so", async () => {
    const engine = await openSmall(shared.dataDir);
    const root = rootOf(engine);
    await engine.close();
    const report = await verifyChain(shared.dataDir, RUN);
    expect(report.stateRoot).toBe(root);
    expect(report).toMatchObject({ from: shared.lowest, to: shared.head, prunedBelow: shared.lowest });
    expect(report.mismatch).toBeUndefined();
    expect(report.blocks).toBe(shared.head - shared.lowest + 1);
    const refusal = await refusalOf(verifyChain(shared.dataDir, { ...RUN, from: shared.lowest - 1 }));
    expect(refusal).toMatchObject({ code: "PRUNED", facts: { lowestHeight: shared.lowest } });
  });
});

describe("pruning", () => {
  async function chain(): Promise<{ dataDir: string; token: string; hashes: Map<number, string> }> {
    const { path: dataDir, remove } = temporaryDirectory();
    onTestFinished(remove);
    return { dataDir, ...(await newChain(dataDir, BLOCKS)) };
  }

  it("says what would go and lets nothing go in a dry run, then does just that, then has nothing to do", async () => {
    const { dataDir } = await chain();
    const before = journalOf(dataDir);
    const { dryRun, ...planned } = await prune(dataDir, KEPT, { dryRun: true });
    expect(dryRun).toBe(true);
    expect(journalOf(dataDir)).toEqual(before);
    const done = await prune(dataDir, KEPT);
    expect(done).toMatchObject(planned);
    expect(done["segments"]).toBe(before.length - journalOf(dataDir).length);
    expect(await prune(dataDir, KEPT)).toMatchObject({ segments: 0, bytes: 0, lowestHeight: done["lowestHeight"] });
  });

  it("keeps the rollback window whatever it is told, and a rollback to its end is as before", async () => {
    const { dataDir, token } = await chain();
    const report = await prune(dataDir, 1);
    expect(report["keptFor"]).toMatch(/rollback window/);
    const engine = await openSmall(dataDir);
    const lowestState = (engine.service.info()["limits"] as { lowestRetainedHeight: number }).lowestRetainedHeight;
    expect(lowestState).toBe(BLOCKS + 1 - 8);
    await engine.service.blockRollback(lowestState);
    expect(await balanceOf(engine, token, BOB)).toBe(BigInt(lowestState - 1));
    await submit(engine, [transfer(token, ALICE, BOB, 1)]);
    const root = rootOf(engine);
    await engine.close();
    const again = await openSmall(dataDir);
    expect(rootOf(again)).toBe(root);
    await again.close();
    expect((await verifyChain(dataDir, RUN)).stateRoot).toBe(root);
  });

  it("keeps entries whose ids are still promised: sent again, they answer and do not run", async () => {
    const { path: dataDir, remove } = temporaryDirectory();
    onTestFinished(remove);
    const { token } = await newChain(dataDir, 40);
    const engine = await openSmall(dataDir);
    const named = transfer(token, ALICE, BOB, 5, { nonce: 41, id: `0x${"1d".repeat(32)}` });
    const [first] = await submit(engine, [named]);
    await addBlocks(engine, token, 80);
    await engine.close();
    const report = await prune(dataDir, 1);
    expect(report["keptFor"]).toMatch(/ids/);
    expect(report["segments"]).toBeGreaterThan(0);
    const again = await openSmall(dataDir);
    const balance = await balanceOf(again, token, BOB);
    expect(await submit(again, [named])).toEqual([first]);
    expect(await balanceOf(again, token, BOB)).toBe(balance);
    await again.close();
  });

  it("refuses where the state is not what its block says, and nothing goes", async () => {
    const { dataDir } = await chain();
    const state = LmdbState.open(join(dataDir, "state"));
    const [row] = [...state.range(new Uint8Array(0), Uint8Array.of(255))];
    const chainIndex = state.chain();
    state.fill([{ key: row!.key, value: Uint8Array.of(...row!.value, 1) }], Buffer.from("test"));
    state.filled(chainIndex);
    await state.close();
    const before = journalOf(dataDir);
    expect(await refusalOf(prune(dataDir, KEPT))).toMatchObject({ code: "ROOT_MISMATCH" });
    expect(journalOf(dataDir)).toEqual(before);
  });

  it("moves segments to the archive, from which the whole log and the state come back", async () => {
    const { dataDir } = await chain();
    const whole = journalOf(dataDir);
    const archive = join(dataDir, "archive");
    await prune(dataDir, 60, { archive });
    await prune(dataDir, KEPT, { archive });
    const engine = await openSmall(dataDir);
    const root = rootOf(engine);
    expect(await refusalOf(engine.service.block(1))).toMatchObject({ code: "PRUNED" });
    await engine.close();
    cpSync(archive, join(dataDir, "journal"), { recursive: true });
    expect(journalOf(dataDir)).toEqual(whole);
    for (const part of ["state", "state.tree", "index"]) rmSync(join(dataDir, part), { recursive: true });
    const again = await openSmall(dataDir);
    expect(rootOf(again)).toBe(root);
    expect((await again.service.block(1))?.height).toBe(1);
    await again.close();
    const report = await verifyChain(dataDir, RUN);
    expect(report).toMatchObject({ from: 0, to: BLOCKS + 1, blocks: BLOCKS + 2, stateRoot: root });
    expect(report.mismatch).toBeUndefined();
  });

  it("refuses an archive that holds another log's segment, and nothing goes", async () => {
    const { dataDir } = await chain();
    const other = await chain();
    const archive = join(dataDir, "archive");
    await prune(other.dataDir, KEPT, { archive });
    const before = journalOf(dataDir);
    expect(await refusalOf(prune(dataDir, KEPT, { archive }))).toMatchObject({ code: "STORAGE_ERROR" });
    expect(journalOf(dataDir)).toEqual(before);
    expect(existsSync(archive)).toBe(true);
    expect(readFileSync(join(archive, readdirSync(archive)[0]!)).length).toBeGreaterThan(0);
  });

  it("leaves a cursor from before it PRUNED, and one from behind the horizon as it was", async () => {
    const { dataDir, token } = await chain();
    const engine = await openSmall(dataDir);
    const address = bytes(token);
    const below = await engine.service.logs({ address, limit: 5 });
    const above = await engine.service.logs({ address, limit: 5, newestFirst: true });
    const oldest = await engine.service.executions({ contract: address, limit: BLOCKS });
    await engine.close();
    const { lowestHeight } = await prune(dataDir, KEPT);
    const again = await openSmall(dataDir);
    for (const work of [
      again.service.logs({ address, limit: 5, cursor: below.nextCursor }),
      again.service.executions({ contract: address, limit: 5, cursor: oldest.nextCursor }),
    ])
      expect(await refusalOf(work)).toMatchObject({ code: "PRUNED", facts: { lowestHeight } });
    const next = await again.service.logs({ address, limit: 5, newestFirst: true, cursor: above.nextCursor });
    expect(next.items.map(({ block }) => block.height)).toEqual([1, 2, 3, 4, 5].map((n) => BLOCKS + 1 - 4 - n));
    await again.close();
  });

  it("begins behind a rollback that the horizon falls into", async () => {
    const { path: dataDir, remove } = temporaryDirectory();
    onTestFinished(remove);
    const { token } = await newChain(dataDir, 20);
    const engine = await openSmall(dataDir, {
      retention: { ...{ undoBlocks: 128, undoMs: 0, undoMaxBytes: 2 ** 30 } },
    });
    for (let round = 0; round < 6; round++) {
      await addBlocks(engine, token, 20);
      await engine.service.blockRollback(20);
    }
    await addBlocks(engine, token, 40);
    const root = rootOf(engine);
    await engine.close();
    const { lowestHeight } = await prune(dataDir, 20);
    const again = await openSmall(dataDir);
    expect(rootOf(again)).toBe(root);
    expect((await again.service.block(lowestHeight as number))?.height).toBe(lowestHeight);
    const client = await clientOf(again);
    const found = await client.call("log_entries", { fromSeq: 0, bytesMax: 0 });
    expect((await again.service.block(lowestHeight as number))?.seq).toBe(found.firstSeq);
    await again.close();
    expect((await verifyChain(dataDir, RUN)).stateRoot).toBe(root);
  });
});

describe("an engine that is told what to keep", () => {
  const history = { kept: { blocks: KEPT }, archive: undefined, lookMs: 20 };

  function directory(): string {
    const { path, remove } = temporaryDirectory();
    onTestFinished(remove);
    return path;
  }

  const lowestOf = (engine: Engine) => (engine.service.info()["limits"] as { lowestHeight: number }).lowestHeight;

  it("prunes by itself while it goes on, whoever asks meanwhile, and loses nothing that is kept", async () => {
    const dataDir = directory();
    const { token } = await newChain(dataDir, 10);
    const engine = await openSmall(dataDir, { history });
    const client = await clientOf(engine);
    const hashes = await addBlocks(engine, token, BLOCKS);
    const head = 11 + BLOCKS;
    // Questions of every kind, beside the pruning.
    let isOver = false;
    const asking = (async () => {
      for (let height = 12; !isOver; height = height === head ? 12 : height + 1) {
        const known = await client.call("tx_receipt", { transactionHash: hashes.get(height)! }).catch(codeOf);
        if (typeof known === "string")
          expect([known, height < lowestOf(engine)]).toEqual(["TRANSACTION_NOT_FOUND", true]);
        const logs = await client.call("contract_logs", { address: token, fromBlock: height, limit: 3 }).catch(codeOf);
        if (typeof logs === "string") expect([logs, height < lowestOf(engine)]).toEqual(["PRUNED", true]);
        else expect(logs.items[0]?.blockHeight).toBe(height);
      }
    })();
    await Promise.race([asking, expect.poll(() => lowestOf(engine)).toBeGreaterThan(head - KEPT - 25)]);
    isOver = true;
    await asking;
    const lowest = lowestOf(engine);
    expect(lowest).toBeLessThanOrEqual(head - KEPT + 1);
    await expect.poll(() => journalOf(dataDir)[0]).toBe(lowest);
    expect(await client.call("tx_receipt", { transactionHash: hashes.get(lowest)! })).toMatchObject({
      status: "success",
    });
    const stats = await client.call("storage_stats", {});
    expect(stats.log).toMatchObject({ lowestHeight: lowest, notPruned: null });
    expect(stats.log.prunedSegments).toBeGreaterThan(0);
    expect(engine.service.health().backends["log"]).toMatchObject({ lowestHeight: lowest });
    const totals = await client.call("metrics_performance", {});
    expect(totals.totalExecutions).toBe(head);
    const root = rootOf(engine);
    await engine.close();
    const again = await openSmall(dataDir);
    expect([rootOf(again), lowestOf(again)]).toEqual([root, lowest]);
    expect(await refusalOf(again.service.block(lowest - 1))).toMatchObject({ code: "PRUNED" });
    await again.close();
    expect(await verifyChain(dataDir, RUN)).toMatchObject({ stateRoot: root, prunedBelow: lowest });
    expect(readdirSync(join(dataDir, "index")).every((name) => !name.startsWith("0000000000000000"))).toBe(true);
  });

  it("ends a stream that stands below the horizon with PRUNED, and goes on with one that does not", async () => {
    const dataDir = directory();
    const { token } = await newChain(dataDir, BLOCKS);
    const engine = await openSmall(dataDir, { history });
    await expect.poll(() => lowestOf(engine)).toBeGreaterThan(0);
    const client = await openLineClient(await socketOf(engine));
    const lowest = lowestOf(engine);
    const subscribe = (fromBlock: number) => client.call("subscribe", { types: ["newBlocks"], fromBlock });
    const { code, lowestHeight } = (await subscribe(lowest - 1)).error.data;
    expect({ code, lowestHeight }).toEqual({ code: "PRUNED", lowestHeight: lowest });
    await subscribe(lowest);
    await addBlocks(engine, token, 1);
    const kept = Array.from({ length: BLOCKS + 3 - lowest }, (_, i) => lowest + i);
    expect((await client.take(kept.length)).map(({ result }) => result.height)).toEqual(kept);
    client.close();
    await engine.close();
  });

  itWith(NATIVE, "leaves everything where the state is not what its block says, says so, and goes on", async () => {
    const dataDir = directory();
    const { token } = await newChain(dataDir, BLOCKS);
    const state = LmdbState.open(join(dataDir, "state"));
    const chainIndex = state.chain();
    // A row that no block reads: one that was changed would end the block that does.
    state.fill([{ key: Buffer.from("\x13no block's"), value: Uint8Array.of(1) }], Buffer.from("test"));
    state.filled(chainIndex);
    await state.close();
    const before = journalOf(dataDir);
    // The tree that was saved at the stop is right, so that the start is not what finds it out.
    const engine = await openSmall(dataDir, { history });
    const notPruned = () => engine.service.health().backends["log"]?.["notPruned"];
    await expect.poll(notPruned).toMatch(/hashes to/);
    expect(journalOf(dataDir).slice(0, before.length)).toEqual(before);
    await addBlocks(engine, token, 1);
    await engine.close();
  });

  it("prunes when an administrator says so, to the archive, and keeps everything otherwise", async () => {
    const dataDir = directory();
    await newChain(dataDir, BLOCKS);
    const archive = join(dataDir, "archive");
    const engine = await openSmall(dataDir, { history: { kept: undefined, archive } });
    const planned = await engine.prune({ blocks: KEPT }, true);
    expect(journalOf(dataDir)[0]).toBe(0);
    expect(await engine.prune({ blocks: KEPT }, false)).toEqual(planned);
    expect(await engine.prune({ blocks: KEPT }, false)).toMatchObject({
      segments: 0,
      lowestHeight: planned.lowestHeight,
    });
    expect(readdirSync(archive)).toHaveLength(planned.segments);
    expect(journalOf(dataDir)[0]).toBe(planned.lowestHeight);
    await engine.close();
  });

  it("keeps the transaction that an id stands for, so that a request sent again is answered, over a restart too", async () => {
    const dataDir = directory();
    const { token } = await newChain(dataDir, 40);
    const engine = await openSmall(dataDir, { history: { kept: undefined, archive: undefined } });
    const once = transfer(token, ALICE, BOB, 1, { id: `0x${"1d".repeat(32)}` });
    const first = await submit(engine, [once]);
    const height = heightOf(engine);
    await addBlocks(engine, token, BLOCKS);
    await expect.poll(async () => (await engine.prune({ blocks: KEPT }, true)).keptFor).toBe("ids of transactions");
    const { lowestHeight } = await engine.prune({ blocks: KEPT }, false);
    expect(lowestHeight).toBeGreaterThan(0);
    expect(lowestHeight).toBeLessThanOrEqual(height);
    expect(await submit(engine, [once])).toEqual(first);
    await engine.close();
    const again = await openSmall(dataDir);
    expect(await submit(again, [once])).toEqual(first);
    await again.close();
  });

  it("is the same in an encrypted directory", async () => {
    const dataDir = join(directory(), "data");
    const keyFile = writeKeyFile(join(directory(), "key"));
    mkdirSync(dataDir);
    unlockDataDir(dataDir, keyFile);
    const { token } = await newChain(dataDir, BLOCKS);
    const engine = await openSmall(dataDir, { history });
    await expect.poll(() => lowestOf(engine)).toBeGreaterThan(0);
    await expect.poll(() => journalOf(dataDir)[0]).toBe(lowestOf(engine));
    await addBlocks(engine, token, 1);
    const root = rootOf(engine);
    const lowest = lowestOf(engine);
    await engine.close();
    expect(await verifyChain(dataDir, { ...RUN, keyFile })).toMatchObject({ stateRoot: root });
    const again = await openSmall(dataDir);
    expect(lowestOf(again)).toBeGreaterThanOrEqual(lowest);
    await again.close();
  });
});

function codeOf(problem: unknown): string {
  return (problem as { code: string }).code;
}
