/** Which segments of a log may go: whole ones, below everything that somebody still needs. */
import { describe, expect, it } from "vitest";
import { ChainIndex } from "../../src/storage/chain-index.ts";
import type { SegmentInfo } from "../../src/storage/entry-source.ts";
import { followerNeed, historyNeed, planPrune } from "../../src/storage/prune-plan.ts";

const ENTRIES = 10;

/** Blocks at heights 0 to 39, one an entry, of which ten fill a segment; the last segment is open. */
function chainOf40(): { chain: ChainIndex; segments: SegmentInfo[] } {
  const chain = new ChainIndex();
  for (let seq = 0; seq < 4 * ENTRIES; seq++) chain.add({ seq, height: seq, isRollback: false });
  const segments = [0, 1, 2, 3].map((index) => ({
    path: `${index}`,
    firstSeq: index * ENTRIES,
    lastSeq: index * ENTRIES + ENTRIES - 1,
    sealed: index < 3,
  }));
  return { chain, segments: segments as SegmentInfo[] };
}

describe("a plan to prune", () => {
  it.each([
    { needed: 9, gone: [], lowest: 0 },
    { needed: 10, gone: ["0"], lowest: 10 },
    { needed: 19, gone: ["0"], lowest: 10 },
    { needed: 20, gone: ["0", "1"], lowest: 20 },
    { needed: 39, gone: ["0", "1", "2"], lowest: 30 },
  ])("keeps the segment that holds entry $needed, if that is needed, and all behind it", ({ needed, gone, lowest }) => {
    const { chain, segments } = chainOf40();
    const plan = planPrune(chain, segments, [
      { seq: 35, of: "one" },
      { seq: needed, of: "the other" },
    ]);
    expect(plan.segments.map(({ path }) => path)).toEqual(gone);
    expect(plan).toMatchObject({
      lowestSeq: lowest,
      lowestHeight: lowest,
      keptFor: needed < 35 ? "the other" : "one",
    });
  });

  it("lets no more segments go than it is told", () => {
    const { chain, segments } = chainOf40();
    const plan = planPrune(chain, segments, [{ seq: 39, of: "one" }], 1);
    expect(plan).toMatchObject({ segments: [{ path: "0" }], lowestSeq: 10 });
  });
});

describe("what history needs", () => {
  const at = (height: number) => 1_000 * height;

  it("is as many blocks as are kept, the newest among them", () => {
    const { chain } = chainOf40();
    expect(historyNeed(chain, { blocks: 1 }, at).seq).toBe(39);
    expect(historyNeed(chain, { blocks: 30 }, at).seq).toBe(10);
    expect(historyNeed(chain, { blocks: 100 }, at).seq).toBe(0);
  });

  it("is every block that is not older than the newest by more than is kept", () => {
    const { chain } = chainOf40();
    expect(historyNeed(chain, { ms: 0 }, at).seq).toBe(39);
    expect(historyNeed(chain, { ms: 9_000 }, at).seq).toBe(30);
    expect(historyNeed(chain, { ms: 8_999 }, at).seq).toBe(31);
  });
});

it("a follower needs the log from the newest block that it has applied and that still stands", () => {
  const { chain } = chainOf40();
  chain.add({ seq: 40, height: 20, isRollback: true });
  chain.add({ seq: 41, height: 21, isRollback: false });
  expect(followerNeed(chain, 10, "a follower").seq).toBe(10);
  expect(followerNeed(chain, 35, "a follower").seq).toBe(20);
});
