/**
 * The one file that loads the native addon. Everything that it speeds up has a portable twin with the same results, so a
 * machine without it works, slower; whoever loads it must say so, and tell the operator what `missing` says.
 * POLYTORUS_NATIVE=off turns it off.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { TfheAddon } from "./tfhe-addon.ts";

/** What native/src/addon exports. `out` arrays are written, never kept. */
export interface Addon {
  /** Which SHA-256 runs. */
  readonly isa: "avx512" | "shani" | "portable";
  treeAttach(name: string): number;
  treeRelease(name: string): boolean;
  treeApply(handle: number, deltas: readonly Uint8Array[], isBackward: boolean, rootOut: Uint8Array): void;
  treeRoot(handle: number, rootOut: Uint8Array): void;
  treeLeafCount(handle: number): number;
  treeByteLength(handle: number): number;
  treeProve(handle: number, key: Uint8Array): { leaf?: Uint8Array; siblings: Uint8Array };
  treeMatches(handle: number, key: Uint8Array, isAbsent: boolean, value: Uint8Array): boolean;
  treeSave(handle: number, path: string, meta: Uint8Array): void;
  treeReadAhead(path: string): void;
  treeLoad(name: string, path: string): NativeTreeLoad;
  sha256Batch(data: Uint8Array, ranges: Uint32Array, count: number, prefix: Uint8Array, out: Uint8Array): void;
  merkleRoot(hashes: Uint8Array, count: number, out: Uint8Array): void;
  /** See src/encoding/transfer-run.ts. */
  transfersRun(
    transactions: Uint8Array,
    rows: Uint32Array,
    index: Uint32Array,
    undo: Uint32Array,
    receipts: Uint8Array,
    ranges: Uint32Array,
    receiptAt: Uint32Array,
    submissionEnds: Uint32Array,
    token: Uint8Array,
    numbers: Float64Array,
  ): void;
  /** See src/encoding/row-changes.ts. */
  rowChangesWrite(
    rows: Uint32Array,
    undo: Uint32Array,
    longKeys: Uint8Array,
    out: Uint8Array,
    numbers: Uint32Array,
  ): void;
  /** See src/storage/delta-coalescer.ts. */
  changesApply(
    delta: Uint8Array,
    isBackward: boolean,
    arena: Uint8Array,
    records: Uint32Array,
    slots: Uint32Array,
    numbers: Uint32Array,
  ): boolean;
  /** See src/encoding/wire-codec.ts. Answers 0 for nothing read, 1 for tx_submit, 2 for tx_submitBatch. */
  submissionRead(text: Uint8Array, start: number, end: number, out: Uint8Array, words: Uint32Array): number;
  receiptText(entry: Uint8Array, index: number, tokens: Uint8Array): string | undefined;
  summariesText(entry: Uint8Array, first: number, count: number): string | undefined;
  /** See src/engines/enhanced/analytics/execution-counter.ts: entry, call, laps, numbers; a track's, the callers'. */
  executionsCount(
    entry: Uint8Array,
    call: Uint8Array,
    laps: Float64Array,
    numbers: Float64Array,
    trackNumbers: Float64Array,
    trackBins: Uint32Array,
    callerNumbers: Float64Array,
    callerWords: Uint32Array,
  ): void;
  stateGrowth(delta: Uint8Array, out: Float64Array): number;
  readonly tfhe: TfheAddon;
}

export type NativeTreeLoad =
  | { readonly handle: number; readonly meta: Uint8Array; readonly failure?: undefined }
  | { readonly failure: "missing" | "version" | "corrupt"; readonly reason: string };

export interface MissingAddon {
  /** Why it does not run and what to do, as a sentence for the operator. */
  readonly missing: string;
}

const HOW_TO_BUILD = "install g++, make and python3, then run `node native/install.mjs` in Polytorus' folder";
const ADDON_FILE = "native/build/Release/polytorus.node";
/** From dist/, from src/native/, and from the cache that scripts/run.mjs bundles programs to. */
const PARENTS = ["../", "../../", "../../../"];

let loaded: Addon | MissingAddon | undefined;

export function loadAddon(): Addon | MissingAddon {
  loaded ??= load();
  return loaded;
}

export function isAddon(addon: Addon | MissingAddon): addon is Addon {
  return !("missing" in addon);
}

/** How the addon says where the bytes of a delta stop making sense. */
export function isMalformedDelta(error: unknown): error is RangeError & { offset: number } {
  return error instanceof RangeError && "offset" in error;
}

function load(): Addon | MissingAddon {
  if (process.env["POLYTORUS_NATIVE"] === "off") return { missing: "POLYTORUS_NATIVE=off turns the native addon off." };
  const paths = PARENTS.map((parent) => fileURLToPath(new URL(parent + ADDON_FILE, import.meta.url)));
  const path = paths.find((candidate) => existsSync(candidate));
  if (path === undefined) {
    return { missing: `The native addon is not built: ${HOW_TO_BUILD}.` };
  }
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { missing: `The native addon does not load (${reason}): ${HOW_TO_BUILD}.` };
  }
}
