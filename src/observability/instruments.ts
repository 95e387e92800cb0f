/**
 * Instruments: counters and histograms that the hot path changes in place, gauges that are read when someone looks.
 *   Instruments ── text ──▶ Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats)
 * Always
 *  - Labels take values from small fixed sets (methods, error codes, statuses): never an address, never a key.
 *  - A counter never goes back while the process lives.
 */
export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  labels?: Labels;
  value: number;
}

/** Seconds: from 50 µs, a cached query, to 30 s, the longest execution that is allowed by default. */
const DURATION_BOUNDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

export class Histogram {
  readonly labels: Labels;
  readonly bounds: readonly number[];
  /** By bucket, the last for what is above all bounds. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(labels: Labels = {}, bounds: readonly number[] = DURATION_BOUNDS) {
    this.labels = labels;
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds } = this;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bounds[middle]! < value) low = middle + 1;
      else high = middle;
    }
    this.counts[low]!++;
    this.sum += value;
  }

  get count(): number {
    return this.counts.reduce((total, count) => total + count, 0);
  }
}

type Kind = "counter" | "gauge" | "histogram";

interface Family {
  readonly name: string;
  readonly help: string;
  readonly kind: Kind;
  readonly read: () => readonly (Sample | Histogram)[];
}

export class Instruments {
  readonly #families: Family[] = [];

  get names(): string[] {
    return this.#families.flatMap(({ name, kind }) =>
      kind === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    );
  }

  /** Its name ends in `_total`. @param read all its samples; a sample that was there once stays. */
  counter(name: string, help: string, read: () => readonly Sample[] | number | undefined): void {
    this.#add(name, help, "counter", read);
  }

  /** @param read undefined: there is no value now. */
  gauge(name: string, help: string, read: () => readonly Sample[] | number | undefined): void {
    this.#add(name, help, "gauge", read);
  }

  histogram(name: string, help: string, read: () => readonly Histogram[]): void {
    this.#families.push({ name, help, kind: "histogram", read });
  }

  #add(name: string, help: string, kind: Kind, read: () => readonly Sample[] | number | undefined): void {
    const samples = (): readonly Sample[] => {
      const value = read();
      return value === undefined ? [] : typeof value === "number" ? [{ value }] : value;
    };
    this.#families.push({ name, help, kind, read: samples });
  }

  text(): string {
    const lines: string[] = [];
    for (const { name, help, kind, read } of this.#families) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`);
      for (const sample of read()) {
        if (sample instanceof Histogram) writeHistogram(lines, name, sample);
        else lines.push(`${name}${labelText(sample.labels)} ${numberText(sample.value)}`);
      }
    }
    return `${lines.join("\n")}\n`;
  }
}

function writeHistogram(lines: string[], name: string, histogram: Histogram): void {
  let below = 0;
  histogram.counts.forEach((count, i) => {
    below += count;
    const le = i < histogram.bounds.length ? String(histogram.bounds[i]) : "+Inf";
    lines.push(`${name}_bucket${labelText({ ...histogram.labels, le })} ${below}`);
  });
  lines.push(`${name}_sum${labelText(histogram.labels)} ${numberText(histogram.sum)}`);
  lines.push(`${name}_count${labelText(histogram.labels)} ${below}`);
}

function labelText(labels: Labels = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}
