/**
 * A block's delta: the keys it changed, each with the value after and the value before, so that the same bytes go
 * forwards and backwards. Little-endian:
 *   delta  := group*
 *   group  := u8 prefixLength, prefix, u32 recordCount, record*
 *   record := u16 suffixLength, suffix, after: value, before: value       (key = prefix ‖ suffix)
 *   value  := u8 n:  0..252, n bytes follow;  253, a u32 length and so many bytes follow;  255, absent
 * Always
 *  - A key occurs at most once. The reader here does not check it, for want of a table of keys; the state tree does.
 *  - Order is the writer's; nothing depends on it.
 */
import { MalformedBytesError } from "../errors.ts";
import { ByteWriter, equalBytes, readU32 } from "./bytes.ts";
import { spaceLength } from "./state-key.ts";

/** Which side of a delta to take: `forward` applies a block, `backward` takes it back. */
export type DeltaDirection = "forward" | "backward";

export interface StateChange {
  readonly key: Uint8Array;
  /** The value after the block, or undefined when the block deleted the key. */
  readonly newValue: Uint8Array | undefined;
  /** The value before the block, or undefined when the key was absent. */
  readonly oldValue: Uint8Array | undefined;
}

export interface DeltaRecord extends StateChange {
  /** Where the record begins, in bytes of the delta. */
  readonly offset: number;
}

const SHORT_VALUE_MAX = 252;
const LONG_VALUE = 253;
const ABSENT = 255;
const SUFFIX_BYTES_MAX = 0xffff;

/** Neighbours of one space (a contract's state, all accounts …) share a group, so put the changes of a space together. */
export function encodeDelta(changes: readonly StateChange[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  for (let first = 0; first < changes.length; ) {
    const prefix = spaceOf(changes[first]!);
    let end = first + 1;
    while (end < changes.length && equalBytes(spaceOf(changes[end]!), prefix)) end++;
    out.u8(prefix.length);
    out.raw(prefix);
    out.u32(end - first);
    for (; first < end; first++) writeRecord(out, changes[first]!, prefix.length);
  }
  return out.take();
}

function spaceOf(change: StateChange): Uint8Array {
  return change.key.subarray(0, spaceLength(change.key));
}

function writeRecord(out: ByteWriter, change: StateChange, prefixLength: number): void {
  const suffix = change.key.subarray(prefixLength);
  if (suffix.length > SUFFIX_BYTES_MAX) throw new RangeError(`a state key of ${change.key.length} bytes is too long`);
  out.u16(suffix.length);
  out.raw(suffix);
  writeValue(out, change.newValue);
  writeValue(out, change.oldValue);
}

function writeValue(out: ByteWriter, value: Uint8Array | undefined): void {
  if (value === undefined) {
    out.u8(ABSENT);
    return;
  }
  if (value.length <= SHORT_VALUE_MAX) {
    out.u8(value.length);
  } else {
    out.u8(LONG_VALUE);
    out.u32(value.length);
  }
  out.raw(value);
}

/** The length of a value that is not there. */
export const VALUE_ABSENT = -1;

/**
 * Reads a delta record by record without making anything: where the parts of the record that `next` came to stand.
 * @throws MalformedBytesError from `next`, with the offset of what does not fit: read to the end before acting.
 */
export class DeltaCursor {
  readonly bytes: Uint8Array;
  /** Where the record begins. */
  offset = 0;
  prefixAt = 0;
  prefixLength = 0;
  suffixAt = 0;
  suffixLength = 0;
  newAt = 0;
  /** VALUE_ABSENT: the block deleted the key. */
  newLength = VALUE_ABSENT;
  oldAt = 0;
  oldLength = VALUE_ABSENT;
  #at = 0;
  #recordsLeft = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** False at the end. */
  next(): boolean {
    while (this.#recordsLeft === 0) {
      if (this.#at >= this.bytes.length) return false;
      this.prefixLength = this.bytes[this.#take(1, "prefix length")]!;
      this.prefixAt = this.#take(this.prefixLength, "prefix");
      this.#recordsLeft = readU32(this.bytes, this.#take(4, "record count"));
    }
    this.#recordsLeft--;
    this.offset = this.#at;
    const lengthAt = this.#take(2, "suffix length");
    this.suffixLength = this.bytes[lengthAt]! | (this.bytes[lengthAt + 1]! << 8);
    this.suffixAt = this.#take(this.suffixLength, "suffix");
    this.newLength = this.#valueLength();
    this.newAt = this.#take(Math.max(0, this.newLength), "value");
    this.oldLength = this.#valueLength();
    this.oldAt = this.#take(Math.max(0, this.oldLength), "value");
    return true;
  }

  #valueLength(): number {
    const at = this.#take(1, "value");
    const n = this.bytes[at]!;
    if (n === ABSENT) return VALUE_ABSENT;
    if (n <= SHORT_VALUE_MAX) return n;
    if (n !== LONG_VALUE) throw new MalformedBytesError("delta", at, `${n} is no value length`);
    return readU32(this.bytes, this.#take(4, "value length"));
  }

  /** Answers the start of bytes that it has checked to be there. */
  #take(count: number, what: string): number {
    const start = this.#at;
    if (this.bytes.length - start < count) throw new MalformedBytesError("delta", start, `${what} runs past the end`);
    this.#at += count;
    return start;
  }
}

/**
 * The changes in their order; keys are fresh, values are views of `delta`.
 * @throws MalformedBytesError as DeltaCursor does.
 */
export function* readDelta(delta: Uint8Array): Generator<DeltaRecord, void, undefined> {
  const cursor = new DeltaCursor(delta);
  while (cursor.next()) {
    const { offset, prefixAt, prefixLength, suffixAt, suffixLength } = cursor;
    const key = new Uint8Array(prefixLength + suffixLength);
    key.set(delta.subarray(prefixAt, prefixAt + prefixLength));
    key.set(delta.subarray(suffixAt, suffixAt + suffixLength), prefixLength);
    const { newAt, newLength, oldAt, oldLength } = cursor;
    const newValue = newLength === VALUE_ABSENT ? undefined : delta.subarray(newAt, newAt + newLength);
    const oldValue = oldLength === VALUE_ABSENT ? undefined : delta.subarray(oldAt, oldAt + oldLength);
    yield { offset, key, newValue, oldValue };
  }
}
