/** What can be gone back to, against the rule spelled out over a plain list of blocks. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { BlockEntry } from "../../src/encoding/block-entry.ts";
import { RetainedWindow } from "../../src/sequencer/retained-window.ts";

const OPTIONS = { undoBlocks: 4, undoMs: 50, undoMaxBytes: 300 };

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ afterMs: fc.integer({ min: 0, max: 30 }), bytes: fc.integer({ min: 0, max: 90 }) }),
  },
  { weight: 1, arbitrary: fc.record({ takeBack: fc.integer({ min: 1, max: 9 }) }) },
);

it("keeps the last blocks and all young ones, as long as their deltas fit, through rollbacks", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const window = new RetainedWindow(OPTIONS);
      let kept: { height: number; timestampMs: number; bytes: number }[] = [];
      let height = 0;
      let timestampMs = 0;
      for (const next of steps) {
        if ("takeBack" in next) {
          height = Math.max(kept[0]?.height ?? height, height - next.takeBack);
          kept = kept.filter((block) => block.height <= height);
          window.add({ isRollback: true, height } as BlockEntry);
        } else {
          height++;
          timestampMs += next.afterMs;
          kept.push({ height, timestampMs, bytes: next.bytes });
          const bytes = () => kept.reduce((sum, block) => sum + block.bytes, 0);
          const isOld = () =>
            kept.length > OPTIONS.undoBlocks + 1 && kept[0]!.timestampMs < timestampMs - OPTIONS.undoMs;
          while (kept.length > 1 && (bytes() > OPTIONS.undoMaxBytes || isOld())) kept.shift();
          window.add({ isRollback: false, height, timestampMs, deltaBytes: next.bytes } as BlockEntry);
        }
        expect(window.lowestHeight).toBe(kept[0]?.height);
      }
    }),
  );
});
