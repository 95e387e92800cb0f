/**
 * MemoryLog: the block log of a daemon that keeps nothing, and of tests. "Durable" lasts as long as the process.
 * Nothing of it is ever dropped, so it has a bound: past it an append writes nothing and says so, and what is there goes on
 * being read. Whoever wants a longer chain wants a disk.
 */
import { totalmem } from "node:os";
import { ENTRY_HEADER_BYTES } from "../encoding/block-entry.ts";
import { StorageError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import { checkEntries } from "./append-check.ts";

/** Of the memory that this process may use: state, indexes and threads want theirs, too. */
const MEMORY_SHARE = 1 / 4;

export class MemoryLog implements BlockLog {
  readonly firstSeq = 0;
  readonly #entries: Uint8Array[] = [];
  readonly #bytesMax: number;
  #byteLength = 0;
  #isClosed = false;

  constructor(bytesMax = Math.floor(MEMORY_SHARE * memoryBytes())) {
    this.#bytesMax = bytesMax;
  }

  get localSeq(): number {
    return this.durableSeq;
  }

  get durableSeq(): number {
    return this.#entries.length - 1;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  async append(entries: readonly Uint8Array[]): Promise<void> {
    if (this.#isClosed) throw new StorageError("the log is closed", { retryable: true });
    const bytes = checkEntries(entries, this.#entries.length);
    const [held, max] = [this.#byteLength, this.#bytesMax];
    if (held + bytes > max)
      throw new StorageError(
        `the log in memory has ${held} of at most ${max} bytes, and ${bytes} more were to be written; nothing was: a longer chain needs storage embedded`,
        { retryable: true, bytes, held, max },
      );
    this.#byteLength += bytes;
    for (const entry of entries) this.#entries.push(entry.slice());
  }

  read(seq: number): Uint8Array | undefined {
    return this.#isClosed ? undefined : this.#entries[seq]?.slice();
  }

  readHeader(seq: number): Uint8Array | undefined {
    return this.#isClosed ? undefined : this.#entries[seq]?.slice(0, ENTRY_HEADER_BYTES);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}

/** The machine's, or what a container leaves of it. */
function memoryBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(totalmem(), constrained) : totalmem();
}
