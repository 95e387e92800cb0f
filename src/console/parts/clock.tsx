/** How long ago something was, kept up to date by one timer for the whole page. */
import { useEffect } from "preact/hooks";
import { age, dateTime } from "../format.ts";
import { createStore, useStore } from "../store.ts";

const TICK_MS = 5_000;

const now = createStore(Date.now());
let shown = 0;
let timer: ReturnType<typeof setInterval> | undefined;

export function Age({ atMs }: { atMs: number }) {
  useEffect(() => {
    shown++;
    // It stood still while nothing was shown.
    if (shown === 1) now.set(Date.now());
    timer ??= setInterval(() => now.set(Date.now()), TICK_MS);
    return () => {
      shown--;
      if (shown > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  const at = Math.max(useStore(now), atMs);
  return (
    <time dateTime={new Date(atMs).toISOString()} title={dateTime(atMs)} class="quiet">
      {age(atMs, at)}
    </time>
  );
}
