/** Brings a new executor from where its state stands to the head of the log. */
import { BlockEntry } from "../encoding/block-entry.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { toHex } from "../encoding/hex.ts";
import { StorageError } from "../errors.ts";
import { type Head, headOf } from "../execution/executor.ts";
import type { ExecutorHandle } from "../sequencer/executor-handle.ts";
import type { Pipeline } from "../sequencer/pipeline.ts";
import { damagedState } from "../storage/lmdb-file.ts";
import type { PostgresLog } from "../storage/postgres-log.ts";

/** Entries handed over in one message: 50,000 transfers, of which the tree hashes each node once. */
const STEP_BYTES = 16 * 1024 * 1024;

/**
 * @param baseSeq every entry above it has to be followed.
 * @throws StorageError when the state then has another root than the head.
 */
export async function catchUp(
  executor: Pick<ExecutorHandle, "ask">,
  baseSeq: number,
  head: Head,
  read: (seq: number) => BlockEntry,
  stateDirectory?: string,
): Promise<void> {
  // While the executor follows one step, the next is read.
  let step: Promise<void> = Promise.resolve();
  for (let seq = baseSeq + 1; seq <= head.seq; ) {
    const entries: { entry: Uint8Array; undone: Uint8Array[] }[] = [];
    for (let bytes = 0; seq <= head.seq && bytes < STEP_BYTES; seq++) {
      const entry = read(seq);
      entries.push({ entry: entry.bytes, undone: entry.isRollback ? undoneBy(entry, read) : [] });
      bytes += entry.bytes.length;
    }
    await step;
    step = executor.ask("follow", [entries]);
    // Whoever awaits it hears of a failure; until then it is not an unhandled one.
    step.catch(() => undefined);
  }
  await step;
  const root = await executor.ask("root", []);
  if (equalBytes(root, head.stateRoot)) return;
  const problem = `it has root ${toHex(root)}, the log's head at height ${head.height} says ${toHex(head.stateRoot)}`;
  if (stateDirectory !== undefined) throw damagedState(stateDirectory, problem);
  throw new StorageError(`the state is not that of the log: ${problem}`, { retryable: false, height: head.height });
}

/**
 * Takes what was copied from a shared log into execution, and publishes it: a replica's way, and a new leader's last step
 * before it leads. @throws StorageError.
 */
export function followShared(pipeline: Pipeline, log: PostgresLog): Promise<void> {
  return pipeline.exclusive(async () => {
    const { durableSeq, copiedSeq } = log;
    const read = (seq: number) => new BlockEntry(log.read(seq)!);
    const executor: Pick<ExecutorHandle, "ask"> = { ask: (method, args) => pipeline.askNow(method, args) };
    await catchUp(executor, durableSeq, headOf(read(copiedSeq)), read);
    log.publish(copiedSeq);
    for (let seq = durableSeq + 1; seq <= copiedSeq; seq++) pipeline.followed(read(seq));
  });
}

/** The blocks that a rollback took back, newest first: those above its height in the chain as it was before it. */
export function undoneBy(rollback: BlockEntry, read: (seq: number) => BlockEntry): Uint8Array[] {
  return [...undone(rollback, read)].map(({ bytes }) => bytes);
}

/** @param read an entry, of which the header is enough. */
export function* undone(rollback: BlockEntry, read: (seq: number) => BlockEntry): Generator<BlockEntry> {
  // Every entry, a rollback too, carries the hash of the block that was the head after it.
  let head = read(rollback.seq - 1).blockHash;
  for (let seq = rollback.seq - 1; ; seq--) {
    const entry = read(seq);
    if (entry.isRollback || !equalBytes(entry.blockHash, head)) continue;
    if (entry.height <= rollback.height) return;
    yield entry;
    head = entry.parentHash;
  }
}
