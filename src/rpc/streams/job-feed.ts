/**
 * JobFeed: jobs of privacy contracts for streams. A job is a state, not an entry of the log: a subscriber hears each as it
 * stands, and again when it has changed, at its newest; what changed twice while it read is told once.
 */
import type { JobJson } from "../../client/privacy-methods.ts";
import type { PrivacyService } from "../services.ts";
import type { Subscription } from "./subscription.ts";

/** Told at a time, so that many jobs do not keep answers waiting. */
const STEP_JOBS = 64;
const OVER: ReadonlySet<JobJson["status"]> = new Set(["done", "failed", "cancelled"]);

export class JobFeed {
  readonly #privacy: Pick<PrivacyService, "jobsSince">;
  /** By subscription: the version that it has heard of, and whether it has heard of all that there was when it began. */
  readonly #heard = new WeakMap<Subscription, { version: number; hasAll: boolean }>();

  constructor(privacy: Pick<PrivacyService, "jobsSince">) {
    this.#privacy = privacy;
  }

  /** Tells what changed, as far as there is room. */
  step(subscription: Subscription): void {
    const { selection, sink } = subscription;
    const heard = this.#heard.get(subscription) ?? { version: 0, hasAll: subscription.isResumed };
    this.#heard.set(subscription, heard);
    while (subscription.hasRoom()) {
      const { items, version } = this.#privacy.jobsSince(heard.version, STEP_JOBS);
      const wanted = items.filter(
        (job) =>
          (selection.contract === undefined || job.contract === selection.contract) &&
          // What was over when it began is of no interest, unless it goes on from where another was.
          (heard.hasAll || !OVER.has(job.status)),
      );
      heard.version = version;
      if (wanted.length > 0)
        sink.send(wanted.map((job) => sink.format.frame("jobs", subscription.cursor, JSON.stringify(job))));
      if (items.length < STEP_JOBS) {
        heard.hasAll = true;
        return;
      }
    }
  }
}
