/**
 * Splits a byte stream into lines at newline bytes, which UTF-8 never has inside a character.
 * Always
 *  - At most `lineBytesMax` bytes of a line that has not ended are kept: `isOverflowing` is then set and stays set.
 *  - What is kept is a copy, so that a slow line does not pin the buffers it came in.
 */
const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);
const INITIAL_BYTES = 16 * 1024;
/** A buffer larger than this is given back after its line. */
const KEPT_BYTES_MAX = 1024 * 1024;

export class LineBuffer {
  isOverflowing = false;
  /** Of the line found last: it stands in `bytes` from `start` to `end` until the next one is asked for. */
  lineBytes = 0;
  bytes: Buffer = EMPTY;
  start = 0;
  end = 0;
  readonly #lineBytesMax: number;
  #chunk: Buffer = EMPTY;
  #at = 0;
  /** The beginning of a line whose end has not come. */
  #rest: Buffer = EMPTY;
  #restBytes = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** Bytes that `next` has not gone over yet. */
  get unread(): number {
    return this.#chunk.length - this.#at;
  }

  push(chunk: Buffer): void {
    this.#chunk = this.unread === 0 ? chunk : Buffer.concat([this.#chunk.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /** The next whole line without its newline; undefined when more bytes are needed. */
  next(): string | undefined {
    return this.find() ? this.#text() : undefined;
  }

  /** Whether there is another whole line: `bytes`, `start` and `end` then say where. */
  find(): boolean {
    if (this.isOverflowing) return false;
    const end = this.#chunk.indexOf(NEWLINE, this.#at);
    if (end === -1) {
      this.#keep(this.#chunk.length);
      this.#chunk = EMPTY;
      this.bytes = EMPTY;
      this.#at = 0;
      return false;
    }
    this.lineBytes = this.#restBytes + end - this.#at;
    if (this.lineBytes > this.#lineBytesMax) {
      this.isOverflowing = true;
      return false;
    }
    if (this.#restBytes === 0) {
      this.bytes = this.#chunk;
      this.start = this.#at;
      this.end = end;
    } else {
      this.#keep(end);
      this.#takeRest();
    }
    this.#at = end + 1;
    return true;
  }

  /** Whether something came after the last newline when the stream has ended: the same as `find`. */
  findLast(): boolean {
    if (this.isOverflowing || this.#restBytes === 0) return false;
    this.lineBytes = this.#restBytes;
    this.#takeRest();
    return true;
  }

  last(): string | undefined {
    return this.findLast() ? this.#text() : undefined;
  }

  #text(): string {
    return this.bytes.toString("utf8", this.start, this.end);
  }

  /** Copies the chunk from where reading stands up to `end` behind the rest. */
  #keep(end: number): void {
    const bytes = this.#restBytes + end - this.#at;
    if (bytes > this.#lineBytesMax) {
      this.isOverflowing = true;
      this.#rest = EMPTY;
      return;
    }
    if (bytes > this.#rest.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#rest.length, INITIAL_BYTES));
      this.#rest.copy(grown, 0, 0, this.#restBytes);
      this.#rest = grown;
    }
    this.#chunk.copy(this.#rest, this.#restBytes, this.#at, end);
    this.#restBytes = bytes;
  }

  #takeRest(): void {
    this.bytes = this.#rest;
    this.start = 0;
    this.end = this.#restBytes;
    this.#restBytes = 0;
    if (this.#rest.length > KEPT_BYTES_MAX) this.#rest = EMPTY;
  }
}
