/** The index file of a segment against the list that it was written from, over many pages. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PostingKind, PostingList } from "../../src/storage/postings.ts";
import { SegmentIndex } from "../../src/storage/segment-index.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** Sorted postings: how often each fingerprint occurs, as ordinals from 0. */
function listOf(counts: readonly (readonly [number, number])[]): PostingList {
  const sorted = [...new Map(counts)].sort(([a], [b]) => a - b);
  return new PostingList(
    Uint32Array.from(
      sorted.flatMap(([fingerprint, count]) => Array.from({ length: count }, (_, i) => [i, fingerprint]).flat()),
    ),
  );
}

const fingerprints = fc.oneof(fc.nat(3), fc.constant(0xffffffff), fc.nat(0xffffffff));
/** Around a page's 511 postings, so that one fingerprint ends, fills or spans pages. */
const counts = fc.oneof(fc.nat(3), fc.constantFrom(509, 510, 511, 512, 1500));
const lists = fc.array(fc.tuple(fingerprints, counts), { maxLength: 8 });

describe("SegmentIndex", () => {
  it("answers as the list does, for fingerprints that fill, end and span pages, and for absent ones", () => {
    const directory = temporaryDirectory();
    fc.assert(
      fc.property(lists, lists, fc.array(fingerprints, { maxLength: 4 }), (logs, executions, absent) => {
        const range = { firstSeq: 7, lastSeq: 2000 };
        const written = [listOf([]), listOf([[5, 1]]), listOf(logs), listOf(executions)];
        SegmentIndex.write(directory, range, written);
        const index = SegmentIndex.open(directory, range)!;
        for (const kind of Object.values(PostingKind)) {
          for (const fingerprint of [...[...logs, ...executions].map(([f]) => f), ...absent, 5]) {
            const expected: number[] = [];
            written[kind]!.collect(fingerprint, expected);
            expect(index.ordinals(kind, fingerprint)).toEqual(expected);
          }
        }
      }),
    );
  });

  it("is of exactly one range of seqs", () => {
    const directory = temporaryDirectory();
    SegmentIndex.write(
      directory,
      { firstSeq: 0, lastSeq: 9 },
      [0, 1, 2, 3].map(() => listOf([])),
    );
    expect(SegmentIndex.open(directory, { firstSeq: 0, lastSeq: 9 })).toBeDefined();
    expect(SegmentIndex.open(directory, { firstSeq: 0, lastSeq: 8 })).toBeUndefined();
    expect(SegmentIndex.open(directory, { firstSeq: 10, lastSeq: 19 })).toBeUndefined();
  });
});
