/**
 * Multiplication and division of numbers of many limbs, in memory, least significant limb first. Limbs are 32 bits here,
 * so that products of two fit a u64: Knuth, The Art of Computer Programming, volume 2, 4.3.1, algorithms M and D.
 */

/** out (16 limbs) = a (8 limbs) * b (8 limbs). */
export function multiplyLimbs(a: usize, b: usize, out: usize): void {
  memory.fill(out, 0, 64);
  for (let i: usize = 0; i < 32; i += 4) {
    const factor: u64 = load<u32>(a + i);
    if (factor == 0) continue;
    let carry: u64 = 0;
    for (let j: usize = 0; j < 32; j += 4) {
      const sum = factor * load<u32>(b + j) + load<u32>(out + i + j) + carry;
      store<u32>(out + i + j, <u32>sum);
      carry = sum >> 32;
    }
    store<u32>(out + i + 32, <u32>carry);
  }
}

/** Limbs without the zeros at the top. */
export function limbCount(limbs: usize, max: i32): i32 {
  let count = max;
  while (count > 0 && load<u32>(limbs + ((count - 1) << 2)) == 0) count--;
  return count;
}

/**
 * dividend / divisor → quotient; the remainder is left in the dividend, which has room for one limb more.
 * @param divisorCount at least 1, the top limb not zero; the divisor is shifted in place.
 * @param quotient zeroed.
 */
export function divideLimbs(dividend: usize, count: i32, divisor: usize, divisorCount: i32, quotient: usize): void {
  if (count < divisorCount) return;
  if (divisorCount == 1) return divideByLimb(dividend, count, load<u32>(divisor), quotient);
  const shift = clz<u32>(load<u32>(divisor + ((divisorCount - 1) << 2)));
  shiftLeft(divisor, divisorCount, shift);
  const top = shiftLeft(dividend, count, shift);
  store<u32>(dividend + (count << 2), top);
  for (let j = count - divisorCount; j >= 0; j--) {
    store<u32>(quotient + (j << 2), divideStep(dividend + (j << 2), divisor, divisorCount));
  }
  shiftRight(dividend, divisorCount, shift);
}

function divideByLimb(dividend: usize, count: i32, divisor: u32, quotient: usize): void {
  let remainder: u64 = 0;
  for (let i = count - 1; i >= 0; i--) {
    const part = (remainder << 32) | load<u32>(dividend + (i << 2));
    store<u32>(quotient + (i << 2), <u32>(part / divisor));
    store<u32>(dividend + (i << 2), 0);
    remainder = part % divisor;
  }
  store<u32>(dividend, <u32>remainder);
}

/** One limb of the quotient: estimated from the top limbs, corrected, multiplied and subtracted. */
function divideStep(part: usize, divisor: usize, count: i32): u32 {
  const end = part + (count << 2);
  const high = (<u64>load<u32>(end) << 32) | load<u32>(end - 4);
  const first: u64 = load<u32>(divisor + ((count - 1) << 2));
  const second: u64 = load<u32>(divisor + ((count - 2) << 2));
  let estimate = high / first;
  let rest = high % first;
  while (estimate >> 32 != 0 || estimate * second > ((rest << 32) | load<u32>(end - 8))) {
    estimate--;
    rest += first;
    if (rest >> 32 != 0) break;
  }
  let borrow: i64 = 0;
  let carry: u64 = 0;
  for (let i: usize = 0; i < <usize>count << 2; i += 4) {
    const product = estimate * load<u32>(divisor + i) + carry;
    carry = product >> 32;
    const difference = <i64>load<u32>(part + i) - borrow - <i64>(product & 0xffffffff);
    store<u32>(part + i, <u32>difference);
    borrow = difference < 0 ? 1 : 0;
  }
  const last = <i64>load<u32>(end) - borrow - <i64>carry;
  store<u32>(end, <u32>last);
  if (last < 0) {
    estimate--;
    addBack(part, divisor, count);
  }
  return <u32>estimate;
}

/** The estimate was one too high: adds the divisor once. */
function addBack(part: usize, divisor: usize, count: i32): void {
  let carry: u64 = 0;
  for (let i: usize = 0; i < <usize>count << 2; i += 4) {
    const sum = <u64>load<u32>(part + i) + load<u32>(divisor + i) + carry;
    store<u32>(part + i, <u32>sum);
    carry = sum >> 32;
  }
  const end = part + (count << 2);
  store<u32>(end, load<u32>(end) + <u32>carry);
}

/** In place; answers what was shifted out at the top. */
function shiftLeft(limbs: usize, count: i32, shift: u32): u32 {
  let carry: u64 = 0;
  for (let i: usize = 0; i < <usize>count << 2; i += 4) {
    const wide = (<u64>load<u32>(limbs + i) << shift) | carry;
    store<u32>(limbs + i, <u32>wide);
    carry = wide >> 32;
  }
  return <u32>carry;
}

function shiftRight(limbs: usize, count: i32, shift: u32): void {
  for (let i = 0; i < count; i++) {
    const at = limbs + (i << 2);
    const above: u64 = load<u32>(at + 4);
    store<u32>(at, <u32>(((above << 32) | load<u32>(at)) >> shift));
  }
}
