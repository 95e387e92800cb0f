/** A chain whose journal has many small segments, pruned as an operator would, and asked over a socket. */
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Client, connect } from "../../src/client/client.ts";
import type { Config } from "../../src/config/config.ts";
import type { Engine } from "../../src/engine.ts";
import type { EngineOptions } from "../../src/engine-options.ts";
import { EngineError } from "../../src/errors.ts";
import { JsonRpc } from "../../src/rpc/json-rpc.ts";
import { DEFAULT_FRONT_LIMITS } from "../../src/rpc/limits.ts";
import { openSocketServer } from "../../src/rpc/socket-server.ts";
import { DataDir } from "../../src/storage/data-dir.ts";
import { pruneEmbedded } from "../../src/tools/prune.ts";
import { ALICE, BOB, deployToken, openEngine, submit, transfer } from "./engine.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** Some ten blocks of a transfer each. */
export const SEGMENT_BYTES = 8_000;
export const RETENTION = { undoBlocks: 8, undoMs: 0, undoMaxBytes: 2 ** 30 };
const START_MS = 1_800_000_000_000;
export const BLOCK_MS = 1_000;

export const RUN = {
  prune: undefined,
  vacuum: false,
  analyze: false,
  check: false,
  statementTimeoutMs: 0,
  signal: new AbortController().signal,
  onProgress: () => undefined,
};

/** Opens an engine whose clock goes on by BLOCK_MS with every look, from where its chain is. */
export async function openSmall(dataDir: string, options: Partial<EngineOptions> = {}): Promise<Engine> {
  let nowMs = START_MS;
  const { engine } = await openEngine({
    dataDir,
    segmentBytes: SEGMENT_BYTES,
    retention: RETENTION,
    now: () => (nowMs += BLOCK_MS),
    ...options,
  });
  const { timestampMs } = (await engine.service.block("latest"))!;
  nowMs = Math.max(nowMs, timestampMs);
  return engine;
}

/** Transfers of one unit each, a block each. Answers their hashes by height. */
export async function addBlocks(engine: Engine, token: string, count: number): Promise<Map<number, string>> {
  const hashes = new Map<number, string>();
  for (let i = 0; i < count; i++) {
    const [fate] = await submit(engine, [transfer(token, ALICE, BOB, 1)]);
    if (fate === undefined || "rejection" in fate) throw new Error(JSON.stringify(fate));
    hashes.set(fate.height, fate.hash);
  }
  return hashes;
}

export async function newChain(
  dataDir: string,
  blocks: number,
): Promise<{ token: string; hashes: Map<number, string> }> {
  const lock = DataDir.open(dataDir);
  const engine = await openSmall(dataDir);
  const token = await deployToken(engine);
  const hashes = await addBlocks(engine, token, blocks);
  await engine.close();
  lock.close();
  return { token, hashes };
}

export interface PruneOptions {
  readonly archive?: string;
  readonly dryRun?: boolean;
}

/** `db maintenance --prune --keep '<blocks> blocks'`. */
export function prune(dataDir: string, blocks: number, options: PruneOptions = {}): Promise<Record<string, unknown>> {
  const config = {
    dataDir,
    retention: RETENTION,
    journal: { archive: options.archive },
    storage: { kind: "embedded" },
  } as unknown as Config;
  return pruneEmbedded(config, { kept: { blocks }, dryRun: options.dryRun ?? false }, RUN);
}

/** Where the engine answers, until the test is over. */
export async function socketOf(engine: Engine): Promise<string> {
  const log = { warn: () => undefined, error: () => undefined };
  const options = { blockMode: "auto", limits: DEFAULT_FRONT_LIMITS, bech32Prefix: "poly" } as const;
  const rpc = new JsonRpc(options, { service: engine.service, log });
  const ipc = join(temporaryDirectory(), "engine.ipc");
  const server = await openSocketServer({ path: ipc }, rpc);
  onTestFinished(() => server.close(0));
  return ipc;
}

/** A client of the engine, over a socket of its own. */
export async function clientOf(engine: Engine): Promise<Client> {
  const client = await connect({ ipc: await socketOf(engine) });
  onTestFinished(() => client.close());
  return client;
}

/** What a call that must fail answers. */
export async function refusalOf(work: Promise<unknown>): Promise<{ code: string; facts: Record<string, unknown> }> {
  const problem: unknown = await work.then(
    (answer) => new Error(`answered ${JSON.stringify(answer).slice(0, 500)}`),
    (thrown: unknown) => thrown,
  );
  if (problem instanceof EngineError) return { code: problem.code, facts: problem.facts };
  const { code, facts } = problem as { code?: string; facts?: Record<string, unknown> };
  if (code === undefined) throw problem;
  return { code, facts: facts ?? {} };
}
