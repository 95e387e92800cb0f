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

/** Where a reader stands; `take` answers the start of bytes that it has checked to be there. */
interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/**
 * The changes in their order; keys are fresh, values are views of `delta`.
 * @throws MalformedBytesError with the offset of what does not fit, once it gets there: read to the end before acting.
 */
export function* readDelta(delta: Uint8Array): Generator<DeltaRecord, void, undefined> {
  const cursor: Cursor = { bytes: delta, at: 0 };
  while (cursor.at < delta.length) {
    const prefixLength = delta[take(cursor, 1, "prefix length")]!;
    const prefix = view(cursor, prefixLength, "prefix");
    let recordsLeft = readU32(delta, take(cursor, 4, "record count"));
    for (; recordsLeft > 0; recordsLeft--) {
      const offset = cursor.at;
      const lengthAt = take(cursor, 2, "suffix length");
      const suffix = view(cursor, delta[lengthAt]! | (delta[lengthAt + 1]! << 8), "suffix");
      const key = new Uint8Array(prefixLength + suffix.length);
      key.set(prefix);
      key.set(suffix, prefixLength);
      const newValue = readValue(cursor);
      yield { offset, key, newValue, oldValue: readValue(cursor) };
    }
  }
}

function take(cursor: Cursor, count: number, what: string): number {
  const start = cursor.at;
  if (cursor.bytes.length - start < count) throw new MalformedBytesError("delta", start, `${what} runs past the end`);
  cursor.at += count;
  return start;
}

function view(cursor: Cursor, count: number, what: string): Uint8Array {
  const start = take(cursor, count, what);
  return cursor.bytes.subarray(start, start + count);
}

function readValue(cursor: Cursor): Uint8Array | undefined {
  const at = take(cursor, 1, "value");
  const n = cursor.bytes[at]!;
  if (n === ABSENT) return undefined;
  if (n <= SHORT_VALUE_MAX) return view(cursor, n, "value");
  if (n !== LONG_VALUE) throw new MalformedBytesError("delta", at, `${n} is no value length`);
  return view(cursor, readU32(cursor.bytes, take(cursor, 4, "value length")), "value");
}
