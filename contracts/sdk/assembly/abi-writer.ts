/**
 * Encodes values as the Ethereum ABI does (abi-reader.ts has the types): calldata, results, errors, the data of logs.
 * Grows by copying; blocks left behind are gone with the call.
 */
import { Address } from "./address";
import { Bytes, Bytes32 } from "./bytes";
import { U256 } from "./u256";
import { storeSignedWord, storeWord } from "./words";

const DYNAMIC_BYTES_EXPECTED: usize = 96;

@final
export class AbiWriter {
  private start: usize;
  private used: usize;
  private capacity: usize;
  /** Offsets from `start`: of the parameters, and of the next word of their head. */
  private base: usize;
  private head: usize;

  /**
   * @param prefix bytes before the parameters: 4 for a selector, else 0.
   * @param count how many values will be put.
   */
  constructor(prefix: usize, count: usize) {
    this.base = prefix;
    this.head = prefix;
    this.used = prefix + (count << 5);
    this.capacity = this.used;
    this.start = heap.alloc(this.used);
  }

  get pointer(): usize {
    return this.start;
  }

  get length(): i32 {
    return <i32>this.used;
  }

  /** @param selector its first byte the high one. */
  selector(selector: u32): void {
    store<u32>(this.start, bswap<u32>(selector));
  }

  put<T>(value: T): void {
    const at = this.start + this.head;
    if (isBoolean<T>()) {
      storeWord(at, value ? 1 : 0);
    } else if (isInteger<T>()) {
      if (isSigned<T>()) storeSignedWord(at, <i64>value);
      else storeWord(at, <u64>value);
    } else if (isString<T>()) {
      const text = changetype<string>(value);
      const length = String.UTF8.byteLength(text);
      String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, this.openTail(length));
    } else if (isArray<T>()) {
      this.putArray<T>(value);
    } else if (idof<T>() == idof<Address>()) {
      changetype<Address>(value).storeWord(at);
    } else if (idof<T>() == idof<U256>()) {
      changetype<U256>(value).store(at);
    } else if (idof<T>() == idof<Bytes32>()) {
      changetype<Bytes32>(value).store(at);
    } else if (idof<T>() == idof<Bytes>()) {
      const bytes = changetype<Bytes>(value);
      memory.copy(this.openTail(bytes.length), bytes.pointer, bytes.length);
    } else {
      ERROR("a type that the ABI has no name for");
    }
    this.head += 32;
  }

  private putArray<T>(array: T): void {
    const count = <usize>array.length;
    const head = this.head;
    const base = this.base;
    storeWord(this.start + head, this.used - base);
    const tail = this.used;
    this.reserve(32 + (count << 5));
    storeWord(this.start + tail, count);
    this.base = tail + 32;
    this.head = tail + 32;
    for (let i = 0; i < <i32>count; i++) this.put<valueof<T>>(array[i]);
    this.base = base;
    this.head = head;
  }

  /** Writes offset and length; answers where the bytes go. What pads them is zero. */
  private openTail(length: usize): usize {
    const tail = this.used;
    const padded = (length + 31) & ~31;
    storeWord(this.start + this.head, tail - this.base);
    this.reserve(32 + padded);
    const at = this.start + tail;
    storeWord(at, length);
    memory.fill(at + 32, 0, padded);
    return at + 32;
  }

  private reserve(count: usize): void {
    const used = this.used + count;
    if (used > this.capacity) {
      const capacity = used + this.used + DYNAMIC_BYTES_EXPECTED;
      const start = heap.alloc(capacity);
      memory.copy(start, this.start, this.used);
      this.start = start;
      this.capacity = capacity;
    }
    this.used = used;
  }
}
