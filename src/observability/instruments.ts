/**
 * Instruments: counters and histograms that the hot path changes in place, gauges that are read when someone looks.
 *   Instruments ── text ──▶ Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats)
 * Always
 *  - Labels take values from small fixed sets (methods, error codes, statuses): never an address, never a key.
 *  - A counter never goes back while the process lives.
 */
import { EngineError } from "../errors.ts";

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  labels?: Labels;
  value: number;
}

/** Seconds: from 50 µs, a cached query, to 30 s, the longest execution that is allowed by default. */
const DURATION_BOUNDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** What is written of a histogram, each with its suffix. */
const HISTOGRAM_PARTS = ["_bucket", "_sum", "_count"] as const;

export class Histogram {
  readonly bounds: readonly number[];
  /** By bucket, the last for what is above all bounds. */
  readonly counts: Float64Array;
  sum = 0;
  /** Its labels as they are written: most of the work of writing it, and always the same. */
  readonly #labels: string;
  readonly #bucketLabels: readonly string[];

  constructor(labels: Labels = {}, bounds: readonly number[] = DURATION_BOUNDS) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
    this.#labels = labelText(labels);
    this.#bucketLabels = [...bounds.map(String), "+Inf"].map((le) => labelText({ ...labels, le }));
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

  /** @param name of its family. @param isWanted by the name of what is written. */
  write(lines: string[], name: string, isWanted: (name: string) => boolean): void {
    const [bucket, sum, count] = HISTOGRAM_PARTS.map((part) => `${name}${part}`) as [string, string, string];
    if (isWanted(bucket)) {
      let below = 0;
      this.counts.forEach((within, i) => {
        below += within;
        lines.push(`${bucket}${this.#bucketLabels[i]} ${below}`);
      });
    }
    if (isWanted(sum)) lines.push(`${sum}${this.#labels} ${numberText(this.sum)}`);
    if (isWanted(count)) lines.push(`${count}${this.#labels} ${this.count}`);
  }
}

type Kind = "counter" | "gauge" | "histogram";
/** Undefined: there are none now. */
export type Samples = readonly Sample[] | number | undefined;

interface Family {
  readonly name: string;
  readonly help: string;
  readonly kind: Kind;
  /** What is written of it: itself, or the parts of a histogram. */
  readonly sampleNames: readonly string[];
  readonly read: () => Promise<readonly (Sample | Histogram)[]>;
}

export class Instruments {
  readonly #families: Family[] = [];

  /** Of every sample that there may be. */
  get sampleNames(): string[] {
    return this.#families.flatMap(({ sampleNames }) => sampleNames);
  }

  /** Its name ends in `_total`. @param read all its samples; a sample that was there once stays. */
  counter(name: string, help: string, read: () => Samples | Promise<Samples>): void {
    this.#addSamples(name, help, "counter", read);
  }

  gauge(name: string, help: string, read: () => Samples | Promise<Samples>): void {
    this.#addSamples(name, help, "gauge", read);
  }

  histogram(name: string, help: string, read: () => readonly Histogram[]): void {
    const sampleNames = HISTOGRAM_PARTS.map((part) => `${name}${part}`);
    this.#families.push({ name, help, kind: "histogram", sampleNames, read: async () => read() });
  }

  #addSamples(name: string, help: string, kind: Kind, read: () => Samples | Promise<Samples>): void {
    const samples = async (): Promise<readonly Sample[]> => {
      const value = await read();
      return value === undefined ? [] : typeof value === "number" ? [{ value }] : value;
    };
    this.#families.push({ name, help, kind, sampleNames: [name], read: samples });
  }

  /** Every name that `text` may be asked for: of a metric, which is all of its samples, or of its samples. */
  knownNames(): Set<string> {
    return new Set(this.#families.flatMap(({ name, sampleNames }) => [name, ...sampleNames]));
  }

  /**
   * Reads and writes what is wanted, and nothing else is read.
   * @param names left out: everything. @throws EngineError INTERNAL_ERROR naming the metric that can't be read, with the cause.
   */
  async text(names?: ReadonlySet<string>): Promise<string> {
    const wanted = this.#families.filter(
      ({ name, sampleNames }) => names === undefined || names.has(name) || sampleNames.some((each) => names.has(each)),
    );
    const samples = await Promise.all(
      wanted.map((family) => family.read().catch((cause) => unreadable(family, cause))),
    );
    const lines: string[] = [];
    for (const [i, { name, help, kind }] of wanted.entries()) {
      const isWanted = (sample: string) => names === undefined || names.has(name) || names.has(sample);
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`);
      for (const sample of samples[i]!) {
        if (sample instanceof Histogram) sample.write(lines, name, isWanted);
        else lines.push(`${name}${labelText(sample.labels)} ${numberText(sample.value)}`);
      }
    }
    return `${lines.join("\n")}\n`;
  }
}

function unreadable({ name }: Family, cause: unknown): never {
  const message = `the metric ${name} can't be read; the daemon's log says why`;
  throw new EngineError("INTERNAL_ERROR", message, { metric: name }, { cause });
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
