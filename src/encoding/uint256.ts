/**
 * uint256 as eight 32-bit limbs, least significant first, at an offset of a Uint32Array: token arithmetic without
 * allocating. Bytes outside are big-endian; the shortest form has no leading zero byte, and zero is no byte at all.
 */
export type Limbs = Uint32Array;
export const LIMBS = 8;

export function newUint256(): Limbs {
  return new Uint32Array(LIMBS);
}

export function isZero(a: Limbs, at = 0): boolean {
  return (a[at]! | a[at + 1]! | a[at + 2]! | a[at + 3]! | a[at + 4]! | a[at + 5]! | a[at + 6]! | a[at + 7]!) === 0;
}

export function isMax(a: Limbs, at = 0): boolean {
  return (a[at]! & a[at + 1]! & a[at + 2]! & a[at + 3]! & a[at + 4]! & a[at + 5]! & a[at + 6]! & a[at + 7]!) === -1;
}

/** a < b */
export function lessThan(a: Limbs, b: Limbs): boolean {
  for (let i = LIMBS - 1; i >= 0; i--) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return false;
}

/** a += b; answers true when the sum does not fit, and `a` is then the sum modulo 2^256. */
export function add(a: Limbs, b: Limbs): boolean {
  let carry = 0;
  for (let i = 0; i < LIMBS; i++) {
    const sum = a[i]! + b[i]! + carry;
    a[i] = sum;
    carry = sum > 0xffffffff ? 1 : 0;
  }
  return carry === 1;
}

/** a -= b; answers true when b > a, and `a` is then the difference modulo 2^256. */
export function subtract(a: Limbs, b: Limbs): boolean {
  let borrow = 0;
  for (let i = 0; i < LIMBS; i++) {
    const difference = a[i]! - b[i]! - borrow;
    a[i] = difference;
    borrow = difference < 0 ? 1 : 0;
  }
  return borrow === 1;
}

export function copyLimbs(from: Limbs, fromAt: number, to: Limbs, toAt: number): void {
  for (let i = 0; i < LIMBS; i++) to[toAt + i] = from[fromAt + i]!;
}

/** Reads `length` ≤ 32 big-endian bytes. */
export function readBigEndian(bytes: Uint8Array, start: number, length: number, out: Limbs, at = 0): void {
  let end = start + length;
  for (let i = 0; i < LIMBS; i++) {
    let limb = 0;
    for (let shift = 0; shift < 32 && end > start; shift += 8) limb |= bytes[--end]! << shift;
    out[at + i] = limb;
  }
}

/** Writes 32 big-endian bytes. */
export function writeBigEndian(a: Limbs, at: number, out: Uint8Array, to: number): void {
  for (let i = 0; i < LIMBS; i++) {
    const limb = a[at + LIMBS - 1 - i]!;
    out[to + 4 * i] = limb >>> 24;
    out[to + 4 * i + 1] = limb >>> 16;
    out[to + 4 * i + 2] = limb >>> 8;
    out[to + 4 * i + 3] = limb;
  }
}

/** Length in bytes of the shortest big-endian form; 0 for zero. */
export function byteLength(a: Limbs, at = 0): number {
  for (let i = LIMBS - 1; i >= 0; i--) {
    const limb = a[at + i]!;
    if (limb !== 0) return 4 * i + 4 - (Math.clz32(limb) >>> 3);
  }
  return 0;
}

/** Writes the shortest big-endian form, whose length is `byteLength`. */
export function writeShortest(a: Limbs, at: number, length: number, out: Uint8Array, to: number): void {
  for (let i = 0; i < length; i++) {
    out[to + length - 1 - i] = a[at + (i >>> 2)]! >>> (8 * (i & 3));
  }
}

export function toBigInt(a: Limbs, at = 0): bigint {
  let value = 0n;
  for (let i = LIMBS - 1; i >= 0; i--) value = (value << 32n) | BigInt(a[at + i]!);
  return value;
}

export function fromBigInt(value: bigint, out: Limbs, at = 0): void {
  for (let i = 0; i < LIMBS; i++) {
    out[at + i] = Number(value & 0xffffffffn);
    value >>= 32n;
  }
}
