/**
 * Question   Can the follower keep up with 170,000 transfers/s, and where does its time go?
 * Workload   blocks of 545 random ERC-20 transfers between `holders` holders, read from a journal on disk: a block's delta
 *            has the sender's account (21 + 5 bytes) and two balances (45 + 8 bytes), each row once; a receipt with
 *            one Transfer log. All rows exist before the clock starts. A write each 150,000 transfers: 1 s at that rate.
 * Expected   at most 5.9 us a transfer in all with 100,000 holders (170,000/s of one core), LMDB about 1.2 us a put, and the
 *            table at least three times as fast as the Map. With a million holders hardly any row is shared in one
 *            window, and a put misses every cache: three times as much in all, which is what longer windows are for.
 * Compared   the same deltas coalesced by the table without the addon, and through readDelta into a Map by latin1 key: what the
 *            table of bytes is there to beat.
 * Checked    the store's applied seq, and every balance of the last blocks against the last delta that set it.
 * Run        node scripts/run.mjs bench/micro/follower.bench.ts [transfers] [directory on the disk to measure] [holders…]
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { BlockEntry, ENTRY_HEADER_BYTES, ENTRY_VERSION, EntryKind } from "../../src/encoding/block-entry.ts";
import { ByteWriter, equalBytes, toLatin1, writeU32, writeU64 } from "../../src/encoding/bytes.ts";
import { encodeDelta, readDelta, type StateChange } from "../../src/encoding/delta.ts";
import { encodeReceipt } from "../../src/encoding/receipt.ts";
import { accountKey, contractStateKey } from "../../src/encoding/state-key.ts";
import { BodyForm, TransactionKind } from "../../src/encoding/transaction.ts";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { nativeCoalescer } from "../../src/native/change-table.ts";
import type { BatchTarget } from "../../src/storage/batch-target.ts";
import { ChangeTable } from "../../src/storage/change-table.ts";
import { Follower } from "../../src/storage/follower.ts";
import { Journal } from "../../src/storage/journal.ts";
import { JournalReader } from "../../src/storage/journal-reader.ts";
import { LmdbState } from "../../src/storage/lmdb-state.ts";
import { SegmentIndexer } from "../../src/storage/segment-indexer.ts";

const TRANSFERS = Number(process.argv[2] ?? 900_000);
const DIRECTORY = process.argv[3] ?? tmpdir();
const HOLDERS = process.argv.length > 4 ? process.argv.slice(4).map(Number) : [100_000, 1_000_000];
const BLOCK_TRANSFERS = 545;
const WINDOW_TRANSFERS = 150_000;
const SEGMENT_BYTES = 64 * 1024 * 1024;
const LOAD_ROWS = 200_000;
const addon = loadAddon();
const coalescer = isAddon(addon) ? nativeCoalescer(addon) : undefined;
const token = new Uint8Array(20).fill(0x77);
const transferTopic = createHash("sha256").update("Transfer").digest();

const addressOf = (holder: number) => createHash("sha256").update(`holder ${holder}`).digest().subarray(0, 20);
const value = (length: number, number: number) => {
  const bytes = new Uint8Array(length).fill(1);
  writeU32(bytes, 0, number);
  return bytes;
};

class Chain {
  readonly addresses: Uint8Array[];
  readonly #balances: Uint8Array[];
  readonly #accounts: Uint8Array[];
  #seq = 0;

  constructor(holders: number) {
    this.addresses = Array.from({ length: holders }, (_, i) => addressOf(i));
    this.#balances = Array.from({ length: holders }, (_, i) => value(8, i));
    this.#accounts = Array.from({ length: holders }, () => value(5, 0));
  }

  get length(): number {
    return this.#seq;
  }

  balanceKey(holder: number): Uint8Array {
    const key = new Uint8Array(24);
    key[3] = 1;
    key.set(this.addresses[holder]!, 4);
    return contractStateKey(token, key);
  }

  rows(holder: number): [Uint8Array, Uint8Array][] {
    return [
      [accountKey(this.addresses[holder]!), this.#accounts[holder]!],
      [this.balanceKey(holder), this.#balances[holder]!],
    ];
  }

  /** The balance of `holder` after the last block. */
  balance(holder: number): Uint8Array {
    return this.#balances[holder]!;
  }

  block(count: number): Uint8Array {
    const senders = new Set<number>();
    const touched = new Set<number>();
    const transactions = new ByteWriter();
    const receipts = new ByteWriter();
    const offsets = new Uint8Array(8 * count);
    for (let i = 0; i < count; i++) {
      const [from, to] = [this.#anyHolder(), this.#anyHolder()];
      senders.add(from);
      touched.add(from).add(to);
      writeU32(offsets, 4 * i, transactions.length);
      this.#transaction(transactions, from, to);
      writeU32(offsets, 4 * (count + i), receipts.length);
      this.#receipt(receipts, from, to);
    }
    const delta = encodeDelta([
      ...this.#changes(this.#accounts, senders, 5),
      ...this.#changes(this.#balances, touched, 8),
    ]);
    return this.#entry(count, [offsets, transactions.written(), receipts.written()], delta);
  }

  #anyHolder(): number {
    return Math.floor(Math.random() * this.addresses.length);
  }

  #changes(values: Uint8Array[], holders: Iterable<number>, length: number): StateChange[] {
    return Array.from(holders, (holder) => {
      const oldValue = values[holder]!;
      const newValue = value(length, this.#seq + 1);
      values[holder] = newValue;
      const key = length === 8 ? this.balanceKey(holder) : accountKey(this.addresses[holder]!);
      return { key, newValue, oldValue };
    });
  }

  #transaction(out: ByteWriter, from: number, to: number): void {
    const bytes = new Uint8Array(104);
    bytes[0] = TransactionKind.call;
    bytes[2] = BodyForm.entrypoint;
    writeU32(bytes, 4, 40);
    bytes.set(this.addresses[from]!, 24);
    bytes.set(token, 44);
    bytes.set(this.addresses[to]!, 74);
    out.raw(bytes);
  }

  #receipt(out: ByteWriter, from: number, to: number): void {
    const word = (holder: number) => Buffer.concat([new Uint8Array(12), this.addresses[holder]!]);
    const data = new Uint8Array(32);
    data[31] = 1;
    const logs = [{ address: token, topics: [transferTopic, word(from), word(to)], data }];
    const rest = { haltReason: undefined, gasUsed: 51_000, contractAddress: undefined, returnData: data };
    encodeReceipt({ status: "success", logs, ...rest }, out);
  }

  #entry(count: number, [offsets, transactions, receipts]: Uint8Array[], delta: Uint8Array): Uint8Array {
    const header = new Uint8Array(ENTRY_HEADER_BYTES);
    header[0] = EntryKind.block;
    header[1] = ENTRY_VERSION;
    writeU32(header, 4, count);
    writeU64(header, 8, this.#seq);
    writeU64(header, 16, this.#seq);
    writeU32(header, 40, transactions!.length);
    writeU32(header, 44, receipts!.length);
    writeU32(header, 48, delta.length);
    const hashes = Buffer.concat(
      Array.from({ length: count }, (_, i) => createHash("sha256").update(`${this.#seq}/${i}`).digest()),
    );
    this.#seq++;
    return Buffer.concat([header, hashes, offsets!, transactions!, receipts!, delta]);
  }
}

/** Processor time of `work`, added up by name: what a neighbour on the machine changes least. Waiting for the disk is not in it. */
class Stopwatch {
  readonly us = new Map<string, number>();

  time<T>(stage: string, work: () => T): T {
    const start = process.cpuUsage();
    const result = work();
    const { user, system } = process.cpuUsage(start);
    this.us.set(stage, (this.us.get(stage) ?? 0) + user + system);
    return result;
  }

  of(...stages: string[]): number {
    return stages.reduce((sum, stage) => sum + (this.us.get(stage) ?? 0), 0);
  }
}

async function measure(holders: number): Promise<void> {
  const directory = mkdtempSync(join(DIRECTORY, "polytorus-bench-follower-"));
  try {
    const chain = new Chain(holders);
    const state = LmdbState.open(join(directory, "state"));
    load(state, chain, holders);
    const { journal } = Journal.open({ directory: join(directory, "journal"), segmentBytes: SEGMENT_BYTES });
    const blocks = Math.ceil(TRANSFERS / BLOCK_TRANSFERS);
    for (let i = 0; i < blocks; i++) await journal.append([chain.block(BLOCK_TRANSFERS)]);
    await journal.close();
    follow(directory, state, chain, holders);
    await state.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function load(state: LmdbState, chain: Chain, holders: number): void {
  const changes = new ChangeTable();
  for (let holder = 0; holder < holders; holder++) {
    for (const [key, row] of chain.rows(holder)) changes.set(key, row);
    if (changes.size < LOAD_ROWS && holder + 1 < holders) continue;
    state.write(changes, state.chain());
    changes.clear(Number.POSITIVE_INFINITY);
  }
}

function follow(directory: string, state: LmdbState, chain: Chain, holders: number): void {
  const watch = new Stopwatch();
  const reader = JournalReader.open(join(directory, "journal"));
  const source = {
    advance: (seq: number) => reader.advance(seq),
    read: (seq: number) => reader.read(seq),
    entries: (seq: number, bytesMax: number) => watch.time("read", () => reader.entries(seq, bytesMax)),
    segments: () => reader.segments(),
  };
  const target: BatchTarget = {
    appliedSeq: () => state.appliedSeq(),
    chain: () => state.chain(),
    write(changes, index) {
      watch.time("sort", () => changes.ordered());
      watch.time("write", () => state.write(changes, index));
    },
  };
  let transfers = 0;
  let rows = 0;
  const nowMs = () => (transfers / WINDOW_TRANSFERS) * 1000;
  const onEntry = (entry: BlockEntry) => {
    transfers += entry.transactionCount;
  };
  const follower = new Follower({ bufferedBytesMax: 512 * 1024 * 1024 }, { source, target, nowMs, coalescer, onEntry });
  const last = chain.length - 1;
  const flush = () => {
    rows += follower.flush().rows;
  };
  const startMs = performance.now();
  watch.time("follow", () => {
    while (follower.bufferedSeq < last) {
      follower.read(last);
      if (follower.dueMs <= nowMs()) flush();
    }
    flush();
  });
  const elapsedMs = performance.now() - startMs;
  check(state, chain, holders, last);
  index(watch, reader, join(directory, "index"), last);
  report(watch, { holders, transfers, rows, elapsedMs });
  compare(reader, last, transfers);
  reader.close();
}

/** The other thing that the follower's thread does with an entry, apart, so that the clock is read once a step. */
function index(watch: Stopwatch, reader: JournalReader, directory: string, last: number): void {
  const indexer = new SegmentIndexer(directory, reader);
  for (let seq = 0; seq <= last; ) {
    const entries = reader.entries(seq, 4 * 1024 * 1024).map((bytes) => new BlockEntry(bytes));
    watch.time("index", () => {
      for (const entry of entries) indexer.add(entry);
    });
    seq += entries.length;
  }
}

function report(watch: Stopwatch, run: { holders: number; transfers: number; rows: number; elapsedMs: number }): void {
  const { holders, transfers, rows, elapsedMs } = run;
  const each = (us: number) => (us / transfers).toFixed(2);
  // `write` sorts again: the sort is timed on its own, and taken from both.
  const sort = watch.of("sort");
  const lmdb = watch.of("write") - sort;
  const coalesce = watch.of("follow") - watch.of("read", "sort", "write");
  const all = watch.of("follow", "index") - sort;
  console.log(`${holders} holders, ${transfers} transfers, us of processor time a transfer:`);
  console.log(
    `  read ${each(watch.of("read"))}  coalesce ${each(coalesce)}  index ${each(watch.of("index"))}  sort ${each(sort)}  LMDB ${each(lmdb)}`,
  );
  console.log(
    `  all ${each(all)}, or ${Math.round(transfers / (all / 1e6))}/s of one core; by the clock ${each(1000 * elapsedMs)} without index`,
  );
  console.log(`  ${(rows / transfers).toFixed(2)} puts a transfer, ${(lmdb / rows).toFixed(2)} us a put`);
}

/** The tables and the Map in turn, over the same deltas, a window at a time. */
function compare(reader: JournalReader, last: number, transfers: number): void {
  const watch = new Stopwatch();
  const windowBlocks = Math.ceil(WINDOW_TRANSFERS / BLOCK_TRANSFERS);
  for (let seq = 0; seq <= last; seq += windowBlocks) {
    const deltas: Uint8Array[] = [];
    const sizes = new Set<number>();
    for (let s = seq; s <= Math.min(last, seq + windowBlocks - 1); s++)
      deltas.push(new BlockEntry(reader.read(s)!).delta);
    for (const [stage, table] of [
      ["native table", new ChangeTable(coalescer)] as const,
      ["table", new ChangeTable()] as const,
    ])
      watch.time(stage, () => {
        for (const delta of deltas) table.applyDelta(delta, "forward");
        sizes.add(table.ordered().length);
      });
    const map = new Map<string, Uint8Array | undefined>();
    watch.time("map", () => {
      for (const delta of deltas) for (const { key, newValue } of readDelta(delta)) map.set(toLatin1(key), newValue);
      [...map.keys()].sort();
    });
    sizes.add(map.size);
    if (sizes.size > 1)
      throw new Error(`the tables and the map hold different numbers of keys: ${[...sizes].join(", ")}`);
  }
  const each = (stage: string) => (watch.of(stage) / transfers).toFixed(2);
  console.log(
    `  coalesce and sort alone, us a transfer: native table ${each("native table")}, table ${each("table")}, Map by latin1 key ${each("map")}`,
  );
}

function check(state: LmdbState, chain: Chain, holders: number, last: number): void {
  if (state.refresh() !== last) throw new Error(`applied ${state.appliedSeq()}, not ${last}`);
  for (let holder = 0; holder < holders; holder++) {
    const stored = state.get(chain.balanceKey(holder));
    if (stored === undefined || !equalBytes(stored, chain.balance(holder)))
      throw new Error(`balance of ${holder} is wrong`);
  }
}

function commit(): string {
  return execFileSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" }).trim();
}

console.log(`${cpus()[0]?.model} x ${cpus().length}, Node ${process.version}, ${commit()}`);
for (const holders of HOLDERS) await measure(holders);
