/**
 * polytorus/verify: checks what a daemon claims about its state and its receipts against roots that you trust from
 * elsewhere. This file imports nothing but node:crypto, so that trusting it takes reading it, and nothing else.
 *   state      inner = SHA-256(0x01 ‖ left ‖ right), leaf = SHA-256(0x00 ‖ SHA-256(key) ‖ SHA-256(value)), in a binary trie
 *              on SHA-256(key): first bit at the root, 0 to the left; a subtree with one key is its leaf, one with none
 *              is 32 zero bytes
 *   receipts   the Merkle tree of RFC 6962, section 2.1, over the receipts' hashes
 * Proofs come from an untrusted daemon: anything that is not exactly as described here is refused.
 */
import { createHash } from "node:crypto";

export class VerificationError extends Error {
  override readonly name = "VerificationError";
}

/** Bytes are 0x and lower-case hex throughout: a proof has one spelling. This is what `state_proof` answers. */
export interface StateProof {
  key: string;
  /** null: the key is proven to be absent. */
  value: string | null;
  /** Where the key's path ends: at a leaf, its own or another that shares the path so far, or at an empty subtree. */
  terminal: { kind: "leaf"; keyHash: string; valueHash: string } | { kind: "empty" };
  /** The other subtree's hash at every step from the terminal up to the root. */
  siblings: readonly string[];
}

export interface ProvenState {
  key: string;
  value: string | null;
}

export interface ReceiptProof {
  /** Position of the transaction in its block, from 0. */
  index: number;
  /** SHA-256 of the receipt's canonical bytes. */
  receiptHash: string;
  /** The audit path of RFC 6962, section 2.1.1, leaf first. */
  path: readonly string[];
}

export interface ExpectedReceipts {
  receiptsRoot: string;
  /** Of the block's header too: the root alone does not say how many leaves it has. */
  transactionCount: number;
}

export interface ProvenReceipt {
  index: number;
  receiptHash: string;
}

const HASH_BYTES = 32;
/** Bits of a key hash: no path is longer. */
const STEPS_MAX = 8 * HASH_BYTES;
const LEAF = Buffer.of(0x00);
const INNER = Buffer.of(0x01);
const EMPTY_SUBTREE = Buffer.alloc(HASH_BYTES);

/**
 * @param proof a StateProof, as parsed from JSON.
 * @param expectedRoot the state root to prove against, 0x hex.
 * @returns what is proven. Compare its key with the one that you asked for: a proof about another key is a proof too.
 * @throws VerificationError saying what is wrong.
 */
export function verifyStateProof(proof: StateProof, expectedRoot: string): ProvenState {
  const root = readHash(expectedRoot, "expectedRoot");
  const fields = readObject(proof, "proof");
  const keyHash = sha256(readBytes(fields["key"], "key"));
  const value = fields["value"] === null ? null : readBytes(fields["value"], "value");
  const siblings = readHashes(fields["siblings"], "siblings", STEPS_MAX);
  let node = readTerminal(fields["terminal"], { keyHash, value, depth: siblings.length });
  siblings.forEach((sibling, i) => {
    const isRight = bitAt(keyHash, siblings.length - 1 - i);
    node = isRight ? sha256(INNER, sibling, node) : sha256(INNER, node, sibling);
  });
  if (!node.equals(root)) refuse("the proof leads to another root");
  return { key: proof.key, value: proof.value };
}

/** Hash of the subtree at the end of the path, checked to say about the key what the proof claims. */
function readTerminal(terminal: unknown, claim: { keyHash: Buffer; value: Buffer | null; depth: number }): Buffer {
  const fields = readObject(terminal, "terminal");
  if (fields["kind"] === "empty") {
    if (claim.value !== null) refuse("the path ends in nothing, so the key has no value");
    return EMPTY_SUBTREE;
  }
  if (fields["kind"] !== "leaf") refuse('terminal.kind must be "leaf" or "empty"');
  const keyHash = readHash(fields["keyHash"], "terminal.keyHash");
  const valueHash = readHash(fields["valueHash"], "terminal.valueHash");
  const isOwnLeaf = keyHash.equals(claim.keyHash);
  if (claim.value === null) {
    if (isOwnLeaf) refuse("the path ends at the key's own leaf, so the key is not absent");
    requireSamePath(keyHash, claim.keyHash, claim.depth);
  } else {
    if (!isOwnLeaf) refuse("the path ends at the leaf of another key");
    if (!valueHash.equals(sha256(claim.value))) refuse("the leaf is of another value");
  }
  return sha256(LEAF, keyHash, valueHash);
}

/** Another key's leaf stands in for the absent one only if both go the same way down to it. */
function requireSamePath(a: Buffer, b: Buffer, depth: number): void {
  for (let i = 0; i < depth; i++) {
    if (bitAt(a, i) !== bitAt(b, i)) refuse("the path ends at a leaf that lies elsewhere");
  }
}

/**
 * Checks that a receipt is the one at `index` of its block, after RFC 9162, section 2.1.3.2.
 * @param expected root and count, from a block header that you trust.
 * @throws VerificationError saying what is wrong.
 */
export function verifyReceiptProof(proof: ReceiptProof, expected: ExpectedReceipts): ProvenReceipt {
  const root = readHash(expected.receiptsRoot, "expected.receiptsRoot");
  const fields = readObject(proof, "proof");
  const index = readIndex(fields["index"], expected.transactionCount);
  const path = readHashes(fields["path"], "path", STEPS_MAX);
  let node = sha256(LEAF, readHash(fields["receiptHash"], "receiptHash"));
  let at = index;
  let last = expected.transactionCount - 1;
  for (const sibling of path) {
    if (last === 0) refuse("the path is too long");
    const isOnlyChild = at === last && at % 2 === 0;
    node = at % 2 === 1 || isOnlyChild ? sha256(INNER, sibling, node) : sha256(INNER, node, sibling);
    if (isOnlyChild) {
      // Levels on which the last node has no neighbour leave no hash in the path.
      while (at % 2 === 0 && at !== 0) {
        at = Math.floor(at / 2);
        last = Math.floor(last / 2);
      }
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) refuse("the path is too short");
  if (!node.equals(root)) refuse("the proof leads to another root");
  return { index, receiptHash: proof.receiptHash };
}

function readIndex(index: unknown, count: number): number {
  if (!Number.isSafeInteger(count) || count < 0) refuse("expected.transactionCount must be a whole number");
  if (typeof index !== "number" || !Number.isSafeInteger(index) || index < 0 || index >= count) {
    refuse(`index must be a whole number below ${count}`);
  }
  return index;
}

function readObject(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null) refuse(`${name} must be an object`);
  return value as Record<string, unknown>;
}

function readBytes(value: unknown, name: string): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value.slice(2), "hex") : undefined;
  if (bytes === undefined || value !== `0x${bytes.toString("hex")}`) refuse(`${name} must be 0x and lower-case hex`);
  return bytes;
}

function readHash(value: unknown, name: string): Buffer {
  const hash = readBytes(value, name);
  if (hash.length !== HASH_BYTES) refuse(`${name} must be ${HASH_BYTES} bytes`);
  return hash;
}

function readHashes(value: unknown, name: string, countMax: number): Buffer[] {
  if (!Array.isArray(value) || value.length > countMax)
    refuse(`${name} must be an array of at most ${countMax} hashes`);
  return value.map((item, i) => readHash(item, `${name}[${i}]`));
}

function bitAt(hash: Buffer, index: number): boolean {
  return ((hash[index >> 3]! >> (7 - (index & 7))) & 1) === 1;
}

function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function refuse(problem: string): never {
  throw new VerificationError(problem);
}
