/**
 * Handles: 32 bytes that stand for an encrypted value in calls, receipts and state.
 *    0  30 bytes of a SHA-256 over what the value is
 *   30  type code   (encrypted-type.ts)
 *   31  origin: 1 a ciphertext that someone sent · 2 the result of a circuit · 3 a public constant
 * Always
 *  - The same operation of the same contract on the same handles has the same handle, on every machine and before it is
 *    evaluated. Results of different contracts never share one.
 */
import { hash as hashOnce } from "node:crypto";
import { ENCRYPTED_TYPES, type EncryptedType } from "./encrypted-type.ts";

export const HANDLE_BYTES = 32;
export const Origin = { input: 1, computed: 2, constant: 3 } as const;

export type Handle = Uint8Array;

/** What a context answers where nothing was ever stored. */
export const NO_HANDLE: Handle = new Uint8Array(HANDLE_BYTES);

export function typeOfHandle(handle: Handle): EncryptedType | undefined {
  return ENCRYPTED_TYPES[handle[30]!];
}

export function originOf(handle: Handle): number {
  return handle[31]!;
}

/** What a ciphertext is bound to: its context (native/src/tfhe/README.md). Addresses are 20 bytes. */
export function inputContext(contract: Uint8Array, owner: Uint8Array, type: EncryptedType): Uint8Array {
  return hash("polytorus.privacy.context.1", [contract, owner, Uint8Array.of(type.code)]);
}

/** What the ciphertext of a result is bound to. */
export function resultContext(handle: Handle): Uint8Array {
  return hash("polytorus.privacy.result.1", [handle]);
}

/** @param fileHash SHA-256 of the ciphertext file, whose header holds key and context. */
export function inputHandle(fileHash: Uint8Array, type: EncryptedType): Handle {
  return finish(hash("polytorus.privacy.input.1", [fileHash]), type, Origin.input);
}

export function constantHandle(keyId: Uint8Array, type: EncryptedType, value: Uint8Array): Handle {
  return finish(hash("polytorus.privacy.constant.1", [keyId, value]), type, Origin.constant);
}

/** Identifies one application of a circuit: its results are `resultHandle`s of it. */
export function applicationId(
  contract: Uint8Array,
  codeHash: Uint8Array,
  circuit: number,
  inputs: readonly Handle[],
): Uint8Array {
  return hash("polytorus.privacy.apply.1", [contract, codeHash, Uint8Array.of(circuit), ...inputs]);
}

export function resultHandle(application: Uint8Array, output: number, type: EncryptedType): Handle {
  const result = finish(application, type, Origin.computed);
  result[28]! ^= output;
  return result;
}

/** Where what is hashed is put together: a block hashes several things a call. Longer ones get room of their own. */
const scratch = new Uint8Array(4_096);

function hash(domain: string, parts: readonly Uint8Array[]): Uint8Array {
  let length = domain.length;
  for (const part of parts) length += part.length;
  const bytes = length <= scratch.length ? scratch : new Uint8Array(length);
  for (let i = 0; i < domain.length; i++) bytes[i] = domain.charCodeAt(i);
  let at = domain.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return hashOnce("sha256", bytes.subarray(0, length), "buffer");
}

/** The first 30 bytes of a digest, then type and origin. */
function finish(digest: Uint8Array, type: EncryptedType, origin: number): Handle {
  const handle = new Uint8Array(HANDLE_BYTES);
  handle.set(digest);
  handle[30] = type.code;
  handle[31] = origin;
  return handle;
}
