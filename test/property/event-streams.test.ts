/**
 * Whatever blocks come and are taken back, however slowly a follower reads and however often it connects again: what it
 * was told replays to the chain as it stands, each event once, each taken back in the reverse of the order it was told.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { EventType } from "../../src/client/methods.ts";
import type { BlockEntry } from "../../src/encoding/block-entry.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import type { Engine } from "../../src/engine.ts";
import { ContractAbis } from "../../src/rpc/contract-abis.ts";
import { DEFAULT_FRONT_LIMITS } from "../../src/rpc/limits.ts";
import { EventStreams } from "../../src/rpc/streams/event-streams.ts";
import type { EventSink, Subscription } from "../../src/rpc/streams/subscription.ts";
import { ALICE, BOB, deployment, openEngine, receiptAt, transfer } from "../support/engine.ts";

const FOLLOWERS: { types: EventType[]; isFiltered?: boolean }[] = [
  { types: ["newBlocks"] },
  { types: ["logs"], isFiltered: true },
  { types: ["newBlocks", "logs", "receipts"] },
];

type Operation =
  | { do: "apply"; transfers: number; others: number }
  | { do: "rollBack"; count: number }
  | { do: "block" | "unblock" | "disconnect" | "connect"; follower: number };

const follower = fc.nat(FOLLOWERS.length - 1);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("apply" as const), transfers: fc.nat(70), others: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("rollBack" as const), count: fc.nat(4) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("block", "unblock", "disconnect", "connect"), follower }),
  },
);

let engine: Engine;
let streams: EventStreams;
let token: string;
let other: string;

beforeAll(async () => {
  ({ engine } = await openEngine({ mode: "driven" }));
  const { service } = engine;
  const faults = { warn: () => undefined, error: () => undefined };
  streams = new EventStreams(DEFAULT_FRONT_LIMITS, { log: service.events, abis: new ContractAbis(service) }, faults);
  const block = await apply([deployment(), deployment(BOB)]);
  [token, other] = [0, 1].map((index) => toHex(receiptAt(block, index).contractAddress!)) as [string, string];
});
afterAll(() => engine.close());

async function apply(transactions: TransactionJson[]): Promise<BlockEntry> {
  const parent = (await engine.service.block("latest"))!;
  const { block } = await engine.service.blockExecute({
    height: parent.height + 1,
    parentHash: parent.blockHash,
    timestampMs: parent.timestampMs + 1,
    encode: (out) => {
      for (const transaction of transactions) encodeTransaction(transaction, out);
      return transactions.length;
    },
  });
  return await engine.service.blockCommit(block.height, block.stateRoot);
}

interface Told {
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any kind
  result: any;
}

/** Replays what it is told, as any program would. */
class Follower implements EventSink {
  readonly format = { key: "test", frame: (...event: string[]) => JSON.stringify(event) };
  isBlocked = false;
  /** What was told and not taken back. */
  readonly told: Told[] = [];
  /** The lowest height that it was told of: the chain may have gone back to below where it began. */
  lowest: number;
  readonly #fromBlock: number;
  readonly #selection: { types: EventType[]; address?: string };
  #cursor: string | undefined;
  #subscription: Subscription | undefined;

  constructor(selection: { types: EventType[]; address?: string }, fromBlock: number) {
    this.#selection = selection;
    this.#fromBlock = fromBlock;
    this.lowest = fromBlock;
    this.connect();
  }

  get unreadBytes(): number {
    return this.isBlocked ? Number.POSITIVE_INFINITY : 0;
  }

  connect(): void {
    if (this.#subscription !== undefined) return;
    const from = this.#cursor === undefined ? { fromBlock: this.#fromBlock } : { since: this.#cursor };
    this.#subscription = streams.open({ ...this.#selection, ...from }, this);
    this.#cursor = this.#subscription.cursor;
  }

  disconnect(): void {
    if (this.#subscription !== undefined) streams.end(this.#subscription);
    this.#subscription = undefined;
  }

  /** Whether everything up to the end of the log was told. */
  get isAtEnd(): boolean {
    return this.#subscription!.cursor.startsWith(`${engine.service.events.durableSeq}.end.`);
  }

  send(frames: readonly string[]): void {
    for (const frame of frames) {
      const [type, cursor, text] = JSON.parse(frame) as [string, string, string];
      this.#cursor = cursor;
      const { removed, ...result } = JSON.parse(text);
      if (!removed) this.told.push({ type, result });
      else if (this.told.length > 0) expect({ type, result }).toEqual(this.told.pop());
      else {
        const height = result.height ?? result.blockHeight;
        expect(height).toBeLessThan(this.#fromBlock);
        this.lowest = Math.min(this.lowest, height);
      }
    }
  }

  rest(): void {}

  dropped(error: Error): void {
    throw error;
  }
}

/** What stands, as other methods answer it. */
async function standing(from: number): Promise<{ blocks: string[]; logs: string[] }> {
  const { height: head } = (await engine.service.block("latest"))!;
  const blocks: string[] = [];
  for (let height = from; height <= head; height++) blocks.push(toHex((await engine.service.block(height))!.blockHash));
  const logs: string[] = [];
  const query = { address: fromHex(token)!, fromBlock: from, limit: 100_000 };
  for (const { block, transactionIndex, logIndex } of (await engine.service.logs(query)).items)
    logs.push(`${toHex(block.transactionHash(transactionIndex))} ${logIndex}`);
  return { blocks, logs };
}

async function run(operations: readonly Operation[], back: number): Promise<void> {
  const head = (await engine.service.block("latest"))!.height;
  const fromBlock = Math.max(1, head - back);
  const followers = FOLLOWERS.map(
    ({ types, isFiltered }) => new Follower({ types, ...(isFiltered ? { address: token } : {}) }, fromBlock),
  );
  for (const step of operations) {
    if (step.do === "apply")
      await apply([
        ...Array.from({ length: step.transfers }, () => transfer(token, ALICE, BOB, 1)),
        ...Array.from({ length: step.others }, () => transfer(other, BOB, ALICE, 2)),
        transfer(token, ALICE, BOB, 2n ** 200n),
      ]);
    else if (step.do === "rollBack") {
      const { height } = (await engine.service.block("latest"))!;
      await engine.service.blockRollback(Math.max(1, height - step.count));
    } else if (step.do === "block") followers[step.follower]!.isBlocked = true;
    else if (step.do === "unblock") {
      followers[step.follower]!.isBlocked = false;
      streams.wake();
    } else followers[step.follower]![step.do]();
  }
  for (const each of followers) {
    each.isBlocked = false;
    each.connect();
  }
  streams.wake();
  await expect.poll(() => followers.every(({ isAtEnd }) => isAtEnd), { interval: 1 }).toBe(true);
  const [ofBlocks, ofLogs, ofAll] = followers as [Follower, Follower, Follower];
  const { blocks, logs } = await standing(ofBlocks.lowest);
  expect(ofBlocks.told.map(({ result }) => result.blockHash)).toEqual(blocks);
  expect(ofLogs.told.map(({ result }) => `${result.transactionHash} ${result.logIndex}`)).toEqual(logs);
  const all = ofAll.told;
  expect(all.filter(({ type }) => type === "newBlocks")).toEqual(ofBlocks.told);
  expect(all.filter(({ type, result }) => type === "logs" && result.address === token)).toEqual(ofLogs.told);
  const logsOfReceipts = all.filter(({ type }) => type === "receipts").flatMap(({ result }) => result.logs);
  const ownLogs = all.filter(({ type }) => type === "logs").map(({ result }) => result);
  expect(logsOfReceipts.map(({ data }) => data)).toEqual(ownLogs.map(({ data }) => data));
  for (const each of followers) each.disconnect();
}

it("replays to the same state for every follower after any blocks, rollbacks and interruptions", async () => {
  await fc.assert(fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 24 }), fc.nat(6), run), {
    numRuns: 25,
  });
  expect(streams.count).toBe(0);
});
