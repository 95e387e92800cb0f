/**
 * FrameEncoder: turns one group of entries into the buffers of one writev.
 * Small entries are copied beside their headers, because each buffer of a writev costs about as much as copying a few
 * kilobytes; large ones are passed by reference.
 * Always
 *  - The buffers answered are valid until the next call: one group is in flight at a time.
 */
import { type Cipher, SEAL_BYTES } from "./encryption/data-keys.ts";
import {
  FRAME_HEADER_BYTES,
  FrameKind,
  frameBytes,
  framePlace,
  sealFrame,
  writeFrameHeader,
} from "./journal-format.ts";

/** Where copying stops being cheaper than another buffer. Not sensitive: 4 and 32 KiB measure the same. */
const COPY_BYTES_MAX = 16 * 1024;
/** Holds a usual group of small entries from the start. */
const SCRATCH_BYTES_MIN = 64 * 1024;
/** A scratch buffer that grew past this for one group is not kept. */
const SCRATCH_BYTES_MAX = 4 * 1024 * 1024;

export interface FramePlace {
  tag: number;
  /** Seq of the first entry; of a mark: of the entry that comes next. */
  seq: number;
  offset: number;
  durableOffset: number;
  /** Undefined: not encrypted. */
  cipher?: Cipher | undefined;
}

export class FrameEncoder {
  #scratch = Buffer.alloc(0);

  /** Frames for consecutive `entries`; `onFrame` hears where each of them starts. */
  encode(entries: readonly Uint8Array[], place: FramePlace, onFrame: (start: number) => void): Uint8Array[] {
    const scratch = this.#room(entries, place.cipher === undefined ? 0 : SEAL_BYTES);
    const buffers: Uint8Array[] = [];
    const { tag, durableOffset, cipher } = place;
    let { seq, offset } = place;
    let pending = 0;
    let at = 0;
    for (const entry of entries) {
      const start = at;
      const payloadBytes = entry.length + (cipher === undefined ? 0 : SEAL_BYTES);
      writeFrameHeader(scratch, start, { tag, kind: FrameKind.entry, seq, durableOffset, offset, payloadBytes });
      const payload = cipher === undefined ? entry : cipher.seal(entry, framePlace(scratch, start));
      at += FRAME_HEADER_BYTES;
      const length = frameBytes(payloadBytes);
      const paddingBytes = length - FRAME_HEADER_BYTES - payloadBytes;
      if (isCopied(payload.length)) {
        scratch.set(payload, at);
        at = zero(scratch, at + payloadBytes, paddingBytes);
        sealFrame(scratch, start, [scratch.subarray(start + 8, at)]);
      } else {
        buffers.push(scratch.subarray(pending, at), payload);
        pending = at;
        at = zero(scratch, at, paddingBytes);
        const header = scratch.subarray(start + 8, start + FRAME_HEADER_BYTES);
        sealFrame(scratch, start, [header, payload, scratch.subarray(pending, at)]);
      }
      onFrame(offset);
      offset += length;
      seq++;
    }
    if (at > pending) buffers.push(scratch.subarray(pending, at));
    return buffers;
  }

  /** A scratch buffer for the headers, the padding and the small entries. */
  #room(entries: readonly Uint8Array[], extraBytes: number): Buffer {
    let needed = 0;
    for (const { length } of entries)
      needed += isCopied(length + extraBytes) ? frameBytes(length + extraBytes) : FRAME_HEADER_BYTES + 7;
    if (needed <= this.#scratch.length) return this.#scratch;
    const scratch = Buffer.allocUnsafeSlow(Math.max(needed, SCRATCH_BYTES_MIN));
    if (needed <= SCRATCH_BYTES_MAX) this.#scratch = scratch;
    return scratch;
  }
}

/** Zeroes the few bytes of a padding; answers where it ends. `Buffer.fill` costs more than all of it. */
function zero(bytes: Uint8Array, at: number, count: number): number {
  for (let i = 0; i < count; i++) bytes[at + i] = 0;
  return at + count;
}

/** A mark: a frame without payload that names how far the segment is durable. */
export function encodeMark({ tag, seq, offset, durableOffset }: Omit<FramePlace, "cipher">): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES);
  writeFrameHeader(bytes, 0, { tag, kind: FrameKind.mark, seq, durableOffset, offset, payloadBytes: 0 });
  sealFrame(bytes, 0, [bytes.subarray(8)]);
  return bytes;
}

/** Bytes that the frames of `entries` take. @param extraBytes of each payload, beside its entry. */
export function groupFrameBytes(entries: readonly Uint8Array[], extraBytes: number): number {
  let total = 0;
  for (const entry of entries) total += frameBytes(entry.length + extraBytes);
  return total;
}

function isCopied(payloadBytes: number): boolean {
  return payloadBytes <= COPY_BYTES_MAX;
}
