/**
 * libsecp256k1, by the package's own entry for the native library: its main module would fall back to JavaScript, at a
 * fiftieth of the speed, without saying so. Its tables take 30 ms, so that it loads when it is first asked for; the
 * executor asks once it is ready.
 */
import { createRequire } from "node:module";
import { EngineError } from "../errors.ts";
import { uninterrupted } from "../thread-gate.ts";

type Library = typeof import("secp256k1");
type Secp256k1 = Pick<Library, "ecdsaRecover" | "ecdsaVerify" | "signatureNormalize">;

let loaded: Secp256k1 | undefined;

/** @throws EngineError CONFIGURATION_ERROR. Not to be asked for where an error means that a signature is wrong. */
export function secp256k1(): Secp256k1 {
  loaded ??= gated(uninterrupted(load));
  return loaded;
}

function gated(library: Library): Secp256k1 {
  return {
    ecdsaRecover: (...args) => uninterrupted(() => library.ecdsaRecover(...args)),
    ecdsaVerify: (...args) => uninterrupted(() => library.ecdsaVerify(...args)),
    signatureNormalize: (...args) => uninterrupted(() => library.signatureNormalize(...args)),
  };
}

function load(): Library {
  try {
    return createRequire(import.meta.url)("secp256k1/bindings.js");
  } catch (cause) {
    const message =
      "the native library of secp256k1 does not load; run `npm rebuild secp256k1`, which needs a C++ compiler";
    throw new EngineError("CONFIGURATION_ERROR", message, { package: "secp256k1" }, { cause });
  }
}
