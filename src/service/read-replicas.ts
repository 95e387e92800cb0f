/** ReadReplicas: the read replicas of an engine's database, and who is near enough to be read from. */
import type { BlockLog } from "../execution/ports.ts";
import type { PostgresOptions } from "../storage/postgres-options.ts";
import { ReadReplica, type ReadReplicaState } from "../storage/read-replica.ts";

export interface ReadReplicasOptions {
  readonly servers: readonly PostgresOptions[];
  readonly entriesBehindMax: number;
  readonly durability: "journal" | "strict";
  readonly log: BlockLog;
  /** The newest entry that the primary's tables have. */
  tablesSeq(): number;
  report(level: "info" | "warn", message: string, facts: Record<string, unknown>): void;
}

export class ReadReplicas {
  readonly entriesBehindMax: number;
  readonly #replicas: readonly ReadReplica[];

  constructor({ servers, entriesBehindMax, durability, log, tablesSeq, report }: ReadReplicasOptions) {
    this.entriesBehindMax = entriesBehindMax;
    const strict = { compares: "logSeq", primarySeq: () => log.durableSeq } as const;
    const journal = { compares: "tablesSeq", primarySeq: tablesSeq } as const;
    const measure = durability === "strict" ? strict : journal;
    this.#replicas = servers.map((postgres) => new ReadReplica({ postgres, entriesBehindMax, report, ...measure }));
  }

  start(): void {
    for (const replica of this.#replicas) replica.start();
  }

  /** The first that is near enough. */
  get nearest(): ReadReplica | undefined {
    return this.#replicas.find(({ state }) => state.status === "ok");
  }

  describe(): ReadReplicaState[] {
    return this.#replicas.map(({ state }) => state);
  }

  async close(): Promise<void> {
    await Promise.all(this.#replicas.map((replica) => replica.close()));
  }
}
