/** The integer operators of WebAssembly over JavaScript's numbers (i32) and BigInts (i64); undefined is a trap. */
type Operation = (...operands: never[]) => number | bigint | undefined;

const s64 = (value: bigint) => BigInt.asIntN(64, value);
const u64 = (value: bigint) => BigInt.asUintN(64, value);
const flag = (value: boolean) => (value ? 1 : 0);
const MIN32 = -(2 ** 31);
const MIN64 = -(2n ** 63n);

function i32(of: (a: number, b: number) => number | undefined): Operation {
  return (a: number, b: number) => {
    const result = of(a, b);
    return result === undefined ? undefined : result | 0;
  };
}

function i64(of: (a: bigint, b: bigint) => bigint | undefined): Operation {
  return (a: bigint, b: bigint) => {
    const result = of(a, b);
    return result === undefined ? undefined : s64(result);
  };
}

const leadingZeros64 = (value: bigint) => (value === 0n ? 64 : 64 - u64(value).toString(2).length);
const trailingZeros64 = (value: bigint) => (value === 0n ? 64 : 63 - leadingZeros64(value & -value));
const ones = (value: bigint) => [...value.toString(2)].filter((digit) => digit === "1").length;
const comparisons: Record<string, (a: number | bigint, b: number | bigint) => boolean> = {
  lt: (a, b) => a < b,
  gt: (a, b) => a > b,
  le: (a, b) => a <= b,
  ge: (a, b) => a >= b,
};

export const INTEGER_OPERATORS: Readonly<Record<string, Operation>> = {
  "i32.eqz": (a: number) => flag(a === 0),
  "i32.eq": (a: number, b: number) => flag(a === b),
  "i32.ne": (a: number, b: number) => flag(a !== b),
  "i64.eqz": (a: bigint) => flag(a === 0n),
  "i64.eq": (a: bigint, b: bigint) => flag(a === b),
  "i64.ne": (a: bigint, b: bigint) => flag(a !== b),
  ...Object.fromEntries(
    Object.entries(comparisons).flatMap(([name, holds]): [string, Operation][] => [
      [`i32.${name}_s`, (a: number, b: number) => flag(holds(a, b))],
      [`i32.${name}_u`, (a: number, b: number) => flag(holds(a >>> 0, b >>> 0))],
      [`i64.${name}_s`, (a: bigint, b: bigint) => flag(holds(a, b))],
      [`i64.${name}_u`, (a: bigint, b: bigint) => flag(holds(u64(a), u64(b)))],
    ]),
  ),
  "i32.clz": (a: number) => Math.clz32(a),
  "i32.ctz": (a: number) => (a === 0 ? 32 : 31 - Math.clz32(a & -a)),
  "i32.popcnt": (a: number) => ones(BigInt(a >>> 0)),
  "i32.add": i32((a, b) => a + b),
  "i32.sub": i32((a, b) => a - b),
  "i32.mul": i32((a, b) => Math.imul(a, b)),
  "i32.div_s": i32((a, b) => (b === 0 || (a === MIN32 && b === -1) ? undefined : Math.trunc(a / b))),
  "i32.div_u": i32((a, b) => (b === 0 ? undefined : Math.trunc((a >>> 0) / (b >>> 0)))),
  "i32.rem_s": i32((a, b) => (b === 0 ? undefined : a % b)),
  "i32.rem_u": i32((a, b) => (b === 0 ? undefined : (a >>> 0) % (b >>> 0))),
  "i32.and": i32((a, b) => a & b),
  "i32.or": i32((a, b) => a | b),
  "i32.xor": i32((a, b) => a ^ b),
  "i32.shl": i32((a, b) => a << b),
  "i32.shr_s": i32((a, b) => a >> b),
  "i32.shr_u": i32((a, b) => a >>> b),
  "i32.rotl": i32((a, b) => ((b & 31) === 0 ? a : (a << b) | (a >>> (32 - (b & 31))))),
  "i32.rotr": i32((a, b) => ((b & 31) === 0 ? a : (a >>> b) | (a << (32 - (b & 31))))),
  "i64.clz": (a: bigint) => BigInt(leadingZeros64(a)),
  "i64.ctz": (a: bigint) => BigInt(trailingZeros64(a)),
  "i64.popcnt": (a: bigint) => BigInt(ones(u64(a))),
  "i64.add": i64((a, b) => a + b),
  "i64.sub": i64((a, b) => a - b),
  "i64.mul": i64((a, b) => a * b),
  "i64.div_s": i64((a, b) => (b === 0n || (a === MIN64 && b === -1n) ? undefined : a / b)),
  "i64.div_u": i64((a, b) => (b === 0n ? undefined : u64(a) / u64(b))),
  "i64.rem_s": i64((a, b) => (b === 0n ? undefined : a % b)),
  "i64.rem_u": i64((a, b) => (b === 0n ? undefined : u64(a) % u64(b))),
  "i64.and": i64((a, b) => a & b),
  "i64.or": i64((a, b) => a | b),
  "i64.xor": i64((a, b) => a ^ b),
  "i64.shl": i64((a, b) => a << (b & 63n)),
  "i64.shr_s": i64((a, b) => a >> (b & 63n)),
  "i64.shr_u": i64((a, b) => u64(a) >> (b & 63n)),
  "i64.rotl": i64((a, b) => (u64(a) << (b & 63n)) | (u64(a) >> (64n - (b & 63n)))),
  "i64.rotr": i64((a, b) => (u64(a) >> (b & 63n)) | (u64(a) << (64n - (b & 63n)))),
  "i32.wrap_i64": (a: bigint) => Number(BigInt.asIntN(32, a)),
  "i64.extend_i32_s": (a: number) => BigInt(a),
  "i64.extend_i32_u": (a: number) => BigInt(a >>> 0),
  "i32.extend8_s": (a: number) => (a << 24) >> 24,
  "i32.extend16_s": (a: number) => (a << 16) >> 16,
  "i64.extend8_s": (a: bigint) => BigInt.asIntN(8, a),
  "i64.extend16_s": (a: bigint) => BigInt.asIntN(16, a),
  "i64.extend32_s": (a: bigint) => BigInt.asIntN(32, a),
};
