/**
 * The curves of @noble/curves, each loaded by the first call of a contract that needs it: their code and tables take 30 ms,
 * which every start of the executor would spend for imports that few contracts have.
 * Not to be asked for where an error means that a signature is wrong: a package that does not load is this machine's fault.
 */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

type Bls12381 = typeof import("@noble/curves/bls12-381.js").bls12_381;
type Ed25519 = typeof import("@noble/curves/ed25519.js").ed25519;
type P256 = typeof import("@noble/curves/nist.js").p256;

let loadedBls: Bls12381 | undefined;
let loadedEd25519: Ed25519 | undefined;
let loadedP256: P256 | undefined;

export function bls12381(): Bls12381 {
  loadedBls ??= (require("@noble/curves/bls12-381.js") as { bls12_381: Bls12381 }).bls12_381;
  return loadedBls;
}

export function ed25519(): Ed25519 {
  loadedEd25519 ??= (require("@noble/curves/ed25519.js") as { ed25519: Ed25519 }).ed25519;
  return loadedEd25519;
}

export function p256(): P256 {
  loadedP256 ??= (require("@noble/curves/nist.js") as { p256: P256 }).p256;
  return loadedP256;
}
