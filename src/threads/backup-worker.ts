/**
 * The thread that takes scheduled backups beside the daemon, and brings them where they are to be.
 *   main ── { stop } ──▶ this thread ── { level, message, facts }, { state } ──▶ main
 */
import { parentPort, workerData } from "node:worker_threads";
import { DirectorySource } from "../storage/copies/directory-source.ts";
import type { BackupNotice, BackupWorkerData } from "../storage/outbox/backup-protocol.ts";
import { BackupSchedule } from "../storage/outbox/backup-schedule.ts";
import { DirectoryDestination } from "../storage/outbox/directory-destination.ts";
import { S3Destination } from "../storage/outbox/s3-destination.ts";

const { dataDir, outbox, everyMs, keep, to } = workerData as BackupWorkerData;
const port = parentPort!;
const schedule = new BackupSchedule(
  { directory: outbox, everyMs, keep },
  {
    destination: "s3" in to ? new S3Destination(to.s3) : new DirectoryDestination(to.directory),
    openSource: () => DirectorySource.open(dataDir),
    now: Date.now,
    report: (level, message, facts) => port.postMessage({ level, message, facts } satisfies BackupNotice),
    onState: (state) => port.postMessage({ state } satisfies BackupNotice),
  },
);
port.once("message", () => void schedule.stop().then(() => port.close()));
schedule.start();
