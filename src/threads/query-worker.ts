/**
 * The thread that looks into the past: searches the journal for transactions, logs and executions, beside the daemon.
 *   main ── { id, durableSeq, method, args } ──▶ this thread ── { id, value } or { id, error } ──▶ main
 * An answer holds entries up to the durable seq of its request, so none is older than the asker's last receipt.
 */
import { parentPort, workerData } from "node:worker_threads";
import { toEngineError } from "../errors.ts";
import { errorRecord } from "../execution/error-record.ts";
import { type HistoryMethod, historyFace } from "../service/history-handle.ts";
import { History } from "../storage/history.ts";
import { JournalReader } from "../storage/journal-reader.ts";
import { LmdbSnapshot } from "../storage/lmdb-snapshot.ts";
import { countState } from "../storage/state-counts.ts";

export interface QueryWorkerData {
  journalDirectory: string;
  stateDirectory: string;
  indexDirectory: string;
}

export interface HistoryRequest {
  id: number;
  durableSeq: number;
  /** With what the log begins. */
  lowestSeq: number;
  method: HistoryMethod;
  args: unknown[];
}

const data = workerData as QueryWorkerData;
const port = parentPort!;
let history: History | undefined;
let source: JournalReader | undefined;

/** Opened at the first question: a daemon that is never asked about its past spends nothing on it. */
function open(): { history: History; source: JournalReader } {
  if (history === undefined || source === undefined) {
    source = JournalReader.open(data.journalDirectory);
    const state = LmdbSnapshot.open(data.stateDirectory);
    history = new History({ indexDirectory: data.indexDirectory }, { source, chain: state.chain() });
    void state.close();
  }
  return { history, source };
}

port.on("message", (request: HistoryRequest) => {
  try {
    const opened = open();
    opened.source.advance(request.durableSeq);
    opened.history.advance(request.durableSeq);
    opened.history.beginAt(request.lowestSeq);
    const face = historyFace(opened.history, () => countState(data.stateDirectory));
    const ask = face[request.method] as (...args: unknown[]) => unknown;
    const value = ask(...request.args);
    port.postMessage({ id: request.id, value });
  } catch (problem) {
    port.postMessage({ id: request.id, error: errorRecord(toEngineError(problem)) });
  }
});
