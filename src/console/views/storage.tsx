/** The log, what follows it, and the threads: how each is, and how far behind. */
import { useEffect } from "preact/hooks";
import { bytes, duration, whole } from "../format.ts";
import { askHealth, type Backend } from "../model/health.ts";
import { vitals, watchVitals } from "../model/vitals.ts";
import { Chart, Keys, type Line } from "../parts/chart.tsx";
import { Facts, PageHead, Panel } from "../parts/panel.tsx";
import { Shown } from "../parts/states.tsx";
import { PartStatus } from "../parts/status.tsx";
import { engine } from "../rpc.ts";
import { useStore } from "../store.ts";
import { useAsked } from "../use-rpc.ts";

const REFRESH_MS = 2_000;
const SPAN_MS = 2 * 60_000;

/** What a backend says of itself, in words. */
const FACT_NAMES: Record<string, string> = {
  kind: "kind",
  durableSeq: "durable up to seq",
  bytes: "size",
  lowestHeight: "oldest block",
  lowestSeq: "oldest seq",
  countedSeq: "counted up to seq",
  appliedSeq: "applied up to seq",
  backlogEntries: "entries behind",
  backlogBytes: "bytes behind",
  backlogMaxBytes: "may be behind",
  flushMs: "last flush took",
  tree: "state tree at the start",
  native: "native addon",
  leader: "leader",
  role: "role",
  entriesBehind: "entries behind the leader",
  error: "problem",
  threads: "threads that run",
  threadsMax: "threads at most",
  waiting: "wait now",
  waitingMax: "may wait",
  overran: "ran too long",
};

export function StorageView() {
  useEffect(watchVitals, []);
  const health = useAsked("health", askHealth, { everyMs: REFRESH_MS });
  const info = useStore(engine);
  return (
    <>
      <PageHead title="Storage" sub={health.data && <PartStatus status={health.data.status} />} />
      <Shown answer={health}>
        {({ backends, canRead, canWrite }) => (
          <>
            <p class="quiet">
              {canWrite ? "It takes writes" : "It takes no writes"} and {canRead ? "answers reads" : "answers no reads"}
              {info !== undefined && `; storage ${info.storage.kind}, durability ${String(info.storage["durability"])}`}
              .
            </p>
            <div class="grid small">
              {Object.entries(backends).map(([name, backend]) => (
                <Panel key={name} title={name} end={<PartStatus status={backend.status} />}>
                  <Facts items={Object.entries(backend).flatMap(factOf)} />
                </Panel>
              ))}
            </div>
          </>
        )}
      </Shown>
      <Backlog />
      {info !== undefined && (
        <Panel title="Limits">
          <div class="columns">
            <Facts
              items={Object.entries(info.limits).map(([name, value]) => [
                name,
                /bytes/i.test(name) ? bytes(Number(value)) : whole(value as number),
              ])}
            />
          </div>
        </Panel>
      )}
    </>
  );
}

function factOf([name, value]: [string, Backend[string]]): (readonly [string, string])[] {
  if (name === "status" || value === undefined || value === null) return [];
  const shown = FACT_NAMES[name] ?? name;
  if (typeof value === "boolean") return [[shown, value ? "yes" : "no"]];
  if (typeof value !== "number") return [[shown, typeof value === "string" ? value : JSON.stringify(value)]];
  if (/bytes/i.test(name)) return [[shown, bytes(value)]];
  return [[shown, name.endsWith("Ms") ? duration(value) : whole(value)]];
}

function Backlog() {
  const { points } = useStore(vitals);
  const times = points.map(({ atMs }) => atMs);
  const behind: Line[] = [
    { label: "bytes behind", tone: "accent", values: points.map(({ backlogBytes }) => backlogBytes), isFilled: true },
  ];
  const append: Line[] = [{ label: "append p99", tone: "third", values: points.map(({ appendP99 }) => appendP99) }];
  return (
    <div class="grid">
      <Panel title="State store behind the log" end={<Keys lines={behind} format={bytes} />}>
        <Chart title="State store behind the log" times={times} lines={behind} format={bytes} spanMs={SPAN_MS} />
      </Panel>
      <Panel title="Appending to the log" end={<Keys lines={append} format={duration} />}>
        <Chart title="Time to append" times={times} lines={append} format={duration} spanMs={SPAN_MS} />
      </Panel>
    </div>
  );
}
