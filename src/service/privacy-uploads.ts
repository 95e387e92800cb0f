/**
 * Files that come in parts. The upload's name is the SHA-256 that was announced, so that whoever lost the connection goes
 * on where it was, and sending a part again does nothing.
 * Always
 *  - Nothing is kept of more than the bounds allow, what was announced counted as if it were here; and an upload that nobody
 *    goes on with is dropped.
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
/** Without a new part for this long, an upload is given up. */
const IDLE_MS = 3_600_000;

interface UploadState {
  total: number;
  received: number;
  updatedAtMs: number;
}

export class PrivacyUploads {
  readonly #blobs: BlobStore;
  readonly #now: () => number;

  constructor(blobs: BlobStore, now: () => number) {
    this.#blobs = blobs;
    this.#now = now;
  }

  /** @returns the whole file once it is, else how much of it is here. */
  async add(part: UploadParams): Promise<{ file: Uint8Array } | { received: number }> {
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
    if (known === undefined) await this.#makeRoom(total);
    const next = offset + data.length;
    const fresh = data.subarray(received - offset);
    await this.#blobs.putChunk(upload, received, fresh, { total, received: next, updatedAtMs: this.#now() });
    if (next < total) return { received: next };
    const file = this.#blobs.chunks(upload);
    await this.#blobs.dropUpload(upload);
    return { file: whole(file, part) };
  }

  /** Drops those that nobody goes on with. @returns how many. */
  async dropIdle(): Promise<number> {
    let dropped = 0;
    for (const { upload, facts } of [...this.#blobs.uploads()]) {
      if ((facts as unknown as UploadState).updatedAtMs + IDLE_MS > this.#now()) continue;
      await this.#blobs.dropUpload(upload);
      dropped++;
    }
    return dropped;
  }

  /** Those that are under way: how many, what of them is here, and what they will have when they are done. */
  use(): { count: number; bytes: number; announced: number } {
    const open = [...this.#blobs.uploads()].map(({ facts }) => facts as unknown as UploadState);
    const sum = (part: "received" | "total") => open.reduce((bytes, upload) => bytes + upload[part], 0);
    return { count: open.length, bytes: sum("received"), announced: sum("total") };
  }

  async #makeRoom(total: number): Promise<void> {
    await this.dropIdle();
    const { count, announced } = this.use();
    if (count >= UPLOADS_MAX)
      throw new EngineError("BUSY", `${count} uploads are under way, at most ${UPLOADS_MAX} may be`, {
        max: UPLOADS_MAX,
        retryAfterMs: 10_000,
      });
    this.#blobs.requireRoom(announced + total);
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
