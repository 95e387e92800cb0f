/** StatementMeter: what was asked of a server: how often, how long it took, what failed, and the slowest of late. */

export interface SlowStatement {
  /** What it was, without its values. */
  readonly statement: string;
  readonly ms: number;
  /** When it ended, ms since 1970. */
  readonly atMs: number;
  readonly failed: boolean;
}

export interface StatementCounts {
  readonly statements: number;
  readonly failed: number;
  /** Of all, together. */
  readonly totalMs: number;
  /** Of them, those past the threshold. */
  readonly slowCount: number;
  /** Open now. */
  readonly connections: number;
  /** The last ones past the threshold, newest first. */
  readonly slow: readonly SlowStatement[];
}

/** What counts as slow where nothing else is said. */
export const SLOW_MS = 250;
const SLOW_KEPT = 50;
const TEXT_MAX = 200;

export class StatementMeter {
  readonly #slowMs: number;
  #statements = 0;
  #failed = 0;
  #totalMs = 0;
  #slowCount = 0;
  #connections = 0;
  #slow: SlowStatement[] = [];

  /** @param slowMs what takes as long is kept in the list. */
  constructor(slowMs: number = SLOW_MS) {
    this.#slowMs = slowMs;
  }

  /** Runs and measures one statement. */
  async measure<T>(statement: string, run: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    let isDone = false;
    try {
      const result = await run();
      isDone = true;
      return result;
    } finally {
      this.#record(statement, performance.now() - startMs, !isDone);
    }
  }

  opened(): void {
    this.#connections++;
  }

  closed(): void {
    this.#connections--;
  }

  get counts(): StatementCounts {
    return {
      statements: this.#statements,
      failed: this.#failed,
      totalMs: this.#totalMs,
      slowCount: this.#slowCount,
      connections: this.#connections,
      slow: this.#slow,
    };
  }

  #record(statement: string, ms: number, failed: boolean): void {
    this.#statements++;
    this.#totalMs += ms;
    if (failed) this.#failed++;
    if (ms < this.#slowMs) return;
    this.#slowCount++;
    const text = statement.replace(/\s+/g, " ").trim().slice(0, TEXT_MAX);
    this.#slow = [{ statement: text, ms: Math.round(ms), atMs: Date.now(), failed }, ...this.#slow].slice(0, SLOW_KEPT);
  }
}

/** Sums over several meters. */
export function addedCounts(parts: readonly StatementCounts[]): StatementCounts {
  const sum = (of: (part: StatementCounts) => number) => parts.reduce((total, part) => total + of(part), 0);
  return {
    statements: sum(({ statements }) => statements),
    failed: sum(({ failed }) => failed),
    totalMs: sum(({ totalMs }) => totalMs),
    slowCount: sum(({ slowCount }) => slowCount),
    connections: sum(({ connections }) => connections),
    slow: parts
      .flatMap(({ slow }) => slow)
      .sort((a, b) => b.atMs - a.atMs)
      .slice(0, SLOW_KEPT),
  };
}
