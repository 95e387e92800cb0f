/**
 * Question   What does the journal add to a raw write and fdatasync, and how fast does it recover and read?
 * Workload   appends of one 300 kB entry (a block of 545 transfers) and of 300 entries of 1 kB, one append outstanding,
 *            then several; one entry of 1 kB alone, the latency of a single transaction.
 * Expected   with one append outstanding, raw plus its checksums and copies: 20 to 40 us for 1 kB, 0.1 to 0.2 ms for 300 kB,
 *            1 us an entry for small ones. Blocking calls faster than the thread pool by its two wake-ups (about 50 us
 *            each). Recovery above 1 GB/s and the reader above 500 MB/s from the page cache.
 * Run        node scripts/run.mjs bench/micro/journal.ts [seconds per row] [directory on the disk to measure]
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { writeU32, writeU64 } from "../../src/encoding/bytes.ts";
import { Journal } from "../../src/storage/journal.ts";
import { JournalReader } from "../../src/storage/journal-reader.ts";

const SECONDS = Number(process.argv[2] ?? 2);
const ROUNDS = 3;
const ENTRY_HEADER_BYTES = 224;
const filler = new Uint8Array(300_000).map((_, index) => (index * 31) & 255);

interface Workload {
  name: string;
  entryBytes: number;
  entriesPerAppend: number;
  outstanding: number;
}

const WORKLOADS: Workload[] = [
  { name: "1 x 1 kB, 1 outstanding", entryBytes: 1024, entriesPerAppend: 1, outstanding: 1 },
  { name: "1 x 300 kB, 1 outstanding", entryBytes: 300_000, entriesPerAppend: 1, outstanding: 1 },
  { name: "300 x 1 kB, 1 outstanding", entryBytes: 1024, entriesPerAppend: 300, outstanding: 1 },
  { name: "1 x 300 kB, 4 outstanding", entryBytes: 300_000, entriesPerAppend: 1, outstanding: 4 },
  { name: "1 x 1 kB, 256 outstanding", entryBytes: 1024, entriesPerAppend: 1, outstanding: 256 },
];

const root = fs.mkdtempSync(join(process.argv[3] ?? tmpdir(), "polytorus-bench-journal-"));
try {
  console.log(`${cpus()[0]?.model ?? "unknown processor"} x ${cpus().length}, Node ${process.version}, ${commit()}`);
  for (const workload of WORKLOADS) await compare(workload);
  await measureReading();
} finally {
  fs.rmSync(root, { recursive: true, force: true });
}

/** Raw and journal in turn, `ROUNDS` times; the median of each. */
async function compare(workload: Workload): Promise<void> {
  const variants: Record<string, (workload: Workload) => Promise<number[]>> = {
    "raw blocking": rawBlocking,
    "journal blocking": journalBlocking,
    "raw thread pool": rawThreadPool,
    "journal thread pool": journalThreadPool,
  };
  if (workload.outstanding > 1) {
    delete variants["raw blocking"];
    delete variants["journal blocking"];
    delete variants["raw thread pool"];
  }
  const rounds: Record<string, number[][]> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(variants)) {
      const latencies = await run(workload);
      rounds[name] ??= [];
      rounds[name].push(latencies);
    }
  }
  console.log(`\n${workload.name}`);
  for (const [name, runs] of Object.entries(rounds)) console.log(rowOf(name, workload, runs));
}

function rowOf(name: string, workload: Workload, runs: number[][]): string {
  const middle = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
  const at = (share: number) => middle(runs.map((run) => run[Math.floor(run.length * share)]!));
  const entries = middle(runs.map((run) => (run.length * workload.entriesPerAppend) / SECONDS));
  const figures = [
    `${entries.toFixed(0).padStart(8)} entries/s`,
    `${((entries * workload.entryBytes) / 1e6).toFixed(1).padStart(7)} MB/s`,
    `p50 ${at(0.5).toFixed(3)} p99 ${at(0.99).toFixed(3)} ms`,
  ];
  return `  ${name.padEnd(20)} ${figures.join("  ")}`;
}

async function rawBlocking(workload: Workload): Promise<number[]> {
  return withRawFile(workload, (file, buffers, position) => {
    fs.writevSync(file, buffers, position);
    fs.fdatasyncSync(file);
  });
}

async function rawThreadPool(workload: Workload): Promise<number[]> {
  return withRawFile(workload, async (file, buffers, position) => {
    await new Promise<void>((resolve, reject) => {
      fs.writev(file, buffers, position, (problem) => (problem ? reject(problem) : resolve()));
    });
    await new Promise<void>((resolve, reject) => {
      fs.fdatasync(file, (problem) => (problem ? reject(problem) : resolve()));
    });
  });
}

async function journalBlocking(workload: Workload): Promise<number[]> {
  return withJournal(workload, (journal, entries) => journal.appendSync(entries));
}

async function journalThreadPool(workload: Workload): Promise<number[]> {
  return withJournal(workload, (journal, entries) => journal.append(entries));
}

async function withRawFile(
  workload: Workload,
  write: (file: number, buffers: Uint8Array[], position: number) => Promise<void> | void,
): Promise<number[]> {
  const path = join(fs.mkdtempSync(join(root, "raw-")), "raw");
  const file = fs.openSync(path, "w");
  let position = 0;
  const latencies = await timed(workload, (entries) => {
    const at = position;
    for (const entry of entries) position += entry.length;
    return write(file, entries, at);
  });
  fs.closeSync(file);
  fs.rmSync(path);
  return latencies;
}

async function withJournal(
  workload: Workload,
  append: (journal: Journal, entries: Uint8Array[]) => Promise<void> | void,
): Promise<number[]> {
  const directory = fs.mkdtempSync(join(root, "journal-"));
  const { journal } = Journal.open({ directory });
  let seq = 0;
  const latencies = await timed(workload, (entries) => {
    for (const entry of entries) writeU64(entry, 8, seq++);
    return append(journal, entries);
  });
  if (journal.durableSeq !== seq - 1) throw new Error(`appended ${seq} entries, durable up to ${journal.durableSeq}`);
  await journal.close();
  fs.rmSync(directory, { recursive: true });
  return latencies;
}

/** Milliseconds of each append, ascending, from `outstanding` callers that append one after the other for SECONDS. */
async function timed(workload: Workload, append: (entries: Uint8Array[]) => Promise<void> | void): Promise<number[]> {
  const latencies: number[] = [];
  const end = performance.now() + SECONDS * 1000;
  const caller = async () => {
    const entries = makeEntries(workload, 0);
    for (let started = performance.now(); started < end; started = performance.now()) {
      await append(entries);
      latencies.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: workload.outstanding }, caller));
  return latencies.sort((a, b) => a - b);
}

/** Recovery, then a reader in batches of 4 MiB, over 512 MiB in the page cache. */
async function measureReading(): Promise<void> {
  for (const entryBytes of [300_000, 1024]) {
    const directory = fs.mkdtempSync(join(root, "read-"));
    const entriesPerAppend = Math.ceil(4_000_000 / entryBytes);
    const { journal } = Journal.open({ directory });
    let seq = 0;
    while (journal.byteLength < 512 * 1024 * 1024) {
      const entries = makeEntries({ name: "", entryBytes, entriesPerAppend, outstanding: 1 }, seq);
      journal.appendSync(entries);
      seq += entries.length;
    }
    const megabytes = journal.byteLength / 1e6;
    await journal.close();
    for (let round = 0; round < ROUNDS; round++) {
      const recoveryStarted = performance.now();
      const opened = Journal.open({ directory });
      const recoveryMs = performance.now() - recoveryStarted;
      if (opened.recovery.entries !== seq) throw new Error(`recovered ${opened.recovery.entries} of ${seq} entries`);
      const reader = JournalReader.open(directory);
      reader.advance(seq - 1);
      const readStarted = performance.now();
      let read = 0;
      while (read < seq) read += reader.entries(read, 4 * 1024 * 1024).length;
      const readMs = performance.now() - readStarted;
      reader.close();
      const rate = (ms: number) => `${((megabytes / ms) * 1000).toFixed(0)} MB/s`;
      console.log(
        `\n${entryBytes} B entries: recovery ${rate(recoveryMs)}, reader ${rate(readMs)}, ${megabytes.toFixed(0)} MB`,
      );
      await opened.journal.close();
    }
    fs.rmSync(directory, { recursive: true });
  }
}

/** A header with its seq and the length of its only section, the delta, then bytes that repeat. */
function makeEntries({ entryBytes, entriesPerAppend }: Workload, seq: number): Uint8Array[] {
  return Array.from({ length: entriesPerAppend }, (_, index) => {
    const entry = filler.slice(0, entryBytes);
    entry.fill(0, 0, ENTRY_HEADER_BYTES);
    entry[0] = 1;
    entry[1] = 1;
    writeU64(entry, 8, seq + index);
    writeU32(entry, 48, entryBytes - ENTRY_HEADER_BYTES);
    return entry;
  });
}

function commit(): string {
  return execFileSync("git", ["describe", "--always", "--dirty"]).toString().trim();
}
