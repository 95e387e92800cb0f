/** What may be told once the log has an entry; failing-log.test.ts has what becomes of entries that it refuses. */
import { expect, it } from "vitest";
import { CommitQueue } from "../../src/sequencer/commit-queue.ts";
import { MemoryLog } from "../../src/storage/memory-log.ts";
import { ChainBuilder } from "../support/entries.ts";

/** Entries are durable one at a time, when they are told to be. */
class HeldLog extends MemoryLog {
  readonly #held: (() => void)[] = [];

  override async append(entries: readonly Uint8Array[]): Promise<void> {
    await new Promise<void>((resolve) => this.#held.push(resolve));
    await super.append(entries);
  }

  async makeDurable(): Promise<void> {
    this.#held.shift()!();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

it("tells of an entry when that one is durable, and not with the one before it", async () => {
  const log = new HeldLog();
  const chain = new ChainBuilder();
  const told: string[] = [];
  const commits = new CommitQueue({
    log,
    onDurable: ({ seq }) => told.push(`durable ${seq}`),
    onFailed: (error) => told.push(error.message),
  });
  for (let seq = 0; seq < 3; seq++) {
    commits.push(chain.block());
    commits.whenDurable({ seq, release: () => told.push(`released ${seq}`), fail: () => told.push(`failed ${seq}`) });
  }
  const byEntry: string[][] = [];
  for (let seq = 0; seq < 3; seq++) {
    await log.makeDurable();
    byEntry.push(told.splice(0));
  }
  expect(byEntry).toEqual([0, 1, 2].map((seq) => [`durable ${seq}`, `released ${seq}`]));
});
