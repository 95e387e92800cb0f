/** AnalyticsHandle: analytics as the main thread sees them: with the follower of the log, or here, where nothing follows it. */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { EngineError } from "../errors.ts";
import type { EntrySource } from "../storage/entry-source.ts";
import type { AnalyticsAnswer, AnalyticsFollower, AnalyticsQuestion } from "./analytics-follower.ts";
import type { FollowerHandle } from "./follower-handle.ts";

export class AnalyticsHandle {
  /** Set when its thread has started. */
  follower: FollowerHandle | undefined;
  #here: AnalyticsFollower | undefined;

  /** Counts on this thread. Loaded only then: a daemon with a disk counts on another. */
  async openHere(log: Pick<EntrySource, "read">): Promise<void> {
    const { AnalyticsFollower } = await import("./analytics-follower.ts");
    this.#here = new AnalyticsFollower(undefined, log, () => performance.now());
  }

  /** The next durable entry. */
  committed(entry: BlockEntry): void {
    const { seq, laps } = entry;
    if (this.#here !== undefined) {
      if (laps !== undefined) this.#here.timed(seq, laps);
      this.#here.offer(entry);
    } else if (laps !== undefined) this.follower?.timed(seq, laps);
  }

  /** As of entry `durableSeq` at least. */
  async ask<Q extends AnalyticsQuestion>(question: Q, durableSeq: number): Promise<AnalyticsAnswer<Q>> {
    if (this.#here !== undefined) return this.#here.answer(question) as AnalyticsAnswer<Q>;
    if (this.follower === undefined) throw new EngineError("BUSY", "analytics are not open yet", { retryAfterMs: 100 });
    return await this.follower.ask(question, durableSeq);
  }
}
