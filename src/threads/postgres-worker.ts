/**
 * The thread that keeps PostgreSQL's tables: reads the journal behind the daemon, as the state store's follower does.
 *   main ── { durableSeq, logBytes }, { stop } ──▶ this thread ── { appliedSeq, backlog…, link }, { error } ──▶ main
 * Always
 *  - It tells how things stand after its first attempt to connect, after every write, and whenever the link changes.
 *  - After an error it says so and ends with code 1: these tables cannot be this log's.
 */
import { parentPort, workerData } from "node:worker_threads";
import { toEngineError } from "../errors.ts";
import { JournalReader } from "../storage/journal-reader.ts";
import { PostgresFollower } from "../storage/postgres-follower.ts";
import type { PostgresReport, PostgresRequest, PostgresWorkerData } from "../storage/postgres-protocol.ts";

const post = (report: PostgresReport): void => parentPort?.postMessage(report);

try {
  const data = workerData as PostgresWorkerData;
  const source = JournalReader.open(data.journalDirectory);
  const follower = new PostgresFollower(data, source, post);
  parentPort?.on("message", (request: PostgresRequest) => follower.receive(request));
  await follower.run();
  source.close();
  parentPort?.close();
} catch (problem) {
  const { code, message, facts } = toEngineError(problem);
  post({ error: { code, message, facts } });
  process.exit(1);
}
