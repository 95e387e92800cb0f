/** JobCursor: up to which entry of the log every job is over. A start reads what lies above it again. */
import type { BlobStore } from "../../../execution/ports.ts";

const NAME = Buffer.from("\0cursor", "latin1");
/** It is written at most this often: reading a minute of entries again is quick. */
const WRITE_MS = 5_000;

export class JobCursor {
  readonly #blobs: BlobStore;
  #writtenAtMs = 0;
  #written = -1;

  constructor(blobs: BlobStore) {
    this.#blobs = blobs;
  }

  get seq(): number {
    return (this.#blobs.name(NAME) as { seq: number } | undefined)?.seq ?? -1;
  }

  isDue(nowMs: number): boolean {
    return nowMs - this.#writtenAtMs >= WRITE_MS;
  }

  async write(seq: number, nowMs: number): Promise<void> {
    if (seq <= this.#written) return;
    this.#writtenAtMs = nowMs;
    this.#written = seq;
    await this.#blobs.commit([{ name: NAME, facts: { seq } }]);
  }
}
