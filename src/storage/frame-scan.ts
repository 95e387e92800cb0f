/**
 * Walking the frames of a segment with large reads: recovery, the reader and the rebuilding of offset tables share it.
 */
import { readU32, writeU32 } from "../encoding/bytes.ts";
import type { OpenFile } from "./files.ts";
import {
  claimedFrameBytes,
  FRAME_HEADER_BYTES,
  FrameKind,
  frameDurableOffset,
  frameKind,
  frameSeq,
  isFrameIntact,
} from "./journal-format.ts";

/** Large enough that the read call costs nothing beside the copy, small enough to stay in the second-level cache's reach. */
const WINDOW_BYTES = 1024 * 1024;

export interface ScannedSegment {
  file: OpenFile;
  tag: number;
  /** Where to stop looking: the file's length, or less. */
  size: number;
}

export interface ScannedFrame {
  isEntry: boolean;
  seq: number;
  start: number;
  end: number;
  payloadBytes: number;
  durableOffset: number;
}

/**
 * Visits the intact frames from `offset` on until `visit` answers false.
 * Answers the offset where it stopped: the end of the last frame that was visited.
 * The frame handed to `visit` is the same object each time.
 */
export function scanFrames(segment: ScannedSegment, offset: number, visit: (frame: ScannedFrame) => boolean): number {
  const { size, tag } = segment;
  const window = new FileWindow(segment.file, size);
  const frame: ScannedFrame = { isEntry: false, seq: 0, start: 0, end: offset, payloadBytes: 0, durableOffset: 0 };
  let start = offset;
  while (start + FRAME_HEADER_BYTES <= size) {
    let at = window.locate(start, FRAME_HEADER_BYTES);
    const length = claimedFrameBytes(window.bytes, at, start, tag);
    if (length === 0 || start + length > size) break;
    at = window.locate(start, length);
    if (!isFrameIntact(window.bytes, at, length)) break;
    frame.isEntry = frameKind(window.bytes, at) === FrameKind.entry;
    frame.seq = frameSeq(window.bytes, at);
    frame.payloadBytes = readU32(window.bytes, at + 8);
    frame.durableOffset = frameDurableOffset(window.bytes, at);
    frame.start = start;
    frame.end = start + length;
    if (!visit(frame)) break;
    start = frame.end;
  }
  return start;
}

/**
 * The highest durable offset that an intact frame anywhere from `offset` on names; 0 when there is none.
 * Looks at every multiple of 8, because past damage nothing says where the next frame starts.
 */
export function highestNamedOffset(segment: ScannedSegment, offset: number): number {
  const { size, tag } = segment;
  const window = new FileWindow(segment.file, size);
  const tagBytes = Buffer.alloc(4);
  writeU32(tagBytes, 0, tag);
  let highest = 0;
  let start = Math.ceil(offset / 8) * 8;
  while (start + FRAME_HEADER_BYTES <= size) {
    const found = window.find(tagBytes, start);
    if (found === undefined) {
      start = Math.ceil((window.end - 3) / 8) * 8;
      continue;
    }
    start = Math.ceil(found / 8) * 8;
    if (start !== found || start + FRAME_HEADER_BYTES > size) continue;
    highest = Math.max(highest, namedBy(window, start, segment));
    start += 8;
  }
  return highest;
}

function namedBy(window: FileWindow, start: number, { size, tag }: ScannedSegment): number {
  const length = claimedFrameBytes(window.bytes, window.locate(start, FRAME_HEADER_BYTES), start, tag);
  if (length === 0 || start + length > size) return 0;
  const at = window.locate(start, length);
  return isFrameIntact(window.bytes, at, length) ? frameDurableOffset(window.bytes, at) : 0;
}

/** A part of a file in memory, which moves and grows as asked. */
class FileWindow {
  readonly #file: OpenFile;
  readonly #size: number;
  bytes: Buffer;
  #offset = 0;
  #length = 0;

  constructor(file: OpenFile, size: number) {
    this.#file = file;
    this.#size = size;
    this.bytes = Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, size));
  }

  /** Offset in the file of the byte after the window. */
  get end(): number {
    return this.#offset + this.#length;
  }

  /** Where in `bytes` the file's `offset` is, after `count` bytes from there on were made present. */
  locate(offset: number, count: number): number {
    if (offset >= this.#offset && offset + count <= this.end) return offset - this.#offset;
    if (count > this.bytes.length) this.bytes = Buffer.allocUnsafeSlow(Math.max(count, 2 * this.bytes.length));
    const wanted = Math.min(this.bytes.length, this.#size - offset);
    this.#length = this.#file.read(this.bytes.subarray(0, wanted), offset);
    this.#offset = offset;
    if (this.#length < count) throw new RangeError(`the file ended at ${this.end} while it was read`);
    return 0;
  }

  /** The offset in the file of the next `needle` from `offset` on within the window there, or undefined. */
  find(needle: Uint8Array, offset: number): number | undefined {
    const from = this.locate(offset, FRAME_HEADER_BYTES);
    const at = this.bytes.subarray(0, this.#length).indexOf(needle, from);
    return at < 0 ? undefined : this.#offset + at;
  }
}
