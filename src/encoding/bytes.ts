/**
 * ByteWriter: a growing little-endian buffer whose records start on 4-byte boundaries, so that they can be read as words.
 * Always
 *  - Bytes past `length` are unspecified; `take()` hands out exactly what was written and starts over.
 *  - The host is little-endian: `daemon` refuses to start on another, because words are written in the host's order.
 */
const INITIAL_BYTES = 64 * 1024;

export class ByteWriter {
  bytes: Uint8Array<ArrayBuffer>;
  words: Uint32Array<ArrayBuffer>;
  length = 0;

  constructor(initialBytes = INITIAL_BYTES) {
    const buffer = new ArrayBuffer(alignUp(initialBytes));
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
  }

  /** Makes room for `count` more bytes. Views taken before are stale afterwards. */
  ensure(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new ArrayBuffer(alignUp(Math.max(needed, this.bytes.length * 2)));
    const bytes = new Uint8Array(grown);
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
    this.words = new Uint32Array(grown);
  }

  u8(value: number): void {
    this.ensure(1);
    this.bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.ensure(2);
    this.bytes[this.length++] = value;
    this.bytes[this.length++] = value >>> 8;
  }

  u32(value: number): void {
    this.ensure(4);
    writeU32(this.bytes, this.length, value);
    this.length += 4;
  }

  u64(value: number): void {
    this.ensure(8);
    writeU64(this.bytes, this.length, value);
    this.length += 8;
  }

  raw(source: Uint8Array): void {
    this.ensure(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** Copies short ranges faster than `set(subarray)`, which costs a view. */
  copy(source: Uint8Array, start: number, end: number): void {
    this.ensure(end - start);
    let at = this.length;
    if (end - start > 64) {
      this.bytes.set(source.subarray(start, end), at);
      this.length = at + end - start;
      return;
    }
    for (let i = start; i < end; i++) this.bytes[at++] = source[i]!;
    this.length = at;
  }

  /** Zero bytes up to the next multiple of 4. */
  align(): void {
    const end = alignUp(this.length);
    this.ensure(end - this.length);
    while (this.length < end) this.bytes[this.length++] = 0;
  }

  written(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }

  /** What was written, in memory that other threads may read as it is. */
  takeShared(): Uint8Array<SharedArrayBuffer> {
    const shared = new Uint8Array(new SharedArrayBuffer(this.length));
    shared.set(this.written());
    this.length = 0;
    return shared;
  }

  /** What was written, as a buffer of its own that may be transferred to another thread. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.bytes.slice(0, this.length);
    this.length = 0;
    return taken;
  }
}

export function alignUp(length: number): number {
  return (length + 3) & ~3;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** Whole numbers up to 2^53-1: heights, sequence numbers, nonces, gas, milliseconds. */
export function writeU64(bytes: Uint8Array, at: number, value: number): void {
  writeU32(bytes, at, (value % 4294967296) >>> 0);
  writeU32(bytes, at + 4, Math.floor(value / 4294967296));
}

/** @throws RangeError above 2^53-1, which nothing here ever writes. */
export function readU64(bytes: Uint8Array, at: number): number {
  const value = readU32(bytes, at) + readU32(bytes, at + 4) * 4294967296;
  if (value > Number.MAX_SAFE_INTEGER) throw new RangeError(`u64 at byte ${at} is above 2^53-1`);
  return value;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** FNV-1a of 32 bits, signed so that V8 keeps it unboxed: for short names, whose equality `isSlice` decides. */
export function hashSlice(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash | 0;
}

/** Whether `whole` is what stands in `bytes` from `start` to `end`. */
export function isSlice(whole: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (whole.length !== end - start) return false;
  for (let i = 0; i < whole.length; i++) if (whole[i] !== bytes[start + i]) return false;
  return true;
}

/** Order of bytes, shorter first where one is the other's prefix: the order of state keys. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Buffer's own, which works on any view: making a Buffer first takes twice as long as the text. */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice: (this: Uint8Array, start: number, end: number) => string;
};

/** One char per byte: a key for a Map. */
export function toLatin1(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return latin1Slice.call(bytes, start, end);
}

export function fromLatin1(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}
