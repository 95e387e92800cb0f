/**
 * uint256 as four 64-bit limbs, least significant first. Immutable: operators answer a new number.
 * `+ - *` revert with Panic(0x11) when the result does not fit, `/ %` with Panic(0x12) for zero, as Solidity does.
 */
import { PanicCode, panic } from "./revert";
import { divideLimbs, limbCount, multiplyLimbs } from "./wide-arithmetic";

/** Operands and results of wide operations: a product, a divisor, a quotient. */
const PRODUCT = memory.data(68, 8);
const DIVISOR = memory.data(32, 8);
const QUOTIENT = memory.data(68, 8);
/** 10^18 fits 64 bits: decimal text goes by 18 digits. */
const DIGITS_PER_CHUNK = 18;
const CHUNK: u64 = 1_000_000_000_000_000_000;

@final
export class U256 {
  static readonly ZERO: U256 = new U256();
  static readonly ONE: U256 = new U256(1);
  static readonly MAX: U256 = new U256(u64.MAX_VALUE, u64.MAX_VALUE, u64.MAX_VALUE, u64.MAX_VALUE);

  constructor(
    private a: u64 = 0,
    private b: u64 = 0,
    private c: u64 = 0,
    private d: u64 = 0,
  ) {}

  @inline
  static from(value: u64): U256 {
    return new U256(value);
  }

  /** @param text decimal digits; anything else, and 2^256 or more, traps or panics. */
  static parse(text: string): U256 {
    let value = U256.ZERO;
    if (text.length == 0) throw new Error("a number has digits");
    for (let i = 0; i < text.length; i++) {
      const digit = text.charCodeAt(i) - 48;
      if (<u32>digit > 9) throw new Error("a number is decimal digits");
      value = value.multiply(new U256(10)).add(new U256(digit));
    }
    return value;
  }

  /** From a big-endian word. */
  static load(from: usize): U256 {
    return new U256(
      bswap<u64>(load<u64>(from, 24)),
      bswap<u64>(load<u64>(from, 16)),
      bswap<u64>(load<u64>(from, 8)),
      bswap<u64>(load<u64>(from)),
    );
  }

  /** As a big-endian word. */
  store(to: usize): void {
    store<u64>(to, bswap<u64>(this.d));
    store<u64>(to, bswap<u64>(this.c), 8);
    store<u64>(to, bswap<u64>(this.b), 16);
    store<u64>(to, bswap<u64>(this.a), 24);
  }

  get isZero(): bool {
    return (this.a | this.b | this.c | this.d) == 0;
  }

  get fitsU64(): bool {
    return (this.b | this.c | this.d) == 0;
  }

  /** Bytes of the shortest big-endian form: 0 for zero. */
  get byteLength(): i32 {
    if (this.d != 0) return 32 - <i32>(clz(this.d) >> 3);
    if (this.c != 0) return 24 - <i32>(clz(this.c) >> 3);
    if (this.b != 0) return 16 - <i32>(clz(this.b) >> 3);
    return 8 - <i32>(clz(this.a) >> 3);
  }

  /** Panics when the number does not fit. */
  toU64(): u64 {
    if (!this.fitsU64) panic(PanicCode.OVERFLOW);
    return this.a;
  }

  /** The sum modulo 2^256. */
  wrappingAdd(other: U256): U256 {
    const a = this.a + other.a;
    let carry = u64(a < this.a);
    const b = this.b + other.b;
    const bCarried = b + carry;
    carry = u64(b < this.b) | u64(bCarried < b);
    const c = this.c + other.c;
    const cCarried = c + carry;
    carry = u64(c < this.c) | u64(cCarried < c);
    return new U256(a, bCarried, cCarried, this.d + other.d + carry);
  }

  /** The difference modulo 2^256. */
  wrappingSubtract(other: U256): U256 {
    let borrow = u64(this.a < other.a);
    const b = this.b - other.b;
    const bBorrowed = b - borrow;
    borrow = u64(this.b < other.b) | u64(b < borrow);
    const c = this.c - other.c;
    const cBorrowed = c - borrow;
    borrow = u64(this.c < other.c) | u64(c < borrow);
    return new U256(this.a - other.a, bBorrowed, cBorrowed, this.d - other.d - borrow);
  }

  @operator("+")
  add(other: U256): U256 {
    const sum = this.wrappingAdd(other);
    if (sum.lessThan(this)) panic(PanicCode.OVERFLOW);
    return sum;
  }

  @operator("-")
  subtract(other: U256): U256 {
    if (this.lessThan(other)) panic(PanicCode.OVERFLOW);
    return this.wrappingSubtract(other);
  }

  @operator("*")
  multiply(other: U256): U256 {
    multiplyLimbs(this.limbs, other.limbs, PRODUCT);
    if ((load<u64>(PRODUCT, 32) | load<u64>(PRODUCT, 40) | load<u64>(PRODUCT, 48) | load<u64>(PRODUCT, 56)) != 0) {
      panic(PanicCode.OVERFLOW);
    }
    return U256.fromLimbs(PRODUCT);
  }

  @operator("/")
  divide(other: U256): U256 {
    if (this.fitsU64 && other.fitsU64 && other.a != 0) return new U256(this.a / other.a);
    this.prepare();
    return other.quotientOf();
  }

  @operator("%")
  remainder(other: U256): U256 {
    if (this.fitsU64 && other.fitsU64 && other.a != 0) return new U256(this.a % other.a);
    this.prepare();
    other.quotientOf();
    return U256.fromLimbs(PRODUCT);
  }

  /** this * factor / divisor rounded down, with all 512 bits of the product. */
  mulDiv(factor: U256, divisor: U256): U256 {
    multiplyLimbs(this.limbs, factor.limbs, PRODUCT);
    return divisor.quotientOf();
  }

  @operator("==")
  equals(other: U256): bool {
    return ((this.a ^ other.a) | (this.b ^ other.b) | (this.c ^ other.c) | (this.d ^ other.d)) == 0;
  }

  @operator("!=")
  differs(other: U256): bool {
    return !this.equals(other);
  }

  @operator("<")
  lessThan(other: U256): bool {
    if (this.d != other.d) return this.d < other.d;
    if (this.c != other.c) return this.c < other.c;
    if (this.b != other.b) return this.b < other.b;
    return this.a < other.a;
  }

  @operator(">")
  greaterThan(other: U256): bool {
    return other.lessThan(this);
  }

  @operator("<=")
  atMost(other: U256): bool {
    return !other.lessThan(this);
  }

  @operator(">=")
  atLeast(other: U256): bool {
    return !this.lessThan(other);
  }

  /** Decimal. */
  toString(): string {
    let rest: U256 = this;
    let text = "";
    const chunk = new U256(CHUNK);
    while (!rest.fitsU64 || rest.a >= CHUNK) {
      const digits = rest.remainder(chunk).a.toString();
      text = digits.padStart(DIGITS_PER_CHUNK, "0") + text;
      rest = rest.divide(chunk);
    }
    return rest.a.toString() + text;
  }

  private get limbs(): usize {
    return changetype<usize>(this);
  }

  private static fromLimbs(from: usize): U256 {
    return new U256(load<u64>(from), load<u64>(from, 8), load<u64>(from, 16), load<u64>(from, 24));
  }

  /** This number as the dividend: PRODUCT. */
  private prepare(): void {
    memory.copy(PRODUCT, this.limbs, 32);
    memory.fill(PRODUCT + 32, 0, 32);
  }

  /** PRODUCT divided by this; the remainder stays in PRODUCT. */
  private quotientOf(): U256 {
    if (this.isZero) panic(PanicCode.DIVISION_BY_ZERO);
    memory.copy(DIVISOR, this.limbs, 32);
    memory.fill(QUOTIENT, 0, 68);
    divideLimbs(PRODUCT, limbCount(PRODUCT, 16), DIVISOR, limbCount(DIVISOR, 8), QUOTIENT);
    if ((load<u64>(QUOTIENT, 32) | load<u64>(QUOTIENT, 40) | load<u64>(QUOTIENT, 48) | load<u64>(QUOTIENT, 56)) != 0) {
      panic(PanicCode.OVERFLOW);
    }
    return U256.fromLimbs(QUOTIENT);
  }
}
