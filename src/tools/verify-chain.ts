/**
 * Tools that work on a data directory rather than on a daemon.
 *   verifyChain: journal ─▶ every canonical block executed again from genesis ─▶ compared with what the journal says
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { VerifyOptions, VerifyReport } from "../cli/seams.ts";
import { contractEngines } from "../contract-engines.ts";
import { BlockEntry, blockHashOf } from "../encoding/block-entry.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { portableHasher } from "../encoding/hash.ts";
import { toHex } from "../encoding/hex.ts";
import { EngineError } from "../errors.ts";
import { Executor, type Head } from "../execution/executor.ts";
import { type ChainParameters, parametersIn } from "../execution/parameters.ts";
import type { StateSnapshot } from "../execution/ports.ts";
import { PortableStateTree } from "../execution/state-tree.ts";
import { isAddon, loadAddon } from "../native/addon.ts";
import { nativeHasher } from "../native/hash.ts";
import { NativeStateTree } from "../native/state-tree.ts";
import { ChainIndex } from "../storage/chain-index.ts";
import { unlockEncrypted } from "../storage/encryption/unlocked.ts";
import { systemFiles } from "../storage/files.ts";
import { JournalReader } from "../storage/journal-reader.ts";
import { planRecovery } from "../storage/journal-recovery.ts";
import { listFirstSeqs } from "../storage/segment-set.ts";

const READ_BYTES = 4 * 1024 * 1024;
const EMPTY_SNAPSHOT: StateSnapshot = { get: () => undefined, range: () => [], appliedSeq: () => -1 };
const ZERO_HASH = new Uint8Array(32);
const BEFORE_GENESIS: Head = { seq: -1, height: -1, timestampMs: 0, blockHash: ZERO_HASH, stateRoot: ZERO_HASH };
const TREE_NAME = "verify";
/** How often the loop lets signals and the progress line through. */
const YIELD_MS = 50;

/** Executes the journal's blocks again and compares roots, receipts and deltas. A daemon may run on it meanwhile. */
export async function verifyChain(dataDir: string, options: VerifyOptions): Promise<VerifyReport> {
  const directory = join(dataDir, "journal");
  if (!existsSync(directory))
    throw new EngineError("BLOCK_NOT_FOUND", `there is no journal in ${dataDir}`, { directory });
  unlockEncrypted(dataDir, options.keyFile);
  const begins = beginsAbove(directory);
  if (begins !== undefined)
    throw new EngineError(
      "PRUNED",
      `the journal in ${directory} begins with block ${begins}: blocks are executed again from genesis on`,
      { directory, lowestHeight: begins },
    );
  const { lastSeq } = planRecovery(systemFiles, directory, { requiredFromSeq: 0, requiredToSeq: -1, verifyFromSeq: 0 });
  if (lastSeq < 0) throw new EngineError("BLOCK_NOT_FOUND", `the journal in ${directory} is empty`, { directory });
  const reader = JournalReader.open(directory);
  reader.advance(lastSeq);
  try {
    const chain = await readChain(reader, lastSeq, options);
    return await replay(reader, chain, options);
  } finally {
    reader.close();
    const addon = loadAddon();
    if (isAddon(addon)) NativeStateTree.release(addon, TREE_NAME);
  }
}

/** Height of the first block of a journal that begins after a snapshot; undefined for one that begins at genesis. */
function beginsAbove(directory: string): number | undefined {
  const firstSeq = listFirstSeqs(systemFiles, directory)[0];
  if (firstSeq === undefined || firstSeq === 0) return undefined;
  const reader = JournalReader.open(directory);
  try {
    reader.advance(firstSeq);
    const entry = reader.read(firstSeq);
    return entry === undefined ? undefined : BlockEntry.parse(entry).height;
  } finally {
    reader.close();
  }
}

/** Which entry holds the canonical block of each height. */
async function readChain(reader: JournalReader, lastSeq: number, options: VerifyOptions): Promise<ChainIndex> {
  const chain = new ChainIndex();
  const turn = new Turn(options, "reading", lastSeq + 1);
  for (let seq = 0; seq <= lastSeq; ) {
    for (const bytes of reader.entries(seq, READ_BYTES)) chain.add(new BlockEntry(bytes));
    seq = chain.lastSeq + 1;
    await turn.at(seq);
  }
  return chain;
}

async function replay(reader: JournalReader, chain: ChainIndex, options: VerifyOptions): Promise<VerifyReport> {
  const from = options.from ?? 0;
  const to = options.to ?? chain.headHeight;
  if (from < 0 || to > chain.headHeight || from > to) {
    throw new EngineError(
      "BLOCK_NOT_FOUND",
      `the journal holds heights 0 to ${chain.headHeight}, asked for ${from} to ${to}`,
      { lowest: 0, highest: chain.headHeight },
    );
  }
  const block = (height: number) => BlockEntry.parse(reader.read(chain.seqOfHeight(height)!)!);
  const executor = newExecutor(parametersIn(block(0).delta));
  const report = { from, to, blocks: 0, transactions: 0, deltaOnlyBlocks: 0 };
  const turn = new Turn(options, "executing", to + 1);
  let parent: BlockEntry | undefined;
  for (let height = 0; height <= to; height++) {
    const entry = block(height);
    const mismatch = compare(
      entry,
      parent,
      height < from || height === 0 ? executor.takeOver(entry) : executor.execute(entry),
    );
    if (mismatch !== undefined)
      return { ...report, stateRoot: toHex(parent?.stateRoot ?? ZERO_HASH), mismatch: { height, ...mismatch } };
    if (height >= from) {
      report.blocks++;
      report.transactions += entry.transactionCount;
    }
    parent = entry;
    await turn.at(height + 1);
  }
  return { ...report, stateRoot: toHex(parent!.stateRoot) };
}

type Mismatch = { what: string; expected: string; actual: string } | undefined;
type Outcome = { stateRoot: Uint8Array; entry: BlockEntry | undefined };

function compare(entry: BlockEntry, parent: BlockEntry | undefined, outcome: Outcome): Mismatch {
  const parts: [string, Uint8Array, Uint8Array][] = [
    ["block hash", entry.blockHash, blockHashOf(entry.bytes)],
    ["parent hash", entry.parentHash, parent?.blockHash ?? ZERO_HASH],
    ["state root", entry.stateRoot, outcome.stateRoot],
  ];
  if (outcome.entry !== undefined) {
    parts.push(["receipts root", entry.receiptsRoot, outcome.entry.receiptsRoot]);
    parts.push(["transactions root", entry.transactionsRoot, outcome.entry.transactionsRoot]);
    parts.push(["delta", entry.delta, outcome.entry.delta]);
    parts.push(["block hash after execution", entry.blockHash, outcome.entry.blockHash]);
  }
  for (const [what, expected, actual] of parts) {
    if (!equalBytes(expected, actual)) return { what, expected: shown(expected), actual: shown(actual) };
  }
  return undefined;
}

function shown(bytes: Uint8Array): string {
  return bytes.length <= 32 ? toHex(bytes) : `${bytes.length} bytes`;
}

function newExecutor(parameters: ChainParameters) {
  const addon = loadAddon();
  const native = isAddon(addon);
  if (native) NativeStateTree.release(addon, TREE_NAME);
  const executor = new Executor({
    snapshot: EMPTY_SNAPSHOT,
    tree: native ? NativeStateTree.attach(addon, TREE_NAME) : new PortableStateTree(),
    hasher: native ? nativeHasher(addon) : portableHasher,
    engines: contractEngines(parameters),
    parameters,
    head: BEFORE_GENESIS,
    table: { pinned: true },
  });
  return {
    takeOver(entry: BlockEntry): Outcome {
      executor.follow([{ entry: entry.bytes, undone: [] }]);
      return { stateRoot: executor.blocks.root(), entry: undefined };
    },
    execute(entry: BlockEntry): Outcome {
      const { transactionCount: count } = entry;
      const start = count === 0 ? 0 : entry.transactionAt(0);
      const end = count === 0 ? 0 : entry.receiptAt(0);
      const executed = executor.executeOne(entry.bytes.slice(start, end), count, entry.timestampMs);
      const again = new BlockEntry(executed.entry!);
      return { stateRoot: again.stateRoot, entry: again };
    },
  };
}

/** Progress, and a stop when the user no longer wants the answer. */
class Turn {
  readonly #options: VerifyOptions;
  readonly #phase: string;
  readonly #total: number;
  #yieldedAt = performance.now();

  constructor(options: VerifyOptions, phase: string, total: number) {
    this.#options = options;
    this.#phase = phase;
    this.#total = total;
  }

  async at(done: number): Promise<void> {
    if (performance.now() - this.#yieldedAt < YIELD_MS && done < this.#total) return;
    this.#options.onProgress({ phase: this.#phase, done, total: this.#total });
    await new Promise((resolve) => setImmediate(resolve));
    this.#options.signal.throwIfAborted();
    this.#yieldedAt = performance.now();
  }
}
