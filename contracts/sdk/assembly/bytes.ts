/** Byte strings: Bytes of any length, Bytes32 as hashes and signatures have them. */
import { hexDigit, hexOf } from "./hex";

/** `pointer` and `length` of a block that is never freed: a call's memory is restored when it ends. */
@final
export class Bytes {
  constructor(
    readonly pointer: usize,
    readonly length: i32,
  ) {}

  static allocate(length: i32): Bytes {
    return new Bytes(heap.alloc(length), length);
  }

  static fromUtf8(text: string): Bytes {
    const bytes = Bytes.allocate(String.UTF8.byteLength(text));
    String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, bytes.pointer);
    return bytes;
  }

  /** @param text 0x and an even number of hex digits; anything else traps. */
  static parse(text: string): Bytes {
    if (!text.startsWith("0x") || (text.length & 1) != 0) throw new Error("bytes are 0x and pairs of hex digits");
    const bytes = Bytes.allocate((text.length - 2) / 2);
    for (let i = 0; i < bytes.length; i++) {
      store<u8>(bytes.pointer + i, (hexDigit(text, 2 + 2 * i) << 4) | hexDigit(text, 3 + 2 * i));
    }
    return bytes;
  }

  @operator("[]")
  at(index: i32): u8 {
    if (<u32>index >= <u32>this.length) throw new RangeError("index out of bytes");
    return load<u8>(this.pointer + index);
  }

  @operator("[]=")
  put(index: i32, value: u8): void {
    if (<u32>index >= <u32>this.length) throw new RangeError("index out of bytes");
    store<u8>(this.pointer + index, value);
  }

  @operator("==")
  equals(other: Bytes): bool {
    return this.length == other.length && memory.compare(this.pointer, other.pointer, this.length) == 0;
  }

  @operator("!=")
  differs(other: Bytes): bool {
    return !this.equals(other);
  }

  toUtf8(): string {
    return String.UTF8.decodeUnsafe(this.pointer, this.length);
  }

  toString(): string {
    return hexOf(this.pointer, this.length);
  }
}

/** 32 bytes, in order in the object. Immutable. */
@final
export class Bytes32 {
  static readonly ZERO: Bytes32 = new Bytes32();

  private a: u64 = 0;
  private b: u64 = 0;
  private c: u64 = 0;
  private d: u64 = 0;

  static load(from: usize): Bytes32 {
    const bytes = new Bytes32();
    bytes.a = load<u64>(from);
    bytes.b = load<u64>(from, 8);
    bytes.c = load<u64>(from, 16);
    bytes.d = load<u64>(from, 24);
    return bytes;
  }

  get pointer(): usize {
    return changetype<usize>(this);
  }

  get isZero(): bool {
    return (this.a | this.b | this.c | this.d) == 0;
  }

  @operator("==")
  equals(other: Bytes32): bool {
    return this.a == other.a && this.b == other.b && this.c == other.c && this.d == other.d;
  }

  @operator("!=")
  differs(other: Bytes32): bool {
    return !this.equals(other);
  }

  store(to: usize): void {
    store<u64>(to, this.a);
    store<u64>(to, this.b, 8);
    store<u64>(to, this.c, 16);
    store<u64>(to, this.d, 24);
  }

  toString(): string {
    return hexOf(this.pointer, 32);
  }
}
