/** BLS12-381 of the imports: points are compressed (48 bytes in G1, 96 in G2), on the curve and in the right subgroup. */
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { CryptoAnswer } from "./crypto-errors.ts";

export const G1_BYTES = 48;
export const G2_BYTES = 96;
/** The only hash function that has a number. */
const HASH_SHA256 = 0;

const G1 = bls12_381.G1.Point;
const G2 = bls12_381.G2.Point;
const { Fp12 } = bls12_381.fields;

/** A point group of the curve, as far as both work alike. */
interface Group<P> {
  readonly bytes: number;
  readonly zero: P;
  decode(bytes: Uint8Array): P;
  add(a: P, b: P): P;
  encode(point: P): Uint8Array;
}

type PointG1 = typeof G1.BASE;
type PointG2 = typeof G2.BASE;

const GROUP_1: Group<PointG1> = {
  bytes: G1_BYTES,
  zero: G1.ZERO,
  decode: (bytes) => validated(G1.fromBytes(bytes)),
  add: (a, b) => a.add(b),
  // A sum that is infinity has coordinates that the library does not write.
  encode: (point) => (point.is0() ? G1.ZERO : point).toBytes(true),
};
const GROUP_2: Group<PointG2> = {
  bytes: G2_BYTES,
  zero: G2.ZERO,
  decode: (bytes) => validated(G2.fromBytes(bytes)),
  add: (a, b) => a.add(b),
  encode: (point) => (point.is0() ? G2.ZERO : point).toBytes(true),
};

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
  return aggregate(GROUP_1, points);
}

export function aggregateG2(points: Uint8Array): Uint8Array | number {
  return aggregate(GROUP_2, points);
}

/** Whether e(p1, q1) · … · e(pn, qn) = e(r, s). */
export function pairingEquality(ps: Uint8Array, qs: Uint8Array, r: Uint8Array, s: Uint8Array): number {
  if (ps.length % G1_BYTES !== 0) return CryptoAnswer.pairingG1Length;
  if (qs.length % G2_BYTES !== 0) return CryptoAnswer.pairingG2Length;
  const count = ps.length / G1_BYTES;
  if (count !== qs.length / G2_BYTES) return CryptoAnswer.pairingUnequal;
  const pairs: { g1: PointG1; g2: PointG2 }[] = [];
  for (let i = 0; i <= count; i++) {
    const isRight = i === count;
    const g1 = decodePoint(GROUP_1, isRight ? r : ps.subarray(i * G1_BYTES, (i + 1) * G1_BYTES));
    const g2 = decodePoint(GROUP_2, isRight ? s : qs.subarray(i * G2_BYTES, (i + 1) * G2_BYTES));
    if (g1 === undefined || g2 === undefined) return CryptoAnswer.invalidPoint;
    // A pairing with infinity is one: it changes no product.
    if (!g1.is0() && !g2.is0()) pairs.push({ g1: isRight ? g1.negate() : g1, g2 });
  }
  if (pairs.length === 0) return CryptoAnswer.yes;
  return Fp12.eql(bls12_381.pairingBatch(pairs), Fp12.ONE) ? CryptoAnswer.yes : CryptoAnswer.no;
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
  return hashToCurve(bls12_381.G1, hash, message, domain);
}

export function hashToG2(hash: number, message: Uint8Array, domain: Uint8Array): Uint8Array | number {
  return hashToCurve(bls12_381.G2, hash, message, domain);
}
