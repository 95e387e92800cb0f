/**
 * Question   What does encryption at rest cost: a transfer, a row of the state written and read, an entry of the journal?
 * Workload   transfers   JSON batches of 100, 16 outstanding, to a daemon without and one with a key file, in turn, `rounds` times;
 *                        then how long the state store takes to apply what has gathered
 *            rows        100,000 rows of 32-byte random keys and 40-byte values into LMDB, 10,000 a commit, then read in another order
 *            entries     40 kB, as a block of a hundred transfers, appended without waiting for anybody else
 * Expected   AES-256-GCM takes 5 us a message and little a kilobyte: an entry some tens of us. Rows cost several times as much, since
 *            lmdb encrypts and decrypts whole pages, and so a transfer, which writes two of them a flush, about a third more.
 * Checked    all balances and a thousand nonces of both worlds; every row; that an account can be read in the plain directory's files
 *            and not in the other's.
 * Run        node scripts/run.mjs bench/load/encryption.ts [--holders 10000] [--seconds 3] [--rounds 3]
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { writeU32, writeU64 } from "../../src/encoding/bytes.ts";
import { unlockDataDir } from "../../src/storage/encryption/unlocked.ts";
import { Journal } from "../../src/storage/journal.ts";
import { openLmdb } from "../../src/storage/lmdb-snapshot.ts";
import { Workspace } from "../support/daemon.ts";
import { printBanner } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { rateSpreadText, spreadOf, spreadText, tableText } from "../support/statistics.ts";
import { World } from "../support/world.ts";

const ROWS = 100_000;
const ROWS_A_COMMIT = 10_000;
const ENTRIES = 2_000;
const ENTRY_BYTES = 40_000;
const ENTRY_HEADER_BYTES = 224;

interface Side {
  name: string;
  keyFile: string | undefined;
}

const options = readOptions({ holders: 10_000, seconds: 3, rounds: 3 });
printBanner("encryption at rest", options);
const workspace = new Workspace();
const keyFile = join(workspace.path, "key");
writeFileSync(keyFile, randomBytes(32).toString("hex"), { mode: 0o600 });
const sides: Side[] = [
  { name: "plain", keyFile: undefined },
  { name: "encrypted", keyFile },
];
const table: string[][] = [];
try {
  await measureTransfers();
  for (const side of sides) await measureRows(side);
  for (const side of sides) await measureEntries(side);
  process.stdout.write(`\n${tableText(["row", "", "measured", "processor time"], table)}\n`);
} finally {
  workspace.remove();
}

async function measureTransfers(): Promise<void> {
  const worlds: World[] = [];
  for (const { name, keyFile: path } of sides) {
    const config = join(workspace.path, `${name}.toml`);
    writeFileSync(config, path === undefined ? "" : `[encryption]\nkey_file = "${path}"\n`);
    worlds.push(await World.create(options.holders, workspace.directory(name), ["--config", config]));
  }
  const runs = sides.map(() => ({ perSecond: [] as number[], daemonUs: [] as number[], settleMs: [] as number[] }));
  for (let round = 0; round < options.rounds; round++)
    for (const [i, world] of worlds.entries()) {
      const load = { wire: "json-batch", outstanding: 16, warmupMs: 500, measureMs: options.seconds * 1000 } as const;
      const result = await world.run(load);
      const startedAt = performance.now();
      await world.settle();
      runs[i]!.settleMs.push(performance.now() - startedAt);
      runs[i]!.perSecond.push(result.perSecond);
      runs[i]!.daemonUs.push(result.daemonUs);
    }
  for (const [i, { name }] of sides.entries()) {
    const { perSecond, daemonUs, settleMs } = runs[i]!;
    const applied = `applied ${spreadText(spreadOf(settleMs), 0)} ms later`;
    const rate = `${rateSpreadText(spreadOf(perSecond))}/s, ${applied}`;
    table.push(["transfers", name, rate, `${spreadText(spreadOf(daemonUs), 1)} us each`]);
    process.stdout.write(`${name}: ${await worlds[i]!.check()}\n`);
  }
  const readable = worlds.map(({ dataDir, token }) => holds(dataDir, Buffer.from(token.slice(2), "hex")));
  if (readable[0] !== true || readable[1] !== false) throw new Error(`readable in plain, encrypted: ${readable}`);
  for (const world of worlds) await world.close();
}

/** Whether any file of the journal or the state has these bytes in it. */
function holds(dataDir: string, bytes: Buffer): boolean {
  return ["journal", "state"].some((part) =>
    readdirSync(join(dataDir, part)).some((name) => {
      const path = join(dataDir, part, name);
      return statSync(path).isFile() && readFileSync(path).includes(bytes);
    }),
  );
}

/** A directory of a store below a data directory of its own. */
function storeDirectory(side: Side, store: string): string {
  const dataDir = join(workspace.path, `${store}-${side.name}`);
  mkdirSync(join(dataDir), { recursive: true });
  unlockDataDir(dataDir, side.keyFile);
  mkdirSync(join(dataDir, store));
  return join(dataDir, store);
}

async function measureRows(side: Side): Promise<void> {
  const store = openLmdb(storeDirectory(side, "state"));
  const keys = Array.from({ length: ROWS }, () => randomBytes(32));
  const value = (i: number) => Buffer.alloc(40, i);
  const written = timed(() => {
    for (let first = 0; first < ROWS; first += ROWS_A_COMMIT)
      store.transactionSync(() => {
        for (let i = first; i < first + ROWS_A_COMMIT; i++) store.putSync(keys[i]!, value(i));
      });
  });
  const read = timed(() => {
    for (let n = 0; n < ROWS; n++) {
      const i = (n * 7_919) % ROWS;
      if (!value(i).equals(store.getBinary(keys[i]!)!)) throw new Error(`row ${i} is another`);
    }
  });
  table.push([
    "rows written",
    side.name,
    `${((written.ms / ROWS) * 1000).toFixed(1)} us`,
    `${written.us(ROWS)} us each`,
  ]);
  table.push(["rows read", side.name, `${((read.ms / ROWS) * 1000).toFixed(1)} us`, `${read.us(ROWS)} us each`]);
  await store.close();
}

async function measureEntries(side: Side): Promise<void> {
  const { journal } = Journal.open({ directory: storeDirectory(side, "journal") });
  const entry = randomBytes(ENTRY_BYTES);
  entry.fill(0, 0, ENTRY_HEADER_BYTES);
  entry[0] = 1;
  entry[1] = 1;
  writeU32(entry, 48, ENTRY_BYTES - ENTRY_HEADER_BYTES);
  const appended = timed(() => {
    for (let seq = 0; seq < ENTRIES; seq++) {
      writeU64(entry, 8, seq);
      journal.appendSync([entry]);
    }
  });
  const read = timed(() => {
    for (let seq = 0; seq < ENTRIES; seq++)
      if (journal.read(seq)?.length !== ENTRY_BYTES) throw new Error(`entry ${seq} is another`);
  });
  table.push([
    "entries appended",
    side.name,
    `${(ENTRIES / (appended.ms / 1000)).toFixed(0)}/s`,
    `${appended.us(ENTRIES)} us each`,
  ]);
  table.push([
    "entries read",
    side.name,
    `${(ENTRIES / (read.ms / 1000)).toFixed(0)}/s`,
    `${read.us(ENTRIES)} us each`,
  ]);
  await journal.close();
}

/** On the clock, and in processor time of this process. */
function timed(body: () => void): { ms: number; us(count: number): string } {
  const usedBefore = process.cpuUsage();
  const startedAt = performance.now();
  body();
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(usedBefore);
  return { ms, us: (count) => ((user + system) / count).toFixed(1) };
}
