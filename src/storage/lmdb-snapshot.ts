/**
 * LmdbSnapshot: the state in LMDB as of one commit, for synchronous reads on any thread, while another thread writes.
 *   key up to 1024 bytes    stored as it is ▶ value
 *   longer                  first 1024 bytes ‖ SHA-256(key) ▶ u32 key length, key, value
 *   0x00 ‖ name             what the store keeps about itself; no state key begins with 0x00
 * LMDB takes keys of at most 1978 bytes. Long keys with the same first 1024 bytes lie together, after the short key that
 * is their prefix, in the order of their hashes; `range` sorts such a group before it answers it.
 * Always
 *  - Every read, iterators included, sees the commit of the last `refresh()`; `appliedSeq()` names it.
 *  - LMDB can't reuse pages that are newer than the oldest open snapshot: a reader refreshes after each block it executes,
 *    and runs iterators to their end or leaves them by `break`.
 *  - No thread is ended inside lmdb (thread-gate.ts). `getBinary` in a transaction needs no gate: it asks Node for nothing.
 */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import type { RootDatabase, Transaction } from "lmdb";
import { compareBytes, readU32, toLatin1, writeU32 } from "../encoding/bytes.ts";
import { EngineError, StorageError } from "../errors.ts";
import type { StateEntry, StateSnapshot } from "../execution/ports.ts";
import { uninterrupted } from "../thread-gate.ts";
import { ChainIndex } from "./chain-index.ts";
import { lmdbEncryption, withSealedValues } from "./encryption/sealed-lmdb.ts";
import { keysOf } from "./encryption/unlocked.ts";
import { damagedState, isDamage, remake, requireLmdbFile } from "./lmdb-file.ts";

export const DIRECT_KEY_BYTES_MAX = 1024;
const HASH_BYTES = 32;
/** Address space, not disk or memory. lmdb enlarges the map beyond it, which it can't do cheaply under open readers. */
const MAP_BYTES = 64 * 1024 ** 3;
/** Every thread and every iterator that outlives a refresh holds one. */
const READERS_MAX = 512;
export const FORMAT_VERSION = 1;
export const META_CHAIN = Buffer.from("\0chain");
export const META_FILLING = Buffer.from("\0filling");
export const META_FORMAT = Buffer.from("\0format");
const LOWEST_STATE_KEY = Uint8Array.of(1);
/** Above every stored key of a group, whatever its hash. */
const ABOVE_HASH = new Uint8Array(HASH_BYTES + 1).fill(0xff);

/** lmdb counts the users of a read transaction; `use` is in its code, not in its types. */
type ReadTransaction = Transaction & { use(): void };

/** Names the transaction to read in. */
interface Reading {
  transaction: ReadTransaction;
}

/** As lmdb is, where its types leave out that `getBinary` takes a transaction. */
export interface Lmdb extends Omit<RootDatabase<Uint8Array, Uint8Array>, "getBinary" | "useReadTransaction"> {
  getBinary(key: Uint8Array, reading?: Reading): Uint8Array | undefined;
  useReadTransaction(): ReadTransaction;
}

/** Loaded when it is first asked for: a thread without a state needs none. */
export function loadLmdb(): typeof import("lmdb") {
  return uninterrupted(() => createRequire(import.meta.url)("lmdb"));
}

/**
 * Opens the environment alike on every thread: within a process lmdb shares one environment, and the first to open decides
 * its flags, so a thread that only reads must not ask for a read-only one. Commits are synchronous: data, then the root
 * that makes it visible, so an applied seq on disk always has its data on disk.
 */
export function openLmdb(directory: string): Lmdb {
  const keys = keysOf(directory);
  const path = `${directory}/state.mdb`;
  requireLmdbFile(path, remake(directory));
  const environment = uninterrupted(() =>
    loadLmdb().open<Uint8Array, Uint8Array>({
      path,
      ...lmdbEncryption(keys, "state", directory),
      keyEncoding: "binary",
      encoding: "binary",
      compression: false,
      cache: false,
      overlappingSync: false,
      noMemInit: true,
      mapSize: MAP_BYTES,
      maxReaders: READERS_MAX,
    }),
  );
  const database = withSealedValues(environment as unknown as Lmdb, keys, "state");
  const format = sound(directory, () => uninterrupted(() => database.getBinary(META_FORMAT)));
  if (format !== undefined && readU32(format, 0) !== FORMAT_VERSION) {
    const found = readU32(format, 0);
    throw new EngineError("FORMAT_UNSUPPORTED", `state in ${directory} has format ${found}, not ${FORMAT_VERSION}`, {
      directory,
      found,
      supported: FORMAT_VERSION,
    });
  }
  return database;
}

/** @throws StorageError that says how the state is made again, when lmdb finds pages that make no sense. */
function sound<Answer>(directory: string, read: () => Answer): Answer {
  try {
    return read();
  } catch (problem) {
    throw isDamage(problem) ? damagedState(directory, problem.message, problem) : problem;
  }
}

export class LmdbSnapshot implements StateSnapshot {
  protected readonly database: Lmdb;
  readonly directory: string;
  #reading: Reading;
  #appliedSeq: number;
  #isHeld = true;

  protected constructor(directory: string) {
    this.directory = directory;
    this.database = openLmdb(directory);
    this.#reading = this.#begin();
    this.#appliedSeq = this.#readAppliedSeq();
  }

  /** Opens the state for reading, beside a writer in this process or another. */
  static open(directory: string): LmdbSnapshot {
    return new LmdbSnapshot(directory);
  }

  /** Moves to the newest commit and answers its applied seq. Iterators that are open stay where they are. */
  refresh(): number {
    this.release();
    this.#reading = this.#begin();
    this.#isHeld = true;
    this.#appliedSeq = this.#readAppliedSeq();
    return this.#appliedSeq;
  }

  /** Lets go of the commit, whose pages a writer may then reuse. Reads need a `refresh()` first. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    uninterrupted(() => {
      this.#reading.transaction.done();
      this.database.resetReadTxn();
    });
  }

  #begin(): Reading {
    return { transaction: uninterrupted(() => this.database.useReadTransaction()) };
  }

  appliedSeq(): number {
    return this.#appliedSeq;
  }

  /** Which entry holds the canonical block of each height, as of this commit. */
  chain(): ChainIndex {
    const encoded = this.#stored(META_CHAIN);
    return encoded === undefined ? new ChainIndex() : ChainIndex.decode(encoded);
  }

  /** Rows, and the few that the store keeps about itself. */
  rowCount(): number {
    return uninterrupted(() => this.database.getStats() as { entryCount: number }).entryCount;
  }

  /** What a store that is being filled says about that; undefined for any other. */
  fillingNote(): Uint8Array | undefined {
    return this.#stored(META_FILLING);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    if (key.length > DIRECT_KEY_BYTES_MAX) {
      const stored = this.#stored(storedKey(key));
      return stored === undefined ? undefined : stored.subarray(4 + key.length);
    }
    return isStateKey(key) ? this.#stored(key) : undefined;
  }

  #stored(key: Uint8Array): Uint8Array | undefined {
    return sound(this.directory, () => this.database.getBinary(key, this.#reading));
  }

  *range(start: Uint8Array, end: Uint8Array, options: { reverse?: boolean } = {}): IterableIterator<StateEntry> {
    const reading = this.#reading;
    reading.transaction.use();
    try {
      yield* this.#rangeIn(reading, start, end, options.reverse === true);
    } finally {
      uninterrupted(() => reading.transaction.done());
    }
  }

  /** How many keys there are from `start` up to `end`; both short. */
  count(start: Uint8Array, end: Uint8Array): number {
    return sound(this.directory, () =>
      uninterrupted(() => this.database.getKeysCount({ start, end, ...this.#reading })),
    );
  }

  async close(): Promise<void> {
    this.release();
    await uninterrupted(() => this.database.close());
  }

  *#rangeIn(reading: Reading, start: Uint8Array, end: Uint8Array, reverse: boolean): IterableIterator<StateEntry> {
    const low = start.length > DIRECT_KEY_BYTES_MAX ? start.subarray(0, DIRECT_KEY_BYTES_MAX) : start;
    const lowest = isStateKey(low) ? low : LOWEST_STATE_KEY;
    const highest =
      end.length > DIRECT_KEY_BYTES_MAX ? Buffer.concat([end.subarray(0, DIRECT_KEY_BYTES_MAX), ABOVE_HASH]) : end;
    if (compareBytes(lowest, highest) >= 0) return;
    const bounds = reverse
      ? { start: highest, end: lowest, inclusiveEnd: true, reverse }
      : { start: lowest, end: highest };
    const within = (key: Uint8Array) => compareBytes(key, start) >= 0 && compareBytes(key, end) < 0;
    let group: LongKeys | undefined;
    for (const { key, value } of this.#rows(() => this.database.getRange({ ...bounds, ...reading }))) {
      if (group !== undefined && !group.holds(key)) {
        yield* this.#inOrder(group, reading, reverse);
        group = undefined;
      }
      if (key.length <= DIRECT_KEY_BYTES_MAX) {
        if (within(key)) yield { key, value };
      } else {
        group ??= new LongKeys(key);
        const long = value.slice(4, 4 + readU32(value, 0));
        if (within(long)) group.keys.push(long);
      }
    }
    if (group !== undefined) yield* this.#inOrder(group, reading, reverse);
  }

  *#inOrder(group: LongKeys, reading: Reading, reverse: boolean): IterableIterator<StateEntry> {
    group.keys.sort(reverse ? (a, b) => compareBytes(b, a) : compareBytes);
    for (const key of group.keys) {
      const stored = this.database.getBinary(storedKey(key), reading);
      if (stored === undefined) throw new StorageError("a long key vanished from a snapshot", { retryable: false });
      yield { key, value: stored.subarray(4 + key.length) };
    }
  }

  /** A thread may be ended between two rows, however long it takes for one. */
  *#rows<Row>(open: () => Iterable<Row>): Iterable<Row> {
    const next = () => sound(this.directory, () => uninterrupted(() => rows.next()));
    const rows = sound(this.directory, () => uninterrupted(() => open()[Symbol.iterator]()));
    let step = next();
    try {
      for (; step.done !== true; step = next()) yield step.value;
    } finally {
      if (step.done !== true) uninterrupted(() => rows.return?.());
    }
  }

  #readAppliedSeq(): number {
    const encoded = this.#stored(META_CHAIN);
    return encoded === undefined ? -1 : ChainIndex.lastSeqOf(encoded);
  }
}

/** Long keys with the same first bytes: keys only, since a value may be 2 MiB. */
class LongKeys {
  readonly keys: Uint8Array[] = [];
  readonly #prefix: string;

  constructor(stored: Uint8Array) {
    this.#prefix = toLatin1(stored, 0, DIRECT_KEY_BYTES_MAX);
  }

  holds(stored: Uint8Array): boolean {
    return stored.length > DIRECT_KEY_BYTES_MAX && toLatin1(stored, 0, DIRECT_KEY_BYTES_MAX) === this.#prefix;
  }
}

/** Bytes under which a long key is stored. */
export function storedKey(key: Uint8Array): Uint8Array {
  return Buffer.concat([key.subarray(0, DIRECT_KEY_BYTES_MAX), createHash("sha256").update(key).digest()]);
}

/** What is stored under `storedKey(key)`: the key itself is needed to sort, and to tell what is there. */
export function storedValue(key: Uint8Array, value: Uint8Array): Uint8Array {
  const stored = Buffer.allocUnsafe(4 + key.length + value.length);
  writeU32(stored, 0, key.length);
  stored.set(key, 4);
  stored.set(value, 4 + key.length);
  return stored;
}

export function isStateKey(key: Uint8Array): boolean {
  return key.length > 0 && key[0] !== 0;
}
