/**
 * How records (@record classes) stand in storage: field after field, each as short as its type allows.
 *   integers and bool: big-endian, fixed width · Address 20 bytes · Bytes32 32 bytes
 *   U256: a byte that says how many follow, the shortest big-endian form · string, Bytes: u32 length, the bytes
 * A field may be added at the end later: one that is not in the stored bytes reads as its type's zero.
 */
import { Address } from "./address";
import { Bytes, Bytes32 } from "./bytes";
import { U256 } from "./u256";

const WORD = memory.data(32, 8);

@final
export class PackedWriter {
  private start: usize = heap.alloc(128);
  private used: usize = 0;
  private capacity: usize = 128;

  get pointer(): usize {
    return this.start;
  }

  get length(): i32 {
    return <i32>this.used;
  }

  put<T>(value: T): void {
    if (isBoolean<T>()) store<u8>(this.reserve(1), value ? 1 : 0);
    else if (isInteger<T>()) store<T>(this.reserve(sizeof<T>()), bswap<T>(value));
    else if (isString<T>()) this.bytes(Bytes.fromUtf8(changetype<string>(value)));
    else if (idof<T>() == idof<Address>()) changetype<Address>(value).store(this.reserve(20));
    else if (idof<T>() == idof<Bytes32>()) changetype<Bytes32>(value).store(this.reserve(32));
    else if (idof<T>() == idof<Bytes>()) this.bytes(changetype<Bytes>(value));
    else if (idof<T>() == idof<U256>()) {
      const number = changetype<U256>(value);
      const length = number.byteLength;
      number.store(WORD);
      const at = this.reserve(1 + length);
      store<u8>(at, length);
      memory.copy(at + 1, WORD + 32 - length, length);
    } else ERROR("a type that a record cannot hold");
  }

  private bytes(value: Bytes): void {
    const at = this.reserve(4 + value.length);
    store<u32>(at, bswap<u32>(value.length));
    memory.copy(at + 4, value.pointer, value.length);
  }

  /** Answers where the next `count` bytes go. */
  private reserve(count: usize): usize {
    const used = this.used;
    this.used = used + count;
    if (this.used > this.capacity) {
      this.capacity = 2 * this.used;
      const start = heap.alloc(this.capacity);
      memory.copy(start, this.start, used);
      this.start = start;
    }
    return this.start + used;
  }
}

@final
export class PackedReader {
  constructor(
    private at: usize,
    private end: usize,
  ) {}

  next<T>(): T {
    if (isBoolean<T>()) return <T>(this.has(1) ? load<u8>(this.take(1)) != 0 : false);
    else if (isInteger<T>()) return this.has(sizeof<T>()) ? bswap<T>(load<T>(this.take(sizeof<T>()))) : 0;
    else if (isString<T>()) return changetype<T>(this.bytes().toUtf8());
    else if (idof<T>() == idof<Address>()) return changetype<T>(this.has(20) ? Address.load(this.take(20)) : Address.ZERO);
    else if (idof<T>() == idof<Bytes32>()) return changetype<T>(this.has(32) ? Bytes32.load(this.take(32)) : Bytes32.ZERO);
    else if (idof<T>() == idof<Bytes>()) return changetype<T>(this.bytes());
    else if (idof<T>() == idof<U256>()) {
      if (!this.has(1)) return changetype<T>(U256.ZERO);
      const length: usize = load<u8>(this.take(1));
      if (length > 32 || !this.has(length)) unreachable();
      memory.fill(WORD, 0, 32);
      memory.copy(WORD + 32 - length, this.take(length), length);
      return changetype<T>(U256.load(WORD));
    } else ERROR("a type that a record cannot hold");
  }

  private bytes(): Bytes {
    if (!this.has(4)) return Bytes.allocate(0);
    const length = bswap<u32>(load<u32>(this.take(4)));
    if (!this.has(length)) unreachable();
    return new Bytes(this.take(length), length);
  }

  private has(count: usize): bool {
    return count <= this.end - this.at;
  }

  private take(count: usize): usize {
    const at = this.at;
    this.at = at + count;
    return at;
  }
}
