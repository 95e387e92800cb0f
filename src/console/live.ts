/**
 * Says when there are new blocks. One stream of server-sent events for the whole page while it can be seen; what shows the
 * chain's newest asks again when it is told, and on a timer where there is no stream.
 *   GET /v1/events?types=newBlocks ──▶ `blocks` + 1, the first at once, then one in BEAT_MS ──▶ lists ask for their first page
 * Always
 *  - The stream only says that something is new. What is shown is what was asked for, so that a flood of blocks, a rollback
 *    or a stream that was dropped changes how soon the page knows, never what.
 *  - Under a flood the stream is closed for a while: reading it would cost both sides more than asking does.
 */
import { authorization } from "./rpc.ts";
import { createStore } from "./store.ts";

/** Another number each time that blocks came. */
export const blocks = createStore(0);
/** False: whoever wants to be up to date has to ask by a timer. */
export const isStreaming = createStore(false);

const BEAT_MS = 2_000;
const FLOOD_PER_SECOND = 30;
const FLOOD_REST_MS = 15_000;

let stream: EventSource | undefined;
let beatTimer: ReturnType<typeof setTimeout> | undefined;
let lastBeatMs = 0;
let secondStartedMs = 0;
let inSecond = 0;

export function followBlocks(): void {
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  start();
}

function start(): void {
  // A stream of the browser's own can't carry a token.
  if (stream !== undefined || document.hidden || Object.keys(authorization()).length > 0) return;
  stream = new EventSource("/v1/events?types=newBlocks");
  stream.onopen = () => isStreaming.set(true);
  // The browser connects again by itself, from where it was.
  stream.onerror = () => {
    isStreaming.set(false);
    if (stream?.readyState === EventSource.CLOSED) rest();
  };
  stream.addEventListener("newBlocks", onBlock);
  stream.addEventListener("dropped", rest);
}

function stop(): void {
  stream?.close();
  stream = undefined;
  isStreaming.set(false);
}

function rest(): void {
  stop();
  setTimeout(start, FLOOD_REST_MS);
}

function onBlock(): void {
  const nowMs = performance.now();
  if (nowMs - secondStartedMs >= 1_000) {
    secondStartedMs = nowMs;
    inSecond = 0;
  }
  if (++inSecond > FLOOD_PER_SECOND) rest();
  if (beatTimer !== undefined) return;
  beatTimer = setTimeout(beat, Math.max(0, lastBeatMs + BEAT_MS - nowMs));
}

function beat(): void {
  beatTimer = undefined;
  lastBeatMs = performance.now();
  blocks.set(blocks.get() + 1);
}
