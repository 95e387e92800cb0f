/** Cursors as users see them: opaque, URL-safe text with a check, so that a mangled one is refused by name. */
import { crc32 } from "node:zlib";
import { EngineError } from "../errors.ts";
import type { HistoryCursor } from "../storage/history.ts";

export function encodeCursor(position: Uint8Array | undefined): string | undefined {
  if (position === undefined) return undefined;
  const bytes = Buffer.alloc(4 + position.length);
  bytes.writeUInt32LE(crc32(position), 0);
  bytes.set(position, 4);
  return bytes.toString("base64url");
}

/** @throws EngineError VALIDATION_ERROR when it is not a cursor that was given out. */
export function decodeCursor(cursor: string | undefined): Uint8Array | undefined {
  if (cursor === undefined) return undefined;
  const bytes = Buffer.from(cursor, "base64url");
  const position = bytes.subarray(4);
  if (bytes.length < 4 || bytes.readUInt32LE(0) !== crc32(position)) {
    throw new EngineError("VALIDATION_ERROR", "cursor: expected the nextCursor of an earlier page", {
      path: "cursor",
      expected: "the nextCursor of an earlier page",
      received: cursor.slice(0, 80),
    });
  }
  return Uint8Array.from(position);
}

/** A place in the log's history, behind which a page goes on. */
export function decodeHistoryCursor(cursor: string | undefined): HistoryCursor | undefined {
  const bytes = decodeCursor(cursor);
  if (bytes === undefined) return undefined;
  const [seq, transactionIndex, logIndex] = JSON.parse(Buffer.from(bytes).toString("utf8")) as [number, number, number];
  return { seq, transactionIndex, logIndex };
}

export function encodeHistoryCursor(next: HistoryCursor | undefined): string | undefined {
  return next === undefined
    ? undefined
    : encodeCursor(Buffer.from(JSON.stringify([next.seq, next.transactionIndex, next.logIndex]), "utf8"));
}
