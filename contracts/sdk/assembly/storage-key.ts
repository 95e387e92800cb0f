/**
 * Keys of the state: a prefix, then the map's keys in a form that keeps their order and lets none pass for another.
 *   u8…u64, bool: big-endian, fixed width · U256, Bytes32 32 bytes · Address 20 bytes
 *   string (UTF-8), Bytes: as they are when last, else after their length as u32
 */
import { Address } from "./address";
import { Bytes, Bytes32 } from "./bytes";
import { U256 } from "./u256";

/** Room behind the prefix: two words; longer keys, which only text and bytes make, get a block of their own. */
const ROOM: i32 = 64;

@final
export class StorageKey {
  private start: usize;
  private capacity: i32;
  private used: i32;
  private prefixLength: i32;

  /** The prefix is written once, when the contract is instantiated: a call only writes what comes after. */
  constructor(prefix: string) {
    this.prefixLength = String.UTF8.byteLength(prefix);
    this.capacity = this.prefixLength + ROOM;
    this.start = heap.alloc(this.capacity);
    this.used = this.prefixLength;
    String.UTF8.encodeUnsafe(changetype<usize>(prefix), prefix.length, this.start);
  }

  get pointer(): usize {
    return this.start;
  }

  get length(): i32 {
    return this.used;
  }

  /** Back to the prefix. */
  reset(): this {
    this.used = this.prefixLength;
    return this;
  }

  append<K>(key: K, isLast: bool): void {
    if (isBoolean<K>()) {
      store<u8>(this.reserve(1), key ? 1 : 0);
    } else if (isInteger<K>()) {
      if (isSigned<K>()) ERROR("signed integers cannot be keys: their order would be lost");
      store<K>(this.reserve(sizeof<K>()), bswap<K>(key));
    } else if (isString<K>()) {
      this.appendBytes(Bytes.fromUtf8(changetype<string>(key)), isLast);
    } else if (idof<K>() == idof<Address>()) {
      changetype<Address>(key).store(this.reserve(20));
    } else if (idof<K>() == idof<U256>()) {
      changetype<U256>(key).store(this.reserve(32));
    } else if (idof<K>() == idof<Bytes32>()) {
      changetype<Bytes32>(key).store(this.reserve(32));
    } else if (idof<K>() == idof<Bytes>()) {
      this.appendBytes(changetype<Bytes>(key), isLast);
    } else {
      ERROR("a type that cannot be a key");
    }
  }

  private appendBytes(bytes: Bytes, isLast: bool): void {
    if (!isLast) store<u32>(this.reserve(4), bswap<u32>(bytes.length));
    memory.copy(this.reserve(bytes.length), bytes.pointer, bytes.length);
  }

  private reserve(count: i32): usize {
    const used = this.used;
    this.used = used + count;
    if (this.used > this.capacity) {
      this.capacity = this.used + ROOM;
      const start = heap.alloc(this.capacity);
      memory.copy(start, this.start, used);
      this.start = start;
    }
    return this.start + used;
  }
}

/** A key as it was appended last, read back from `at`. */
export function readKey<K>(at: usize, length: i32): K {
  if (isBoolean<K>()) return <K>(load<u8>(at) != 0);
  else if (isInteger<K>()) return bswap<K>(load<K>(at));
  else if (isString<K>()) return changetype<K>(String.UTF8.decodeUnsafe(at, length));
  else if (idof<K>() == idof<Address>()) return changetype<K>(Address.load(at));
  else if (idof<K>() == idof<U256>()) return changetype<K>(U256.load(at));
  else if (idof<K>() == idof<Bytes32>()) return changetype<K>(Bytes32.load(at));
  else if (idof<K>() == idof<Bytes>()) return changetype<K>(new Bytes(at, length));
  else ERROR("a type that cannot be a key");
}
