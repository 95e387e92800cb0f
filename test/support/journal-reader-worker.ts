/**
 * A thread that follows a journal with a JournalReader, as the follower does, and checks every entry that it sees.
 * In: { directory } as worker data, then the durable seq, again and again; the last with `isLast`.
 * Out: { entries, problem } at the end.
 */
import { parentPort, workerData } from "node:worker_threads";
import { equalBytes, readU32, readU64 } from "../../src/encoding/bytes.ts";
import { JournalReader } from "../../src/storage/journal-reader.ts";
import { logEntry } from "./log-entries.ts";

const BATCH_BYTES = 64 * 1024;
const { directory } = workerData as { directory: string };
const reader = JournalReader.open(directory);
let nextSeq = 0;
let problem: string | undefined;

parentPort?.on("message", ({ durableSeq, isLast }: { durableSeq: number; isLast: boolean }) => {
  try {
    reader.advance(durableSeq);
    while (nextSeq <= durableSeq) check(reader.entries(nextSeq, BATCH_BYTES), durableSeq);
    const middle = Math.floor(durableSeq / 2);
    if (durableSeq >= 0 && readU64(reader.read(middle)!, 8) !== middle) problem ??= `read(${middle}) is another entry`;
  } catch (thrown) {
    problem ??= String(thrown);
  }
  if (!isLast) return;
  reader.close();
  parentPort?.postMessage({ entries: nextSeq, problem });
  parentPort?.close();
});

function check(entries: readonly Uint8Array[], durableSeq: number): void {
  for (const entry of entries) {
    if (!equalBytes(entry, logEntry(nextSeq, readU32(entry, 48)))) problem ??= `entry ${nextSeq} differs`;
    if (nextSeq > durableSeq) problem ??= `entry ${nextSeq} is above ${durableSeq}`;
    nextSeq++;
  }
}
