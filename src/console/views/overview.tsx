/** How the daemon does: rate, latency, cache, storage and its threads, live; what it ran last, and what stands out. */
import { useEffect } from "preact/hooks";
import type { MarkJson, PerformanceJson } from "../../client/metrics.ts";
import { bytes, compact, duration, percent, whole } from "../format.ts";
import { type MetricName, type Samples, sumOf } from "../model/prometheus.ts";
import { type Vital, vitals, watchVitals } from "../model/vitals.ts";
import { Chart, Keys, type Line } from "../parts/chart.tsx";
import { PageHead, Panel, Tile } from "../parts/panel.tsx";
import { AccountReference, ContractReference } from "../parts/reference.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { PartStatus } from "../parts/status.tsx";
import { Table } from "../parts/table.tsx";
import { TransactionsTable } from "../parts/transactions-table.tsx";
import { href } from "../router.ts";
import { useStore } from "../store.ts";
import { useRpc } from "../use-rpc.ts";

/** Queries make no block, and are counted too. */
const PERFORMANCE_MS = 5_000;
const SPAN_MS = 2 * 60_000;
const SHOWN_TRANSACTIONS = 10;

export function OverviewView() {
  useEffect(watchVitals, []);
  const performance = useRpc("metrics_performance", {}, { isLive: true, everyMs: PERFORMANCE_MS });
  const newest = useRpc("tx_list", { limit: SHOWN_TRANSACTIONS }, { isLive: true });
  const { missing, samples } = useStore(vitals);
  return (
    <>
      <PageHead title="Overview">{missing !== undefined && <span class="chip warn">{missing}</span>}</PageHead>
      <Tiles performance={performance.data} />
      <Charts />
      <div class="grid lead">
        <Panel title="Newest transactions" isPadded={false} end={<a href={href("transactions")}>all</a>}>
          <Shown answer={newest}>
            {({ items }) => (items.length > 0 ? <TransactionsTable items={items} isShort /> : <NothingYet />)}
          </Shown>
        </Panel>
        <div class="stack">
          <Panel title="Busiest contracts" isPadded={false}>
            <Shown answer={performance}>{(data) => <TopContracts data={data} />}</Shown>
          </Panel>
          <Panel title="Busiest callers" isPadded={false}>
            <Shown answer={performance}>{(data) => <TopCallers data={data} />}</Shown>
          </Panel>
          <Panel title="What stands out" isPadded={false}>
            <Shown answer={performance}>{(data) => <StandsOut data={data} />}</Shown>
          </Panel>
          {samples !== undefined && (
            <Panel title="Storage and threads" isPadded={false} end={<a href={href("storage")}>all</a>}>
              <Parts samples={samples} />
            </Panel>
          )}
        </div>
      </div>
    </>
  );
}

function Tiles({ performance }: { performance: PerformanceJson | undefined }) {
  const { points, samples } = useStore(vitals);
  const last: Partial<Vital> = points.at(-1) ?? {};
  const sampled = (name: MetricName) => samples && sumOf(samples, name);
  const day = performance?.executions?.day;
  return (
    <div class="tiles eight">
      <Tile
        name="transactions"
        value={compact(last.transactionsPerSecond)}
        unit="/s"
        more={`${whole(performance?.totalExecutions)} in all`}
      />
      <Tile name="requests, p99" value={duration(last.requestP99)} more={`${compact(last.requestsPerSecond)}/s`} />
      <Tile
        name="succeeded"
        value={percent(performance?.successRate)}
        more={`failing ${percent(performance?.recentErrorRate)}`}
      />
      <Tile name="gas" value={compact(last.gasPerSecond)} unit="/s" more={`${compact(day?.avgGasUsed ?? null)} each`} />
      <Tile
        name="cached queries"
        value={percent(performance?.cacheHitRate)}
        more={performance && `${whole(performance.cache.entries)} of ${whole(performance.cache.entriesMax)} kept`}
      />
      <Tile name="log" value={bytes(sampled("contract_log_bytes"))} more={`state ${bytes(last.backlogBytes)} behind`} />
      <Tile name="processor" value={percent(last.processorShare)} more={`loop ${percent(last.eventLoopShare)}`} />
      <Tile
        name="memory"
        value={bytes(last.residentBytes)}
        more={`${whole(performance?.activeContracts)} active contracts`}
      />
    </div>
  );
}

function Charts() {
  const { points } = useStore(vitals);
  const times = points.map(({ atMs }) => atMs);
  const of = (key: Exclude<keyof Vital, "atMs">) => points.map((point) => point[key]);
  const rate: Line[] = [{ label: "transactions", tone: "accent", values: of("transactionsPerSecond"), isFilled: true }];
  const latency: Line[] = [
    { label: "requests", tone: "accent", values: of("requestP99") },
    { label: "execution", tone: "second", values: of("blockP99") },
    { label: "append", tone: "third", values: of("appendP99") },
  ];
  const cache: Line[] = [{ label: "hits", tone: "accent", values: of("cacheHitShare"), isFilled: true }];
  const threads: Line[] = [
    { label: "processor", tone: "accent", values: of("processorShare"), isFilled: true },
    { label: "main thread", tone: "second", values: of("eventLoopShare") },
  ];
  return (
    <div class="grid">
      <Panel title="Transactions a second" end={<Keys lines={rate} />}>
        <Chart title="Transactions a second" times={times} lines={rate} spanMs={SPAN_MS} />
      </Panel>
      <Panel title="Latency, p99" end={<Keys lines={latency} format={duration} />}>
        <Chart title="Latency" times={times} lines={latency} format={duration} spanMs={SPAN_MS} />
      </Panel>
      <Panel title="Cached queries" end={<Keys lines={cache} format={percent} />}>
        <Chart
          title="Share of queries answered from the cache"
          times={times}
          lines={cache}
          format={percent}
          spanMs={SPAN_MS}
          height={110}
        />
      </Panel>
      <Panel title="Processor" end={<Keys lines={threads} format={percent} />}>
        <Chart title="Share of a core" times={times} lines={threads} format={percent} spanMs={SPAN_MS} height={110} />
      </Panel>
    </div>
  );
}

function NothingYet() {
  return (
    <Empty title="Nothing has run yet">
      <p>Deploy a token, and it is here:</p>
      <pre>polytorus deploy erc20 --name MyToken --symbol MTK --decimals 18 --supply 1000000</pre>
    </Empty>
  );
}

/** Each part of the daemon, and of some how much there is to do. */
function Parts({ samples }: { samples: Samples }) {
  const of = (name: MetricName) => sumOf(samples, name);
  const more: Record<string, string> = {
    log: `${whole(of("contract_log_seq"))} entries`,
    state: `${bytes(of("contract_follower_backlog_bytes"))} behind the log`,
    queries: `${whole(of("contract_query_threads"))} of ${whole(of("contract_query_threads_max"))} threads, ${whole(of("contract_query_waiting"))} waiting`,
  };
  return (
    <ul class="list">
      {(samples.get("contract_backend_up") ?? []).map(({ labels: { backend = "" }, value }) => (
        <li key={backend}>
          <PartStatus status={value === 1 ? "ok" : "not ok"} /> {backend} <span class="quiet">{more[backend]}</span>
        </li>
      ))}
    </ul>
  );
}

function TopContracts({ data: { topContracts, analytics } }: { data: PerformanceJson }) {
  if (!analytics) return <AnalyticsOff />;
  if (topContracts.length === 0) return <Empty title="None yet" />;
  return (
    <Table
      items={topContracts.slice(0, 5)}
      keyOf={({ address }) => address}
      columns={[
        { head: "contract", cell: ({ address }) => <ContractReference address={address} /> },
        { head: "executions", class: "number", cell: ({ executions }) => whole(executions) },
        { head: "succeeded", class: "number", cell: ({ successRate }) => percent(successRate) },
      ]}
    />
  );
}

function TopCallers({ data: { topCallers, analytics } }: { data: PerformanceJson }) {
  if (!analytics) return <AnalyticsOff />;
  if (topCallers.length === 0) return <Empty title="None yet" />;
  return (
    <Table
      items={topCallers.slice(0, 5)}
      keyOf={({ address }) => address}
      columns={[
        { head: "caller", cell: ({ address }) => <AccountReference address={address} /> },
        { head: "executions", class: "number", cell: ({ total }) => whole(total.executions) },
        { head: "gas", class: "number", cell: ({ total }) => compact(total.gasUsed) },
      ]}
    />
  );
}

function StandsOut({ data: { marks, optimizations, analytics } }: { data: PerformanceJson }) {
  if (!analytics) return <AnalyticsOff />;
  if (marks.length === 0 && optimizations.length === 0) return <Empty title="Nothing out of the ordinary" />;
  return (
    <ul class="list">
      {marks.map((mark) => (
        <li key={`${mark.kind} ${mark.what} ${mark.window}`}>
          <Mark mark={mark} />
        </li>
      ))}
      {optimizations.map((optimization, index) => (
        <li key={`optimization ${index}`}>
          <span class="chip good">applied</span> {wordsOf(optimization.what)}{" "}
          <ContractReference address={optimization.contract} />
        </li>
      ))}
    </ul>
  );
}

/** loadedAtStart → loaded at start */
function wordsOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

const WHAT = { executions: "executions", failureRate: "share of failures", gasPerExecution: "gas an execution" };

export function Mark({ mark: { kind, what, window, direction, value, expected } }: { mark: MarkJson }) {
  const shown = what === "failureRate" ? percent : compact;
  return (
    <>
      <span class="chip warn">{kind}</span> {WHAT[what]} {direction} in the last {window}: {shown(value)} where{" "}
      {shown(expected)} was expected
    </>
  );
}

function AnalyticsOff() {
  return (
    <Empty title="Executions are not counted">
      <p>Set enhanced.enable_analytics to have them counted.</p>
    </Empty>
  );
}
