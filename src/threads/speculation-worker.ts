/**
 * A helper of the executor: runs a share of a block's transactions ahead of it, on a state that it is sent
 * (service/speculated-state.ts). What it finds counts only where the executor sees the same values.
 *   SpeculationThread ── HelperMessage ──▶ this thread ── records, in shared memory ──▶ executor
 */
import { parentPort, workerData } from "node:worker_threads";
import { contractEngines } from "../contract-engines.ts";
import { GAS_SCHEDULE_1 } from "../execution/gas.ts";
import { Records } from "../execution/parallel/records.ts";
import { Speculator } from "../execution/parallel/speculator.ts";
import type { ChainParameters } from "../execution/parameters.ts";
import { UnifiedContractEngine } from "../execution/unified-engine.ts";
import { SpeculatedState } from "../service/speculated-state.ts";
import type { HelperMessage } from "../service/speculation-thread.ts";
import { LmdbSnapshot } from "../storage/lmdb-snapshot.ts";
import { ModuleFiles } from "../storage/module-files.ts";

export interface SpeculationWorkerData {
  parameters: ChainParameters;
  stateDirectory: string;
  /** Of rewritten modules; undefined: there are none. */
  modules: { directory: string; bytesMax: number } | undefined;
}

const {
  parameters,
  stateDirectory,
  modules,
  records: buffer,
} = workerData as SpeculationWorkerData & {
  records: SharedArrayBuffer;
};
const records = new Records(buffer);
const state = new SpeculatedState(LmdbSnapshot.open(stateDirectory), () => performance.now());
const { table } = state;
const files = modules && new ModuleFiles({ ...modules, report: () => {} });
// The executor keeps modules; this thread uses them.
const store = files && { get: (name: string) => files.get(name), put: () => {}, damaged: () => {} };
// A privacy contract looks at more than state: its calls are left to the executor.
const engines = contractEngines(parameters, { store }).filter(({ kind }) => kind !== "privacy");
const engine = new UnifiedContractEngine({ table, engines, schedule: GAS_SCHEDULE_1, parameters });
const speculator = new Speculator({ table, engine, records, clock: () => 1000 * performance.now() });

parentPort!.on("message", ({ begins, deltas, task, rests }: HelperMessage) => {
  // What it ran ahead is no part of the state.
  table.revert(0);
  engine.reverted();
  if (rests === true) state.rest();
  if (begins === true) state.begin();
  state.follow(deltas);
  if (task !== undefined) speculator.run(task.number, task);
});
parentPort!.postMessage("ready");
