/**
 * Composition root of the executor's thread (executor-worker.ts): engines, state and tree, then one message after the
 * other. It does no I/O but reads of the local state store; what it answers is made durable by the main thread.
 */
import { parentPort, workerData } from "node:worker_threads";
import { contractEngines } from "../contract-engines.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { portableHasher } from "../encoding/hash.ts";
import { toHex } from "../encoding/hex.ts";
import type { StateTree } from "../encoding/state-tree.ts";
import { HeldBlobs } from "../engines/privacy/held-blobs.ts";
import { secp256k1 } from "../engines/secp256k1.ts";
import { ThreadCompiler } from "../engines/wasm/thread-compiler.ts";
import { toEngineError } from "../errors.ts";
import type { UpcomingBatch } from "../execution/block-executor.ts";
import { errorRecord } from "../execution/error-record.ts";
import { Executor, type Head } from "../execution/executor.ts";
import type { ContractEngine } from "../execution/host.ts";
import type { ChainParameters } from "../execution/parameters.ts";
import type { StateSnapshot } from "../execution/ports.ts";
import { rebuildTree } from "../execution/rebuild-tree.ts";
import { PortableStateTree } from "../execution/state-tree.ts";
import { type Addon, isAddon, loadAddon } from "../native/addon.ts";
import { nativeHasher } from "../native/hash.ts";
import { nativeRowChanges } from "../native/row-changes.ts";
import { NativeStateTree } from "../native/state-tree.ts";
import { nativeTransfers } from "../native/transfers.ts";
import {
  answerRequest,
  type ExecutorAnswer,
  type ExecutorRequest,
  type ExecutorStart,
} from "../sequencer/executor-handle.ts";
import type { HeldPrivacy } from "../service/privacy-host.ts";
import { SpeculationThread } from "../service/speculation-thread.ts";
import { BlobFiles } from "../storage/blobs/blob-files.ts";
import { adoptKeys, type UnlockedKeys } from "../storage/encryption/unlocked.ts";
import { damagedState } from "../storage/lmdb-file.ts";
import { LmdbSnapshot, loadLmdb } from "../storage/lmdb-snapshot.ts";
import { ModuleFiles } from "../storage/module-files.ts";
import { RequestQueue } from "./request-queue.ts";
import type { SpeculationWorkerData } from "./speculation-worker.ts";

export interface ExecutorWorkerData {
  parameters: ChainParameters;
  /** The head of the log. */
  head: Head;
  /** Undefined: storage memory; the state is this thread's alone. */
  stateDirectory: string | undefined;
  /** Of the process-wide native tree. */
  treeName: string;
  treePath: string | undefined;
  /** With what the log begins: a saved tree from before can't be brought on. */
  lowestSeq: number;
  /** Bytes of log now: a saved tree further behind than REPLAY_BYTES_MAX is not worth it. */
  logBytes: number;
  progress: SharedArrayBuffer;
  /** Where rewritten WebAssembly modules are kept; undefined: nowhere. */
  modules: { directory: string; bytesMax: number } | undefined;
  /** Where keys and ciphertexts of privacy contracts are looked up. */
  privacy: HeldPrivacy;
  /** Queries tell what they read: a result cache wants to know. */
  recordReads: boolean;
  /** How long transactions take is told beside their block. */
  measureTimes: boolean;
  /** Threads beside this one that run transactions ahead; they need a state directory. */
  helpers: { threads: number; executionTimeoutMs: number; patienceMs?: number | undefined };
  /** The thread may be older than the keys. */
  keys: UnlockedKeys;
}

/** Replaying this much journal onto a saved tree takes about as long as building a tree of a million leaves anew. */
const REPLAY_BYTES_MAX = 512 * 1024 * 1024;

/** Tells operators what hinders nothing. */
type Notice = (message: string, facts: Record<string, unknown>) => void;

const EMPTY_SNAPSHOT: StateSnapshot = { get: () => undefined, range: () => [], appliedSeq: () => -1 };

/** Composes the executor and answers requests until the thread is ended. @param engines before those of every daemon: the first of a kind runs it. */
export function runExecutor(engines: readonly ContractEngine[]): void {
  if (workerData !== null) {
    serve(workerData as ExecutorWorkerData, engines);
    return;
  }
  parentPort!.once("message", (data: ExecutorWorkerData) => serve(data, engines));
  loadLmdb();
}

function serve(data: ExecutorWorkerData, engines: readonly ContractEngine[]): void {
  const port = parentPort!;
  adoptKeys(data.keys);
  const post = (answer: ExecutorAnswer, transfer: ArrayBuffer[] = []) => port.postMessage(answer, transfer);
  try {
    const notice: Notice = (message, facts) => post({ notice: message, facts });
    const requests = new RequestQueue<ExecutorRequest>(port, (request) => {
      try {
        if (request.method === "applied") snapshot?.refresh();
        const value = answerRequest(executor, request);
        post({ id: request.id, value }, transferable(value));
      } catch (problem) {
        post({ id: request.id, error: errorRecord(toEngineError(problem)) });
      }
    });
    const { executor, snapshot, start } = compose(
      data,
      [...engines, ...contractEngines(data.parameters, wasmHost(data, notice), heldPrivacy(data))],
      { notice, upcoming: () => upcomingBatch(requests.peek()) },
    );
    post({ ready: start });
    setImmediate(loadLate, notice);
  } catch (problem) {
    post({ failed: errorRecord(toEngineError(problem)) });
  }
}

/** @param request the one that comes next. */
function upcomingBatch(request: ExecutorRequest | undefined): UpcomingBatch | undefined {
  if (request?.method !== "execute" || request.past !== undefined) return undefined;
  const [batch, submissionEnds, timestampMs] = request.args as Parameters<Executor["execute"]>;
  return { batch, count: submissionEnds[submissionEnds.length - 1] ?? 0, timestampMs };
}

/** What no start waits for, and no transaction should. */
function loadLate(notice: (message: string, facts: Record<string, unknown>) => void): void {
  try {
    secp256k1();
  } catch (problem) {
    notice("permits and CosmWasm contracts that recover signers will fail", { why: (problem as Error).message });
  }
}

function heldPrivacy({ privacy: { directory, queued, jobsMax } }: ExecutorWorkerData): HeldBlobs {
  return new HeldBlobs(BlobFiles.open(directory, { bytesMax: 0 }), { jobs: new Int32Array(queued), jobsMax });
}

/** A compiling thread, which starts with the first module, and the files of modules that were rewritten before. */
function wasmHost({ modules }: ExecutorWorkerData, notice: Notice) {
  const { compile, prepare } = new ThreadCompiler(new URL("compile-worker.js", import.meta.url));
  return { compile, prepare, store: modules && new ModuleFiles({ ...modules, report: notice }) };
}

function compose(
  data: ExecutorWorkerData,
  engines: readonly ContractEngine[],
  { notice, upcoming }: { notice: Notice; upcoming: () => UpcomingBatch | undefined },
): { executor: Executor; snapshot: LmdbSnapshot | undefined; start: ExecutorStart } {
  const addon = loadAddon();
  const snapshot = data.stateDirectory === undefined ? undefined : LmdbSnapshot.open(data.stateDirectory);
  const { tree, origin, treeSeq } = isAddon(addon) ? nativeTree(addon, data, snapshot) : portableTree(snapshot);
  const executor = new Executor({
    snapshot: snapshot ?? EMPTY_SNAPSHOT,
    tree,
    hasher: isAddon(addon) ? nativeHasher(addon) : portableHasher,
    transfers: isAddon(addon) ? nativeTransfers(addon) : undefined,
    engines,
    parameters: data.parameters,
    head: data.head,
    table: {
      pinned: snapshot === undefined,
      changes: isAddon(addon) ? nativeRowChanges(addon) : undefined,
      check: snapshot && ((key, value) => requireInTree(snapshot.directory, tree, key, value)),
    },
    progress: new Int32Array(data.progress),
    recordReads: data.recordReads,
    helpers: snapshot && helperThreads(data, snapshot, notice),
    upcoming,
    clock: data.measureTimes ? () => 1000 * performance.now() : undefined,
  });
  const start: ExecutorStart = {
    baseSeq: Math.min(treeSeq, snapshot?.appliedSeq() ?? -1),
    tree: origin,
    nativeMissing: isAddon(addon) ? undefined : addon.missing,
  };
  return { executor, snapshot, start };
}

/** What LMDB says is believed only as far as the state root says the same: its pages have no checksums. */
function requireInTree(directory: string, tree: StateTree, key: Uint8Array, value: Uint8Array | undefined): void {
  if (tree.matches(key, value)) return;
  throw damagedState(directory, `under the key ${toHex(key)} it does not have what the state root stands for`);
}

/** They start when there is a block to share out. */
function helperThreads(
  { helpers, parameters, stateDirectory, modules }: ExecutorWorkerData,
  snapshot: LmdbSnapshot,
  report: Notice,
): SpeculationThread[] {
  const workerData: SpeculationWorkerData = { parameters, stateDirectory: stateDirectory!, modules };
  const script = new URL("speculation-worker.js", import.meta.url);
  const { executionTimeoutMs, patienceMs } = helpers;
  const appliedSeq = () => snapshot.appliedSeq();
  return Array.from(
    { length: helpers.threads },
    () => new SpeculationThread({ script, workerData, executionTimeoutMs, patienceMs, appliedSeq, report }),
  );
}

interface TreeAsFound {
  tree: StateTree;
  origin: ExecutorStart["tree"];
  /** The entry of the log as of which it stands. */
  treeSeq: number;
}

function nativeTree(addon: Addon, data: ExecutorWorkerData, snapshot: LmdbSnapshot | undefined): TreeAsFound {
  const kept = NativeStateTree.attach(addon, data.treeName);
  if (kept.leafCount() > 0 && equalBytes(kept.root(), data.head.stateRoot))
    return { tree: kept, origin: "kept", treeSeq: data.head.seq };
  if (kept.leafCount() === 0 && data.treePath !== undefined) {
    const loaded = NativeStateTree.load(addon, data.treeName, data.treePath);
    if ("tree" in loaded) {
      const { seq, logBytes } = JSON.parse(Buffer.from(loaded.meta).toString("utf8")) as {
        seq: number;
        logBytes: number;
      };
      if (seq >= data.lowestSeq && seq <= data.head.seq && data.logBytes - logBytes <= REPLAY_BYTES_MAX)
        return { tree: loaded.tree, origin: "loaded", treeSeq: seq };
    }
  }
  NativeStateTree.release(addon, data.treeName);
  return rebuilt(NativeStateTree.attach(addon, data.treeName), snapshot);
}

function portableTree(snapshot: LmdbSnapshot | undefined): TreeAsFound {
  return rebuilt(new PortableStateTree(), snapshot);
}

function rebuilt(tree: StateTree, snapshot: LmdbSnapshot | undefined): TreeAsFound {
  if (snapshot === undefined || snapshot.appliedSeq() < 0) return { tree, origin: "empty", treeSeq: -1 };
  rebuildTree(snapshot, tree);
  return { tree, origin: "rebuilt", treeSeq: snapshot.appliedSeq() };
}

/** Blocks and query results are made for this message alone: their memory moves with it. */
function transferable(value: unknown): ArrayBuffer[] {
  if (Array.isArray(value)) return value.flatMap((item) => transferable(item));
  if (typeof value !== "object" || value === null) return [];
  const bytes = (value as { entry?: unknown; results?: unknown }).entry ?? (value as { results?: unknown }).results;
  return bytes instanceof Uint8Array && bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength
    ? [bytes.buffer as ArrayBuffer]
    : [];
}
