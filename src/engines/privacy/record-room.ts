/**
 * RecordRoom: where one frame puts its records together before the state copies them. A call makes and lengthens several of
 * some two hundred bytes each, and a buffer of its own for each would cost more than all that is written into it.
 * Always
 *  - What it has given out is good until it is cleared.
 */
const BYTES = 64 * 1024;

export class RecordRoom {
  readonly #bytes = new Uint8Array(BYTES);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  /** All zero. */
  make(length: number): Uint8Array {
    const start = this.#length;
    if (start + length > BYTES) return new Uint8Array(length);
    this.#length += length;
    return this.#bytes.subarray(start, this.#length).fill(0);
  }

  /** The same bytes and `more` of any value after them: in place where nothing was given out since. */
  extend(bytes: Uint8Array, more: number): Uint8Array {
    const { length, byteOffset } = bytes;
    const isLast = bytes.buffer === this.#bytes.buffer && byteOffset + length === this.#length;
    if (isLast && this.#length + more <= BYTES) {
      this.#length += more;
      return this.#bytes.subarray(byteOffset, this.#length);
    }
    const longer = this.make(length + more);
    longer.set(bytes);
    return longer;
  }
}
