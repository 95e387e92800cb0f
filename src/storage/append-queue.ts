/**
 * AppendQueue: group commit. While one group is written, appends wait, and all of them go out as the next group.
 * Always
 *  - Groups are written one after the other, in the order of the calls.
 *  - When a group fails, everything that waits behind it fails with the same error: its seqs come after the failed ones.
 */
import type { StorageError } from "../errors.ts";

interface PendingAppend {
  entries: readonly Uint8Array[];
  bytes: number;
  resolve: () => void;
  reject: (problem: StorageError) => void;
}

export class AppendQueue {
  readonly #groupBytesMax: number;
  readonly #write: (entries: readonly Uint8Array[], appends: number) => Promise<void>;
  #waiting: PendingAppend[] = [];
  #draining: Promise<void> | undefined;

  /** `write` rejects with StorageError only. A group takes no further append past `groupBytesMax`. */
  constructor(groupBytesMax: number, write: (entries: readonly Uint8Array[], appends: number) => Promise<void>) {
    this.#groupBytesMax = groupBytesMax;
    this.#write = write;
  }

  get isIdle(): boolean {
    return this.#draining === undefined;
  }

  push(entries: readonly Uint8Array[], bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entries, bytes, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves when nothing is in flight. Never rejects: each append hears of its own failure. */
  async settled(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    // Lets the other appends of this turn of the event loop into the first group.
    await undefined;
    while (!this.isIdle) {
      const group = this.#takeGroup();
      const entries = group.length === 1 ? group[0]!.entries : group.flatMap((append) => append.entries);
      let failure: StorageError | undefined;
      try {
        await this.#write(entries, group.length);
      } catch (thrown) {
        failure = thrown as StorageError;
        group.push(...this.#waiting.splice(0));
      }
      // Idle before anyone hears of it, so that who does may append blockingly.
      if (this.#waiting.length === 0) this.#draining = undefined;
      for (const append of group) failure === undefined ? append.resolve() : append.reject(failure);
    }
  }

  #takeGroup(): PendingAppend[] {
    let bytes = 0;
    let count = 0;
    for (const append of this.#waiting) {
      bytes += append.bytes;
      if (count > 0 && bytes > this.#groupBytesMax) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }
}
