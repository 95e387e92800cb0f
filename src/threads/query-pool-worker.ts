/**
 * A thread of the query pool: runs batches of queries on a state that it follows itself (service/followed-state.ts).
 *   QueryPool ── { calls, count, seq } ──▶ piscina ──▶ this thread ── answers as of an entry at or after seq ──▶ QueryPool
 */
import { workerData } from "node:worker_threads";
import { contractEngines } from "../contract-engines.ts";
import { ByteWriter } from "../encoding/bytes.ts";
import { toEngineError } from "../errors.ts";
import { errorRecord } from "../execution/error-record.ts";
import { GAS_SCHEDULE_1 } from "../execution/gas.ts";
import type { ChainParameters } from "../execution/parameters.ts";
import { QueryRunner } from "../execution/query-runner.ts";
import { UnifiedContractEngine } from "../execution/unified-engine.ts";
import { FollowedState } from "../service/followed-state.ts";
import type { QueryBatch, QueryBatchAnswer } from "../service/query-pool.ts";
import { JournalReader } from "../storage/journal-reader.ts";
import { LmdbSnapshot } from "../storage/lmdb-snapshot.ts";
import { ModuleFiles } from "../storage/module-files.ts";
import { joinGate } from "../thread-gate.ts";

export interface QueryPoolWorkerData {
  parameters: ChainParameters;
  paths: { journal: string; state: string };
  /** Of rewritten modules; undefined: there are none. */
  modules: { directory: string; bytesMax: number } | undefined;
  /** Answers tell what they read. */
  recordReads: boolean;
}

const MIB = 1024 * 1024;
/** Beside the executor's: these threads keep less. */
const MODULES_BYTES_MAX = 128 * MIB;
const SLOTS_MAX = 64;
const SLOTS_BYTES_MAX = 128 * MIB;
/** Without work for so long, it lets go of its view of LMDB. */
const IDLE_MS = 500;

class PoolThread {
  readonly #data: QueryPoolWorkerData;
  readonly #state: FollowedState;
  readonly #runner: QueryRunner;
  #idle: NodeJS.Timeout | undefined;

  constructor(data: QueryPoolWorkerData) {
    this.#data = data;
    this.#state = new FollowedState({
      snapshot: LmdbSnapshot.open(data.paths.state),
      journal: JournalReader.open(data.paths.journal),
      nowMs: () => performance.now(),
    });
    const { table } = this.#state;
    const engines = contractEngines(data.parameters, {
      store: data.modules && readOnly(new ModuleFiles({ ...data.modules, report: () => {} })),
      modulesBytesMax: MODULES_BYTES_MAX,
      slotsMax: SLOTS_MAX,
      slotsBytesMax: SLOTS_BYTES_MAX,
    });
    const engine = new UnifiedContractEngine({
      table,
      engines,
      schedule: GAS_SCHEDULE_1,
      parameters: data.parameters,
    });
    this.#runner = new QueryRunner({ engine, table, recordReads: data.recordReads });
  }

  run({ calls, count, seq, progress }: QueryBatch): QueryBatchAnswer {
    clearTimeout(this.#idle);
    this.#state.advance(seq);
    const { chainId, protocolVersion } = this.#data.parameters;
    const { head } = this.#state;
    const out = new ByteWriter(64 + 64 * count);
    const block = { height: head.height, timestampMs: head.timestampMs, chainId, protocolVersion };
    this.#runner.run({ calls, count }, block, out, new Int32Array(progress));
    this.#idle = setTimeout(() => this.#state.release(), IDLE_MS);
    this.#idle.unref();
    return { results: out.take(), seq: head.seq, height: head.height };
  }
}

/** The executor keeps modules; these threads use them. */
function readOnly(files: ModuleFiles) {
  return { get: (name: string) => files.get(name), put: () => {}, damaged: () => {} };
}

let thread: PoolThread | undefined;
const { gate, ...data } = workerData as QueryPoolWorkerData & { gate: Int32Array };
joinGate(gate);

/** What piscina calls. */
export default function run(batch: QueryBatch): QueryBatchAnswer {
  try {
    thread ??= new PoolThread(data);
    return thread.run(batch);
  } catch (problem) {
    return { error: errorRecord(toEngineError(problem)) };
  }
}
