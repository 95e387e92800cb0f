/**
 * DevChain: what methods of development do to a chain in mode auto: go back to where it was, make empty blocks, move the clock.
 * Going back is a rollback entry of the log, as any.
 */
import { BlockEntry } from "../encoding/block-entry.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { EngineError } from "../errors.ts";
import type { DevService } from "../rpc/dev.ts";
import type { Pipeline } from "../sequencer/pipeline.ts";
import type { ClockReading, DevClock } from "./dev-clock.ts";
import type { LocalEngine } from "./engine-service.ts";

interface Snapshot {
  readonly height: number;
  readonly blockHash: Uint8Array;
  readonly offsetMs: number;
}

/** More than go back further than the retained window anyway. */
const SNAPSHOTS_MAX = 1_024;
const NOTHING = new Uint8Array(0);

export interface DevChainModules {
  service: LocalEngine;
  pipeline: Pipeline;
  clock: DevClock;
  accounts: DevService["accounts"];
}

export class DevChain implements DevService {
  readonly accounts: DevService["accounts"];
  readonly #modules: DevChainModules;
  readonly #snapshots = new Map<string, Snapshot>();
  #lastId = 0;

  constructor(modules: DevChainModules) {
    this.accounts = modules.accounts;
    this.#modules = modules;
  }

  async snapshot(): Promise<{ id: string; block: BlockEntry }> {
    const { pipeline, clock } = this.#modules;
    await this.#submitted();
    const block = await pipeline.exclusive(() => this.#newest());
    const id = String(++this.#lastId);
    const { height, blockHash } = block;
    this.#snapshots.set(id, { height, blockHash: blockHash.slice(), offsetMs: clock.reading().offsetMs });
    if (this.#snapshots.size > SNAPSHOTS_MAX) this.#snapshots.delete(this.#snapshots.keys().next().value!);
    return { id, block };
  }

  async revert(id: string): Promise<BlockEntry> {
    const { service, clock } = this.#modules;
    const snapshot = this.#snapshots.get(id);
    const block = snapshot && (await service.block(snapshot.height));
    if (snapshot === undefined || block === undefined || !equalBytes(block.blockHash, snapshot.blockHash)) {
      this.#snapshots.delete(id);
      throw new EngineError("SNAPSHOT_NOT_FOUND", `there is no snapshot ${JSON.stringify(id.slice(0, 80))}`, {
        snapshotId: id.slice(0, 80),
        kept: this.#snapshots.size,
      });
    }
    await this.#submitted();
    const target = await service.blockRollback(snapshot.height);
    clock.setOffset(snapshot.offsetMs);
    let isLater = false;
    for (const known of [...this.#snapshots.keys()]) {
      isLater ||= known === id;
      if (isLater) this.#snapshots.delete(known);
    }
    return target;
  }

  increaseTime(ms: number): ClockReading {
    return this.#modules.clock.forward(ms);
  }

  setNextBlockTimestamp(timestampMs: number): ClockReading {
    const newestMs = this.#modules.pipeline.head.timestampMs;
    if (timestampMs >= newestMs) return this.#modules.clock.setNext(timestampMs);
    const expected = `${newestMs} or later: the newest block's time`;
    throw new EngineError("VALIDATION_ERROR", `timestampMs: expected ${expected}, received ${timestampMs}`, {
      path: "timestampMs",
      expected,
      received: timestampMs,
    });
  }

  async mine(blocks: number): Promise<BlockEntry> {
    const { pipeline, clock, service } = this.#modules;
    service.requireWritable();
    await this.#submitted();
    return await pipeline.exclusive(async () => {
      for (let i = 0; i < blocks; i++) {
        const { entry } = await pipeline.askNow("executeOne", [NOTHING, 0, clock.now()]);
        pipeline.commit(new BlockEntry(entry!));
        await pipeline.executedIsDurable();
      }
      return await this.#newest();
    });
  }

  /** Resolves when everything submitted before is durable: a submission of nothing stands behind it in the queue. */
  #submitted(): Promise<unknown> {
    return new Promise((settle, fail) => this.#modules.service.submit(() => 0, "durable", { settle, fail }));
  }

  async #newest(): Promise<BlockEntry> {
    return (await this.#modules.service.block("latest"))!;
  }
}
