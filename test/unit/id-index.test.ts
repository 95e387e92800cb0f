import { describe, expect, it } from "vitest";
import type { BlockEntry } from "../../src/encoding/block-entry.ts";
import { IDS_KEPT_MS, IdIndex } from "../../src/sequencer/id-index.ts";
import { ChainBuilder } from "../support/entries.ts";

const START_MS = 1_700_000_000_000;
const idOf = (n: number) => Buffer.alloc(32, n);

/** A chain whose block `n` has the ids 3 n, 3 n + 1 and 3 n + 2. */
class ChainWithIds extends ChainBuilder {
  idBlock(n: number, timestampMs: number): BlockEntry {
    const transactions = [0, 1, 2].map((i) => ({
      to: new Uint8Array(20),
      logs: [],
      id: `0x${idOf(3 * n + i).toString("hex")}`,
    }));
    return this.block({ transactions, timestampMs });
  }
}

describe("IdIndex", () => {
  it("forgets ids that are too many and older than ten minutes, the oldest first", () => {
    const [chain, ids] = [new ChainWithIds(), new IdIndex(4)];
    ids.add(chain.idBlock(0, START_MS));
    ids.add(chain.idBlock(1, START_MS + 1));
    ids.add(chain.idBlock(2, START_MS + 2 + IDS_KEPT_MS));
    expect([0, 4, 5, 8].map((n) => ids.find(idOf(n)))).toEqual([
      undefined,
      undefined,
      { seq: 1, index: 2 },
      { seq: 2, index: 2 },
    ]);
  });

  it("forgets no id younger than ten minutes in the place of one that was rolled back", () => {
    const [chain, ids] = [new ChainWithIds(), new IdIndex(2)];
    ids.add(chain.idBlock(0, START_MS));
    const rolledBack = chain.idBlock(1, START_MS + 1);
    ids.add(rolledBack);
    chain.rollBack(0);
    ids.remove(rolledBack);
    ids.add(chain.idBlock(2, START_MS + IDS_KEPT_MS / 2));
    ids.add(chain.idBlock(3, START_MS + 2 + IDS_KEPT_MS));
    expect([0, 3].map((n) => ids.find(idOf(n)))).toEqual([undefined, undefined]);
    for (let n = 6; n < 12; n++) expect(ids.find(idOf(n))).toMatchObject({ index: n % 3 });
  });
});
