/**
 * EventStreams: all subscribers of this daemon, on every transport.
 *   durable entry ──▶ EventCache ──▶ Subscription … Subscription ──▶ sinks: notifications, server-sent events
 * Always
 *  - Only durable entries are told of, in the order of the log.
 *  - Streams take a bounded share of this thread: answers come first.
 *  - While nobody subscribes, nothing of a block is read or kept.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { EventSelectionJson } from "../../client/methods.ts";
import { EngineError, type ErrorCode } from "../../errors.ts";
import { type FaultLog, publicError } from "../faults.ts";
import type { FrontLimits } from "../limits.ts";
import { EventCache, type EventSources } from "./entry-events.ts";
import type { JobFeed } from "./job-feed.ts";
import { Selection } from "./selection.ts";
import { type EventSink, Subscription } from "./subscription.ts";

/** Streams work no longer than this without a rest, and rest for so many times what they worked. */
const WORK_MAX_MS = 2;
const REST_PER_WORK = 2;
const WATCH_MS = 1_000;
/** How often jobs are looked at while somebody follows them. */
const JOBS_MS = 250;
/** Shorter than the idle timeout of proxies. */
const HEARTBEAT_MS = 15_000;
const FULL_RETRY_MS = 10_000;

export interface EventStreamsUse {
  readonly subscriptions: number;
  readonly subscriptionsMax: number;
  /** Ended by the daemon, by why. */
  readonly dropped: ReadonlyMap<ErrorCode, number>;
}

export class EventStreams {
  readonly limits: FrontLimits;
  readonly #sources: EventSources;
  readonly #faults: FaultLog;
  readonly #cache: EventCache;
  readonly #jobs: JobFeed | undefined;
  readonly #subscriptions = new Set<Subscription>();
  readonly #dropped = new Map<ErrorCode, number>();
  #unwatch: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #jobsTimer: NodeJS.Timeout | undefined;
  #heartbeatAtMs = 0;
  #isRunning = false;
  #isWanted = false;

  constructor(limits: FrontLimits, sources: EventSources & { jobs?: JobFeed | undefined }, faults: FaultLog) {
    this.limits = limits;
    this.#sources = sources;
    this.#faults = faults;
    this.#cache = new EventCache(sources);
    this.#jobs = sources.jobs;
  }

  get count(): number {
    return this.#subscriptions.size;
  }

  use(): EventStreamsUse {
    return { subscriptions: this.count, subscriptionsMax: this.limits.subscriptionsMax, dropped: this.#dropped };
  }

  /**
   * Nothing is sent to `sink` before the next turn of the loop.
   * @throws EngineError BUSY; VALIDATION_ERROR of a filter; CURSOR_AHEAD, CURSOR_FOREIGN, PRUNED, BLOCK_NOT_FOUND.
   */
  open(params: EventSelectionJson, sink: EventSink): Subscription {
    const { subscriptionsMax, subscriberQueueBytesMax } = this.limits;
    if (this.count >= subscriptionsMax)
      throw new EngineError("BUSY", `${this.count} subscriptions are open, which is as many as there may be`, {
        limit: "subscriptionsMax",
        max: subscriptionsMax,
        retryAfterMs: FULL_RETRY_MS,
      });
    const selection = new Selection(params, this.#sources.log);
    const modules = { cache: this.#cache, queueBytesMax: subscriberQueueBytesMax };
    const subscription = new Subscription(selection, params, sink, modules);
    this.#subscriptions.add(subscription);
    if (this.count === 1) this.#start();
    if (selection.has("jobs")) {
      this.#jobsTimer ??= setInterval(() => this.#tellJobs(), JOBS_MS).unref();
      // What is over by then was over before.
      setImmediate(() => subscription.isOver || this.#jobs?.step(subscription));
    }
    this.wake();
    return subscription;
  }

  /** Its sink hears nothing more. */
  end(subscription: Subscription): void {
    subscription.isOver = true;
    if (!this.#subscriptions.delete(subscription) || this.count > 0) return;
    this.#unwatch?.();
    clearInterval(this.#timer);
    clearInterval(this.#jobsTimer);
    this.#jobsTimer = undefined;
    this.#cache.clear();
  }

  /** It is told why, with the cursor that another may go on from, and hears nothing more. */
  drop(subscription: Subscription, { code, message, facts }: EngineError): void {
    if (subscription.isOver) return;
    this.end(subscription);
    this.#dropped.set(code, (this.#dropped.get(code) ?? 0) + 1);
    subscription.sink.dropped(new EngineError(code, message, { ...facts, cursor: subscription.cursor }));
  }

  /** Some client has room again, or there is more to tell. */
  wake(): void {
    this.#isWanted = true;
    if (this.#isRunning || this.count === 0) return;
    this.#isRunning = true;
    setImmediate(() => void this.#run());
  }

  /** Everyone is told that the daemon stops. */
  close(): void {
    for (const subscription of [...this.#subscriptions])
      this.drop(subscription, new EngineError("SHUTTING_DOWN", "the daemon is stopping", { retryAfterMs: 1_000 }));
  }

  #start(): void {
    this.#unwatch = this.#sources.log.watch((entry) => {
      this.#cache.add(entry);
      this.wake();
    });
    this.#heartbeatAtMs = performance.now() + HEARTBEAT_MS;
    this.#timer = setInterval(() => this.#watch(), WATCH_MS).unref();
  }

  async #run(): Promise<void> {
    while (this.#isWanted && this.count > 0) {
      this.#isWanted = false;
      let startedAtMs = performance.now();
      for (const subscription of [...this.#subscriptions]) {
        await this.#step(subscription);
        const workedMs = performance.now() - startedAtMs;
        if (workedMs < WORK_MAX_MS) continue;
        await rest(workedMs);
        startedAtMs = performance.now();
      }
      await rest(performance.now() - startedAtMs);
    }
    this.#isRunning = false;
  }

  async #step(subscription: Subscription): Promise<void> {
    if (subscription.isOver) return;
    try {
      if (await subscription.step()) this.#isWanted = true;
    } catch (thrown) {
      this.drop(subscription, publicError(thrown, this.#faults));
    }
  }

  /** Until nobody asks for jobs any more. */
  #tellJobs(): void {
    let hasAny = false;
    for (const subscription of this.#subscriptions) {
      if (!subscription.selection.has("jobs")) continue;
      hasAny = true;
      this.#jobs?.step(subscription);
    }
    if (hasAny) return;
    clearInterval(this.#jobsTimer);
    this.#jobsTimer = undefined;
  }

  /** Drops whoever takes nothing for too long, and lets the others know that they are still heard. */
  #watch(): void {
    const now = performance.now();
    const { unreadGraceMs, subscriberQueueBytesMax: max } = this.limits;
    const isHeartbeat = now >= this.#heartbeatAtMs;
    if (isHeartbeat) this.#heartbeatAtMs = now + HEARTBEAT_MS;
    for (const subscription of [...this.#subscriptions]) {
      const { blockedSinceMs, sink } = subscription;
      if (blockedSinceMs !== undefined && now - blockedSinceMs > unreadGraceMs && sink.unreadBytes >= max) {
        const facts = { unreadBytes: sink.unreadBytes, max, graceMs: unreadGraceMs };
        this.#faults.warn(facts, "a subscriber does not take its events and is dropped");
        this.drop(
          subscription,
          new EngineError("SUBSCRIBER_TOO_SLOW", `no event was taken for ${unreadGraceMs} ms`, facts),
        );
      } else if (isHeartbeat) subscription.rest();
    }
  }
}

async function rest(workedMs: number): Promise<void> {
  const restMs = REST_PER_WORK * workedMs;
  await (restMs < 1 ? nextTurn() : sleep(restMs));
}
