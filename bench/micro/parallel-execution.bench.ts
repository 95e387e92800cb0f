/**
 * Question   What is a second thread worth to the execution of a block, and what does it cost where it is worth nothing?
 * Workload   8 WebAssembly contracts, a random one of them for each transaction, blocks of `blockSize`, `holders` holders of
 *            each token: AssemblyScript tokens (contracts/token); unchanged cw20-base tokens; "work", contracts that hash 60 KB
 *            and keep the result by sender; two AssemblyScript tokens, nine calls in ten to one of them; and, with nothing to
 *            share out, one counter that everybody raises, and the built-in ERC-20. Transfers of 1 unit between random
 *            holders. The executor alone on its thread, with the native tree; helpers on LMDB; no journal, no wire.
 * Compared   the same blocks on an executor with no helper, in turn: a row of 20 there, the same row here. Within a row the
 *            executor knows the next batch, as a daemon's does while more wait for it.
 * Expected   cw20 1.6 times as fast with one helper on two cores, work 1.5, AssemblyScript tokens 1.2 times: making roots and
 *            hashes of a block, a quarter of what so short a call takes, is not shared out, and taking over half of the calls costs
 *            another. No slower than 0.97 where it is of no use.
 * Checked    every block's bytes equal those of the executor alone, and every transaction succeeds.
 * Run        node scripts/run.mjs bench/micro/parallel-execution.bench.ts [holders] [blockSize] [seconds] [helpers] [patienceMs]
 *            Times are the wall's; ONLY=<a workload's name> runs one. On a busy machine look at the processor time of the threads,
 *            and let the executor wait for its helpers as long as it takes: patienceMs 1000. "bound" is how many times as fast
 *            blocks would be if the thread with the most to do never waited: the executor's own time over the longest
 *            thread's.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import wabt from "wabt";
import { contractEngines } from "../../src/contract-engines.ts";
import { BlockEntry, type ParallelCounts } from "../../src/encoding/block-entry.ts";
import { ByteWriter, equalBytes } from "../../src/encoding/bytes.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { Addresses } from "../../src/engines/wasm/cosmwasm/addresses.ts";
import type { ExecutedBlock } from "../../src/execution/block-executor.ts";
import { Executor, type Head } from "../../src/execution/executor.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import type { StateSnapshot } from "../../src/execution/ports.ts";
import { rebuildTree } from "../../src/execution/rebuild-tree.ts";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { nativeHasher } from "../../src/native/hash.ts";
import { nativeRowChanges } from "../../src/native/row-changes.ts";
import { NativeStateTree } from "../../src/native/state-tree.ts";
import { nativeTransfers } from "../../src/native/transfers.ts";
import { SpeculationThread } from "../../src/service/speculation-thread.ts";
import { LmdbSnapshot } from "../../src/storage/lmdb-snapshot.ts";
import { LmdbState } from "../../src/storage/lmdb-state.ts";
import { cw20Code } from "../support/cw20.ts";
import { printBanner } from "../support/machine.ts";
import { Random } from "../support/random.ts";

const holders = Number(process.argv[2] ?? 2_000);
const blockSize = Number(process.argv[3] ?? 1_000);
const seconds = Number(process.argv[4] ?? 4);
const helperCount = Number(process.argv[5] ?? 1);
const patience = process.argv[6] === undefined ? {} : { patienceMs: Number(process.argv[6]) };
const CONTRACTS = 8;
const SETUP_BATCH = 4_000;
/** A helper's thread has all code to compile that the executor's has from setting up. */
const WARM_ROWS = 4;
const ROW_BLOCKS = 20;
const ZERO = new Uint8Array(32);
const BEFORE: Head = { seq: -1, height: -1, timestampMs: 0, blockHash: ZERO, stateRoot: ZERO };
const EMPTY: StateSnapshot = { get: () => undefined, range: () => [], appliedSeq: () => -1 };
const script = new URL("dist/speculation-worker.js", pathToFileURL(`${process.cwd()}/`));

printBanner("Executing a block on several threads", { holders, blockSize, seconds, helpers: helperCount });
for (const name of ["token", "counter"]) execFileSync(process.execPath, ["contracts/build.mjs", name]);

const loaded = loadAddon();
if (!isAddon(loaded)) throw new Error(loaded.missing);
const addon = loaded;
const random = new Random(1);
const owner = toHex(new Uint8Array(20).fill(7));
const accounts = Array.from({ length: holders }, (_, i) => {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  for (let k = 0; k < 4; k++) view.setUint32(4 * k, Math.imul(i + 1, 0x9e3779b1 + 2 * k));
  view.setUint32(16, i);
  return bytes;
});
const addresses = accounts.map((bytes) => toHex(bytes));
const { addressPrefix } = DEFAULT_PARAMETERS;
const texts = new Addresses(addressPrefix);
const bech32 = accounts.map((bytes) => texts.text(bytes));

/** Hashes 60 KB and keeps the hash under the sender's address. */
const WORK = `(module
  (import "polytorus" "context" (func $context (param i32)))
  (import "polytorus" "state_set" (func $state_set (param i32 i32 i32 i32)))
  (import "polytorus" "state_get" (func $state_get (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "deploy"))
  (func (export "call") (local $i i32) (local $hash i64)
    (call $context (i32.const 0))
    (drop (call $state_get (i32.const 20) (i32.const 20) (i32.const 512) (i32.const 8)))
    (local.set $hash (i64.xor (i64.load (i32.const 512)) (i64.const 0x4bf29ce484222325)))
    (loop $next
      (local.set $hash (i64.mul (i64.xor (local.get $hash) (i64.load (i32.add (i32.const 1024) (local.get $i))))
        (i64.const 0x100000001b3)))
      (i64.store (i32.add (i32.const 1024) (local.get $i)) (local.get $hash))
      (local.set $i (i32.add (local.get $i) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 60000))))
    (i64.store (i32.const 512) (local.get $hash))
    (call $state_set (i32.const 20) (i32.const 20) (i32.const 512) (i32.const 8))))`;

type StoredBlock = Parameters<LmdbState["apply"]>[0][number];

interface Workload {
  name: string;
  contracts: number;
  deployment: Record<string, unknown>;
  /** Gives every holder something. */
  fund?: (to: string, holder: number) => TransactionJson;
  call: (to: string, from: number, other: number) => TransactionJson;
  choose?: () => number;
}

const transfer = (to: string, from: string, receiver: string, amount: string): TransactionJson => ({
  kind: "call",
  sender: from,
  to,
  gasLimit: 300_000,
  entrypoint: "transfer",
  args: [receiver, amount],
});
const supply = String(10n ** 30n);
const token = {
  deployment: {
    type: "wasm",
    code: toHex(readFileSync("contracts/token/build/token.wasm")),
    init: ["T", "T", 18, supply],
  },
  fund: (to: string, holder: number) => transfer(to, owner, addresses[holder]!, "1000000"),
  call: (to: string, from: number, other: number) => transfer(to, addresses[from]!, addresses[other]!, "1"),
};
const tools = await wabt();
const workloads: Workload[] = [
  { name: "8 AssemblyScript tokens", contracts: CONTRACTS, ...token },
  {
    name: "8 cw20-base",
    contracts: CONTRACTS,
    deployment: {
      type: "wasm",
      code: toHex(cw20Code()),
      init: {
        name: "Cash",
        symbol: "CASH",
        decimals: 6,
        initial_balances: bech32.map((address) => ({ address, amount: "1000000" })),
      },
    },
    call: (to, from, other) => ({
      kind: "call",
      sender: addresses[from]!,
      to,
      gasLimit: 300_000,
      msg: { transfer: { recipient: bech32[other]!, amount: "1" } },
    }),
  },
  {
    name: "8 work",
    contracts: CONTRACTS,
    deployment: { type: "wasm", code: toHex(tools.parseWat("work.wat", WORK).toBinary({}).buffer) },
    call: (to, from) => ({ kind: "call", sender: addresses[from]!, to, gasLimit: 300_000, calldata: "0x" }),
  },
  {
    name: "2 AssemblyScript tokens, 9 in 10 to one",
    contracts: 2,
    choose: () => (random.below(10) === 0 ? 1 : 0),
    ...token,
  },
  {
    name: "1 counter",
    contracts: 1,
    deployment: { type: "wasm", code: toHex(readFileSync("contracts/counter/build/counter.wasm")), init: ["0"] },
    call: (to, from) => ({
      kind: "call",
      sender: addresses[from]!,
      to,
      gasLimit: 300_000,
      entrypoint: "increment",
      args: ["1"],
    }),
  },
  {
    name: "8 built-in ERC-20",
    contracts: CONTRACTS,
    ...token,
    deployment: { type: "erc20", name: "T", symbol: "T", decimals: 18, initialSupply: supply },
  },
];

function executorOn(
  snapshot: StateSnapshot,
  name: string,
  head: Head,
  { helpers, next }: { helpers: SpeculationThread[]; next: Side["next"] },
): Executor {
  const tree = NativeStateTree.attach(addon, name);
  if (snapshot !== EMPTY) rebuildTree(snapshot, tree);
  return new Executor({
    snapshot,
    tree,
    hasher: nativeHasher(addon),
    transfers: nativeTransfers(addon),
    engines: contractEngines(DEFAULT_PARAMETERS),
    parameters: DEFAULT_PARAMETERS,
    head,
    table: { changes: nativeRowChanges(addon) },
    helpers,
    upcoming: () => next.batch && { batch: next.batch, count: blockSize, timestampMs: 1 },
  });
}

/** Milliseconds on a processor, of one of this process' threads. */
function threadMs(id = String(process.pid)): number {
  return Number(readFileSync(`/proc/self/task/${id}/schedstat`, "latin1").split(" ")[0]) / 1e6;
}

function threadIds(): string[] {
  return readdirSync("/proc/self/task");
}

/** Of the threads that were not there before: the helper's, and with several the one that does most. */
function busiestMs(older: ReadonlySet<string>): number {
  const newer = threadIds().filter((id) => !older.has(id));
  return Math.max(0, ...newer.map((id) => threadMs(id)));
}

interface Side {
  executor: Executor;
  /** What the executor is told that comes next. */
  next: { batch: Uint8Array | undefined };
  threadMs: number;
  ms: number;
  /** The fastest row. */
  bestMs: number;
}

interface Made {
  entry: BlockEntry;
  parallel: ParallelCounts | undefined;
}

class Bench {
  readonly #workload: Workload;
  readonly #nonces = new Map<string, number>();
  readonly #contracts: string[] = [];

  constructor(workload: Workload) {
    this.#workload = workload;
  }

  async run(): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), "polytorus-parallel-"));
    const store = LmdbState.open(directory);
    const alone = this.#setUp();
    const entries = alone.entries.map((bytes): StoredBlock => ({ entry: new BlockEntry(bytes), undone: [] }));
    await store.apply(entries);
    const { head } = alone.executor;
    const snapshot = LmdbSnapshot.open(directory);
    const older = new Set(threadIds());
    let helpersBegunMs = 0;
    const workerData = { parameters: DEFAULT_PARAMETERS, stateDirectory: directory, modules: undefined };
    const helpers = Array.from(
      { length: helperCount },
      () =>
        new SpeculationThread({
          script,
          workerData,
          executionTimeoutMs: 30_000,
          ...patience,
          appliedSeq: () => snapshot.appliedSeq(),
          report: (message, facts) => console.error(message, facts),
        }),
    );
    const { name } = this.#workload;
    const sides = [
      { label: "alone", helpers: [] },
      { label: "helped", helpers },
    ].map(({ label, helpers }): Side => {
      const next = { batch: undefined };
      const executor = executorOn(snapshot, `${name} ${label}`, head, { helpers, next });
      return { executor, next, ms: 0, threadMs: 0, bestMs: Number.POSITIVE_INFINITY };
    });
    const counts = { adopted: 0, conflict: 0, left: 0, late: 0 };
    let rows = 0;
    for (let i = 0; sides[0]!.ms < (seconds * 1000) / 2; i++) {
      const batches = Array.from({ length: ROW_BLOCKS }, () => this.#batch());
      const isTimed = i >= WARM_ROWS;
      if (i === WARM_ROWS) helpersBegunMs = busiestMs(older);
      const made: Made[][] = [];
      for (const side of i % 2 === 0 ? [0, 1] : [1, 0]) made[side] = await this.#row(sides[side]!, batches, isTimed);
      const [alone, helped] = made as [Made[], Made[]];
      for (const [k, { entry }] of alone.entries()) {
        if (!equalBytes(entry.bytes, helped[k]!.entry.bytes)) throw new Error(`block ${k} of row ${i} differs`);
        for (let t = 0; t < entry.transactionCount; t++)
          if (entry.bytes[entry.receiptAt(t)] !== 1) throw new Error(`transaction ${t} did not succeed`);
      }
      if (isTimed) {
        rows++;
        for (const { parallel } of helped)
          for (const key of ["adopted", "conflict", "left", "late"] as const) counts[key] += parallel?.[key] ?? 0;
      }
      // The store follows as a daemon's does: helpers are sent what it lacks, and no more than 64 MiB of it.
      await store.apply(alone.map(({ entry }) => ({ entry, undone: [] })));
      snapshot.refresh();
      for (const { executor } of sides) executor.applied(snapshot.appliedSeq());
    }
    this.#report(sides, rows * ROW_BLOCKS, counts, busiestMs(older) - helpersBegunMs);
    for (const helper of helpers) await helper.close();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }

  #report([alone, helped]: Side[], blocks: number, counts: Record<string, number>, helperMs: number): void {
    const us = (side: Side) => ((1e3 * side.ms) / (blocks * blockSize)).toFixed(2);
    const each = (ms: number) => ((1e3 * ms) / (blocks * blockSize)).toFixed(2);
    const best = (side: Side) => ((1e3 * side.bestMs) / (ROW_BLOCKS * blockSize)).toFixed(2);
    const share = (key: string) => `${((100 * counts[key]!) / (blocks * blockSize)).toFixed(1)} %`;
    const { name } = this.#workload;
    console.log(
      `| ${name} | ${us(alone!)} | ${us(helped!)} | ${(alone!.ms / helped!.ms).toFixed(2)} | ${best(alone!)} | ${best(helped!)} | ` +
        `${(alone!.bestMs / helped!.bestMs).toFixed(2)} | ${each(alone!.threadMs)} | ${each(helped!.threadMs)} | ${each(helperMs)} | ` +
        `${(alone!.threadMs / Math.max(helped!.threadMs, helperMs)).toFixed(2)} | ${share("adopted")} | ${share("conflict")} | ${share("late")} |`,
    );
  }

  async #row(side: Side, batches: readonly Uint8Array[], isTimed: boolean): Promise<Made[]> {
    const made: ExecutedBlock[] = [];
    const begunThread = threadMs();
    const begun = performance.now();
    for (const [i, batch] of batches.entries()) {
      side.next.batch = batches[i + 1];
      made.push(...side.executor.execute(batch, [blockSize], 1));
      // As a daemon's executor does; the helpers' threads say by messages that they are there.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const ms = performance.now() - begun;
    const ownMs = threadMs() - begunThread;
    if (isTimed) {
      side.ms += ms;
      side.threadMs += ownMs;
      side.bestMs = Math.min(side.bestMs, ms);
    }
    return made.map(({ entry, rejected, parallel }) => {
      if (entry === undefined || rejected.length > 0) throw new Error(JSON.stringify(rejected.slice(0, 2)));
      return { entry: new BlockEntry(entry), parallel };
    });
  }

  #batch(): Uint8Array {
    const { call, contracts, choose = () => random.below(contracts) } = this.#workload;
    return this.#encode(
      Array.from({ length: blockSize }, () =>
        call(this.#contracts[choose()]!, random.below(holders), random.below(holders)),
      ),
    );
  }

  #encode(transactions: readonly TransactionJson[]): Uint8Array {
    const out = new ByteWriter();
    for (const one of transactions) {
      const nonce = this.#nonces.get(one.sender) ?? 0;
      this.#nonces.set(one.sender, nonce + 1);
      encodeTransaction({ ...one, nonce }, out);
    }
    return out.take();
  }

  /** Contracts and holders, on an executor with nothing behind it. */
  #setUp(): { executor: Executor; entries: Uint8Array[] } {
    const { deployment, fund, contracts, name } = this.#workload;
    const executor = executorOn(EMPTY, `${name} setup`, BEFORE, { helpers: [], next: { batch: undefined } });
    const entries: Uint8Array[] = [executor.genesis([])];
    const block = (transactions: readonly TransactionJson[]): BlockEntry => {
      const [made] = executor.execute(this.#encode(transactions), [transactions.length], 1);
      if (made?.entry === undefined) throw new Error(JSON.stringify(made?.rejected.slice(0, 2)));
      entries.push(made.entry);
      return new BlockEntry(made.entry);
    };
    for (let i = 0; i < contracts; i++) {
      const made = block([{ kind: "deploy", sender: owner, gasLimit: 1e12, contract: deployment }]);
      this.#contracts.push(toHex(made.bytes, made.receiptAt(0) + 16, made.receiptAt(0) + 36));
    }
    if (fund !== undefined)
      for (const to of this.#contracts)
        for (let i = 0; i < holders; i += SETUP_BATCH)
          block(addresses.slice(i, i + SETUP_BATCH).map((_, k) => fund(to, i + k)));
    return { executor, entries };
  }
}

console.log(
  "| workload | alone, us each | helped, us each | times as fast | alone, fastest row | helped, fastest | times | alone, processor | helped, executor's | helper's | bound | adopted | re-executed: conflict | late |\n" +
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
);
const only = process.env["ONLY"];
for (const workload of workloads) if (only === undefined || workload.name === only) await new Bench(workload).run();
