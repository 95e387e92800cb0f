/** ChainIndex against a plain list of canonical blocks, over any mix of blocks and rollbacks. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StorageError } from "../../src/errors.ts";
import { ChainIndex, type EntryHeader } from "../../src/storage/chain-index.ts";

const block = (seq: number, height: number): EntryHeader => ({ seq, height, isRollback: false });
const rollback = (seq: number, height: number): EntryHeader => ({ seq, height, isRollback: true });

function indexOf(...entries: EntryHeader[]): ChainIndex {
  const index = new ChainIndex();
  for (const entry of entries) index.add(entry);
  return index;
}

/** How far back to roll, in blocks, or "block". */
const steps = fc.array(fc.oneof({ weight: 4, arbitrary: fc.constant("block" as const) }, fc.nat(6)), { maxLength: 60 });

describe("ChainIndex", () => {
  it("answers as a list of canonical seqs by height does", () => {
    fc.assert(
      fc.property(steps, fc.nat(5), fc.nat(5), (moves, firstSeq, firstHeight) => {
        const index = indexOf(block(firstSeq, firstHeight));
        const canonical = [firstSeq];
        let seq = firstSeq;
        for (const move of moves) {
          seq++;
          if (move === "block") {
            index.add(block(seq, firstHeight + canonical.length));
            canonical.push(seq);
          } else {
            canonical.length = Math.max(1, canonical.length - move);
            index.add(rollback(seq, firstHeight + canonical.length - 1));
          }
        }
        for (const copy of [index, ChainIndex.decode(index.encode()), index.clone()]) {
          expect(copy.lastSeq).toBe(seq);
          expect(copy.lowestHeight).toBe(firstHeight);
          expect(copy.headHeight).toBe(firstHeight + canonical.length - 1);
          expect(copy.headSeq).toBe(canonical.at(-1));
          for (let height = firstHeight - 1; height <= copy.headHeight + 1; height++) {
            expect(copy.seqOfHeight(height)).toBe(canonical[height - firstHeight]);
          }
          for (let s = firstSeq - 1; s <= seq + 1; s++) {
            const at = canonical.indexOf(s);
            expect(copy.heightOfSeq(s)).toBe(at < 0 ? undefined : firstHeight + at);
            expect(copy.isCanonical(s)).toBe(at >= 0);
          }
        }
      }),
    );
  });

  it("begins at any entry as the chain from there on, and knows where whoever is at one goes back to", () => {
    fc.assert(
      fc.property(steps, fc.nat(5), fc.nat(5), fc.nat(), (moves, firstSeq, firstHeight, at) => {
        const index = indexOf(block(firstSeq, firstHeight));
        const canonical = [firstSeq];
        let seq = firstSeq;
        for (const move of moves) {
          seq++;
          if (move === "block") canonical.push(seq);
          else canonical.length = Math.max(1, canonical.length - move);
          const height = firstHeight + canonical.length - 1;
          index.add(move === "block" ? block(seq, height) : rollback(seq, height));
        }
        const begin = firstSeq + (at % (moves.length + 2));
        expect(index.standingAt(begin)).toBe(canonical.findLast((each) => each <= begin));
        const { headHeight, lastSeq } = index;
        index.beginAt(begin);
        const kept = canonical.some((each) => each >= begin)
          ? canonical.filter((each) => each >= begin)
          : canonical.slice(-1);
        expect(index).toMatchObject({
          headHeight,
          lastSeq,
          lowestSeq: kept[0],
          lowestHeight: headHeight - kept.length + 1,
        });
        for (let s = firstSeq; s <= seq; s++) expect(index.isCanonical(s)).toBe(kept.includes(s));
        index.add(block(seq + 1, headHeight + 1));
        expect(index.headHeight).toBe(headHeight + 1);
      }),
    );
  });

  it("takes memory for rollbacks, not for blocks", () => {
    const index = new ChainIndex();
    for (let seq = 0; seq < 10_000; seq++) index.add(block(seq, seq));
    expect(index.encode().length).toBe(36);
    index.add(rollback(10_000, 5));
    index.add(block(10_001, 6));
    expect(index.encode().length).toBe(60);
  });

  it("says so when nothing was added", () => {
    const index = ChainIndex.decode(new ChainIndex().encode());
    expect(index).toMatchObject({ lastSeq: -1, headHeight: -1, headSeq: -1, lowestHeight: -1 });
    expect(index.seqOfHeight(0)).toBeUndefined();
    expect(index.isCanonical(0)).toBe(false);
  });

  it.each([
    ["a gap in seq", block(3, 2)],
    ["a seq that was there", block(1, 2)],
    ["a gap in height", block(2, 3)],
    ["a height that was there", block(2, 1)],
    ["a rollback above the head", rollback(2, 2)],
    ["a rollback below the first block", rollback(2, -1)],
  ])("refuses %s and stays as it was", (_what, entry) => {
    const index = indexOf(block(0, 0), block(1, 1));
    const before = index.encode();
    expect(() => index.add(entry)).toThrow(StorageError);
    expect(index.encode()).toEqual(before);
  });

  it("refuses bytes that do not end where their runs do", () => {
    const bytes = indexOf(block(0, 0)).encode();
    for (const length of [0, 11, 35]) expect(() => ChainIndex.decode(bytes.subarray(0, length))).toThrow(/chain index/);
  });
});
