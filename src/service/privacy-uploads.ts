/**
 * Files that come in parts. The upload's name is the SHA-256 that was announced, so that whoever lost the connection goes
 * on where it was, and sending a part again does nothing.
 * Always
 *  - Nothing is kept of more than the bounds allow, what was announced counted as if it were here; and an upload that nobody
 *    goes on with is dropped: after an hour, or sooner where another one needs its place.
 *  - Nobody holds all places, and an upload that goes on loses its place to nobody.
 *  - The whole is what was announced, byte for byte, or PRIVACY_UPLOAD_INVALID.
 */
import { createHash } from "node:crypto";
import type { UploadParams } from "../client/privacy-methods.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { fromHex, toHex } from "../encoding/hex.ts";
import { HEADER_BYTES } from "../encoding/privacy-file.ts";
import { EngineError, RejectedError } from "../errors.ts";
import type { BlobStore } from "../execution/ports.ts";

/** The largest seeded evaluation key has 25 MB. */
const FILE_BYTES_MAX = 128 * 1024 * 1024;
const UPLOADS_MAX = 32;
/** Of one submitter. */
const UPLOADS_OF_ONE_MAX = 16;
/** Without a new part for this long, an upload is given up. */
const IDLE_MS = 3_600_000;
/** The same where places are wanted: a client sends one part after the other, each within seconds. */
const ABANDONED_MS = 60_000;
const FULL_RETRY_MS = 10_000;

interface UploadState {
  total: number;
  received: number;
  updatedAtMs: number;
  /** Who began it; absent for one that an earlier release began. */
  submitter?: string;
}

export class PrivacyUploads {
  readonly #blobs: BlobStore;
  readonly #now: () => number;

  constructor(blobs: BlobStore, now: () => number) {
    this.#blobs = blobs;
    this.#now = now;
  }

  /** @param submitter whoever sends it. @returns the whole file once it is, else how much of it is here. */
  async add(part: UploadParams, submitter = "anonymous"): Promise<{ file: Uint8Array } | { received: number }> {
    const { offset, total } = part;
    const data = fromHex(part.data)!;
    const upload = fromHex(part.sha256)!;
    if (total > FILE_BYTES_MAX)
      throw new EngineError("LIMIT_EXCEEDED", `a file has at most ${FILE_BYTES_MAX} bytes, announced are ${total}`, {
        limit: "privacyFileBytesMax",
        max: FILE_BYTES_MAX,
        received: total,
      });
    if (offset === 0 && data.length === total) return { file: whole(data, part) };
    const known = this.#blobs.upload(upload) as UploadState | undefined;
    const received = known?.received ?? 0;
    if (known !== undefined && known.total !== total) return refuse("total", known.total, total);
    if (offset > received) return refuse("offset", received, offset);
    if (offset + data.length > total) return refuse("data", `at most ${total - offset} bytes`, data.length);
    if (offset + data.length <= received) return { received };
    // What kind of file it is shows before anything of it is kept.
    if (known === undefined && data.length < HEADER_BYTES)
      return refuse("data", `a first part of at least ${HEADER_BYTES} bytes`, data.length);
    if (known === undefined) await this.#makeRoom(total, submitter);
    const next = offset + data.length;
    const fresh = data.subarray(received - offset);
    const state: UploadState = { submitter, ...known, total, received: next, updatedAtMs: this.#now() };
    await this.#blobs.putChunk(upload, received, fresh, { ...state });
    if (next < total) return { received: next };
    const file = this.#blobs.chunks(upload);
    await this.#blobs.dropUpload(upload);
    return { file: whole(file, part) };
  }

  /** Drops those that nobody goes on with. @returns how many. */
  dropIdle(): Promise<number> {
    return this.#dropUntouched(IDLE_MS);
  }

  async #dropUntouched(ms: number): Promise<number> {
    let dropped = 0;
    for (const { upload, facts } of [...this.#blobs.uploads()]) {
      if ((facts as unknown as UploadState).updatedAtMs + ms > this.#now()) continue;
      await this.#blobs.dropUpload(upload);
      dropped++;
    }
    return dropped;
  }

  /** Those that are under way: how many, what of them is here, and what they will have when they are done. */
  use(): { count: number; bytes: number; announced: number } {
    const open = this.#open();
    const sum = (part: "received" | "total") => open.reduce((bytes, upload) => bytes + upload[part], 0);
    return { count: open.length, bytes: sum("received"), announced: sum("total") };
  }

  #open(): UploadState[] {
    return [...this.#blobs.uploads()].map(({ facts }) => facts as unknown as UploadState);
  }

  async #makeRoom(total: number, submitter: string): Promise<void> {
    await this.dropIdle();
    if (this.#isFull(submitter)) await this.#dropUntouched(ABANDONED_MS);
    if (this.#isFull(submitter)) {
      const [count, own] = [this.#open().length, this.#countOf(submitter)];
      throw new EngineError(
        "BUSY",
        `${count} uploads are under way, ${own} of them yours: at most ${UPLOADS_MAX} and ${UPLOADS_OF_ONE_MAX} may be; one that rests for ${ABANDONED_MS / 1000} s gives way`,
        { max: UPLOADS_MAX, maxOfOne: UPLOADS_OF_ONE_MAX, retryAfterMs: FULL_RETRY_MS },
      );
    }
    this.#blobs.requireRoom(this.use().announced + total);
  }

  #isFull(submitter: string): boolean {
    return this.#open().length >= UPLOADS_MAX || this.#countOf(submitter) >= UPLOADS_OF_ONE_MAX;
  }

  #countOf(submitter: string): number {
    return this.#open().filter((upload) => upload.submitter === submitter).length;
  }
}

function whole(file: Uint8Array, { sha256 }: UploadParams): Uint8Array {
  const hash = createHash("sha256").update(file).digest();
  if (equalBytes(hash, fromHex(sha256)!)) return file;
  return refuse("sha256", sha256, toHex(hash));
}

function refuse(path: string, expected: unknown, received: unknown): never {
  throw new RejectedError("PRIVACY_UPLOAD_INVALID", `${path}: expected ${expected}, received ${received}`, {
    path,
    expected,
    received,
  });
}
