/**
 * The page's one stream of events, followed while the page can be seen.
 *   GET /v1/events ─┬─ newBlocks ──▶ `blocks` + 1, the first at once, then one in BEAT_MS ──▶ lists ask for their first page
 *                   └─ logs, while somebody tails them ──▶ who tails
 * Always
 *  - A connection that breaks is followed by one that goes on behind the last event: who tails hears each log once.
 *  - While there is no stream, `isStreaming` says so, and what wants to be up to date asks on a timer. When there is one
 *    again, it asks once more: between the two nothing is missed.
 *  - Under a flood the stream is closed for a while: reading it would cost both sides more than asking does. Who tails logs
 *    asks by a timer then; lists go on asking once in BEAT_MS, as they did.
 */
import { openHttpEvents } from "../client/http-events.ts";
import type { EventResults, EventType, StreamedEvent } from "../client/methods.ts";
import type { ErrorCode } from "../errors.ts";
import { asEngineError, authorization } from "./rpc.ts";
import { createStore } from "./store.ts";

/** Another number each time that blocks came. */
export const blocks = createStore(0);
/** False: whoever wants to be up to date has to ask by a timer. */
export const isStreaming = createStore(false);
/** Another number when contracts that are known may be others by now: blocks were taken back, or nobody listened for a while. */
export const histories = createStore(0);

export interface Tail {
  /** It begins anew: there is a hole behind what was heard before, or another history. */
  begin(): void;
  /** In the order of the log, each once. */
  hear(log: EventResults["logs"]): void;
}

const BEAT_MS = 2_000;
/** Being told of ten blocks, one by one, costs the daemon more than half of what asking once does. */
const BLOCKS_PER_SECOND_MAX = 5;
const TAILED_PER_SECOND_MAX: Readonly<Record<EventType, number>> = { newBlocks: 30, logs: 100, receipts: 0, jobs: 0 };
const FLOOD_REST_MS = 15_000;
const RETRY_MS = 1_500;
/** Nothing goes on behind such a cursor: what is shown is asked for again instead. */
const NO_WAY_ON: ReadonlySet<ErrorCode> = new Set(["CURSOR_AHEAD", "CURSOR_FOREIGN", "PRUNED", "VALIDATION_ERROR"]);

let stream: AbortController | undefined;
let tail: (Tail & { readonly address: string | undefined }) | undefined;
let restTimer: ReturnType<typeof setTimeout> | undefined;
let beatTimer: ReturnType<typeof setTimeout> | undefined;
/** While lists ask without a stream. */
let restingBeats: ReturnType<typeof setInterval> | undefined;
let lastBeatMs = 0;
let hasListened = false;
let secondStartedMs = 0;
let inSecond: Partial<Record<EventType, number>> = {};

export function followBlocks(): void {
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  start();
}

/**
 * Tells of logs from about now on, of one contract or of all; one tail is followed at a time. @returns how to stop.
 */
export function tailLogs(address: string | undefined, listener: Tail): () => void {
  const own = { ...listener, address };
  follows(own);
  return () => {
    if (tail === own) follows(undefined);
  };
}

function follows(next: typeof tail): void {
  tail = next;
  // While a tail rests nothing else changes: the next stream asks for what is wanted by then.
  if (stream === undefined && restingBeats === undefined) return;
  stop();
  wake();
  start();
}

function start(): void {
  if (stream !== undefined || restTimer !== undefined || document.hidden) return;
  stream = new AbortController();
  void follow(stream.signal);
}

function stop(): void {
  stream?.abort();
  stream = undefined;
  clearInterval(restingBeats);
  restingBeats = undefined;
  isStreaming.set(false);
}

function rest(): void {
  if (tail === undefined) {
    stream?.abort();
    stream = undefined;
    restingBeats = setInterval(wantBeat, BEAT_MS);
  } else stop();
  restTimer = setTimeout(() => {
    wake();
    start();
  }, FLOOD_REST_MS);
}

function wake(): void {
  clearTimeout(restTimer);
  clearInterval(restingBeats);
  restTimer = undefined;
  restingBeats = undefined;
}

async function follow(signal: AbortSignal): Promise<void> {
  let since: string | undefined;
  while (!signal.aborted) {
    try {
      const types: EventType[] = tail === undefined ? ["newBlocks"] : ["newBlocks", "logs"];
      const selection = { types, address: tail?.address, since };
      for await (const heard of openHttpEvents(location.origin, authorization(), selection, signal)) {
        if (signal.aborted) return;
        if (since === undefined) begin();
        since = heard.cursor;
        isStreaming.set(true);
        if ("type" in heard) onEvent(heard);
      }
    } catch (problem) {
      if (signal.aborted) return;
      isStreaming.set(false);
      if (NO_WAY_ON.has(asEngineError(problem).code)) since = undefined;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

function begin(): void {
  tail?.begin();
  if (hasListened) {
    histories.set(histories.get() + 1);
    wantBeat();
  }
  hasListened = true;
}

function onEvent(heard: StreamedEvent): void {
  const nowMs = performance.now();
  if (nowMs - secondStartedMs >= 1_000) {
    secondStartedMs = nowMs;
    inSecond = {};
  }
  const count = (inSecond[heard.type] ?? 0) + 1;
  inSecond[heard.type] = count;
  if (count > (tail === undefined ? BLOCKS_PER_SECOND_MAX : TAILED_PER_SECOND_MAX[heard.type])) rest();
  else if (heard.type === "logs") tail?.hear(heard.result);
  else if (heard.type === "newBlocks" && heard.result.removed) histories.set(histories.get() + 1);
  wantBeat();
}

function wantBeat(): void {
  if (beatTimer !== undefined) return;
  beatTimer = setTimeout(beat, Math.max(0, lastBeatMs + BEAT_MS - performance.now()));
}

function beat(): void {
  beatTimer = undefined;
  lastBeatMs = performance.now();
  blocks.set(blocks.get() + 1);
}
