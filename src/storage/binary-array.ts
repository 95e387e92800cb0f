/**
 * Columns of rows as PostgreSQL's binary arrays: one parameter a column, whatever the number of rows. Text arrays would
 * cost two characters a byte, and a parse on the other side.
 *   array   := i32 dimensions (1, or 0 when empty), i32 has nulls, u32 element type
 *              [, i32 length, i32 lower bound 1, element*]
 *   element := i32 length in bytes (-1: null), bytes                                          (all big-endian)
 * Source: PostgreSQL, src/backend/utils/adt/arrayfuncs.c (array_recv).
 */

/** Type numbers of pg_type, which never change. */
const TYPE = { bytea: 17, int8: 20, int4: 23, text: 25, timestamptz: 1184 } as const;
export type ColumnType = keyof typeof TYPE;

const HEADER_BYTES = 20;
const INITIAL_BYTES = 16 * 1024;
const MICROSECONDS_PER_MS = 1000n;
/** 2000-01-01, from where PostgreSQL counts, in ms since 1970. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const TWO_32 = 2 ** 32;

export class BinaryColumn {
  readonly #type: number;
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = HEADER_BYTES;
  #count = 0;

  constructor(type: ColumnType) {
    this.#type = TYPE[type];
  }

  get count(): number {
    return this.#count;
  }

  addNull(): void {
    this.#begin(0, -1);
  }

  /** Bytes of `source` from `start` to below `end`. */
  addBytes(source: Uint8Array, start = 0, end = source.length): void {
    const at = this.#begin(end - start, end - start);
    if (end - start > 64) this.#bytes.set(source.subarray(start, end), at);
    else for (let i = start, to = at; i < end; i++, to++) this.#bytes[to] = source[i]!;
  }

  addText(text: string): void {
    const length = Buffer.byteLength(text);
    const at = this.#begin(length, length);
    this.#bytes.write(text, at, "utf8");
  }

  addInt4(value: number): void {
    const at = this.#begin(4, 4);
    this.#bytes.writeInt32BE(value, at);
  }

  /** A whole number from 0 to 2^53-1. */
  addInt8(value: number): void {
    const at = this.#begin(8, 8);
    this.#bytes.writeUInt32BE(Math.floor(value / TWO_32), at);
    this.#bytes.writeUInt32BE(value % TWO_32, at + 4);
  }

  /** A timestamptz, from ms since 1970. */
  addTime(ms: number): void {
    const at = this.#begin(8, 8);
    this.#bytes.writeBigInt64BE(BigInt(ms - POSTGRES_EPOCH_MS) * MICROSECONDS_PER_MS, at);
  }

  /** The array. A view: valid until the column is cleared. */
  finish(): Buffer {
    const empty = this.#count === 0;
    this.#bytes.writeInt32BE(empty ? 0 : 1, 0);
    this.#bytes.writeInt32BE(1, 4);
    this.#bytes.writeUInt32BE(this.#type, 8);
    this.#bytes.writeInt32BE(this.#count, 12);
    this.#bytes.writeInt32BE(1, 16);
    return this.#bytes.subarray(0, empty ? 12 : this.#length);
  }

  clear(): void {
    this.#length = HEADER_BYTES;
    this.#count = 0;
  }

  /** Makes room for an element, which may move the bytes, and writes its length. Answers where its bytes go. */
  #begin(bytes: number, length: number): number {
    const at = this.#length + 4;
    if (at + bytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, at + bytes));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#bytes.writeInt32BE(length, this.#length);
    this.#length = at + bytes;
    this.#count++;
    return at;
  }
}
