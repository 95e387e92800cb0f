/** Follows events over connections that come and go: what was heard last says where the next one begins. */
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError, type ErrorCode } from "../errors.ts";
import { openEventSource } from "./event-source.ts";
import type { EventSelectionJson, EventType, StreamedEvent } from "./methods.ts";
import type { Target } from "./transport.ts";

export interface FollowOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal | undefined;
  /** Told why a connection ended, and in how many milliseconds the next one is tried. */
  readonly onInterrupted?: ((error: EngineError, retryMs: number) => void) | undefined;
}

/** After which a later try may do better. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_FAILED",
  "SHUTTING_DOWN",
  "SUBSCRIBER_TOO_SLOW",
  "BUSY",
]);
const RETRY_MS = 250;
const RETRY_MAX_MS = 5_000;

/**
 * Events in the order of the log, each once, over any number of connections; jobs as they stand, again on each. Ends when
 * `signal` is aborted.
 * @throws EngineError what the first connection failed with, and later a refusal that passes by no waiting: a cursor of
 *         another log, or one whose entries are no longer kept.
 */
export async function* followEvents<T extends EventType>(
  target: Target,
  selection: EventSelectionJson & { readonly types: readonly T[] },
  { signal = new AbortController().signal, onInterrupted }: FollowOptions = {},
): AsyncGenerator<StreamedEvent<T>> {
  let cursor: string | undefined;
  let retryMs = RETRY_MS;
  while (!signal.aborted) {
    try {
      const { fromBlock: _fromBlock, ...rest } = selection;
      const from = cursor === undefined ? selection : { ...rest, since: cursor };
      for await (const heard of openEventSource(target, from, signal)) {
        cursor = heard.cursor;
        retryMs = RETRY_MS;
        if ("type" in heard) yield heard as StreamedEvent<T>;
        if (signal.aborted) return;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      if (!(thrown instanceof EngineError) || cursor === undefined || !PASSING.has(thrown.code)) throw thrown;
      onInterrupted?.(thrown, retryMs);
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
      retryMs = Math.min(RETRY_MAX_MS, 2 * retryMs);
    }
  }
}
