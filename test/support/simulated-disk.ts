/**
 * SimulatedDisk: files in memory that remember which changes a sync has covered, so that a test can cut the power at any
 * moment and look at every disk that may be left.
 *   record of changes ── replay(prefix) ──▶ SimulatedDisk ── powerLosses() ──▶ SimulatedDisk, …
 * What power loss may do: apply any subset of the changes that no sync covered, in their order; of a write, any of several
 * fragments; the growth of a file without the bytes; a file's name without its contents, and the reverse. Names are durable
 * after syncDirectory, contents and length after sync.
 */
import type { FileAccess, Files, OpenFile } from "../../src/storage/files.ts";
import type { Operation } from "../../src/storage/operation.ts";

type DataChange =
  | { kind: "write"; file: number; position: number; bytes: Uint8Array }
  | { kind: "truncate"; file: number; length: number };
type NameChange =
  | { kind: "link"; path: string; file: number }
  | { kind: "rename"; from: string; to: string; file: number }
  | { kind: "remove"; path: string };
/** `forget`: a sync that failed, after which the system believes that the pages are clean. */
type Sync = { kind: "sync" | "forget"; file: number } | { kind: "syncDirectory" };
/** What a test wants to remember at this place of the record. */
interface Note<T> {
  kind: "note";
  note: T;
}
export type Change<T = unknown> = DataChange | NameChange | Sync | Note<T>;

interface FileState {
  current: Uint8Array;
  durable: Uint8Array;
  pending: DataChange[];
}

export interface Fault {
  code: string;
  /** A write that fails leaves so many bytes written. */
  writtenBytes?: number;
}

export type FaultRule = (
  operation: "open" | "write" | "sync" | "truncate" | "rename" | "remove" | "syncDirectory",
  path: string,
) => Fault | undefined;

/** Up to so many changes every subset is tried; past it, a sample of subsets. */
const EXHAUSTIVE_MAX = 7;
const SAMPLE = 24;
/** Of one moment, about so many disks are looked at. */
const DISKS_MAX = 40;

export class SimulatedDisk<T = unknown> implements Files {
  /** What it held at first; `record` is what changed since. */
  readonly initial: ReadonlyMap<string, Uint8Array>;
  readonly record: Change<T>[] = [];
  /** Decides which operations fail. */
  fault: FaultRule = () => undefined;
  /** Bytes that all files together may hold. */
  capacityBytes = Infinity;
  readonly #files: FileState[] = [];
  #names = new Map<string, number>();
  #durableNames = new Map<string, number>();
  #pendingNames: NameChange[] = [];

  constructor(initial: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.initial = initial;
  }

  /** The disk of a process that ended after these changes to `contents`; the system lives on. */
  static replay<T>(record: readonly Change<T>[], contents?: ReadonlyMap<string, Uint8Array>): SimulatedDisk<T> {
    const disk = SimulatedDisk.holding<T>(contents ?? new Map());
    for (const change of record) disk.#do(change);
    return disk;
  }

  /** A disk that holds these files durably. */
  static holding<T>(contents: ReadonlyMap<string, Uint8Array>): SimulatedDisk<T> {
    const disk = new SimulatedDisk<T>(contents);
    for (const [path, bytes] of contents) {
      disk.#names.set(path, disk.#files.length);
      disk.#durableNames.set(path, disk.#files.length);
      disk.#files.push({ current: bytes.slice(), durable: bytes.slice(), pending: [] });
    }
    return disk;
  }

  note(note: T): void {
    this.record.push({ kind: "note", note });
  }

  contents(): Map<string, Uint8Array> {
    return new Map([...this.#names].map(([path, file]) => [path, this.#files[file]!.current.slice()]));
  }

  /** Disks that power loss may leave: the worst (nothing that was not synced), the best, and what lies between. */
  *powerLosses(random: () => number, disksMax = DISKS_MAX): Generator<SimulatedDisk<T>> {
    const fragments = this.#files.flatMap((file) => file.pending.flatMap((change) => fragmentsOf(change, random)));
    const names = [...subsets(this.#pendingNames, random)];
    const data = [...subsets(fragments, random)];
    const share = disksMax / (names.length * data.length);
    yield this.#afterPowerLoss(this.#pendingNames, fragments);
    for (const nameChanges of names) {
      for (const dataChanges of data) if (random() < share) yield this.#afterPowerLoss(nameChanges, dataChanges);
    }
    yield this.worstPowerLoss();
  }

  /** The disk on which nothing is left that was not synced. */
  worstPowerLoss(): SimulatedDisk<T> {
    return this.#afterPowerLoss([], []);
  }

  open(path: string, access: FileAccess): Operation<OpenFile> {
    return this.#operation("open", path, () => {
      if (access === "create") {
        const existing = this.#names.get(path);
        if (existing !== undefined) this.#do({ kind: "truncate", file: existing, length: 0 });
        else this.#do({ kind: "link", path, file: this.#files.length });
      }
      const file = this.#names.get(path);
      if (file === undefined) throw systemError("ENOENT", path);
      return this.#handle(path, file);
    });
  }

  rename(from: string, to: string): Operation {
    return this.#operation("rename", from, () => {
      const file = this.#names.get(from);
      if (file === undefined) throw systemError("ENOENT", from);
      this.#do({ kind: "rename", from, to, file });
    });
  }

  remove(path: string): Operation {
    return this.#operation("remove", path, () => this.#do({ kind: "remove", path }));
  }

  syncDirectory(path: string): Operation {
    return this.#operation("syncDirectory", path, () => this.#do({ kind: "syncDirectory" }));
  }

  list(path: string): string[] {
    return [...this.#names.keys()]
      .filter((name) => name.startsWith(`${path}/`))
      .map((name) => name.slice(path.length + 1));
  }

  makeDirectory(): void {}

  #handle(path: string, file: number): OpenFile {
    const state = this.#files[file]!;
    return {
      write: (buffers, position) => ({
        now: () => this.#write(path, file, buffers, position),
        later: async () => this.#write(path, file, buffers, position),
      }),
      sync: () => {
        const run = () => {
          const fault = this.fault("sync", path);
          this.#do({ kind: fault === undefined ? "sync" : "forget", file });
          if (fault !== undefined) throw systemError(fault.code, path);
        };
        return { now: run, later: async () => run() };
      },
      truncate: (length) => this.#operation("truncate", path, () => this.#do({ kind: "truncate", file, length })),
      read: (into, position) => {
        const found = state.current.subarray(position, position + into.length);
        into.set(found);
        return found.length;
      },
      size: () => state.current.length,
      isLinked: () => [...this.#names.values()].includes(file),
      close: () => {},
    };
  }

  #write(path: string, file: number, buffers: readonly Uint8Array[], position: number): void {
    const bytes = new Uint8Array(Buffer.concat(buffers));
    const others = this.#files.reduce((sum, state, index) => sum + (index === file ? 0 : state.current.length), 0);
    const room = Math.max(0, this.capacityBytes - others - position);
    const fault =
      this.fault("write", path) ?? (room < bytes.length ? { code: "ENOSPC", writtenBytes: room } : undefined);
    const written = bytes.subarray(0, fault === undefined ? bytes.length : (fault.writtenBytes ?? 0));
    if (written.length > 0) this.#do({ kind: "write", file, position, bytes: written });
    if (fault !== undefined) throw systemError(fault.code, path);
  }

  #operation<R>(name: Parameters<FaultRule>[0], path: string, run: () => R): Operation<R> {
    const guarded = () => {
      const fault = this.fault(name, path);
      if (fault !== undefined) throw systemError(fault.code, path);
      return run();
    };
    return { now: guarded, later: async () => guarded() };
  }

  #do(change: Change<T>): void {
    this.record.push(change);
    this.#apply(change);
  }

  #apply(change: Change<T>): void {
    switch (change.kind) {
      case "link":
        this.#files[change.file] = { current: new Uint8Array(0), durable: new Uint8Array(0), pending: [] };
        this.#pendingNames.push(change);
        applyName(this.#names, change);
        break;
      case "rename":
      case "remove":
        this.#pendingNames.push(change);
        applyName(this.#names, change);
        break;
      case "write":
      case "truncate": {
        const state = this.#files[change.file]!;
        state.current = applyData(state.current, change);
        state.pending.push(change);
        break;
      }
      case "sync": {
        const state = this.#files[change.file]!;
        for (const covered of state.pending) state.durable = applyData(state.durable, covered);
        state.pending = [];
        break;
      }
      case "forget":
        this.#files[change.file]!.pending = [];
        break;
      case "syncDirectory":
        this.#durableNames = new Map(this.#names);
        this.#pendingNames = [];
        break;
      case "note":
        break;
    }
  }

  #afterPowerLoss(nameChanges: readonly NameChange[], dataChanges: readonly DataChange[]): SimulatedDisk<T> {
    const names = new Map(this.#durableNames);
    for (const change of nameChanges) applyName(names, change);
    const bytes = this.#files.map((state) => state.durable);
    for (const change of dataChanges) bytes[change.file] = applyData(bytes[change.file]!, change);
    return SimulatedDisk.holding(new Map([...names].map(([path, file]) => [path, bytes[file]!])));
  }
}

function applyName(names: Map<string, number>, change: NameChange): void {
  if (change.kind === "link") names.set(change.path, change.file);
  else if (change.kind === "remove") names.delete(change.path);
  else {
    names.delete(change.from);
    names.set(change.to, change.file);
  }
}

function applyData(before: Uint8Array, change: DataChange): Uint8Array {
  const length =
    change.kind === "truncate" ? change.length : Math.max(before.length, change.position + change.bytes.length);
  const after = new Uint8Array(length);
  after.set(before.subarray(0, length));
  if (change.kind === "write") after.set(change.bytes, change.position);
  return after;
}

/** A write as parts that may reach the disk one without the other: the file's growth, then pieces cut at awkward places. */
function fragmentsOf(change: DataChange, random: () => number): DataChange[] {
  if (change.kind === "truncate") return [change];
  const { file, position, bytes } = change;
  const cuts = [5, 40, Math.floor(random() * bytes.length), bytes.length - 1].filter(
    (cut) => cut > 0 && cut < bytes.length,
  );
  const edges = [0, ...new Set(cuts.sort((a, b) => a - b)), bytes.length];
  const growth: DataChange = { kind: "write", file, position: position + bytes.length, bytes: new Uint8Array(0) };
  const pieces = edges.slice(1).map((end, index): DataChange => {
    const start = edges[index]!;
    return { kind: "write", file, position: position + start, bytes: bytes.subarray(start, end) };
  });
  return [growth, ...pieces];
}

/** Every subset of a few things; of many, none, all, every prefix, every one left out, and a sample. */
function* subsets<V>(things: readonly V[], random: () => number): Generator<V[]> {
  if (things.length <= EXHAUSTIVE_MAX) {
    for (let mask = 0; mask < 1 << things.length; mask++) yield things.filter((_, index) => mask & (1 << index));
    return;
  }
  for (let length = 0; length <= things.length; length++) yield things.slice(0, length);
  for (let left = 0; left < things.length; left++) yield things.filter((_, index) => index !== left);
  for (let i = 0; i < SAMPLE; i++) yield things.filter(() => random() < 0.5);
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, ${path}`), { code });
}

/** Repeatable numbers in [0, 1): Marsaglia's xorshift32. */
export function seededRandom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
