/** When the log counts as growing fast, and for how long what follows it lets that pass. */
import { describe, expect, it } from "vitest";
import { BurstMeter } from "../../src/storage/burst-meter.ts";

const KIB = 1024;

/** Grows by `kibPer10Ms` every 10 ms; answers the moments at which the burst was young, as spans of ms. */
function youngSpans(meter: BurstMeter, parts: readonly { ms: number; kibPer10Ms: number }[]): [number, number][] {
  const spans: [number, number][] = [];
  let nowMs = 0;
  let bytes = 0;
  for (const { ms, kibPer10Ms } of parts) {
    for (const endMs = nowMs + ms; nowMs < endMs; nowMs += 10) {
      bytes += kibPer10Ms * KIB;
      if (kibPer10Ms > 0) meter.grew(bytes, nowMs);
      if (!meter.isYoung(nowMs)) continue;
      const last = spans.at(-1);
      if (last?.[1] === nowMs) last[1] = nowMs + 10;
      else spans.push([nowMs, nowMs + 10]);
    }
  }
  return spans;
}

describe("BurstMeter", () => {
  it("calls a log that grows slowly no burst, however long", () => {
    expect(youngSpans(new BurstMeter(), [{ ms: 20_000, kibPer10Ms: 25 }])).toEqual([]);
  });

  it("calls a burst young from its first window on, for five seconds", () => {
    const [[from, to] = []] = youngSpans(new BurstMeter(), [{ ms: 20_000, kibPer10Ms: 100 }]);
    expect([from, to]).toEqual([100, 5_000]);
  });

  it("takes a writer that is held up for two windows for the same burst, and one that rests for the next", () => {
    const fast = { ms: 3_000, kibPer10Ms: 200 };
    const heldUp = youngSpans(new BurstMeter(), [fast, { ms: 250, kibPer10Ms: 0 }, fast]);
    expect(heldUp).toEqual([[100, 5_000]]);
    const rested = youngSpans(new BurstMeter(), [fast, { ms: 1_000, kibPer10Ms: 0 }, { ms: 10_000, kibPer10Ms: 200 }]);
    expect(rested.map(([from, to]) => to - from)).toHaveLength(2);
    expect(rested[1]![1] - rested[1]![0]).toBeGreaterThan(4_000);
  });

  it("is over when nothing more is told", () => {
    const meter = new BurstMeter();
    youngSpans(meter, [{ ms: 1_000, kibPer10Ms: 200 }]);
    expect([meter.isYoung(1_100), meter.isYoung(2_000)]).toEqual([true, false]);
  });
});
