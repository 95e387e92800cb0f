/**
 * One value of the state under a key, by type. Zero is absent, so that what was never written reads as zero.
 *   U256, u8…u64, bool: the shortest big-endian form, as the built-in contracts keep numbers
 *   Address 20 bytes · Bytes32 32 bytes · string (UTF-8), Bytes: as they are · records: packed.ts
 */
import { Address } from "./address";
import { Bytes, Bytes32 } from "./bytes";
import { resultRead, stateDelete, stateGet, stateSet } from "./host";
import { PackedReader, PackedWriter } from "./packed";
import { U256 } from "./u256";

/**
 * A value of n bytes is read to OUT; the 32 bytes that end with it are then the number, since those before OUT are zero.
 * Numbers are written from OUT too.
 */
const WINDOW = memory.data(64, 8);
const OUT = WINDOW + 32;

export function loadStored<V>(key: usize, keyLength: i32): V {
  if (isInteger<V>()) return shortValue<V>(stateGet(key, keyLength, OUT, 32));
  else if (isString<V>()) return longValue<V>(loadBytes(key, keyLength));
  else if (idof<V>() == idof<U256>() || idof<V>() == idof<Address>() || idof<V>() == idof<Bytes32>()) {
    return shortValue<V>(stateGet(key, keyLength, OUT, 32));
  } else return longValue<V>(loadBytes(key, keyLength));
}

/** The value that stands in these bytes. */
export function decodeStored<V>(from: usize, length: i32): V {
  if (isInteger<V>()) return shortValue<V>(copyOut(from, length));
  else if (isString<V>()) return longValue<V>(new Bytes(from, length));
  else if (idof<V>() == idof<U256>() || idof<V>() == idof<Address>() || idof<V>() == idof<Bytes32>()) {
    return shortValue<V>(copyOut(from, length));
  } else return longValue<V>(new Bytes(from, length));
}

function copyOut(from: usize, length: i32): i32 {
  if (length <= 32) memory.copy(OUT, from, length);
  return length;
}

/** @param length of the value that was read to OUT; -1 when there is none. One of a wrong length was not written here. */
function shortValue<V>(length: i32): V {
  if (isInteger<V>()) {
    if (isSigned<V>()) ERROR("signed integers cannot be stored: store a u64");
    if (length <= 0) return 0;
    if (length > 8) unreachable();
    const value = bswap<u64>(load<u64>(WINDOW + length, 24));
    if (<u64>(<V>value) != value) unreachable();
    return <V>value;
  } else if (idof<V>() == idof<U256>()) {
    if (length <= 0) return changetype<V>(U256.ZERO);
    if (length > 32) unreachable();
    return changetype<V>(U256.load(WINDOW + length));
  } else if (idof<V>() == idof<Address>()) {
    if (length < 0) return changetype<V>(Address.ZERO);
    if (length != 20) unreachable();
    return changetype<V>(Address.load(OUT));
  } else if (idof<V>() == idof<Bytes32>()) {
    if (length < 0) return changetype<V>(Bytes32.ZERO);
    if (length != 32) unreachable();
    return changetype<V>(Bytes32.load(OUT));
  } else ERROR("no value of at most 32 bytes");
}

function longValue<V>(bytes: Bytes): V {
  if (isString<V>()) return changetype<V>(bytes.toUtf8());
  else if (idof<V>() == idof<Bytes>()) return changetype<V>(bytes);
  else {
    const record = instantiate<V>();
    if (bytes.length != 0) record.__unpack(new PackedReader(bytes.pointer, bytes.pointer + bytes.length));
    return record;
  }
}

/** Storing zero, nothing, or an empty string deletes. */
export function storeStored<V>(key: usize, keyLength: i32, value: V): void {
  if (isInteger<V>()) {
    if (isSigned<V>()) ERROR("signed integers cannot be stored: store a u64");
    if (value == 0) return stateDelete(key, keyLength);
    const zeros = <usize>clz<u64>(<u64>value) >> 3;
    store<u64>(OUT, bswap<u64>(<u64>value));
    stateSet(key, keyLength, OUT + zeros, <i32>(8 - zeros));
  } else if (isString<V>()) {
    storeBytes(key, keyLength, Bytes.fromUtf8(changetype<string>(value)));
  } else if (idof<V>() == idof<U256>()) {
    const number = changetype<U256>(value);
    const length = number.byteLength;
    if (length == 0) return stateDelete(key, keyLength);
    number.store(OUT);
    stateSet(key, keyLength, OUT + 32 - length, length);
  } else if (idof<V>() == idof<Address>()) {
    const address = changetype<Address>(value);
    if (address.isZero) return stateDelete(key, keyLength);
    stateSet(key, keyLength, address.pointer, 20);
  } else if (idof<V>() == idof<Bytes32>()) {
    const bytes = changetype<Bytes32>(value);
    if (bytes.isZero) return stateDelete(key, keyLength);
    stateSet(key, keyLength, bytes.pointer, 32);
  } else if (idof<V>() == idof<Bytes>()) {
    storeBytes(key, keyLength, changetype<Bytes>(value));
  } else {
    const packed = new PackedWriter();
    value.__pack(packed);
    stateSet(key, keyLength, packed.pointer, packed.length);
  }
}

function loadBytes(key: usize, keyLength: i32): Bytes {
  const length = stateGet(key, keyLength, OUT, 0);
  const bytes = Bytes.allocate(length < 0 ? 0 : length);
  if (length > 0) resultRead(bytes.pointer, 0, length);
  return bytes;
}

function storeBytes(key: usize, keyLength: i32, value: Bytes): void {
  if (value.length == 0) stateDelete(key, keyLength);
  else stateSet(key, keyLength, value.pointer, value.length);
}
