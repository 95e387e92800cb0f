/**
 * QueryStatistics: how often each entrypoint of each contract is asked, and what the cache made of it.
 * Bounded: the entrypoint asked longest ago is forgotten first; what it counted stays in the totals.
 */
import { LRUCache } from "lru-cache";

/** Of one entrypoint of one contract. Whoever holds it counts in place. */
export interface QueryCounts {
  /** 20 bytes as latin1. */
  readonly contract: string;
  readonly entrypoint: string;
  /** Answered from the cache. */
  hits: number;
  /** Run. */
  misses: number;
  /** Answered by a run that another query had begun. */
  joined: number;
  /** Of the misses: an answer was there, but what it had read was written since. */
  invalidated: number;
  /** Of the misses: an answer was there, but too old. */
  expired: number;
  /** Run because the caller asked for it. */
  bypassed: number;
  reverted: number;
  halted: number;
  /** Gas of those that were run. */
  gasUsed: number;
  /** Time from question to answer of those that were run, ms. */
  runMs: number;
  /** Reads of keys and ranges by those that were run; `repeatedReads` of them were of a key read before in the same query. */
  reads: number;
  repeatedReads: number;
  /** Lately looked up in the cache, and of those the hits: what it is judged by, no total. */
  judged: number;
  judgedHits: number;
}

export type QueryTotals = Omit<QueryCounts, "contract" | "entrypoint" | "judged" | "judgedHits">;

/** About 300 bytes each. */
const TRACKED_MAX = 4096;

export function noQueries(): QueryTotals {
  return {
    hits: 0,
    misses: 0,
    joined: 0,
    invalidated: 0,
    expired: 0,
    bypassed: 0,
    reverted: 0,
    halted: 0,
    gasUsed: 0,
    runMs: 0,
    reads: 0,
    repeatedReads: 0,
  };
}

export class QueryStatistics {
  readonly #counts: LRUCache<string, QueryCounts>;
  readonly #forgotten = noQueries();

  constructor() {
    this.#counts = new LRUCache({ max: TRACKED_MAX, dispose: (counts) => addCounts(this.#forgotten, counts) });
  }

  /** What is counted for an entrypoint. @param contract 20 bytes as latin1. */
  of(contract: string, entrypoint: string): QueryCounts {
    const name = contract + entrypoint;
    let counts = this.#counts.get(name);
    if (counts === undefined) {
      counts = { contract, entrypoint, ...noQueries(), judged: 0, judgedHits: 0 };
      this.#counts.set(name, counts);
    }
    return counts;
  }

  all(): QueryCounts[] {
    return [...this.#counts.values()];
  }

  ofContract(contract: string): QueryCounts[] {
    return this.all().filter((counts) => counts.contract === contract);
  }

  totals(): QueryTotals {
    const totals = noQueries();
    addCounts(totals, this.#forgotten);
    for (const counts of this.#counts.values()) addCounts(totals, counts);
    return totals;
  }
}

export function addCounts(to: QueryTotals, from: QueryTotals): void {
  for (const key of Object.keys(to) as (keyof QueryTotals)[]) to[key] += from[key];
}

/** Share of the questions that were answered without running, of those that might have been; undefined before the first. */
export function hitRate({ hits, misses, joined }: QueryTotals): number | undefined {
  const asked = hits + joined + misses;
  return asked === 0 ? undefined : (hits + joined) / asked;
}
