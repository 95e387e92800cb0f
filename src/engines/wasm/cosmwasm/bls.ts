/** BLS12-381 of the imports: points are compressed (48 bytes in G1, 96 in G2), on the curve and in the right subgroup. */
import { CryptoAnswer } from "./crypto-errors.ts";
import { bls12381 } from "./curves.ts";

export const G1_BYTES = 48;
export const G2_BYTES = 96;
/** The only hash function that has a number. */
const HASH_SHA256 = 0;

type Curve = ReturnType<typeof bls12381>;
type PointG1 = Curve["G1"]["Point"]["BASE"];
type PointG2 = Curve["G2"]["Point"]["BASE"];

/** A point group of the curve, as far as both work alike. */
interface Group<P> {
  readonly bytes: number;
  readonly zero: P;
  decode(bytes: Uint8Array): P;
  add(a: P, b: P): P;
  encode(point: P): Uint8Array;
}

function group1(): Group<PointG1> {
  const { Point } = bls12381().G1;
  return {
    bytes: G1_BYTES,
    zero: Point.ZERO,
    decode: (bytes) => validated(Point.fromBytes(bytes)),
    add: (a, b) => a.add(b),
    // A sum that is infinity has coordinates that the library does not write.
    encode: (point) => (point.is0() ? Point.ZERO : point).toBytes(true),
  };
}

function group2(): Group<PointG2> {
  const { Point } = bls12381().G2;
  return {
    bytes: G2_BYTES,
    zero: Point.ZERO,
    decode: (bytes) => validated(Point.fromBytes(bytes)),
    add: (a, b) => a.add(b),
    encode: (point) => (point.is0() ? Point.ZERO : point).toBytes(true),
  };
}

/** Infinity is a point of both groups; anything else must be in the subgroup of prime order. */
function validated<P extends { is0(): boolean; assertValidity(): void }>(point: P): P {
  if (!point.is0()) point.assertValidity();
  return point;
}

function decodePoint<P>(group: Group<P>, bytes: Uint8Array): P | undefined {
  if (bytes.length !== group.bytes) return undefined;
  try {
    return group.decode(bytes);
  } catch {
    return undefined;
  }
}

function aggregate<P>(group: Group<P>, points: Uint8Array): Uint8Array | number {
  if (points.length === 0) return CryptoAnswer.aggregateEmpty;
  if (points.length % group.bytes !== 0) return CryptoAnswer.aggregateLength;
  let sum = group.zero;
  for (let at = 0; at < points.length; at += group.bytes) {
    const point = decodePoint(group, points.subarray(at, at + group.bytes));
    if (point === undefined) return CryptoAnswer.invalidPoint;
    sum = group.add(sum, point);
  }
  return group.encode(sum);
}

/** The sum of the points, or the number of what is wrong. */
export function aggregateG1(points: Uint8Array): Uint8Array | number {
  return aggregate(group1(), points);
}

export function aggregateG2(points: Uint8Array): Uint8Array | number {
  return aggregate(group2(), points);
}

/** Whether e(p1, q1) · … · e(pn, qn) = e(r, s). */
export function pairingEquality(ps: Uint8Array, qs: Uint8Array, r: Uint8Array, s: Uint8Array): number {
  if (ps.length % G1_BYTES !== 0) return CryptoAnswer.pairingG1Length;
  if (qs.length % G2_BYTES !== 0) return CryptoAnswer.pairingG2Length;
  const count = ps.length / G1_BYTES;
  if (count !== qs.length / G2_BYTES) return CryptoAnswer.pairingUnequal;
  const [inG1, inG2] = [group1(), group2()];
  const pairs: { g1: PointG1; g2: PointG2 }[] = [];
  for (let i = 0; i <= count; i++) {
    const isRight = i === count;
    const g1 = decodePoint(inG1, isRight ? r : ps.subarray(i * G1_BYTES, (i + 1) * G1_BYTES));
    const g2 = decodePoint(inG2, isRight ? s : qs.subarray(i * G2_BYTES, (i + 1) * G2_BYTES));
    if (g1 === undefined || g2 === undefined) return CryptoAnswer.invalidPoint;
    // A pairing with infinity is one: it changes no product.
    if (!g1.is0() && !g2.is0()) pairs.push({ g1: isRight ? g1.negate() : g1, g2 });
  }
  if (pairs.length === 0) return CryptoAnswer.yes;
  const { pairingBatch, fields } = bls12381();
  return fields.Fp12.eql(pairingBatch(pairs), fields.Fp12.ONE) ? CryptoAnswer.yes : CryptoAnswer.no;
}

type Hasher = {
  hashToCurve(message: Uint8Array, options: { DST: Uint8Array }): { toBytes(isCompressed: boolean): Uint8Array };
};

/** RFC 9380's hash to the curve, or the number of what is wrong. */
function hashToCurve(hasher: Hasher, hash: number, message: Uint8Array, domain: Uint8Array): Uint8Array | number {
  if (hash !== HASH_SHA256) return CryptoAnswer.unknownHashFunction;
  // RFC 9380, section 3.1: a domain separation tag is not empty.
  if (domain.length === 0) return CryptoAnswer.generic;
  return hasher.hashToCurve(message, { DST: domain }).toBytes(true);
}

export function hashToG1(hash: number, message: Uint8Array, domain: Uint8Array): Uint8Array | number {
  return hashToCurve(bls12381().G1, hash, message, domain);
}

export function hashToG2(hash: number, message: Uint8Array, domain: Uint8Array): Uint8Array | number {
  return hashToCurve(bls12381().G2, hash, message, domain);
}
