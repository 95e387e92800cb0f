import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { merklePath, portableHasher } from "../../src/encoding/hash.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { type StateProofJson, stateProofJson } from "../../src/encoding/state-tree.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import {
  type ReceiptProof,
  type StateProof,
  VerificationError,
  verifyReceiptProof,
  verifyStateProof,
} from "../../src/verify/verify.ts";
import { change, delta } from "../support/state-trees.ts";

const tree = new PortableStateTree();
tree.apply(delta(...Array.from({ length: 20 }, (_, i) => change(`key ${i}`, `value ${i}`))), "forward");
const root = toHex(tree.root());

function proofOf(key: string, value?: string): StateProofJson {
  return stateProofJson(
    Buffer.from(key),
    value === undefined ? undefined : Buffer.from(value),
    tree.prove(Buffer.from(key)),
  );
}

const present = proofOf("key 3", "value 3");

/** The first absent key whose path ends as asked. */
function absent(kind: "leaf" | "empty"): StateProofJson {
  for (let i = 0; ; i++) {
    const proof = proofOf(`absent ${i}`);
    if (proof.terminal.kind === kind) return proof;
  }
}

describe("verifyStateProof", () => {
  it("returns the key and value that a proof proves", () => {
    expect(verifyStateProof(present, root)).toEqual({ key: present.key, value: toHex(Buffer.from("value 3")) });
  });

  it("returns null for a key that is proven absent, by nothing or by another leaf", () => {
    for (const proof of [absent("empty"), absent("leaf")]) {
      expect(verifyStateProof(proof, root)).toEqual({ key: proof.key, value: null });
    }
  });

  const other = proofOf("key 4", "value 4");
  const swapped = [...present.siblings].reverse();
  const refusals: [string, unknown, string][] = [
    ["another value", { ...present, value: "0x00" }, "the leaf is of another value"],
    ["another key", { ...present, key: other.key }, "the path ends at the leaf of another key"],
    [
      "a present key as absent",
      { ...present, value: null },
      "the path ends at the key's own leaf, so the key is not absent",
    ],
    [
      "an absent key as present",
      { ...absent("empty"), value: "0x" },
      "the path ends in nothing, so the key has no value",
    ],
    [
      "absence by a leaf that lies elsewhere",
      { ...absent("leaf"), terminal: farLeaf() },
      "the path ends at a leaf that lies elsewhere",
    ],
    ["siblings in the wrong order", { ...present, siblings: swapped }, "the proof leads to another root"],
    ["a sibling too few", { ...present, siblings: present.siblings.slice(1) }, "the proof leads to another root"],
    ["a sibling too many", { ...present, siblings: [root, ...present.siblings] }, "the proof leads to another root"],
    [
      "257 siblings",
      { ...present, siblings: Array(257).fill(root) },
      "siblings must be an array of at most 256 hashes",
    ],
    ["a sibling of 31 bytes", { ...present, siblings: [`0x${"00".repeat(31)}`] }, "siblings[0] must be 32 bytes"],
    [
      "upper-case hex",
      { ...present, key: present.key.toUpperCase().replace("X", "x") },
      "key must be 0x and lower-case hex",
    ],
    ["half a byte", { ...present, key: `${present.key}0` }, "key must be 0x and lower-case hex"],
    ["a missing value", { ...present, value: undefined }, "value must be 0x and lower-case hex"],
    [
      "a terminal of no known kind",
      { ...present, terminal: { kind: "inner" } },
      'terminal.kind must be "leaf" or "empty"',
    ],
    ["no terminal", { ...present, terminal: null }, "terminal must be an object"],
    ["no siblings", { ...present, siblings: undefined }, "siblings must be an array of at most 256 hashes"],
    ["no proof", undefined, "proof must be an object"],
  ];

  it.each(refusals)("refuses %s", (_, proof, problem) => {
    expect(() => verifyStateProof(proof as StateProof, root)).toThrow(new VerificationError(problem));
  });

  it("refuses a root that is not 32 bytes, and a true proof against another root", () => {
    expect(() => verifyStateProof(present, "0x")).toThrow(new VerificationError("expectedRoot must be 32 bytes"));
    expect(() => verifyStateProof(present, `0x${"11".repeat(32)}`)).toThrow(
      new VerificationError("the proof leads to another root"),
    );
  });

  /** A leaf whose first bit differs from that of the absent key's hash. */
  function farLeaf(): StateProofJson["terminal"] {
    const { terminal } = absent("leaf");
    if (terminal.kind !== "leaf") throw new Error("an absent key's terminal is asked to be a leaf");
    const first = (Number.parseInt(terminal.keyHash.slice(2, 4), 16) ^ 0x80).toString(16).padStart(2, "0");
    return { ...terminal, keyHash: `0x${first}${terminal.keyHash.slice(4)}` };
  }
});

describe("verifyReceiptProof", () => {
  const hashes = Uint8Array.from({ length: 40 * 32 }, (_, i) => i * 13 + (i >> 5));
  const receiptsRootOf = (count: number) => toHex(portableHasher.merkleRoot(hashes, count));
  const receiptProof = (count: number, index: number): ReceiptProof => ({
    index,
    receiptHash: toHex(hashes, index * 32, index * 32 + 32),
    path: merklePath(hashes, count, index).map((hash) => toHex(hash)),
  });

  it("returns index and hash of every receipt in blocks of 1 to 40", () => {
    for (let count = 1; count <= 40; count++) {
      const expected = { receiptsRoot: receiptsRootOf(count), transactionCount: count };
      for (let index = 0; index < count; index++) {
        const proof = receiptProof(count, index);
        expect(verifyReceiptProof(proof, expected)).toEqual({ index, receiptHash: proof.receiptHash });
      }
    }
  });

  it("refuses a proof at any other index of its block", () => {
    for (const count of [2, 3, 5, 8, 21]) {
      const expected = { receiptsRoot: receiptsRootOf(count), transactionCount: count };
      for (let index = 0; index < count; index++) {
        for (let claimed = 0; claimed < count; claimed++) {
          if (claimed === index) continue;
          expect(() => verifyReceiptProof({ ...receiptProof(count, index), index: claimed }, expected)).toThrow(
            VerificationError,
          );
        }
      }
    }
  });

  it("refuses a proof with any bit of a hash changed", () => {
    const expected = { receiptsRoot: receiptsRootOf(11), transactionCount: 11 };
    const text = JSON.stringify(receiptProof(11, 6));
    for (const { index: start, 0: hex } of text.matchAll(/0x[0-9a-f]*/g)) {
      for (let bit = 0; bit < 256; bit++) {
        const flipped = Buffer.from(hex.slice(2), "hex");
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const mutated = JSON.parse(text.slice(0, start) + toHex(flipped) + text.slice(start + hex.length));
        expect(() => verifyReceiptProof(mutated, expected)).toThrow(VerificationError);
      }
    }
  });

  const expected = { receiptsRoot: receiptsRootOf(11), transactionCount: 11 };
  const proof = receiptProof(11, 6);
  const refusals: [string, unknown, string][] = [
    ["a path that is too short", { ...proof, path: proof.path.slice(1) }, "the path is too short"],
    ["a path that is too long", { ...proof, path: [...proof.path, receiptsRootOf(11)] }, "the path is too long"],
    ["the index just past the block", { ...proof, index: 11 }, "index must be a whole number below 11"],
    ["a negative index", { ...proof, index: -1 }, "index must be a whole number below 11"],
    ["half an index", { ...proof, index: 0.5 }, "index must be a whole number below 11"],
    ["an index in text", { ...proof, index: "6" }, "index must be a whole number below 11"],
    ["no path", { ...proof, path: undefined }, "path must be an array of at most 256 hashes"],
  ];

  it.each(refusals)("refuses %s", (_, mutated, problem) => {
    expect(() => verifyReceiptProof(mutated as ReceiptProof, expected)).toThrow(new VerificationError(problem));
  });

  it("refuses every receipt of a block without transactions", () => {
    expect(() => verifyReceiptProof(proof, { receiptsRoot: receiptsRootOf(0), transactionCount: 0 })).toThrow(
      VerificationError,
    );
  });

  it("refuses a count that is not a whole number", () => {
    expect(() => verifyReceiptProof(proof, { ...expected, transactionCount: 1.5 })).toThrow(VerificationError);
  });
});

describe("src/verify/verify.ts", () => {
  it("imports nothing but node:crypto, so that it can be read and trusted alone", () => {
    const source = readFileSync(new URL("../../src/verify/verify.ts", import.meta.url), "utf8");
    expect(source.match(/^import .*$/gm)).toEqual(['import { createHash } from "node:crypto";']);
  });
});
