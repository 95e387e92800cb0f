/** A real engine for tests, its threads from the build, and short ways to use it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BlockEntry } from "../../src/encoding/block-entry.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { decodeReceipt, type Receipt } from "../../src/encoding/receipt.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { Engine } from "../../src/engine.ts";
import type { EngineOptions } from "../../src/engine-options.ts";
import type { EngineError } from "../../src/errors.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import type { QueryOutcome, Rejection, SubmissionOutcome, Wait } from "../../src/rpc/services.ts";

export const BUILT = new URL("../../dist/", import.meta.url);
export const ALICE = `0x${"a1".repeat(20)}`;
export const BOB = `0x${"b0".repeat(20)}`;
export const CAROL = `0x${"ca".repeat(20)}`;

const MIB = 1024 * 1024;

export interface TestEngine {
  engine: Engine;
  reports: string[];
  fatal: EngineError | undefined;
}

export async function openEngine(options: Partial<EngineOptions> = {}): Promise<TestEngine> {
  const reports: string[] = [];
  const test: TestEngine = { engine: undefined as unknown as Engine, reports, fatal: undefined };
  test.engine = await Engine.open({
    dataDir: undefined,
    mode: "auto",
    parameters: DEFAULT_PARAMETERS,
    balances: [],
    segmentBytes: 4 * MIB,
    backlogMaxBytes: 256 * MIB,
    retention: { undoBlocks: 128, undoMs: 600_000, undoMaxBytes: 1024 * MIB },
    limits: {},
    modulesBytesMax: 64 * MIB,
    queries: { threads: 1, timeoutMs: 10_000, waitingMax: 4_096 },
    executionTimeoutMs: 10_000,
    parallelThreads: 0,
    resultCache: { entriesMax: 1000, bytesMax: 64 * MIB, ttlMs: 300_000 },
    analytics: true,
    optimize: true,
    privacy: { workers: 2, blobBytesMax: 1024 * MIB, jobsMax: 10_000 },
    now: Date.now,
    report: (level, message) => reports.push(`${level}: ${message}`),
    onFatal: (error) => {
      test.fatal = error;
    },
    scripts: BUILT,
    ...options,
  });
  return test;
}

export function temporaryDirectory(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "polytorus-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** What became of one submitted transaction. */
export type Fate = { receipt: Receipt; height: number; index: number; hash: string } | { rejection: Rejection };

export function fateOf(outcome: SubmissionOutcome, index: number): Fate {
  const rejection = outcome.rejection(index);
  const block = outcome.block(index);
  if (rejection !== undefined || block === undefined) return { rejection: rejection! };
  const position = outcome.position(index);
  return {
    receipt: receiptAt(block, position),
    height: block.height,
    index: position,
    hash: toHex(block.transactionHash(position)),
  };
}

export function receiptAt(block: BlockEntry, index: number): Receipt {
  return decodeReceipt(block.bytes, block.receiptAt(index));
}

export function submit(
  engine: Engine,
  transactions: readonly TransactionJson[],
  wait: Wait = "durable",
): Promise<Fate[]> {
  return new Promise((resolve, reject) => {
    engine.service.submit(
      (out) => {
        for (const transaction of transactions) encodeTransaction(transaction, out);
        return transactions.length;
      },
      wait,
      { settle: (outcome) => resolve(transactions.map((_, i) => fateOf(outcome, i))), fail: reject },
    );
  });
}

export function query(
  engine: Engine,
  to: string,
  entrypoint: string,
  args: unknown[],
  caller = ALICE,
): Promise<QueryOutcome> {
  return new Promise((resolve, reject) => {
    engine.service.query(
      (out) => {
        encodeTransaction({ kind: "call", sender: caller, gasLimit: 10_000_000, to, entrypoint, args }, out);
        return 1;
      },
      { settle: resolve, fail: reject },
    );
  });
}

export async function balanceOf(engine: Engine, token: string, owner: string): Promise<bigint> {
  return BigInt(toHex((await query(engine, token, "balanceOf", [owner])).returnData));
}

export function deployment(sender = ALICE, supply = "1000000", more: Record<string, unknown> = {}): TransactionJson {
  return {
    kind: "deploy",
    sender,
    gasLimit: 10_000_000,
    contract: { type: "erc20", name: "Token", symbol: "TKN", decimals: 18, initialSupply: supply, ...more },
  };
}

export function transfer(
  token: string,
  from: string,
  to: string,
  amount: bigint | number,
  more: Partial<TransactionJson> = {},
): TransactionJson {
  return {
    kind: "call",
    sender: from,
    gasLimit: 200_000,
    to: token,
    entrypoint: "transfer",
    args: [to, String(amount)],
    ...more,
  };
}

/** Deploys a token whose supply is `sender`'s. Answers its address. */
export async function deployToken(engine: Engine, sender = ALICE, supply = "1000000"): Promise<string> {
  const [fate] = await submit(engine, [deployment(sender, supply)]);
  if (fate === undefined || "rejection" in fate || fate.receipt.contractAddress === undefined)
    throw new Error(JSON.stringify(fate));
  return toHex(fate.receipt.contractAddress);
}

export function bytes(hex: string): Uint8Array {
  return fromHex(hex)!;
}

export function rootOf(engine: Engine): string {
  return engine.service.info()["stateRoot"] as string;
}

export function heightOf(engine: Engine): number {
  return engine.service.info()["height"] as number;
}
