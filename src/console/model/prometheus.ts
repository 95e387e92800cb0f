/** Prometheus' text format, as far as GET /metrics writes what the console asks for: samples by name, with their labels. */

/** The daemon reads and writes these, and nothing else. */
export const METRICS = [
  "contract_backend_up",
  "contract_block_execution_duration_seconds_bucket",
  "contract_cache_queries_total",
  "contract_follower_backlog_bytes",
  "contract_gas_used_total",
  "contract_log_bytes",
  "contract_log_seq",
  "contract_query_threads",
  "contract_query_threads_max",
  "contract_query_waiting",
  "contract_transactions_total",
  "db_client_operation_duration_seconds_bucket",
  "nodejs_eventloop_active_seconds_total",
  "nodejs_eventloop_idle_seconds_total",
  "process_cpu_seconds_total",
  "process_resident_memory_bytes",
  "process_start_time_seconds",
  "rpc_server_call_duration_seconds_bucket",
] as const;
export type MetricName = (typeof METRICS)[number];

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export type Samples = ReadonlyMap<MetricName, readonly Sample[]>;

export function parseSamples(text: string): Samples {
  const samples = new Map<MetricName, Sample[]>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const space = line.lastIndexOf(" ");
    const brace = line.indexOf("{");
    const name = line.slice(0, brace < 0 ? space : brace) as MetricName;
    const sample = {
      labels: brace < 0 ? {} : labelsOf(line.slice(brace, space)),
      value: Number(line.slice(space + 1)),
    };
    const known = samples.get(name);
    if (known === undefined) samples.set(name, [sample]);
    else known.push(sample);
  }
  return samples;
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[name!] = value!;
  return labels;
}

type Labels = Readonly<Record<string, string>>;

/** The sum of a metric's samples that have the labels; undefined when there is none. */
export function sumOf(samples: Samples, name: MetricName, labels: Labels = {}): number | undefined {
  const matching = (samples.get(name) ?? []).filter((sample) => has(sample, labels));
  return matching.length === 0 ? undefined : matching.reduce((sum, { value }) => sum + value, 0);
}

function has(sample: Sample, labels: Labels): boolean {
  return Object.entries(labels).every(([name, value]) => sample.labels[name] === value);
}

/** Counts of a histogram up to each bound, all its series with the labels together. @param name of its buckets. */
export function bucketsOf(samples: Samples, name: MetricName, labels: Labels = {}): Map<number, number> {
  const buckets = new Map<number, number>();
  for (const sample of samples.get(name) ?? []) {
    if (!has(sample, labels)) continue;
    const bound = sample.labels["le"] === "+Inf" ? Number.POSITIVE_INFINITY : Number(sample.labels["le"]);
    buckets.set(bound, (buckets.get(bound) ?? 0) + sample.value);
  }
  return buckets;
}

/**
 * What a share of the observations between two scrapes was below, in the histogram's unit; within a bucket as if they lay
 * evenly. Null when there was none.
 */
export function quantileBetween(
  before: ReadonlyMap<number, number>,
  after: ReadonlyMap<number, number>,
  share: number,
): number | null {
  const bounds = [...after.keys()].sort((a, b) => a - b);
  const counts = bounds.map((bound) => after.get(bound)! - (before.get(bound) ?? 0));
  const total = counts.at(-1) ?? 0;
  if (!(total > 0)) return null;
  const rank = share * total;
  const at = counts.findIndex((count) => count >= rank);
  const low = at === 0 ? 0 : bounds[at - 1]!;
  const high = bounds[at]!;
  if (high === Number.POSITIVE_INFINITY) return low;
  const below = at === 0 ? 0 : counts[at - 1]!;
  return low + ((high - low) * (rank - below)) / Math.max(1, counts[at]! - below);
}
