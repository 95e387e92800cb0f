/**
 * Decryptor: a process of the key holder's that decrypts for others what access lists allow. The daemon has no key, and the
 * asker gets the value sealed to a key of its own.
 *   { handle, publicKey, expiresAtMs, signature } ── recover account ──▶ privacy_getCiphertext as that account ──▶ decrypt
 *     ──▶ line of the audit trail, durable ──▶ { account, sealed }
 * Always
 *  - Nothing is decrypted for an account that did not sign for this handle, this key and this time.
 *  - Every request that names an account is in the audit trail before it is answered, refused ones too.
 */
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { keccak_256 } from "@noble/hashes/sha3.js";
import type { KeyHolder } from "../client/key-holder.ts";
import { seal } from "../client/sealed-box.ts";
import { fromHex, toHex } from "../encoding/hex.ts";
import { EngineError, toEngineError } from "../errors.ts";
import type { Remote } from "./context.ts";

/** By its own entry: the package's main module would fall back to JavaScript without saying so. */
const secp256k1 = createRequire(import.meta.url)("secp256k1/bindings.js") as typeof import("secp256k1");

export interface DecryptRequest {
  readonly handle: string;
  readonly publicKey: string;
  readonly expiresAtMs: number;
  readonly signature: string;
}

/** A signature is good for at most this long: what it asks for does not change. */
const VALIDITY_MS_MAX = 10 * 60_000;

export class Decryptor {
  readonly #holder: KeyHolder;
  readonly #secretKey: Uint8Array;
  readonly #remote: Pick<Remote, "call">;
  readonly #audit: number;

  constructor(options: { holder: KeyHolder; secretKey: Uint8Array; auditFile: string }, remote: Pick<Remote, "call">) {
    this.#holder = options.holder;
    this.#secretKey = options.secretKey;
    this.#remote = remote;
    this.#audit = openSync(options.auditFile, "a", 0o600);
  }

  /** @throws EngineError UNAUTHORIZED, PRIVACY_NOT_ALLOWED, PRIVACY_RESULT_PENDING … */
  async answer(request: DecryptRequest, nowMs: number): Promise<{ account: string; type: string; sealed: string }> {
    const account = requireSigner(request, nowMs);
    const { handle } = request;
    try {
      const ciphertext = await this.#remote.call("privacy_getCiphertext", { handle, account });
      const value = this.#holder.decrypt(this.#secretKey, ciphertext).toString();
      const sealed = toHex(seal(fromHex(request.publicKey)!, Buffer.from(value, "latin1")));
      this.#record({ atMs: nowMs, account, handle, outcome: "answered" });
      return { account, type: ciphertext.type, sealed };
    } catch (thrown) {
      const { code, message } = toEngineError(thrown);
      this.#record({ atMs: nowMs, account, handle, outcome: "refused", code, why: message });
      throw thrown;
    }
  }

  #record(line: Record<string, unknown>): void {
    writeSync(this.#audit, `${JSON.stringify(line)}\n`);
    fsyncSync(this.#audit);
  }

  close(): void {
    closeSync(this.#audit);
  }
}

/** What is signed, as EIP-191's personal message. */
export function requestText({ handle, publicKey, expiresAtMs }: Omit<DecryptRequest, "signature">): string {
  return `polytorus: decrypt ${handle.toLowerCase()} for ${publicKey.toLowerCase()} until ${expiresAtMs}`;
}

export function requestDigest(request: Omit<DecryptRequest, "signature">): Uint8Array {
  const text = requestText(request);
  return keccak_256(Buffer.from(`\x19Ethereum Signed Message:\n${text.length}${text}`, "latin1"));
}

function requireSigner(request: DecryptRequest, nowMs: number): string {
  const signature = fromHex(String(request.signature));
  const recovery = signature?.length === 65 ? signature[64]! - 27 : -1;
  if (!isWellFormed(request) || signature === undefined || (recovery !== 0 && recovery !== 1))
    throw unauthorized("expected handle, publicKey (32 bytes), expiresAtMs and a signature of 65 bytes");
  if (request.expiresAtMs < nowMs || request.expiresAtMs > nowMs + VALIDITY_MS_MAX)
    throw unauthorized(`expiresAtMs lies in the past, or more than ${VALIDITY_MS_MAX} ms ahead`);
  try {
    const digest = requestDigest(request);
    const key = secp256k1.ecdsaRecover(signature.subarray(0, 64), recovery, digest, false);
    return toHex(keccak_256(key.subarray(1)).subarray(12));
  } catch {
    throw unauthorized("the signature is none");
  }
}

function isWellFormed({ handle, publicKey, expiresAtMs }: DecryptRequest): boolean {
  const isWord = (text: unknown) => typeof text === "string" && /^0x[0-9a-fA-F]{64}$/.test(text);
  return isWord(handle) && isWord(publicKey) && Number.isSafeInteger(expiresAtMs);
}

function unauthorized(why: string): EngineError {
  return new EngineError("UNAUTHORIZED", `the request is not signed as it must be: ${why}`, { why });
}
