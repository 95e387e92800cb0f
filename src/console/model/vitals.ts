/**
 * The daemon's vital signs over the last minutes: two scrapes of GET /metrics make one point. They are kept while the page is
 * open, whatever view is shown, so that coming back to the overview finds them.
 * Where /metrics is elsewhere or off, `missing` says so, and what JSON-RPC knows still makes the rate.
 */
import { authorization, call, wentAway } from "../rpc.ts";
import { createStore } from "../store.ts";
import {
  bucketsOf,
  METRICS,
  type MetricName,
  parseSamples,
  quantileBetween,
  type Samples,
  sumOf,
} from "./prometheus.ts";

export interface Vital {
  readonly atMs: number;
  readonly transactionsPerSecond: number | null;
  readonly requestsPerSecond: number | null;
  readonly gasPerSecond: number | null;
  /** Milliseconds; null where nothing was measured in between. */
  readonly requestP50: number | null;
  readonly requestP99: number | null;
  readonly blockP99: number | null;
  readonly appendP99: number | null;
  /** Share of the queries in between. */
  readonly cacheHitShare: number | null;
  readonly queriesPerSecond: number | null;
  readonly backlogBytes: number | null;
  readonly residentBytes: number | null;
  /** Of one core. */
  readonly processorShare: number | null;
  readonly eventLoopShare: number | null;
}

export interface Vitals {
  readonly points: readonly Vital[];
  readonly samples: Samples | undefined;
  /** Why there are no more than the rate. */
  readonly missing: string | undefined;
}

const PATH = `/metrics?${METRICS.map((name) => `name[]=${name}`).join("&")}`;
/** Ten minutes. */
const POINTS_MAX = 300;
export const SCRAPE_MS = 2_000;
const SCRAPE_TIMEOUT_MS = 10_000;
/** After a pause (a hidden tab, a daemon that was away) a rate over all of it would mislead. */
const GAP_MS = 6 * SCRAPE_MS;

export const vitals = createStore<Vitals>({ points: [], samples: undefined, missing: undefined });

interface Scrape {
  readonly atMs: number;
  readonly samples: Samples;
}

let last: Scrape | undefined;
let lastTotals: { atMs: number; executions: number } | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let isScraping = false;
let scrapedAtMs = 0;
let viewers = 0;

/** Scrapes while somebody looks. Answers how to stop. */
export function watchVitals(): () => void {
  viewers++;
  if (viewers === 1) {
    document.addEventListener("visibilitychange", resume);
    resume();
  }
  return () => {
    viewers--;
    if (viewers > 0) return;
    document.removeEventListener("visibilitychange", resume);
    clearTimeout(timer);
  };
}

/** Not before SCRAPE_MS after the last one: a rate over less says little. */
function resume(): void {
  clearTimeout(timer);
  if (isScraping || viewers === 0 || document.hidden) return;
  timer = setTimeout(() => void tick(), Math.max(0, scrapedAtMs + SCRAPE_MS - Date.now()));
}

async function tick(): Promise<void> {
  isScraping = true;
  const scraped = await scrape();
  if (scraped === undefined) wentAway();
  else if (typeof scraped === "string") take({ atMs: Date.now(), samples: parseSamples(scraped) });
  else await takeTotals(whyMissing(scraped.status));
  isScraping = false;
  scrapedAtMs = Date.now();
  resume();
}

/** The text; or with which status there was none; undefined when nobody answered. */
async function scrape(): Promise<string | { status: number } | undefined> {
  try {
    const response = await fetch(PATH, {
      headers: authorization(),
      signal: AbortSignal.timeout(SCRAPE_TIMEOUT_MS),
    });
    return response.ok ? await response.text() : { status: response.status };
  } catch {
    return undefined;
  }
}

function whyMissing(status: number): string {
  if (status === 401) return "/metrics needs a token with the role reader";
  return "/metrics is not served here: it is off (monitoring.performance) or on a listener of its own (monitoring.listen)";
}

async function takeTotals(missing: string): Promise<void> {
  // A refusal is shown where the same is asked for; silence, `call` took note of.
  const performance = await call("metrics_performance", {}).catch(() => undefined);
  const totalExecutions = performance?.totalExecutions ?? null;
  const atMs = Date.now();
  const { points } = vitals.get();
  const before = lastTotals;
  if (totalExecutions === null) return;
  lastTotals = { atMs, executions: totalExecutions };
  if (before === undefined || atMs - before.atMs > GAP_MS) vitals.set({ points, samples: undefined, missing });
  else {
    const rate = (1000 * (totalExecutions - before.executions)) / (atMs - before.atMs);
    const point = { ...NOTHING, atMs, transactionsPerSecond: Math.max(0, rate) };
    vitals.set({ points: [...points, point].slice(-POINTS_MAX), samples: undefined, missing });
  }
}

const NOTHING: Omit<Vital, "atMs"> = {
  transactionsPerSecond: null,
  requestsPerSecond: null,
  gasPerSecond: null,
  requestP50: null,
  requestP99: null,
  blockP99: null,
  appendP99: null,
  cacheHitShare: null,
  queriesPerSecond: null,
  backlogBytes: null,
  residentBytes: null,
  processorShare: null,
  eventLoopShare: null,
};

function take(scrape: Scrape): void {
  const before = last;
  last = scrape;
  const { points } = vitals.get();
  const { samples } = scrape;
  const started = (of: Samples): number | undefined => sumOf(of, "process_start_time_seconds");
  const isSameRun = before !== undefined && started(before.samples) === started(samples);
  const isContinued = isSameRun && scrape.atMs - before.atMs <= GAP_MS;
  const kept = isContinued || points.length === 0 ? points : [...points, { ...NOTHING, atMs: scrape.atMs - 1 }];
  const more = isContinued ? [pointBetween(before, scrape)] : [];
  vitals.set({ points: [...kept, ...more].slice(-POINTS_MAX), samples, missing: undefined });
}

/** The bucket that everything is in. */
const ALL = { le: "+Inf" };

function pointBetween(before: Scrape, after: Scrape): Vital {
  const seconds = (after.atMs - before.atMs) / 1000;
  const grown = (name: MetricName, labels?: Record<string, string>): number =>
    (sumOf(after.samples, name, labels) ?? 0) - (sumOf(before.samples, name, labels) ?? 0);
  const quantile = (name: MetricName, share: number, labels?: Record<string, string>): number | null => {
    const found = quantileBetween(
      bucketsOf(before.samples, name, labels),
      bucketsOf(after.samples, name, labels),
      share,
    );
    return found === null ? null : 1000 * found;
  };
  const hits = grown("contract_cache_queries_total", { result: "hit" });
  const queries = grown("contract_cache_queries_total");
  const busy = grown("nodejs_eventloop_active_seconds_total");
  const idle = grown("nodejs_eventloop_idle_seconds_total");
  return {
    atMs: after.atMs,
    transactionsPerSecond: grown("contract_transactions_total") / seconds,
    requestsPerSecond: grown("rpc_server_call_duration_seconds_bucket", ALL) / seconds,
    gasPerSecond: grown("contract_gas_used_total") / seconds,
    requestP50: quantile("rpc_server_call_duration_seconds_bucket", 0.5),
    requestP99: quantile("rpc_server_call_duration_seconds_bucket", 0.99),
    blockP99: quantile("contract_block_execution_duration_seconds_bucket", 0.99),
    appendP99: quantile("db_client_operation_duration_seconds_bucket", 0.99, { db_operation_name: "append" }),
    cacheHitShare: queries > 0 ? hits / queries : null,
    queriesPerSecond: queries / seconds,
    backlogBytes: sumOf(after.samples, "contract_follower_backlog_bytes") ?? null,
    residentBytes: sumOf(after.samples, "process_resident_memory_bytes") ?? null,
    processorShare: grown("process_cpu_seconds_total") / seconds,
    eventLoopShare: busy + idle > 0 ? busy / (busy + idle) : null,
  };
}
