/**
 * Decodes values of the Ethereum ABI. Data that is no encoding of the types asked for reverts with no data: too short, an
 * offset out of it, bits set where the type has none. That is what Solidity's decoder does.
 *
 *   Address → address · U256 → uint256 · Bytes32 → bytes32 · Bytes → bytes · string · bool · u8…u64, i8…i64 → uintN, intN
 *   Array<T> → T[]
 */
import { Address } from "./address";
import { Bytes, Bytes32 } from "./bytes";
import { revertEmpty } from "./revert";
import { U256 } from "./u256";
import { isShortWord } from "./words";

@final
export class AbiReader {
  private head: usize;

  /** Parameters from `start` on; offsets count from there. */
  constructor(
    private start: usize,
    private end: usize,
  ) {
    this.head = start;
  }

  next<T>(): T {
    const head = this.head;
    this.head = head + 32;
    return this.value<T>(this.start, head);
  }

  private value<T>(base: usize, at: usize): T {
    this.need(at, 32);
    if (isBoolean<T>()) {
      if (!isShortWord(at) || bswap<u64>(load<u64>(at, 24)) > 1) revertEmpty();
      return <T>(load<u8>(at, 31) != 0);
    } else if (isInteger<T>()) {
      return this.integer<T>(at);
    } else if (isString<T>()) {
      const tail = this.tail(base, at);
      const length = this.size(tail);
      this.need(tail + 32, length);
      return changetype<T>(String.UTF8.decodeUnsafe(tail + 32, length));
    } else if (isArray<T>()) {
      const tail = this.tail(base, at);
      const count = this.size(tail);
      const items = tail + 32;
      this.need(items, count << 5);
      const array = instantiate<T>(<i32>count);
      for (let i: usize = 0; i < count; i++) {
        array[<i32>i] = this.value<valueof<T>>(items, items + (i << 5));
      }
      return array;
    } else if (idof<T>() == idof<Address>()) {
      if ((load<u64>(at) | load<u32>(at, 8)) != 0) revertEmpty();
      return changetype<T>(Address.load(at + 12));
    } else if (idof<T>() == idof<U256>()) {
      return changetype<T>(U256.load(at));
    } else if (idof<T>() == idof<Bytes32>()) {
      return changetype<T>(Bytes32.load(at));
    } else if (idof<T>() == idof<Bytes>()) {
      const tail = this.tail(base, at);
      const length = this.size(tail);
      this.need(tail + 32, length);
      return changetype<T>(new Bytes(tail + 32, <i32>length));
    } else {
      ERROR("a type that the ABI has no name for");
    }
  }

  private integer<T>(at: usize): T {
    const low = bswap<u64>(load<u64>(at, 24));
    if (isSigned<T>()) {
      const sign: u64 = <i64>low >> 63;
      const isExtended = load<u64>(at) == sign && load<u64>(at, 8) == sign && load<u64>(at, 16) == sign;
      if (!isExtended || <i64>(<T>low) != <i64>low) revertEmpty();
    } else {
      if (!isShortWord(at) || <u64>(<T>low) != low) revertEmpty();
    }
    return <T>low;
  }

  /** Where the value of dynamic type stands whose offset is at `at`. */
  private tail(base: usize, at: usize): usize {
    return base + this.size(at);
  }

  /** An offset or a length: at most what is left of the data, so that sums with it do not wrap. */
  private size(at: usize): usize {
    this.need(at, 32);
    const size = bswap<u64>(load<u64>(at, 24));
    if (!isShortWord(at) || size > <u64>(this.end - this.start)) revertEmpty();
    return <usize>size;
  }

  private need(at: usize, length: usize): void {
    if (at > this.end || length > this.end - at) revertEmpty();
  }
}
