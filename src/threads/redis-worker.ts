/**
 * The thread that keeps the Redis cache: reads the journal behind the daemon, as the state store's follower does.
 *   main ── { durableSeq, logBytes }, { clear }, { stop } ──▶ this thread ── how it stands, { cleared }, { error } ──▶ main
 * Always
 *  - After an error it says so and ends with code 1: the log or the store can't be read from here. Another may be started.
 */
import { parentPort, workerData } from "node:worker_threads";
import { toEngineError } from "../errors.ts";
import { JournalReader } from "../storage/journal-reader.ts";
import { LmdbSnapshot } from "../storage/lmdb-snapshot.ts";
import { RedisFollower } from "../storage/redis-follower.ts";
import type { RedisReport, RedisRequest, RedisWorkerData } from "../storage/redis-protocol.ts";

const report = (message: RedisReport): void => parentPort?.postMessage(message);

try {
  const data = workerData as RedisWorkerData;
  const source = JournalReader.open(data.journalDirectory);
  const snapshot = LmdbSnapshot.open(data.stateDirectory);
  // Held while it is read, never between: LMDB could not reuse pages meanwhile.
  snapshot.release();
  const follower = new RedisFollower(data, { source, snapshot, report });
  parentPort?.on("message", (request: RedisRequest) => follower.receive(request));
  await follower.run();
  source.close();
  await snapshot.close();
  parentPort?.close();
} catch (problem) {
  const { code, message, facts } = toEngineError(problem);
  report({ error: { code, message, facts } });
  process.exit(1);
}
