/** LocalEventLog: the log of this daemon as streams read it. */
import { BlockEntry } from "../encoding/block-entry.ts";
import { StorageError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import type { EventCriteria, EventLog, EventMatcher } from "../rpc/services.ts";
import type { ChainIndex } from "../storage/chain-index.ts";
import { ExecutionFilter, LogFilter } from "../storage/log-filter.ts";
import { undone } from "./catch-up.ts";

export class LocalEventLog implements EventLog {
  readonly #log: BlockLog;
  readonly #chain: ChainIndex;
  readonly #listeners = new Set<(entry: BlockEntry) => void>();

  constructor(modules: { log: BlockLog; chain: ChainIndex }) {
    this.#log = modules.log;
    this.#chain = modules.chain;
  }

  /** As far as everyone was told, which the log may be ahead of. */
  get durableSeq(): number {
    return this.#chain.lastSeq;
  }

  get headHeight(): number {
    return this.#chain.headHeight;
  }

  get lowestSeq(): number {
    return this.#chain.lowestSeq;
  }

  get lowestHeight(): number {
    return this.#chain.lowestHeight;
  }

  entry(seq: number): BlockEntry | undefined {
    if (seq < this.lowestSeq) return undefined;
    const bytes = this.#log.read(seq);
    return bytes === undefined ? undefined : new BlockEntry(bytes);
  }

  header(seq: number): BlockEntry | undefined {
    if (seq < this.lowestSeq) return undefined;
    const bytes = this.#log.readHeader(seq);
    return bytes === undefined ? undefined : new BlockEntry(bytes);
  }

  undone(rollback: BlockEntry): number[] {
    return [...undone(rollback, (seq) => this.#requireHeader(seq))].map(({ seq }) => seq);
  }

  seqOfHeight(height: number): number | undefined {
    return this.#chain.seqOfHeight(height);
  }

  matcher({ address, topics }: EventCriteria): EventMatcher {
    const logs = new LogFilter({ address, topics });
    const executions = address === undefined ? undefined : new ExecutionFilter(address);
    return {
      logs: (block, transactionIndex) => logs.matches(block, transactionIndex),
      touches: (block, transactionIndex) => executions?.matches(block, transactionIndex) ?? true,
    };
  }

  watch(listener: (entry: BlockEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells whoever watches that an entry became durable. */
  committed(entry: BlockEntry): void {
    for (const listener of this.#listeners) listener(entry);
  }

  #requireHeader(seq: number): BlockEntry {
    const header = this.header(seq);
    if (header !== undefined) return header;
    throw new StorageError(`entry ${seq} of the log is no longer there`, { retryable: false, seq });
  }
}
