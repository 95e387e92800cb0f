/** The decryptor: who signed for what gets it, sealed; everybody else gets nothing, and all of it is in the audit trail. */
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { afterEach, describe, expect, it } from "vitest";
import { Decryptor, type DecryptRequest, requestDigest } from "../../src/cli/decryptor.ts";
import { KeyHolder } from "../../src/client/key-holder.ts";
import { exportPublicKey, openSealed } from "../../src/client/sealed-box.ts";
import { inputContext } from "../../src/encoding/encrypted-handle.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { EngineError } from "../../src/errors.ts";
import { temporaryDirectory } from "../support/engine.ts";

const secp256k1 = createRequire(import.meta.url)("secp256k1/bindings.js") as typeof import("secp256k1");
const NOW = 1_000_000;
const HANDLE = `0x${"0a".repeat(30)}0402`;
const type = getEncryptedType("euint64")!;
const holder = new KeyHolder(undefined);
const keys = holder.generateKeys("plain");
const asker = new Uint8Array(32).fill(3);
const account = toHex(keccak_256(secp256k1.publicKeyCreate(asker, false).subarray(1)).subarray(12));
const box = generateKeyPairSync("x25519");
const publicKey = toHex(exportPublicKey(box.publicKey));

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function start(allowed: string) {
  const directory = temporaryDirectory();
  const auditFile = join(directory.path, "audit.ndjson");
  const [contract, owner] = [new Uint8Array(20), new Uint8Array(20)];
  const data = toHex(holder.encrypt(keys.secretKey, 777n, { type, contract, owner }));
  const context = toHex(inputContext(contract, owner, type));
  const call = async (_method: string, params: { account?: string }) => {
    if (params.account !== allowed) throw new EngineError("PRIVACY_NOT_ALLOWED", "its access list names others", {});
    return { data, context, type: "euint64" };
  };
  const decryptor = new Decryptor({ holder, secretKey: keys.secretKey, auditFile }, { call: call as never });
  closing.push(() => {
    decryptor.close();
    directory.remove();
  });
  return {
    decryptor,
    audit: () =>
      readFileSync(auditFile, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
  };
}

function signed(change: Partial<DecryptRequest> = {}): DecryptRequest {
  const request = { handle: HANDLE, publicKey, expiresAtMs: NOW + 1000 };
  const { signature, recid } = secp256k1.ecdsaSign(requestDigest(request), asker);
  return { ...request, signature: toHex(Uint8Array.from([...signature, 27 + recid])), ...change };
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "nothing",
    (problem) => (problem as EngineError).code,
  );

describe("the decryptor", () => {
  it("answers whom the access list names, sealed to the key in the request", async () => {
    const { decryptor, audit } = start(account);
    const answer = await decryptor.answer(signed(), NOW);
    expect(answer.account).toBe(account);
    expect(Buffer.from(openSealed(box.privateKey, fromHex(answer.sealed)!)).toString()).toBe("777");
    expect(() => openSealed(generateKeyPairSync("x25519").privateKey, fromHex(answer.sealed)!)).toThrow(/not sealed/);
    expect(audit()).toEqual([{ atMs: NOW, account, handle: HANDLE, outcome: "answered" }]);
  });

  it("refuses whom the list does not name, and keeps that they asked", async () => {
    const { decryptor, audit } = start(`0x${"77".repeat(20)}`);
    expect(await codeOf(decryptor.answer(signed(), NOW))).toBe("PRIVACY_NOT_ALLOWED");
    expect(audit()).toMatchObject([{ account, outcome: "refused", code: "PRIVACY_NOT_ALLOWED" }]);
  });

  it.each([
    ["another handle than was signed", { handle: `0x${"0b".repeat(30)}0402` }, "PRIVACY_NOT_ALLOWED"],
    ["another key than was signed", { publicKey: `0x${"05".repeat(32)}` }, "PRIVACY_NOT_ALLOWED"],
    ["a signature that is none", { signature: `0x${"00".repeat(65)}` }, "UNAUTHORIZED"],
    ["a time that is past", { expiresAtMs: NOW - 1 }, "UNAUTHORIZED"],
    ["a time too far ahead", { expiresAtMs: NOW + 3_600_000 }, "UNAUTHORIZED"],
  ])("takes a request with %s for somebody else's, or nobody's", async (_, change, code) => {
    expect(await codeOf(start(account).decryptor.answer(signed(change), NOW))).toBe(code);
  });
});

describe("making keys", () => {
  it("never falls back to a scheme that hides nothing", () => {
    expect(() => holder.defaultParameterSet()).toThrow(/needs the native addon/);
  });
});
