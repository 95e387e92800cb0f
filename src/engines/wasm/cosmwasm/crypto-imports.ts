/** The crypto imports: regions in, CosmWasm's numbers or regions out, paid for before the work is done. */
import { aggregateG1, aggregateG2, G1_BYTES, G2_BYTES, hashToG1, hashToG2, pairingEquality } from "./bls.ts";
import { COSTS } from "./costs.ts";
import { CryptoAnswer } from "./crypto-errors.ts";
import {
  ECDSA_HASH_BYTES,
  ECDSA_KEY_BYTES_MAX,
  ECDSA_SECP256K1,
  ECDSA_SECP256R1,
  ECDSA_SIGNATURE_BYTES,
  type Ecdsa,
} from "./ecdsa.ts";
import { batchLength, EDDSA_KEY_BYTES, EDDSA_SIGNATURE_BYTES, verifyEd25519, verifyEd25519Batch } from "./eddsa.ts";
import type { CosmWasmFrame } from "./frame.ts";
import { decodeSections } from "./region.ts";

/** CosmWasm's own limits (imports.rs). */
const MESSAGE_BYTES_MAX = 128 * 1024;
const BATCH_MAX = 256;
const POINTS_BYTES_MAX = 2 * 1024 * 1024;
const DOMAIN_BYTES_MAX = 5 * 1024;

export function cryptoImports(frame: CosmWasmFrame) {
  return {
    ...ecdsaImports(frame),
    ...eddsaImports(frame),
    ...blsImports(frame),
  };
}

function ecdsaImports(frame: CosmWasmFrame) {
  const verify = (curve: Ecdsa, gas: number) => (hash: number, signature: number, key: number) => {
    frame.host.charge("crypto", gas);
    return curve.verify(
      frame.read(hash, ECDSA_HASH_BYTES),
      frame.read(signature, ECDSA_SIGNATURE_BYTES),
      frame.read(key, ECDSA_KEY_BYTES_MAX),
    );
  };
  /** The answer has a pointer in its low half, or an error in its high one. */
  const recover = (curve: Ecdsa, gas: number) => (hash: number, signature: number, parameter: number) => {
    frame.host.charge("crypto", gas);
    const key = curve.recover(
      frame.read(hash, ECDSA_HASH_BYTES),
      frame.read(signature, ECDSA_SIGNATURE_BYTES),
      parameter,
    );
    return typeof key === "number" ? BigInt(key) << 32n : BigInt(frame.allocate(key) >>> 0);
  };
  return {
    secp256k1_verify: verify(ECDSA_SECP256K1, COSTS.secp256k1),
    secp256k1_recover_pubkey: recover(ECDSA_SECP256K1, COSTS.secp256k1),
    secp256r1_verify: verify(ECDSA_SECP256R1, COSTS.secp256r1),
    secp256r1_recover_pubkey: recover(ECDSA_SECP256R1, COSTS.secp256r1),
  };
}

function eddsaImports(frame: CosmWasmFrame) {
  return {
    ed25519_verify(message: number, signature: number, key: number): number {
      const bytes = frame.read(message, MESSAGE_BYTES_MAX);
      frame.host.charge("crypto", COSTS.ed25519 + COSTS.hashByte * bytes.length);
      return verifyEd25519(bytes, frame.read(signature, EDDSA_SIGNATURE_BYTES), frame.read(key, EDDSA_KEY_BYTES));
    },
    ed25519_batch_verify(messages: number, signatures: number, keys: number): number {
      const readAll = (pointer: number, bytes: number) =>
        decodeSections(frame.read(pointer, (bytes + 4) * BATCH_MAX), BATCH_MAX);
      const lists = [
        readAll(messages, MESSAGE_BYTES_MAX),
        readAll(signatures, EDDSA_SIGNATURE_BYTES),
        readAll(keys, EDDSA_KEY_BYTES),
      ] as const;
      const count = batchLength(lists[0].length, lists[1].length, lists[2].length) ?? 0;
      // One message for all signatures is hashed as often as there are signatures.
      const hashed = lists[0].reduce((sum, { length }) => sum + length, 0) * (lists[0].length === 1 ? count : 1);
      frame.host.charge("crypto", COSTS.ed25519 * count + COSTS.hashByte * hashed);
      return verifyEd25519Batch(...lists);
    },
  };
}

function blsImports(frame: CosmWasmFrame) {
  const answer = (result: Uint8Array | number, destination: number) => {
    if (typeof result === "number") return result;
    frame.write(destination, result);
    return CryptoAnswer.yes;
  };
  const hash = (hasher: typeof hashToG1, gas: number) => {
    return (hashFunction: number, message: number, domain: number, destination: number) => {
      const bytes = frame.read(message, MESSAGE_BYTES_MAX);
      frame.host.charge("crypto", gas + COSTS.hashByte * bytes.length);
      return answer(hasher(hashFunction, bytes, frame.read(domain, DOMAIN_BYTES_MAX)), destination);
    };
  };
  const aggregate = (sum: typeof aggregateG1, pointBytes: number, gas: number) => {
    return (points: number, destination: number) => {
      const bytes = frame.read(points, POINTS_BYTES_MAX);
      frame.host.charge("crypto", gas * Math.ceil(bytes.length / pointBytes));
      return answer(sum(bytes), destination);
    };
  };
  return {
    bls12_381_aggregate_g1: aggregate(aggregateG1, G1_BYTES, COSTS.pointG1),
    bls12_381_aggregate_g2: aggregate(aggregateG2, G2_BYTES, COSTS.pointG2),
    bls12_381_pairing_equality(ps: number, qs: number, r: number, s: number): number {
      const left = frame.read(ps, POINTS_BYTES_MAX);
      const right = frame.read(qs, POINTS_BYTES_MAX);
      const pairs = Math.ceil(left.length / G1_BYTES) + 1;
      frame.host.charge("crypto", COSTS.pairingBase + (COSTS.pairing + COSTS.pointG1 + COSTS.pointG2) * pairs);
      return pairingEquality(left, right, frame.read(r, G1_BYTES), frame.read(s, G2_BYTES));
    },
    bls12_381_hash_to_g1: hash(hashToG1, COSTS.hashG1),
    bls12_381_hash_to_g2: hash(hashToG2, COSTS.hashG2),
  };
}
