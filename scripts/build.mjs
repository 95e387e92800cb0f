/**
 * Bundles what runs into dist/: the command line, the worker threads, the two exported modules, and the console.
 *   node scripts/build.mjs              builds
 *   node scripts/build.mjs --if-stale   builds only when a source is newer than the last build
 *
 * All outputs, chunks too, lie flat in dist/, so that `new URL("./executor-worker.js", import.meta.url)` finds a worker
 * from whichever chunk the code landed in. Packages with native code or with files of their own stay outside.
 */
import { chmodSync, copyFileSync, existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { buildConsole } from "./build-console.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const stamp = join(dist, ".built");

const ENTRY_POINTS = {
  main: "src/main.ts",
  "check-worker": "src/threads/check-worker.ts",
  "compile-worker": "src/threads/compile-worker.ts",
  "backup-worker": "src/threads/backup-worker.ts",
  "executor-worker": "src/threads/executor-worker.ts",
  "follower-worker": "src/threads/follower-worker.ts",
  "privacy-worker": "src/threads/privacy-worker.ts",
  "query-worker": "src/threads/query-worker.ts",
  "postgres-worker": "src/threads/postgres-worker.ts",
  "redis-worker": "src/threads/redis-worker.ts",
  "query-pool-worker": "src/threads/query-pool-worker.ts",
  "speculation-worker": "src/threads/speculation-worker.ts",
  client: "src/client/client.ts",
  verify: "src/verify/verify.ts",
};

/** Native, or they find files beside themselves at run time. pino-pretty is loaded only on a terminal, pg only for Postgres, ioredis only for Redis. */
const EXTERNAL = ["lmdb", "secp256k1", "pino-pretty", "pg", "ioredis", "node-pg-migrate", "piscina"];

/** The contract that `serve --dev` deploys. */
const SAMPLE = "counter";

/** A process that still runs from an earlier build may load its chunks lazily: keep them for an hour. */
const STALE_CHUNK_AGE_MS = 60 * 60 * 1000;

/** CommonJS packages inside an ES module bundle call `require` for Node's own modules. */
const BANNER =
  'import { createRequire as createRequireOfBundle } from "node:module"; const require = createRequireOfBundle(import.meta.url);';

/** Newest modification below `path`, directories included: deleting a file changes its directory. */
function newestMtimeMs(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestMtimeMs(join(path, name))), stats.mtimeMs);
}

function isFresh() {
  if (!existsSync(stamp)) return false;
  const builtAtMs = statSync(stamp).mtimeMs;
  return [
    "src",
    "package.json",
    `contracts/${SAMPLE}/assembly`,
    "contracts/sdk/assembly",
    "contracts/sdk/transform",
    "scripts/build.mjs",
    "scripts/build-console.mjs",
  ].every((path) => newestMtimeMs(join(root, path)) < builtAtMs);
}

function removeStaleOutputs(outputs) {
  const current = new Set([...Object.keys(outputs).map((path) => path.replace(/^dist\//, "")), `${SAMPLE}.wasm`]);
  for (const entry of readdirSync(dist, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name === ".built" || current.has(entry.name)) continue;
    const path = join(dist, entry.name);
    if (Date.now() - statSync(path).mtimeMs > STALE_CHUNK_AGE_MS) rmSync(path, { force: true });
  }
}

async function build() {
  const startedAtMs = Date.now();
  const { build: bundle } = await import("esbuild");
  const entryPoints = Object.fromEntries(
    Object.entries(ENTRY_POINTS).filter(([, source]) => existsSync(join(root, source))),
  );
  const result = await bundle({
    absWorkingDir: root,
    entryPoints,
    outdir: "dist",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    sourcemap: true,
    minifyWhitespace: true,
    minifySyntax: true,
    metafile: true,
    legalComments: "none",
    chunkNames: "[name]-[hash]",
    external: EXTERNAL,
    banner: { js: BANNER },
    logLevel: "warning",
  });
  await buildConsole(join(dist, "console"));
  const { buildContract } = await import("../contracts/build.mjs");
  copyFileSync((await buildContract(SAMPLE)).wasm, join(dist, `${SAMPLE}.wasm`));
  // npm makes the bin executable when it links it; a clone that was built runs it as a program too.
  chmodSync(join(dist, "main.js"), 0o755);
  // Stamped with the start: a source saved while it ran makes the next --if-stale build again.
  writeFileSync(stamp, `${new Date(startedAtMs).toISOString()}\n`);
  utimesSync(stamp, startedAtMs / 1000, startedAtMs / 1000);
  removeStaleOutputs(result.metafile.outputs);
  process.stderr.write(`built ${Object.keys(entryPoints).join(", ")}, console in ${Date.now() - startedAtMs} ms\n`);
}

if (!(process.argv.includes("--if-stale") && isFresh())) await build();
