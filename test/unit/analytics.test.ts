/** What analytics make of what they count: percentiles, windows, health, marks, suggestions. */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeCall, parseAbiFunction } from "../../src/encoding/abi.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { encodeReceipt } from "../../src/encoding/receipt.ts";
import { contractStateKey, contractStatePrefix } from "../../src/encoding/state-key.ts";
import { Callers } from "../../src/engines/enhanced/analytics/callers.ts";
import { ContractAnalytics } from "../../src/engines/enhanced/analytics/contract-record.ts";
import { failureReason } from "../../src/engines/enhanced/analytics/failure-reason.ts";
import { healthOf } from "../../src/engines/enhanced/analytics/health.ts";
import { BINS, binOf, middleOf, percentile } from "../../src/engines/enhanced/analytics/histogram.ts";
import { marksOf } from "../../src/engines/enhanced/analytics/marks.ts";
import type { ChainReport, ContractReport } from "../../src/engines/enhanced/analytics/reports.ts";
import { Series } from "../../src/engines/enhanced/analytics/series.ts";
import { contractSuggestions, querySuggestions } from "../../src/engines/enhanced/analytics/suggestions.ts";
import { type Execution, type Percentiles, Track } from "../../src/engines/enhanced/analytics/track.ts";
import { noQueries } from "../../src/engines/enhanced/query-statistics.ts";
import { AnalyticsFollower } from "../../src/service/analytics-follower.ts";
import { ChainBuilder } from "../support/entries.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A minute that begins an hour and a day. */
const START = 20_000 * DAY;
const ADDRESS = "a".repeat(20);

function execution(more: Partial<Execution> = {}): Execution {
  return { status: "success", gasUsed: 50_000, gasLimit: 200_000, timeUs: 100, ...more };
}

/** As many of each octave, up to 2^40. */
const SIZES = fc.nat(40).chain((octave) => fc.nat({ max: 2 ** octave }));

describe("a percentile", () => {
  it("is off by an eighth at most, whatever the size", () => {
    fc.assert(
      fc.property(SIZES, (value) => {
        expect(Math.abs(middleOf(binOf(value)) - value)).toBeLessThanOrEqual(value / 8);
        expect(binOf(value)).toBeLessThan(BINS);
      }),
    );
  });

  it("orders values as they are", () => {
    fc.assert(
      fc.property(SIZES, SIZES, (a, b) => {
        if (a <= b) expect(binOf(a)).toBeLessThanOrEqual(binOf(b));
      }),
    );
  });

  it("is the value that so many are at most", () => {
    const counts = new Uint32Array(BINS);
    for (let i = 1; i <= 100; i++) counts[binOf(i < 100 ? 2 : 3)]!++;
    expect([0.5, 0.99, 0.995].map((share) => percentile(counts, 0, share))).toEqual([2, 2, 3]);
    expect(percentile(new Uint32Array(BINS), 0, 0.5)).toBeUndefined();
  });
});

describe("a window", () => {
  it("holds the running time and the whole one before it", () => {
    const track = new Track();
    track.add(execution(), START);
    track.add(execution(), START + MINUTE);
    track.add(execution(), START + 2 * MINUTE - 1);
    const seen = (nowMs: number) => (["minute", "hour", "day"] as const).map((w) => track.window(w, nowMs).executions);
    expect(seen(START + 2 * MINUTE - 1)).toEqual([3, 3, 3]);
    expect(seen(START + 2 * MINUTE)).toEqual([2, 3, 3]);
    expect(seen(START + 3 * MINUTE)).toEqual([0, 3, 3]);
    expect(seen(START + HOUR)).toEqual([0, 3, 3]);
    expect(seen(START + 2 * HOUR)).toEqual([0, 0, 3]);
    expect(seen(START + 2 * DAY)).toEqual([0, 0, 0]);
    expect(track.total().executions).toBe(3);
  });

  it("is the same after it was written to a file and read again, whenever that was", () => {
    const times = fc.array(fc.nat({ max: 3 * DAY }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(times, fc.nat({ max: 60 }), (offsets, at) => {
        const sorted = offsets.sort((a, b) => a - b).map((offset) => START + offset);
        let kept = new Track();
        const plain = new Track();
        sorted.forEach((time, i) => {
          const each = execution({ gasUsed: 21_000 + i, status: i % 3 === 0 ? "reverted" : "success" });
          plain.add(each, time);
          kept.add(each, time);
          if (i === at) kept = Track.from(JSON.parse(JSON.stringify(kept.record())));
        });
        const now = sorted.at(-1)! + 30_000;
        expect(kept.total()).toEqual(plain.total());
        for (const window of ["minute", "hour", "day"] as const)
          expect(kept.window(window, now)).toEqual(plain.window(window, now));
      }),
    );
  });
});

describe("the percentiles of a track", () => {
  /** Four in five take 2 ms and 1,000 gas, the others 10 times that, or 100 times. Percentiles are off by an eighth at most. */
  const fill = (track: Track, count: number, atMs: number, times = 1) => {
    for (let i = 0; i < count; i++) {
      const factor = times * (i % 100 < 80 ? 1 : i % 100 < 95 ? 10 : 100);
      track.add(execution({ gasUsed: 1_000 * factor, timeUs: 2_000 * factor }), atMs);
    }
  };
  const shares = (percentiles: Percentiles | null) =>
    percentiles && (["p50", "p90", "p99"] as const).map((name) => Math.round(Math.log10(percentiles[name])));

  it("are gas, and milliseconds, over the same windows as the counts", () => {
    const track = new Track();
    fill(track, 1_000, START);
    const { gasPercentiles, timePercentilesMs } = track.total();
    expect(shares(gasPercentiles)).toEqual([3, 4, 5]);
    expect(shares(timePercentilesMs)).toEqual([0, 1, 2]);
    fill(track, 500, START + MINUTE, 1_000);
    const samplesOf = (nowMs: number) =>
      (["minute", "hour", "day"] as const).map((name) => track.window(name, nowMs).gasPercentiles?.samples);
    const { samples } = gasPercentiles!;
    expect(samplesOf(START + MINUTE)).toEqual([samples + 500, samples + 500, samples + 500]);
    expect(samplesOf(START + 2 * MINUTE)).toEqual([500, samples + 500, samples + 500]);
    expect(shares(track.window("minute", START + 2 * MINUTE).gasPercentiles)).toEqual([6, 7, 8]);
    expect(samplesOf(START + HOUR)).toEqual([undefined, samples + 500, samples + 500]);
    expect(samplesOf(START + 2 * HOUR)).toEqual([undefined, undefined, samples + 500]);
    expect(track.total().gasPercentiles!.samples).toBe(samples + 500);
  });

  it("of several are those of all their executions", () => {
    const [cheap, dear] = [new Track(), new Track()];
    fill(cheap, 1_000, START);
    fill(dear, 1_000, START, 1_000);
    const both = Track.sum([cheap, dear], START).total().gasPercentiles!;
    expect(both.samples).toBe(2 * cheap.total().gasPercentiles!.samples);
    expect(shares(both)).toEqual([5, 7, 8]);
  });
});

describe("a series", () => {
  it("has the last 60 minutes, 48 hours and 31 days, with zeros where nothing happened", () => {
    const series = new Series();
    const executionsOf = (name: "minute" | "hour" | "day", count?: number) =>
      series.points(name, START + 62 * MINUTE, count).map(({ executions }) => executions);
    series.add(START, { executions: 1 });
    series.add(START + MINUTE, { executions: 5 });
    series.add(START + 60 * MINUTE, { executions: 2 });
    expect(executionsOf("minute")).toEqual([...Array(57).fill(0), 2, 0, 0]);
    expect(executionsOf("minute", 4)).toEqual([0, 2, 0, 0]);
    expect(executionsOf("hour")).toEqual([...Array(46).fill(0), 6, 2]);
    expect(executionsOf("day")).toEqual([...Array(30).fill(0), 8]);
  });

  it("takes no more from a file than it has room for", () => {
    const series = new Series({ minute: Array(1_000).fill(7) });
    expect(series.record().minute.length).toBe(new Series().record().minute.length);
  });
});

describe("the health of a contract", () => {
  const track = (count: number, more: (i: number) => Partial<Execution>) => {
    const made = new Track();
    for (let i = 0; i < count; i++) made.add(execution(more(i)), START);
    return healthOf(made.total());
  };

  it("is unknown before its first execution", () => {
    expect(healthOf(new Track().total())).toMatchObject({ healthScore: null, status: null, parts: [] });
  });

  it("is 0.6 success, 0.3 gas and 0.1 time, each part shown", () => {
    const health = track(10, (i) => ({ status: i < 5 ? "success" : "reverted", gasUsed: 20_000 }));
    expect(health.healthScore).toBeCloseTo(0.6 * 0.5 + 0.3 * (1 - 0.2) + 0.1);
    expect(health.status).toBe("Warning");
    expect(health.parts.map(({ contribution }) => contribution)).toEqual([0.3, 0.3 * 0.8, 0.1]);
    expect(health.recommendations).toEqual(["50.0 % of executions fail: see the reasons"]);
  });

  it("takes half the gas part for 50,000 gas on average and more, and a hundredth for being slow", () => {
    expect(track(1, () => ({ gasUsed: 50_000 })).healthScore).toBeCloseTo(0.6 + 0.15 + 0.1);
    expect(track(1, () => ({ gasUsed: 5_000_000 })).healthScore).toBeCloseTo(0.6 + 0.15 + 0.1);
    expect(track(1, () => ({ gasUsed: 0, timeUs: 5_001_000 })).healthScore).toBeCloseTo(0.6 + 0.3 + 0.09);
    expect(track(1, () => ({ gasUsed: 0, timeUs: 5_000_000 })).healthScore).toBeCloseTo(1);
    expect(track(1, () => ({ gasUsed: 0, timeUs: undefined })).parts[2]!.measured).toBe("no execution was timed");
  });

  it("is Healthy above 0.8 and Critical at 0.6 and below", () => {
    expect(track(1, () => ({ gasUsed: 0 })).status).toBe("Healthy");
    expect(track(1, () => ({ gasUsed: 0, status: "halted" })).status).toBe("Critical");
    // With 50,000 gas on average the score is 0.6 times the success rate and 0.25.
    const statusAt = (percent: number) => track(100, (i) => ({ status: i < percent ? "success" : "reverted" })).status;
    expect([100, 92, 91, 59, 58].map(statusAt)).toEqual(["Healthy", "Healthy", "Warning", "Warning", "Critical"]);
  });

  it("comes with advice where fewer than 90 % succeed, or 10 s or 500,000 gas are passed on average", () => {
    const adviceOf = (more: Partial<Execution>, failures = 0) =>
      track(10, (i) => ({ ...more, status: i < failures ? "halted" : "success" })).recommendations;
    const well = ["Contract is performing well"];
    expect(adviceOf({ timeUs: 10_000_000, gasUsed: 500_000 }, 1)).toEqual(well);
    expect(adviceOf({}, 2)).toEqual(["20.0 % of executions fail: see the reasons"]);
    expect(adviceOf({ timeUs: 10_000_001 })).toEqual(["executions take over 10 s on average"]);
    expect(adviceOf({ gasUsed: 500_001 })).toEqual(["executions use 500001 gas on average, over 500000"]);
  });
});

describe("why an execution failed", () => {
  const reasonOf = (returnData: Uint8Array): string => {
    const out = new ByteWriter();
    const outcome = { status: "reverted", haltReason: undefined, gasUsed: 1, contractAddress: undefined } as const;
    encodeReceipt({ ...outcome, returnData, logs: [] }, out);
    return failureReason(out.take(), 0);
  };

  it("is a message without what a terminal obeys, cut short, or a selector, or bytes that are text", () => {
    const message = `\u001b[2J<b>no</b>\n${"x".repeat(100)}`;
    const error = encodeCall(parseAbiFunction("function Error(string message)"), [message]);
    expect(reasonOf(error)).toBe(`Error: \ufffd[2J<b>no</b>\ufffd${"x".repeat(66)}`);
    expect(reasonOf(Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 1, 2))).toBe("0xdeadbeef");
    expect(reasonOf(Buffer.from("plain words"))).toBe("plain words");
    expect(reasonOf(new Uint8Array())).toBe("without data");
  });
});

describe("a mark", () => {
  const series = (perMinute: (minute: number) => { executions: number; failures?: number; gasUsed?: number }) => {
    const made = new Series();
    for (let minute = 0; minute < 30; minute++) made.add(START + minute * MINUTE, perMinute(minute));
    return marksOf(made, START + 30 * MINUTE);
  };

  it("is not made of what goes on as before", () => {
    expect(series((minute) => ({ executions: 100 + (minute % 7), failures: 1, gasUsed: 5_000_000 }))).toEqual([]);
  });

  it("says which minute was unlike those before it, and by how much", () => {
    const marks = series((minute) => ({ executions: 100 + (minute % 3), failures: minute === 29 ? 60 : 1 }));
    expect(marks).toMatchObject([{ kind: "anomaly", what: "failureRate", direction: "rising" }]);
    expect(marks[0]!.value).toBeCloseTo(0.6, 1);
  });

  it("is made of a minute in which nobody came, and not of one in which a few less did", () => {
    expect(series((minute) => ({ executions: minute === 29 ? 0 : 100 }))).toMatchObject([
      { kind: "anomaly", what: "executions", direction: "falling", value: 0, expected: 100 },
    ]);
    expect(series((minute) => ({ executions: minute === 29 ? 90 : 100 }))).toEqual([]);
    expect(series((minute) => ({ executions: 20, failures: minute === 29 ? 2 : 1 }))).toEqual([]);
    // Used now and then, it is idle between: that is no anomaly.
    expect(series((minute) => ({ executions: minute % 5 === 0 ? 100 : 0 }))).toEqual([]);
  });

  it("sees a trend from hour to hour", () => {
    const made = new Series();
    for (let hour = 0; hour < 5; hour++) made.add(START + hour * HOUR, { executions: hour === 4 ? 400 : 100 });
    expect(marksOf(made, START + 5 * HOUR)).toMatchObject([
      { kind: "trend", what: "executions", direction: "rising", value: 400, expected: 100 },
    ]);
  });

  it("needs three hours or ten minutes before it, and an hour half as busy again", () => {
    const hours = (before: number, executions: number) => {
      const made = new Series();
      for (let hour = 0; hour <= before; hour++)
        made.add(START + hour * HOUR, { executions: hour === before ? executions : 100 });
      return marksOf(made, START + (before + 1) * HOUR).length;
    };
    expect([hours(3, 150), hours(3, 149), hours(2, 150)]).toEqual([1, 0, 0]);
    const minutes = (before: number) => {
      const made = new Series();
      for (let minute = 0; minute < before; minute++) made.add(START + minute * MINUTE, { executions: 100 });
      return marksOf(made, START + (before + 1) * MINUTE).length;
    };
    expect([minutes(10), minutes(9)]).toEqual([1, 0]);
  });

  it("sees the hour in which hardly anybody came any more", () => {
    for (const left of [3, 0]) {
      const made = new Series();
      for (let hour = 0; hour < 5; hour++) made.add(START + hour * HOUR, { executions: hour === 4 ? left : 100 });
      expect(marksOf(made, START + 5 * HOUR)).toMatchObject([
        { kind: "trend", what: "executions", direction: "falling", value: left, expected: 100 },
      ]);
    }
  });
});

describe("the state of a contract", () => {
  const CONTRACTS = [1, 2, 3].map((n) => new Uint8Array(20).fill(n));
  const rows = fc.array(
    fc.record({
      contract: fc.nat({ max: 2 }),
      key: fc.nat({ max: 5 }),
      length: fc.option(fc.nat({ max: 40 }), { nil: undefined }),
    }),
    { maxLength: 6 },
  );
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ rows }) },
    { weight: 1, arbitrary: fc.record({ back: fc.nat({ max: 3 }) }) },
  );
  const changesOf = (list: { contract: number; key: number; length: number | undefined }[]) =>
    new Map(
      list.map(({ contract, key, length }) => [
        Buffer.from(contractStateKey(CONTRACTS[contract]!, new Uint8Array([key, key]))).toString("latin1"),
        length === undefined ? undefined : new Uint8Array(length),
      ]),
    );

  it("is what is there, whoever called it, whatever was rolled back", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const chain = new ChainBuilder();
        const follower = new AnalyticsFollower(undefined, { read: (seq) => chain.entries[seq] }, () => 0);
        follower.offer(chain.block());
        for (const each of steps)
          follower.offer(
            "rows" in each
              ? chain.block({ changes: changesOf(each.rows) })
              : chain.rollBack(Math.max(0, chain.headHeight - each.back)),
          );
        for (const address of CONTRACTS) {
          const prefix = Buffer.from(contractStatePrefix(address)).toString("latin1");
          const own = [...chain.state].filter(([key]) => key.startsWith(prefix));
          const bytes = own.reduce((sum, [key, value]) => sum + key.length - prefix.length + value.length, 0);
          const report = follower.answer({ about: "contract", address }) as ContractReport | undefined;
          expect(report?.state ?? { bytes: 0, keys: 0 }).toEqual({ bytes, keys: own.length });
          // All of it happened within a second.
          const grown = report?.series.day.at(-1) ?? { stateBytes: 0, stateKeys: 0 };
          expect([grown.stateBytes, grown.stateKeys]).toEqual([bytes, own.length]);
        }
      }),
    );
  });

  it("is unknown where counting began after the contract did", () => {
    const chain = new ChainBuilder();
    chain.block({ changes: changesOf([{ contract: 0, key: 1, length: 9 }]) });
    const follower = new AnalyticsFollower(undefined, { read: (seq) => chain.entries[seq] }, () => 0);
    follower.checkAgainst({ firstSeq: 1, lastSeq: 1 });
    follower.offer(chain.block({ changes: changesOf([{ contract: 0, key: 2, length: 9 }]) }));
    expect(follower.answer({ about: "contract", address: CONTRACTS[0]! })).toMatchObject({ state: undefined });
  });
});

describe("what is kept of contracts", () => {
  const addressOf = (n: number) => Uint8Array.from({ length: 20 }, (_, i) => (i < 2 ? (n >> (8 * i)) & 0xff : 1));
  const callOf = (n: number) => ({ to: addressOf(n), entrypoint: "run", logs: [] });
  const growthOf = (from: number, count: number) =>
    new Map(
      Array.from({ length: count }, (_, i) => [
        Buffer.from(contractStateKey(addressOf(from + i), Uint8Array.of(1))).toString("latin1"),
        new Uint8Array(1),
      ]),
    );
  const followerOf = (chain: ChainBuilder, path?: string) =>
    new AnalyticsFollower(path, { read: (seq) => chain.entries[seq] }, () => 0);
  const executionsOf = (follower: AnalyticsFollower, n: number) =>
    (follower.answer({ about: "contract", address: addressOf(n) }) as ContractReport | undefined)?.total.executions;
  const chainOf = (follower: AnalyticsFollower) => follower.answer({ about: "chain" }) as ChainReport;

  it("is that of the 1,000 executed last, whatever restarts come between, and of all of them together", () => {
    const path = join(temporaryDirectory(), "analytics.json");
    const chain = new ChainBuilder();
    let follower = followerOf(chain, path);
    follower.offer(chain.block({ transactions: Array.from({ length: 1_000 }, (_, n) => callOf(n)) }));
    follower.offer(chain.block({ transactions: [callOf(0), callOf(1_000)] }));
    expect([0, 1, 2].map((n) => executionsOf(follower, n))).toEqual([2, undefined, 1]);
    follower.save(true);
    follower = followerOf(chain, path);
    follower.offer(chain.block({ transactions: [callOf(1_001)] }));
    expect([0, 2, 3].map((n) => executionsOf(follower, n))).toEqual([2, undefined, 1]);
    expect(chainOf(follower)).toMatchObject({ total: { executions: 1_003 }, trackedContracts: 1_000 });
  });

  it("begins anew for one that was forgotten, and says that its state is not known, after a restart too", () => {
    const path = join(temporaryDirectory(), "analytics.json");
    const chain = new ChainBuilder();
    const follower = followerOf(chain, path);
    follower.offer(chain.block({ transactions: [callOf(0)], changes: growthOf(0, 1) }));
    expect(follower.answer({ about: "contract", address: addressOf(0) })).toMatchObject({ state: { keys: 1 } });
    follower.offer(chain.block({ transactions: [callOf(0)], changes: growthOf(1, 1_000) }));
    expect(executionsOf(follower, 0)).toBeUndefined();
    follower.offer(chain.block({ transactions: [callOf(0)] }));
    expect(executionsOf(follower, 0)).toBe(1);
    follower.save(true);
    for (const each of [follower, followerOf(chain, path)]) {
      expect(each.answer({ about: "contract", address: addressOf(0) })).toMatchObject({ state: undefined });
      expect(chainOf(each).total.executions).toBe(3);
    }
  });

  it("tells 16 entrypoints and 16 reasons of failure apart, and counts the rest together", () => {
    const chain = new ChainBuilder();
    const follower = followerOf(chain);
    const transactions = Array.from({ length: 20 }, (_, i) => ({
      ...callOf(0),
      entrypoint: `run${i}`,
      receipt: { status: "reverted" as const, returnData: Buffer.from(`reason ${i} `.padEnd(200, "x")) },
    }));
    follower.offer(chain.block({ transactions }));
    const { entrypoints, errorReasons } = follower.answer({
      about: "contract",
      address: addressOf(0),
    }) as ContractReport;
    expect(entrypoints.length).toBe(17);
    expect(entrypoints.at(-1)).toMatchObject({ entrypoint: "(others)", total: { executions: 4 } });
    expect(errorReasons.length).toBe(17);
    expect(errorReasons[0]).toEqual({ reason: "(others)", count: 4 });
    expect(errorReasons[1]!.reason).toBe("reason 0 ".padEnd(80, "x"));
  });

  it("names an Error by its message, as far as 80 characters go", () => {
    const chain = new ChainBuilder();
    const follower = followerOf(chain);
    const word = (n: number) => n.toString(16).padStart(64, "0");
    const returnData = Buffer.from(`08c379a0${word(32)}${word(96)}${"78".repeat(96)}`, "hex");
    follower.offer(chain.block({ transactions: [{ ...callOf(0), receipt: { status: "reverted", returnData } }] }));
    expect(follower.answer({ about: "contract", address: addressOf(0) })).toMatchObject({
      errorReasons: [{ reason: `Error: ${"x".repeat(80)}`, count: 1 }],
    });
  });

  it("is as of the newest block that stands, when later ones were taken back", () => {
    const path = join(temporaryDirectory(), "analytics.json");
    const chain = new ChainBuilder();
    let follower = followerOf(chain, path);
    follower.offer(chain.block({ transactions: [callOf(0)], timestampMs: START }));
    follower.save(true);
    follower = followerOf(chain, path);
    follower.offer(chain.block({ timestampMs: START + 40 * DAY }));
    const suggestions = () =>
      (follower.answer({ about: "contract", address: addressOf(0) }) as ContractReport).suggestions;
    expect(suggestions()).toMatchObject([{ kind: "unusedContract" }]);
    follower.offer(chain.rollBack(0));
    expect(suggestions()).toEqual([]);
  });
});

describe("a suggestion", () => {
  it("names an entrypoint whose gas limit is far above its use", () => {
    const contract = new ContractAnalytics(ADDRESS, true);
    for (let i = 0; i < 100; i++)
      contract.executed(contract.entrypoint("mint"), execution({ gasLimit: 10_000_000 }), START);
    for (let i = 0; i < 100; i++)
      contract.executed(contract.entrypoint("burn"), execution({ gasLimit: 100_000 }), START);
    expect(contractSuggestions(contract, START)).toMatchObject([
      { kind: "gasLimitTooHigh", entrypoint: "mint", evidence: { avgGasLimit: 10_000_000, avgGasUsed: 50_000 } },
    ]);
  });

  it("names one from a limit ten times its use on, and from 100 executions on, and a limit of twice its use", () => {
    const advised = (count: number, gasLimit: number) => {
      const contract = new ContractAnalytics(ADDRESS, true);
      for (let i = 0; i < count; i++) contract.executed(contract.entrypoint("mint"), execution({ gasLimit }), START);
      return contractSuggestions(contract, START).map(({ advice }) => advice);
    };
    expect(advised(100, 500_000)).toEqual(["state about 100000 as gas limit"]);
    expect([advised(99, 500_000), advised(100, 499_999)]).toEqual([[], []]);
  });

  it("is made of state that only grows, by 64 KiB in three hours or more, and not of state that shrinks at times", () => {
    const grown = (shrinks: boolean, hours = 6, bytes = 50_000) => {
      const contract = new ContractAnalytics(ADDRESS, true);
      for (let hour = 0; hour < hours; hour++) {
        contract.grew(shrinks && hour === 3 ? -bytes : bytes, 100);
        contract.endEntry(START + hour * HOUR, new Series());
      }
      return contractSuggestions(contract, START + 6 * HOUR).map(({ kind }) => kind);
    };
    expect([grown(false), grown(true)]).toEqual([["storageGrows"], []]);
    expect([grown(false, 2), grown(false, 3), grown(false, 6, 10_000)]).toEqual([[], ["storageGrows"], []]);
  });

  it("is made of a contract that nobody has used for a month", () => {
    const contract = new ContractAnalytics(ADDRESS, true);
    expect(contractSuggestions(contract, START)).toEqual([]);
    contract.executed(contract.entrypoint("mint"), execution(), START);
    expect(contractSuggestions(contract, START + 30 * DAY - 1)).toEqual([]);
    expect(contractSuggestions(contract, START + 30 * DAY)).toMatchObject([{ kind: "unusedContract" }]);
  });

  it("is made of queries that are run where they need not be, and of keys read again", () => {
    const counts = {
      contract: ADDRESS,
      entrypoint: "quote",
      ...noQueries(),
      misses: 100,
      runMs: 50,
      reads: 400,
      judged: 100,
      judgedHits: 0,
    };
    expect(querySuggestions([counts], true, 800)).toEqual([]);
    expect(querySuggestions([counts], false, 800)).toMatchObject([{ kind: "cacheQuery", evidence: { avgRunMs: 0.5 } }]);
    expect(querySuggestions([{ ...counts, repeatedReads: 200 }], true, 800)).toMatchObject([
      { kind: "repeatedReads", expectedGain: "1600 gas a query" },
    ]);
    const kinds = (more: Partial<typeof counts>, isCaching = true) =>
      querySuggestions([{ ...counts, ...more }], isCaching, 800).map(({ kind }) => kind);
    expect([kinds({ repeatedReads: 100 }), kinds({ repeatedReads: 99 })]).toEqual([["repeatedReads"], []]);
    expect(kinds({ misses: 99, repeatedReads: 200 }, false)).toEqual([]);
    // More ask past the cache than use it.
    expect(kinds({ misses: 50, hits: 50, bypassed: 101 })).toEqual(["cacheQuery"]);
    expect(kinds({ misses: 50, hits: 50, bypassed: 100 })).toEqual([]);
  });
});

it("keeps who executes often, however many others there are", () => {
  const callers = new Callers();
  for (let i = 0; i < 50_000; i++) {
    callers.add(Buffer.from(`caller ${i}`.padEnd(20)), 0, execution(), START);
    if (i % 100 === 99) callers.add(Buffer.from("often".padEnd(20)), 0, execution(), START);
  }
  const [[first, track]] = callers.top(1) as [[string, Track]];
  expect(first.trim()).toBe("often");
  // It had no place when it came first, after the first 99.
  expect(track.executions).toBeGreaterThan(480);
  expect(callers.record().tracks.length).toBeLessThanOrEqual(1024);
});

describe("callers", () => {
  const addressOf = (name: string) => Buffer.from(name.padEnd(20));
  const addTimes = (callers: Callers, name: string, count: number, more: Partial<Execution> = {}) => {
    for (let i = 0; i < count; i++) callers.add(addressOf(name), 0, execution(more), START);
  };
  const places = (callers: Callers) => new Map(callers.top(1_024).map(([name, track]) => [name.trim(), track]));

  it("come back from their file with what they came to, and as hard to replace", () => {
    const before = new Callers();
    for (let i = 0; i < 1_024; i++) addTimes(before, `caller ${i}`, 100);
    addTimes(before, "another", 1);
    const after = new Callers(JSON.parse(JSON.stringify(before.record())));
    expect(places(after).get("caller 7")!.total()).toEqual(places(before).get("caller 7")!.total());
    // Twice as often as the one who would have to go, and 64 more: 264.
    addTimes(after, "newcomer", 264);
    expect(places(after).has("newcomer")).toBe(false);
    addTimes(after, "newcomer", 10);
    expect(places(after).has("newcomer")).toBe(true);
    expect([before.forgotten, after.forgotten]).toEqual([0, 1]);
    expect(new Callers(JSON.parse(JSON.stringify(after.record()))).forgotten).toBe(1);
  });

  it("who take another's place have none of its figures, and are found again", () => {
    const callers = new Callers();
    for (let i = 0; i < 1_024; i++) addTimes(callers, `caller ${i}`, 300, { gasUsed: 1_000 });
    for (let i = 0; i < 5; i++) {
      addTimes(callers, `newcomer ${i}`, 1_000, { gasUsed: 1_000_000 });
      const track = places(callers).get(`newcomer ${i}`)!;
      const { executions, gasPercentiles } = track.total();
      // Counted from when it was ahead of the one whose place it took.
      expect(executions).toBe(1_000 - (2 * 300 + 64));
      expect(gasPercentiles!.samples).toBe(executions - 256);
      expect(gasPercentiles!.p50).toBeGreaterThan(800_000);
    }
    expect([places(callers).size, callers.forgotten]).toEqual([1_024, 5]);
  });
});
