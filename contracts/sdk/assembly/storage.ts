/**
 * Typed state of a contract. Each lives under a prefix of its own, which is part of what is stored: an upgrade that keeps
 * the prefix keeps the data. No prefix may begin with another; the transform refuses a contract where one does.
 *   balances: StorageMap<Address, U256> = new StorageMap("bal:");
 */
import { rangeNext, rangeOpen, resultLength, resultRead, stateDelete, stateGet } from "./host";
import { readKey, StorageKey } from "./storage-key";
import { decodeStored, loadStored, storeStored } from "./stored-value";

@final
export class StorageValue<V> {
  private key: StorageKey;

  constructor(prefix: string) {
    this.key = new StorageKey(prefix);
  }

  /** What was never set reads as the type's zero. */
  get(): V {
    return loadStored<V>(this.key.pointer, this.key.length);
  }

  set(value: V): void {
    storeStored<V>(this.key.pointer, this.key.length, value);
  }

  delete(): void {
    stateDelete(this.key.pointer, this.key.length);
  }
}

@final
export class StorageMap<K, V> {
  private key: StorageKey;

  constructor(prefix: string) {
    this.key = new StorageKey(prefix);
  }

  get(key: K): V {
    const at = this.at(key);
    return loadStored<V>(at.pointer, at.length);
  }

  set(key: K, value: V): void {
    const at = this.at(key);
    storeStored<V>(at.pointer, at.length, value);
  }

  /** True when a value is stored that is not its type's zero. */
  has(key: K): bool {
    const at = this.at(key);
    return stateGet(at.pointer, at.length, 0, 0) >= 0;
  }

  delete(key: K): void {
    const at = this.at(key);
    stateDelete(at.pointer, at.length);
  }

  /** All entries in the order of their keys. At most 16 cursors are open in a call. */
  entries(isReversed: bool = false): StorageCursor<K, V> {
    return new StorageCursor<K, V>(this.key.reset(), isReversed);
  }

  private at(key: K): StorageKey {
    const at = this.key.reset();
    at.append<K>(key, true);
    return at;
  }
}

/** A map of maps: allowances by owner, then spender. */
@final
export class StorageMap2<K1, K2, V> {
  private key: StorageKey;

  constructor(prefix: string) {
    this.key = new StorageKey(prefix);
  }

  get(first: K1, second: K2): V {
    const at = this.at(first, second);
    return loadStored<V>(at.pointer, at.length);
  }

  set(first: K1, second: K2, value: V): void {
    const at = this.at(first, second);
    storeStored<V>(at.pointer, at.length, value);
  }

  has(first: K1, second: K2): bool {
    const at = this.at(first, second);
    return stateGet(at.pointer, at.length, 0, 0) >= 0;
  }

  delete(first: K1, second: K2): void {
    const at = this.at(first, second);
    stateDelete(at.pointer, at.length);
  }

  /** The entries of one inner map. */
  entries(first: K1, isReversed: bool = false): StorageCursor<K2, V> {
    const at = this.key.reset();
    at.append<K1>(first, false);
    return new StorageCursor<K2, V>(at, isReversed);
  }

  private at(first: K1, second: K2): StorageKey {
    const at = this.key.reset();
    at.append<K1>(first, false);
    at.append<K2>(second, true);
    return at;
  }
}

/** Walks entries: `while (cursor.next()) use(cursor.key, cursor.value)`. */
@final
export class StorageCursor<K, V> {
  private iterator: i32;
  private prefixLength: i32;
  private entry: usize = 0;
  private entryLength: i32 = 0;

  constructor(prefix: StorageKey, isReversed: bool) {
    const length = prefix.length;
    this.prefixLength = length;
    const end = heap.alloc(length);
    memory.copy(end, prefix.pointer, length);
    this.iterator = rangeOpen(prefix.pointer, length, end, successor(end, length), isReversed ? 1 : 0);
  }

  next(): bool {
    if (rangeNext(this.iterator) == 0) return false;
    this.entryLength = resultLength();
    this.entry = heap.alloc(this.entryLength);
    resultRead(this.entry, 0, this.entryLength);
    return true;
  }

  get key(): K {
    const keyLength = load<u32>(this.entry);
    return readKey<K>(this.entry + 4 + this.prefixLength, keyLength - this.prefixLength);
  }

  get value(): V {
    const whole = 4 + <i32>load<u32>(this.entry);
    return decodeStored<V>(this.entry + whole, this.entryLength - whole);
  }
}

/** The first key after all that begin with these bytes, in place; answers its length. Prefixes are text, so one exists. */
function successor(bytes: usize, length: i32): i32 {
  let last = length - 1;
  while (last > 0 && load<u8>(bytes + last) == 0xff) last--;
  store<u8>(bytes + last, load<u8>(bytes + last) + 1);
  return last + 1;
}
