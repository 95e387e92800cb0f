/**
 * MemoryLog: the block log of a daemon that keeps nothing, and of tests. "Durable" lasts as long as the process.
 */
import { ENTRY_HEADER_BYTES } from "../encoding/block-entry.ts";
import { StorageError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import { checkEntries } from "./append-check.ts";

export class MemoryLog implements BlockLog {
  readonly firstSeq = 0;
  readonly #entries: Uint8Array[] = [];
  #byteLength = 0;
  #isClosed = false;

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
    this.#byteLength += checkEntries(entries, this.#entries.length);
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
