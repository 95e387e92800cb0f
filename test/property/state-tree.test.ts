import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { type StateProofJson, type StateTree, stateProofJson } from "../../src/encoding/state-tree.ts";
import { VerificationError, verifyStateProof } from "../../src/verify/verify.ts";
import { change, delta, disposeTrees, naiveRoot, treeImplementations } from "../support/state-trees.ts";

/** Few keys, so that blocks overwrite, delete and bring back what others wrote. */
const key = fc.integer({ min: 0, max: 60 }).map((n) => `key ${n}`);
const value = fc.option(fc.string({ maxLength: 70 }), { nil: undefined });
/** What one block writes: each key once; undefined deletes. */
const block = fc.array(fc.tuple(key, value), { maxLength: 40 }).map((writes) => new Map(writes));
const history = fc.array(block, { maxLength: 12 });

type State = Map<string, string>;

function deltaOf(writes: ReadonlyMap<string, string | undefined>, before: State): Uint8Array {
  return delta(...[...writes].map(([name, after]) => change(name, after, before.get(name))));
}

function stateAfter(writes: ReadonlyMap<string, string | undefined>, before: State): State {
  const after = new Map(before);
  for (const [name, written] of writes) {
    if (written === undefined) after.delete(name);
    else after.set(name, written);
  }
  return after;
}

function createAll(): StateTree[] {
  return treeImplementations.map(({ create }) => create());
}

function proofOf(tree: StateTree, state: State, name: string): StateProofJson {
  const written = state.get(name);
  return stateProofJson(
    Buffer.from(name),
    written === undefined ? undefined : Buffer.from(written),
    tree.prove(Buffer.from(name)),
  );
}

function textOf(hex: string): string {
  return Buffer.from(hex.slice(2), "hex").toString();
}

/** Every proof that differs from `proof` in one bit of one of its byte strings. */
function* flipEveryBit(proof: StateProofJson): Generator<StateProofJson> {
  const text = JSON.stringify(proof);
  for (const { index, 0: hex } of text.matchAll(/0x[0-9a-f]*/g)) {
    const bytes = Buffer.from(hex.slice(2), "hex");
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      yield JSON.parse(`${text.slice(0, index)}${toHex(flipped)}${text.slice(index + hex.length)}`);
    }
  }
}

describe("state tree, every implementation", () => {
  afterEach(disposeTrees);

  it("has the root that the definition gives after every block, forwards and backwards, and after many at once", () => {
    fc.assert(
      fc.property(history, (blocks) => {
        const trees = createAll();
        const states: State[] = [new Map()];
        const deltas = blocks.map((writes) => {
          const before = states.at(-1)!;
          states.push(stateAfter(writes, before));
          return deltaOf(writes, before);
        });
        const expected = states.map(naiveRoot);
        const expectEvery = (height: number) => {
          for (const tree of trees) {
            expect(tree.root()).toEqual(expected[height]);
            expect(tree.leafCount()).toBe(states[height]!.size);
          }
        };
        deltas.forEach((bytes, i) => {
          for (const tree of trees) tree.apply(bytes, "forward");
          expectEvery(i + 1);
        });
        for (let height = deltas.length - 1; height >= 0; height--) {
          for (const tree of trees) tree.apply(deltas[height]!, "backward");
          expectEvery(height);
        }
        const half = deltas.length >> 1;
        for (const tree of trees) {
          tree.applyAll(deltas.slice(0, half));
          expect(tree.applyAll(deltas.slice(half))).toEqual(expected.at(-1));
        }
        expectEvery(deltas.length);
      }),
      { numRuns: 150 },
    );
  });

  it("has one root for one state, whatever came before it and in whatever order", () => {
    fc.assert(
      fc.property(block, block, fc.integer(), (detour, writes, seed) => {
        const state = stateAfter(writes, new Map());
        const shuffled = [...state].sort(
          ([a], [b]) => ((a.length * 31 + a.charCodeAt(4) * seed) % 7) - ((b.length * 31 + b.charCodeAt(4) * seed) % 7),
        );
        const undo = new Map([...detour.keys()].filter((name) => !state.has(name)).map((name) => [name, undefined]));
        for (const [direct, indirect] of treeImplementations.map(({ create }) => [create(), create()] as const)) {
          direct.apply(deltaOf(state, new Map()), "forward");
          indirect.apply(deltaOf(detour, new Map()), "forward");
          for (const entry of shuffled) indirect.apply(deltaOf(new Map([entry]), new Map()), "forward");
          indirect.apply(deltaOf(undo, new Map()), "forward");
          expect(indirect.root()).toEqual(direct.root());
        }
      }),
      { numRuns: 60 },
    );
  });

  it("proves presence and absence of any key, with equal proofs", () => {
    fc.assert(
      fc.property(block, fc.array(key, { minLength: 1, maxLength: 20 }), (writes, names) => {
        const state = stateAfter(writes, new Map());
        const trees = createAll();
        for (const tree of trees) tree.apply(deltaOf(writes, new Map()), "forward");
        for (const name of names) {
          const proofs = trees.map((tree) => proofOf(tree, state, name));
          for (const proof of proofs) {
            expect(proof).toEqual(proofs[0]);
            expect(verifyStateProof(proof, toHex(trees[0]!.root())).value).toBe(proof.value);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it("proves nothing false with any one bit of a proof changed", () => {
    fc.assert(
      fc.property(block, key, (writes, name) => {
        const state = stateAfter(writes, new Map());
        const tree = treeImplementations[0]!.create();
        tree.apply(deltaOf(writes, new Map()), "forward");
        const proof = proofOf(tree, state, name);
        const root = toHex(tree.root());
        for (const mutated of flipEveryBit(proof)) {
          // A proof of absence may by chance fit another key that is absent too; every other change is refused.
          const isOtherAbsence = mutated.key !== proof.key && mutated.value === null && !state.has(textOf(mutated.key));
          if (!isOtherAbsence) expect(() => verifyStateProof(mutated, root)).toThrow(VerificationError);
        }
      }),
      { numRuns: 12 },
    );
  });

  it("follows its definition through thousands of leaves added, changed and deleted at once", () => {
    const trees = createAll();
    let state: State = new Map();
    for (const [round, deleted] of [0, 3, 2, 5, 1].entries()) {
      const writes = new Map<string, string | undefined>();
      for (let i = 0; i < 3000; i++) {
        const isDeleted = deleted > 0 && i % deleted === 0;
        writes.set(`key ${(i * 7 + round * 1000) % 6000}`, isDeleted ? undefined : `value ${round}`);
      }
      const bytes = deltaOf(writes, state);
      const before = naiveRoot(state);
      state = stateAfter(writes, state);
      const after = naiveRoot(state);
      for (const tree of trees) {
        expect(tree.apply(bytes, "forward")).toEqual(after);
        expect(tree.apply(bytes, "backward")).toEqual(before);
        expect(tree.apply(bytes, "forward")).toEqual(after);
        expect(tree.leafCount()).toBe(state.size);
      }
    }
  });
});
