/** AnalyticsHandle: analytics as the main thread sees them: with the follower of the log, or here, where nothing follows it. */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { EngineError } from "../errors.ts";
import type { EntryTimes } from "../storage/follower-protocol.ts";
import type { AnalyticsAnswer, AnalyticsFollower, AnalyticsQuestion } from "./analytics-follower.ts";
import type { FollowerHandle } from "./follower-handle.ts";

/** Times of entries that wait to be told; there are so many only while there is no follower. */
const TIMES_MAX = 10_000;

export class AnalyticsHandle {
  /** Set when its thread has started. */
  follower: FollowerHandle | undefined;
  #here: AnalyticsFollower | undefined;
  #times: EntryTimes[] = [];

  /** Counts on this thread. Loaded only then: a daemon with a disk counts on another. */
  async openHere(): Promise<void> {
    const { AnalyticsFollower } = await import("./analytics-follower.ts");
    this.#here = new AnalyticsFollower(undefined, () => performance.now());
  }

  /** The next durable entry. */
  committed(entry: BlockEntry): void {
    const { seq, laps } = entry;
    if (this.#here !== undefined) {
      if (laps !== undefined) this.#here.timed(seq, laps);
      this.#here.offer(entry);
    } else if (laps !== undefined && this.#times.length < TIMES_MAX) {
      this.#times.push({ seq, laps });
    }
  }

  /** For the follower, with the entries that they belong to. */
  takeTimes(): EntryTimes[] {
    const times = this.#times;
    this.#times = [];
    return times;
  }

  /** As of entry `durableSeq` at least. */
  async ask<Q extends AnalyticsQuestion>(question: Q, durableSeq: number): Promise<AnalyticsAnswer<Q>> {
    if (this.#here !== undefined) return this.#here.answer(question) as AnalyticsAnswer<Q>;
    if (this.follower === undefined) throw new EngineError("BUSY", "analytics are not open yet", { retryAfterMs: 100 });
    return await this.follower.ask(question, durableSeq);
  }
}
