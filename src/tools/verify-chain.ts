/**
 * Executes a journal's blocks again, beside a daemon or without one, and compares with what the journal says.
 *   from genesis   ─▶ nothing ─▶ every block
 *   pruned         ─▶ the state store, hashed ─▶ every block taken back to the first that is kept ─▶ every block after it
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { VerifyOptions, VerifyReport } from "../cli/seams.ts";
import { contractEngines } from "../contract-engines.ts";
import { BlockEntry, blockHashOf, withoutBody } from "../encoding/block-entry.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { portableHasher } from "../encoding/hash.ts";
import { toHex } from "../encoding/hex.ts";
import { parameterKey } from "../encoding/state-key.ts";
import type { StateTree } from "../encoding/state-tree.ts";
import { EngineError } from "../errors.ts";
import { Executor, type Head, headOf } from "../execution/executor.ts";
import { decodeParameters, PARAMETERS_LEAF, parametersIn } from "../execution/parameters.ts";
import type { StateSnapshot } from "../execution/ports.ts";
import { PortableStateTree } from "../execution/state-tree.ts";
import { isAddon, loadAddon } from "../native/addon.ts";
import { nativeHasher } from "../native/hash.ts";
import { NativeStateTree } from "../native/state-tree.ts";
import { ChainIndex } from "../storage/chain-index.ts";
import { stateRootOf } from "../storage/copies/state-root.ts";
import { unlockEncrypted } from "../storage/encryption/unlocked.ts";
import { systemFiles } from "../storage/files.ts";
import { JournalReader } from "../storage/journal-reader.ts";
import { planRecovery } from "../storage/journal-recovery.ts";
import { LmdbSnapshot } from "../storage/lmdb-snapshot.ts";
import { prunedError } from "../storage/pruned-error.ts";
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
  // Segments of an archive put beside a journal make it whole again.
  const isPruned = (listFirstSeqs(systemFiles, directory)[0] ?? 0) > 0;
  const state = isPruned ? openState(dataDir) : undefined;
  const reader = JournalReader.open(directory);
  try {
    const known = state?.chain() ?? new ChainIndex();
    const requiredFromSeq = Math.max(0, known.lowestSeq);
    const { lastSeq } = planRecovery(systemFiles, directory, { requiredFromSeq, requiredToSeq: -1, verifyFromSeq: 0 });
    if (lastSeq < 0) throw new EngineError("BLOCK_NOT_FOUND", `the journal in ${directory} is empty`, { directory });
    reader.advance(lastSeq);
    const chain = await readChain(reader, known, lastSeq, options);
    const executor = state === undefined ? fromGenesis(reader) : await fromState(state, reader, options);
    return await replay(reader, chain, executor, options);
  } finally {
    reader.close();
    await state?.close();
    const addon = loadAddon();
    if (isAddon(addon)) NativeStateTree.release(addon, TREE_NAME);
  }
}

/** @throws EngineError PRUNED when there is none: the blocks of a pruned journal need the state that they stand on. */
function openState(dataDir: string): LmdbSnapshot {
  const directory = join(dataDir, "state");
  if (existsSync(join(directory, "state.mdb"))) return LmdbSnapshot.open(directory);
  throw new EngineError(
    "PRUNED",
    `the journal in ${dataDir} does not begin at genesis, and there is no state beside it`,
    {
      directory,
    },
  );
}

/** Which entry holds the canonical block of each height. @param known what of it the state store knows. */
async function readChain(
  reader: JournalReader,
  known: ChainIndex,
  lastSeq: number,
  options: VerifyOptions,
): Promise<ChainIndex> {
  const chain = known.clone();
  const turn = new Turn(options, "reading", lastSeq + 1);
  for (let seq = chain.lastSeq + 1; seq <= lastSeq; ) {
    for (const bytes of reader.entries(seq, READ_BYTES)) chain.add(new BlockEntry(bytes));
    seq = chain.lastSeq + 1;
    await turn.at(seq);
  }
  return chain;
}

async function replay(
  reader: JournalReader,
  chain: ChainIndex,
  executor: Executor,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const { lowestHeight: lowest, headHeight: highest } = chain;
  const from = options.from ?? lowest;
  const to = options.to ?? highest;
  if (from >= 0 && from < lowest) throw prunedError(`block ${from} was asked for`, chain, { height: from });
  if (from < 0 || to > highest || from > to) {
    throw new EngineError(
      "BLOCK_NOT_FOUND",
      `the journal holds heights ${lowest} to ${highest}, asked for ${from} to ${to}`,
      { lowest, highest },
    );
  }
  const report = {
    from,
    to,
    blocks: 0,
    transactions: 0,
    deltaOnlyBlocks: 0,
    ...(lowest > 0 ? { prunedBelow: lowest } : {}),
  };
  const turn = new Turn(options, "executing", to + 1 - lowest);
  let parent: BlockEntry | undefined;
  for (let height = lowest; height <= to; height++) {
    const entry = blockAt(reader, chain, height);
    const mismatch = compare(
      entry,
      parent?.blockHash ?? (height === 0 ? ZERO_HASH : entry.parentHash),
      height === lowest && lowest > 0
        ? { stateRoot: executor.blocks.root(), entry: undefined }
        : height < from || height === 0
          ? takeOver(executor, entry)
          : execute(executor, entry),
    );
    if (mismatch !== undefined)
      return { ...report, stateRoot: toHex(parent?.stateRoot ?? ZERO_HASH), mismatch: { height, ...mismatch } };
    if (height >= from) {
      report.blocks++;
      report.transactions += entry.transactionCount;
    }
    parent = entry;
    await turn.at(height + 1 - lowest);
  }
  return { ...report, stateRoot: toHex(parent!.stateRoot) };
}

function blockAt(reader: JournalReader, chain: ChainIndex, height: number): BlockEntry {
  return BlockEntry.parse(reader.read(chain.seqOfHeight(height)!)!);
}

type Mismatch = { what: string; expected: string; actual: string } | undefined;
type Outcome = { stateRoot: Uint8Array; entry: BlockEntry | undefined };

function compare(entry: BlockEntry, parentHash: Uint8Array, outcome: Outcome): Mismatch {
  const parts: [string, Uint8Array, Uint8Array][] = [
    ["block hash", entry.blockHash, blockHashOf(entry.bytes)],
    ["parent hash", entry.parentHash, parentHash],
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

function fromGenesis(reader: JournalReader): Executor {
  const parameters = parametersIn(BlockEntry.parse(reader.read(0)!).delta);
  return newExecutor({ snapshot: EMPTY_SNAPSHOT, tree: newTree(), parameters, head: BEFORE_GENESIS });
}

/** As of the first block that is kept: the state store's commit, with every block above taken back. */
async function fromState(state: LmdbSnapshot, reader: JournalReader, options: VerifyOptions): Promise<Executor> {
  const chain = state.chain();
  const tree = newTree();
  await stateRootOf(state, tree, options);
  const parameters = decodeParameters(state.get(parameterKey(PARAMETERS_LEAF))!);
  const { lowestHeight: lowest, headHeight } = chain;
  const head = headOf(blockAt(reader, chain, headHeight));
  const executor = newExecutor({ snapshot: state, tree, parameters, head });
  const turn = new Turn(options, "going back", headHeight - lowest);
  for (let height = headHeight; height > lowest; ) {
    const entries: Uint8Array[] = [];
    for (let bytes = 0; height > lowest && bytes < READ_BYTES; height--) {
      const entry = withoutBody(blockAt(reader, chain, height));
      entries.push(entry.bytes);
      bytes += entry.bytes.length;
    }
    executor.undo(entries, headOf(blockAt(reader, chain, height)));
    await turn.at(headHeight - height);
  }
  return executor;
}

function newTree(): StateTree {
  const addon = loadAddon();
  if (!isAddon(addon)) return new PortableStateTree();
  NativeStateTree.release(addon, TREE_NAME);
  return NativeStateTree.attach(addon, TREE_NAME);
}

function newExecutor(
  options: Pick<ConstructorParameters<typeof Executor>[0], "snapshot" | "tree" | "parameters" | "head">,
): Executor {
  const addon = loadAddon();
  return new Executor({
    ...options,
    hasher: isAddon(addon) ? nativeHasher(addon) : portableHasher,
    engines: contractEngines(options.parameters),
    table: { pinned: true },
  });
}

function takeOver(executor: Executor, entry: BlockEntry): Outcome {
  executor.follow([{ entry: entry.bytes, undone: [] }]);
  return { stateRoot: executor.blocks.root(), entry: undefined };
}

function execute(executor: Executor, entry: BlockEntry): Outcome {
  const { transactionCount: count } = entry;
  const start = count === 0 ? 0 : entry.transactionAt(0);
  const end = count === 0 ? 0 : entry.receiptAt(0);
  const executed = executor.executeOne(entry.bytes.slice(start, end), count, entry.timestampMs);
  const again = new BlockEntry(executed.entry!);
  return { stateRoot: again.stateRoot, entry: again };
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
