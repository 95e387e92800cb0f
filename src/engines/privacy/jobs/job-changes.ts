/**
 * JobChanges: which jobs are another than when they were last looked at, for whoever follows them. Looking costs; nobody
 * looks while nobody follows.
 * Always
 *  - Jobs come in the order in which they were seen to change, each at its newest.
 */
import type { Job, JobView } from "./job.ts";
import type { JobTable } from "./job-table.ts";

interface Seen {
  readonly job: Job;
  readonly version: number;
  readonly mark: string;
}

/** Several followers that ask in one turn see the same. */
const LOOK_MS = 100;

export class JobChanges {
  readonly #table: JobTable;
  readonly #view: (job: Job) => JobView;
  /** By id, the one that changed last at the end. */
  readonly #seen = new Map<string, Seen>();
  #version = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(table: JobTable, view: (job: Job) => JobView) {
    this.#table = table;
    this.#view = view;
  }

  /** What changed after `version`, at most `limit` of it; the version to go on from. */
  since(version: number, limit: number): { items: JobView[]; version: number } {
    const now = performance.now();
    if (now - this.#lookedAtMs >= LOOK_MS) this.#look();
    this.#lookedAtMs = now;
    const items: JobView[] = [];
    for (const seen of this.#seen.values()) {
      if (seen.version <= version) continue;
      items.push(this.#view(seen.job));
      if (items.length >= limit) return { items, version: seen.version };
    }
    return { items, version: this.#version };
  }

  #look(): void {
    for (const job of this.#table.all()) {
      const mark = this.#markOf(job);
      const seen = this.#seen.get(job.id);
      if (seen?.job !== job || seen.mark !== mark) this.#changed(job, mark);
    }
    for (const [id, { job, mark }] of this.#seen) {
      if (this.#table.get(id) === job) continue;
      // Its block was taken back while it was not over: that is told once. A job that is long over is just forgotten.
      const isTold = job.finishedAtMs !== undefined || mark === this.#markOf(job);
      if (isTold) this.#seen.delete(id);
      else this.#changed(job, this.#markOf(job));
    }
  }

  #changed(job: Job, mark: string): void {
    this.#seen.delete(job.id);
    this.#seen.set(job.id, { job, version: ++this.#version, mark });
  }

  #markOf(job: Job): string {
    const progress = job.status === "running" ? this.#view(job).percent : 0;
    return `${job.status} ${progress} ${job.outputs.length}`;
  }
}
