/** The crypto imports against published vectors, and CosmWasm's numbers for what they refuse. */
import { createHash } from "node:crypto";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { describe, expect, it } from "vitest";
import { fromHex } from "../../src/encoding/hex.ts";
import { aggregateG1, aggregateG2, hashToG1, hashToG2, pairingEquality } from "../../src/engines/wasm/cosmwasm/bls.ts";
import { CryptoAnswer } from "../../src/engines/wasm/cosmwasm/crypto-errors.ts";
import { ECDSA_SECP256K1, ECDSA_SECP256R1, type Ecdsa } from "../../src/engines/wasm/cosmwasm/ecdsa.ts";
import { verifyEd25519, verifyEd25519Batch } from "../../src/engines/wasm/cosmwasm/eddsa.ts";

const hex = (text: string) => fromHex(`0x${text}`)!;
const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const ascii = (text: string) => new Uint8Array(Buffer.from(text));

/** Flips the lowest bit of a byte. */
function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1;
  return copy;
}

/** r and n - s: as valid as r and s. */
function withOtherS(signature: Uint8Array, order: bigint): Uint8Array {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString("hex")}`);
  return Uint8Array.from([...signature.subarray(0, 32), ...hex((order - s).toString(16).padStart(64, "0"))]);
}

const K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** secp256k1: the recovery vectors of ethereumjs-util and Botan. secp256r1: FIPS 186-4 SigGen, P-256 with SHA-256. */
const CURVES: {
  name: string;
  curve: Ecdsa;
  order: bigint;
  parameters: number[];
  hash: Uint8Array;
  signature: Uint8Array;
  key: Uint8Array;
}[] = [
  {
    name: "secp256k1",
    curve: ECDSA_SECP256K1,
    order: K1_ORDER,
    parameters: [0, 1],
    hash: new Uint8Array(32).fill(255),
    signature: hex(
      "e30f2e6a0f705f4fb5f8501ba79c7c0d3fac847f1ad70b873e9797b17b89b39081f1a4457589f30d76ab9f89e748a68c8a94c30fe0bac8fb5c0b54ea70bf6d2f",
    ),
    key: hex(
      "04f3f8bb913aa68589a2c8c607a877ab05252adbd963e1be846ddeb8456942aedca2ed51f08ca3ef3dac0a7504613d54cd539fc1b3cbc92453cd704b6a2d012b2c",
    ),
  },
  {
    name: "secp256r1",
    curve: ECDSA_SECP256R1,
    order: p256.Point.Fn.ORDER,
    parameters: [0, 1, 2, 3],
    hash: sha256(
      hex(
        "5905238877c77421f73e43ee3da6f2d9e2ccad5fc942dcec0cbd25482935faaf416983fe165b1a045ee2bcd2e6dca3bdf46c4310a7461f9a37960ca672d3feb5473e253605fb1ddfd28065b53cb5858a8ad28175bf9bd386a5e471ea7a65c17cc934a9d791e91491eb3754d03799790fe2d308d16146d5c9b0d0debd97d79ce8",
      ),
    ),
    signature: hex(
      "f3ac8061b514795b8843e3d6629527ed2afd6b1f6a555a7acabb5e6f79c8c2ac8bf77819ca05a6b2786c76262bf7371cef97b218e96f175a3ccdda2acc058903",
    ),
    key: hex(
      "041ccbe91c075fc7f4f033bfa248db8fccd3565de94bbfb12f3c59ff46c271bf83ce4014c68811f9a21a1fdb2c0e6113e06db7ca93b7404e78dc7ccd5ca89a4ca9",
    ),
  },
];

describe.each(CURVES)("$name", ({ curve, order, parameters, hash, signature, key }) => {
  it("verifies, with low and high s, and keys in both forms", () => {
    const compressed = Uint8Array.from([2 + (key[64]! & 1), ...key.subarray(1, 33)]);
    for (const form of [signature, withOtherS(signature, order)])
      for (const shape of [key, compressed]) expect(curve.verify(hash, form, shape)).toBe(CryptoAnswer.yes);
    expect(curve.verify(changed(hash, 5), signature, key)).toBe(CryptoAnswer.no);
    expect(curve.verify(hash, changed(signature, 40), key)).toBe(CryptoAnswer.no);
  });

  it("recovers the key with one of the parameters", () => {
    const keys = parameters.map((parameter) => curve.recover(hash, signature, parameter));
    expect(keys).toContainEqual(key);
    expect(curve.recover(hash, signature, parameters.length)).toBe(CryptoAnswer.recoveryParameter);
    expect(curve.recover(hash, signature, -1)).toBe(CryptoAnswer.recoveryParameter);
  });

  it("refuses wrong formats by their numbers", () => {
    expect(curve.verify(hash.subarray(1), signature, key)).toBe(CryptoAnswer.hashFormat);
    expect(curve.verify(hash, signature.subarray(1), key)).toBe(CryptoAnswer.signatureFormat);
    for (const wrong of [new Uint8Array(0), key.subarray(0, 64), changed(key, 0), Uint8Array.of(2, 3)])
      expect(curve.verify(hash, signature, wrong)).toBe(CryptoAnswer.publicKeyFormat);
    // Right in form, but no point; r and s out of range.
    expect(curve.verify(hash, signature, changed(key, 64))).toBe(CryptoAnswer.generic);
    for (const wrong of [new Uint8Array(64), new Uint8Array(64).fill(255)]) {
      expect(curve.verify(hash, wrong, key)).toBe(CryptoAnswer.generic);
      expect(curve.recover(hash, wrong, 0)).toBe(CryptoAnswer.generic);
    }
    expect(curve.recover(hash, signature.subarray(1), 0)).toBe(CryptoAnswer.signatureFormat);
  });

  it("leaves its input as it was", () => {
    const copies = [hash.slice(), signature.slice(), key.slice()];
    curve.verify(hash, withOtherS(signature, order), key);
    curve.recover(hash, signature, 0);
    expect([hash, signature, key]).toEqual(copies);
  });
});

describe("ed25519", () => {
  // RFC 8032, section 7.1, tests 1 and 2.
  const one = {
    message: new Uint8Array(0),
    key: hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
    signature: hex(
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
  };
  const two = {
    message: Uint8Array.of(0x72),
    key: hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
    signature: hex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
  };

  it("verifies RFC 8032's vectors", () => {
    for (const { message, key, signature } of [one, two]) {
      expect(verifyEd25519(message, signature, key)).toBe(CryptoAnswer.yes);
      expect(verifyEd25519(ascii("other"), signature, key)).toBe(CryptoAnswer.no);
    }
    expect(verifyEd25519(one.message, one.signature.subarray(1), one.key)).toBe(CryptoAnswer.signatureFormat);
    expect(verifyEd25519(one.message, one.signature, one.key.subarray(1))).toBe(CryptoAnswer.publicKeyFormat);
    expect(verifyEd25519(one.message, one.signature, new Uint8Array(32).fill(255))).toBe(CryptoAnswer.no);
  });

  it("verifies batches of lists that match, one message for all, or one key for all", () => {
    const secret = new Uint8Array(32).fill(3);
    const key = ed25519.getPublicKey(secret);
    const sign = (message: Uint8Array) => ed25519.sign(message, secret);
    const all = [one, two] as const;
    const lists = [all.map((v) => v.message), all.map((v) => v.signature), all.map((v) => v.key)] as const;
    expect(verifyEd25519Batch(...lists)).toBe(CryptoAnswer.yes);
    expect(verifyEd25519Batch(lists[0], [one.signature, changed(two.signature, 0)], lists[2])).toBe(CryptoAnswer.no);
    const messages = [ascii("a"), ascii("b")];
    expect(verifyEd25519Batch(messages, messages.map(sign), [key])).toBe(CryptoAnswer.yes);
    expect(verifyEd25519Batch([messages[0]!], [sign(messages[0]!), sign(messages[0]!)], [key, key])).toBe(
      CryptoAnswer.yes,
    );
    expect(verifyEd25519Batch([], [], [])).toBe(CryptoAnswer.yes);
    expect(verifyEd25519Batch(messages, [], [key])).toBe(CryptoAnswer.batch);
    expect(verifyEd25519Batch(messages, messages.map(sign), [key, key, key])).toBe(CryptoAnswer.batch);
    expect(verifyEd25519Batch(messages, [sign(messages[0]!), Uint8Array.of(1)], [key])).toBe(
      CryptoAnswer.signatureFormat,
    );
  });
});

describe("bls12-381", () => {
  const G1 = bls12_381.G1.Point;
  const G2 = bls12_381.G2.Point;
  const g1 = (k: bigint) => G1.BASE.multiply(k).toBytes(true);
  const g2 = (k: bigint) => G2.BASE.multiply(k).toBytes(true);
  const infinity1 = Uint8Array.of(0xc0, ...new Uint8Array(47));
  const infinity2 = Uint8Array.of(0xc0, ...new Uint8Array(95));

  it("hashes to the curve as RFC 9380, appendix J, does", () => {
    const toG1 = hashToG1(0, ascii("abc"), ascii("QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_")) as Uint8Array;
    expect(Buffer.from(toG1.subarray(1)).toString("hex")).toBe(
      "567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0a9a7943388a49a3aee664ba5379a7655d3c68900be2f6903",
    );
    const toG2 = hashToG2(0, ascii("abc"), ascii("QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_")) as Uint8Array;
    expect(Buffer.from(toG2.subarray(1, 24)).toString("hex")).toBe("9cddbccdc5e91b9623efd38c49f81a6f83f175e80b06fc");
    expect(hashToG1(1, ascii("abc"), ascii("DST"))).toBe(CryptoAnswer.unknownHashFunction);
    expect(hashToG2(0, ascii("abc"), new Uint8Array(0))).toBe(CryptoAnswer.generic);
  });

  it("verifies a round of drand's mainnet beacon", () => {
    const key = hex("868f005eb8e6e4ca0a47c8a77ceaa5309a47978a7c71bc5cce96366b5d7a569937c529eeda66c7293784a9402801af31");
    const previous = hex(
      "a609e19a03c2fcc559e8dae14900aaefe517cb55c840f6e69bc8e4f66c8d18e8a609685d9917efbfb0c37f058c2de88f13d297c7e19e0ab24813079efe57a182554ff054c7638153f9b26a60e7111f71a0ff63d9571704905d3ca6df0b031747",
    );
    const signature = hex(
      "82f5d3d2de4db19d40a6980e8aa37842a0e55d1df06bd68bddc8d60002e8e959eb9cfa368b3c1b77d18f02a54fe047b80f0989315f83b12a74fd8679c4f12aae86eaf6ab5690b34f1fddd50ee3cc6f6cdf59e95526d5a5d82aaa84fa6f181e42",
    );
    const verify = (round: bigint) => {
      const number = new Uint8Array(8);
      new DataView(number.buffer).setBigUint64(0, round);
      const message = sha256(Uint8Array.from([...previous, ...number]));
      const point = hashToG2(0, message, ascii("BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_")) as Uint8Array;
      return pairingEquality(g1(1n), signature, key, point);
    };
    expect(verify(72_785n)).toBe(CryptoAnswer.yes);
    expect(verify(72_786n)).toBe(CryptoAnswer.no);
  });

  it("multiplies pairings, of which those with infinity are one", () => {
    // e(2·P, Q) · e(3·P, Q) = e(P, 5·Q)
    const ps = Uint8Array.from([...g1(2n), ...g1(3n)]);
    const qs = Uint8Array.from([...g2(1n), ...g2(1n)]);
    expect(pairingEquality(ps, qs, g1(1n), g2(5n))).toBe(CryptoAnswer.yes);
    expect(pairingEquality(ps, qs, g1(1n), g2(6n))).toBe(CryptoAnswer.no);
    const none = new Uint8Array(0);
    expect(pairingEquality(none, none, g1(1n), g2(1n))).toBe(CryptoAnswer.no);
    expect(pairingEquality(none, none, infinity1, g2(1n))).toBe(CryptoAnswer.yes);
    expect(pairingEquality(none, none, g1(1n), infinity2)).toBe(CryptoAnswer.yes);
    expect(pairingEquality(g1(4n), infinity2, infinity1, infinity2)).toBe(CryptoAnswer.yes);
  });

  it("adds points", () => {
    expect(aggregateG1(Uint8Array.from([...g1(2n), ...g1(3n), ...infinity1]))).toEqual(g1(5n));
    expect(aggregateG2(Uint8Array.from([...g2(2n), ...g2(3n)]))).toEqual(g2(5n));
    expect(aggregateG2(Uint8Array.from([...g2(2n), ...G2.BASE.multiply(2n).negate().toBytes(true)]))).toEqual(
      infinity2,
    );
    expect(aggregateG1(Uint8Array.from([...g1(2n), ...G1.BASE.multiply(2n).negate().toBytes(true)]))).toEqual(
      infinity1,
    );
  });

  it("refuses what are no points, or not as many, by their numbers", () => {
    const none = new Uint8Array(0);
    expect(aggregateG1(none)).toBe(CryptoAnswer.aggregateEmpty);
    expect(aggregateG1(new Uint8Array(49))).toBe(CryptoAnswer.aggregateLength);
    expect(aggregateG2(new Uint8Array(96))).toBe(CryptoAnswer.invalidPoint);
    expect(pairingEquality(Uint8Array.of(12), new Uint8Array(96), none, none)).toBe(CryptoAnswer.pairingG1Length);
    expect(pairingEquality(new Uint8Array(48), Uint8Array.of(12), none, none)).toBe(CryptoAnswer.pairingG2Length);
    expect(pairingEquality(new Uint8Array(96), new Uint8Array(96), none, none)).toBe(CryptoAnswer.pairingUnequal);
    expect(pairingEquality(none, none, g1(1n).subarray(1), g2(1n))).toBe(CryptoAnswer.invalidPoint);
    expect(pairingEquality(none, none, g1(1n), new Uint8Array(96).fill(255))).toBe(CryptoAnswer.invalidPoint);
    // On the curve, but of another order than the subgroup: x = 4 has a point, without clearing its cofactor.
    const outside = Uint8Array.of(0x80, ...new Uint8Array(46), 4);
    expect(aggregateG1(outside)).toBe(CryptoAnswer.invalidPoint);
    // Without the flag of compression.
    expect(aggregateG1(changed(g1(1n), 0).map((byte, i) => (i === 0 ? byte & 0x7f : byte)))).toBe(
      CryptoAnswer.invalidPoint,
    );
  });
});
