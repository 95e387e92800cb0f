/**
 * Question   What does the state root cost a transfer, natively and in TypeScript?
 * Workload   trees of 2k, 200k and 2M leaves; blocks of 100 to 4,000 transfers, each of which changes three leaves chosen
 *            at random; one apply() a block, the delta encoded beforehand. Bulk load: deltas of 65,536 new leaves.
 * Expected   native: at most 2.0 us a transfer at 200k leaves in blocks of 400, 3.0 us at 2M; 350 MB, 3 s to fill and
 *            350 ms to load at 2M. Time goes up with the tree's depth and down with the block, whose paths share their top.
 * Checked    native and portable roots are equal after every series; the saved tree, whose load hashes every leaf again,
 *            has the root that the updates led to.
 * Run        node scripts/run.mjs bench/micro/state-tree.bench.ts [leaves…]     (Node 20 runs no TypeScript: it is bundled)
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { encodeDelta, type StateChange } from "../../src/encoding/delta.ts";
import { contractStateKey } from "../../src/encoding/state-key.ts";
import type { StateTree } from "../../src/encoding/state-tree.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { NativeStateTree } from "../../src/native/state-tree.ts";

const LEAVES = [2_000, 200_000, 2_000_000];
const BLOCK_TRANSFERS = [100, 400, 1_000, 4_000];
const LEAVES_PER_TRANSFER = 3;
const BULK_LEAVES = 65_536;
/** In one series: enough blocks for a median, few enough that the portable tree at 2M leaves is done in minutes. */
const SERIES_TRANSFERS = 16_000;
const SERIES_BLOCKS_MIN = 20;
const TREE_NAME = "bench";

const contract = new Uint8Array(20).fill(0xcc);
const loadedAddon = loadAddon();
if (!isAddon(loadedAddon)) throw new Error(loadedAddon.missing);
const addon = loadedAddon;

let seed = 1;
/** mulberry32: the same blocks on every run. */
function randomBelow(limit: number): number {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
}

/** As a token's balances: a contract's key of 32 bytes, a value of 32 bytes. */
function changeOf(leaf: number, value: number, oldValue: number | undefined): StateChange {
  const key = Buffer.alloc(32);
  key.writeUInt32BE(leaf, 28);
  const words = [value, oldValue].map((word) => {
    if (word === undefined) return undefined;
    const bytes = Buffer.alloc(32);
    bytes.writeUInt32BE(word, 28);
    return bytes;
  });
  return { key: contractStateKey(contract, key), newValue: words[0], oldValue: words[1] };
}

function randomBlock(leafCount: number, transfers: number): Uint8Array {
  const leaves = new Set<number>();
  for (let i = 0; i < LEAVES_PER_TRANSFER * transfers; i++) leaves.add(randomBelow(leafCount));
  return encodeDelta([...leaves].map((leaf) => changeOf(leaf, randomBelow(2 ** 32), 0)));
}

function median(samples: number[]): number {
  return samples.sort((a, b) => a - b)[samples.length >> 1]!;
}

function timeMs(act: () => void): number {
  const start = process.hrtime.bigint();
  act();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

/** Milliseconds spent in apply(). */
function fill(tree: StateTree, leafCount: number): number {
  let spentMs = 0;
  for (let first = 0; first < leafCount; first += BULK_LEAVES) {
    const count = Math.min(BULK_LEAVES, leafCount - first);
    const delta = encodeDelta(Array.from({ length: count }, (_, i) => changeOf(first + i, 1, undefined)));
    spentMs += timeMs(() => tree.apply(delta, "forward"));
  }
  return spentMs;
}

/** Median us per transfer of each tree over the same blocks; one tree after the other, so that each has the caches. */
function measureBlocks(trees: readonly StateTree[], leafCount: number, transfers: number): number[] {
  const blocks = Math.max(SERIES_BLOCKS_MIN, Math.floor(SERIES_TRANSFERS / transfers));
  const deltas = Array.from({ length: blocks }, () => randomBlock(leafCount, transfers));
  return trees.map((tree) => {
    return median(deltas.map((delta) => (timeMs(() => tree.apply(delta, "forward")) * 1000) / transfers));
  });
}

function requireEqualRoots(trees: readonly StateTree[]): void {
  const roots = new Set(trees.map((tree) => Buffer.from(tree.root()).toString("hex")));
  if (roots.size !== 1) throw new Error(`the roots differ: ${[...roots].join(" ")}`);
}

function report(label: string, figures: number[], unit: string): void {
  const shown = figures.map((figure) => figure.toFixed(2).padStart(9)).join(" ");
  process.stdout.write(`${label.padEnd(34)}${shown} ${unit}\n`);
}

function measureSaving(tree: StateTree): void {
  const folder = mkdtempSync(join(tmpdir(), "polytorus-bench-"));
  try {
    const path = join(folder, "tree");
    const saveMs = timeMs(() => tree.save(path, new Uint8Array()));
    const root = Buffer.from(tree.root());
    const loadsMs: number[] = [];
    for (let i = 0; i < 5; i++) {
      let loadedRoot: Uint8Array | undefined;
      loadsMs.push(
        timeMs(() => {
          const loaded = NativeStateTree.load(addon, "bench-loaded", path);
          if ("tree" in loaded) loadedRoot = loaded.tree.root();
        }),
      );
      if (!root.equals(loadedRoot ?? new Uint8Array())) throw new Error("the loaded tree has another root");
      NativeStateTree.release(addon, "bench-loaded");
    }
    report(
      "  save, load native",
      [saveMs, median(loadsMs)],
      `ms (${(statSync(path).size / 1e6).toFixed(0)} MB on disk)`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measure(leafCount: number): void {
  const native = NativeStateTree.attach(addon, TREE_NAME);
  const trees = [native, new PortableStateTree()];
  process.stdout.write(`${leafCount} leaves${" ".repeat(24)}native  portable\n`);
  report(
    "  fill, deltas of 65,536",
    trees.map((tree) => fill(tree, leafCount)),
    "ms",
  );
  for (const transfers of BLOCK_TRANSFERS) {
    report(`  blocks of ${transfers}`, measureBlocks(trees, leafCount, transfers), "us a transfer");
    requireEqualRoots(trees);
  }
  report(
    "  memory",
    trees.map((tree) => tree.byteLength() / 1e6),
    "MB",
  );
  measureSaving(native);
  NativeStateTree.release(addon, TREE_NAME);
}

const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
process.stdout.write(
  `${cpus()[0]?.model}, ${cpus().length} cores, node ${process.version}, ${commit}, SHA-256: ${addon.isa}\n`,
);
const wanted = process.argv.slice(2).map(Number);
for (const leafCount of wanted.length > 0 ? wanted : LEAVES) measure(leafCount);
