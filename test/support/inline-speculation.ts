/**
 * A helper (src/execution/parallel) on the test's own thread: it runs its share when it is asked to, and may be made late, and
 * behind. Its state follows from genesis on.
 */

import { GAS_SCHEDULE_1 } from "../../src/execution/gas.ts";
import type { ContractEngine } from "../../src/execution/host.ts";
import { Records } from "../../src/execution/parallel/records.ts";
import type { Speculation, SpeculationTask } from "../../src/execution/parallel/speculation.ts";
import { Speculator } from "../../src/execution/parallel/speculator.ts";
import type { ChainParameters } from "../../src/execution/parameters.ts";
import { StateOverlay } from "../../src/execution/state-overlay.ts";
import { StateTable } from "../../src/execution/state-table.ts";
import { UnifiedContractEngine } from "../../src/execution/unified-engine.ts";

const EMPTY_SNAPSHOT = { get: () => undefined, range: () => [], appliedSeq: () => -1 };

/** How a helper falls short, chosen for each block. */
export interface Shortcoming {
  /** Records that it comes to, in time. */
  recordsMax?: number;
  /** Every so many times that it is waited for, its record is not there yet. */
  lateEvery?: number;
  /** It does not hear of this block's delta. */
  isDeaf?: boolean;
  isUnready?: boolean;
}

export class InlineSpeculation implements Speculation {
  readonly records = new Records();
  readonly #table: StateTable;
  readonly #overlay = new StateOverlay(EMPTY_SNAPSHOT);
  readonly #engine: UnifiedContractEngine;
  readonly #speculator: Speculator;
  shortcoming: Shortcoming = {};
  tasks = 0;
  #waits = 0;

  constructor(engines: readonly ContractEngine[], parameters: ChainParameters) {
    this.#table = new StateTable(this.#overlay);
    this.#engine = new UnifiedContractEngine({ table: this.#table, engines, schedule: GAS_SCHEDULE_1, parameters });
    this.#speculator = new Speculator({
      table: this.#table,
      engine: this.#engine,
      records: this.records,
      clock: () => 0,
    });
  }

  isReady(): boolean {
    return this.shortcoming.isUnready !== true;
  }

  begin({ transactions, share, ...task }: SpeculationTask): number {
    const number = ++this.tasks;
    const { recordsMax = share.length } = this.shortcoming;
    this.#speculator.run(number, {
      ...task,
      transactions: transactions.slice(),
      share: share.subarray(0, 2 * recordsMax),
    });
    this.#table.revert(0);
    this.#engine.reverted();
    return number;
  }

  /** Tells of no record but the one that is asked for, so that each may be late. */
  awaitRecords(task: number, words: number): number {
    const { lateEvery } = this.shortcoming;
    if (lateEvery !== undefined && ++this.#waits % lateEvery === 0) return words;
    return this.records.waitFor(task, words, 0) ? words + 1 : words;
  }

  end(): undefined {}

  followed(delta: Uint8Array, seq: number): void {
    if (this.shortcoming.isDeaf === true) return;
    for (const part of this.#overlay.add(delta, "forward")) this.#table.overwrite(part, "forward", seq);
  }

  reset(): void {
    throw new Error("no block of these tests is taken back");
  }
}
