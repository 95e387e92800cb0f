/** What streams keep and read, however many listen and however far behind: over the log of a real engine. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { EventSelectionJson } from "../../src/client/methods.ts";
import { ERC20_EVENTS } from "../../src/encoding/erc20-abi.ts";
import { toHex } from "../../src/encoding/hex.ts";
import type { Engine } from "../../src/engine.ts";
import { ContractAbis } from "../../src/rpc/contract-abis.ts";
import type { EventLog } from "../../src/rpc/services.ts";
import { EventCache } from "../../src/rpc/streams/entry-events.ts";
import { Selection } from "../../src/rpc/streams/selection.ts";
import { type EventSink, Subscription } from "../../src/rpc/streams/subscription.ts";
import { ALICE, BOB, deployToken, openEngine, submit, transfer } from "../support/engine.ts";

const MiB = 1024 * 1024;
const TRANSFERS = 1_000;

let engine: Engine;
let token: string;
beforeAll(async () => {
  engine = (await openEngine()).engine;
  token = await deployToken(engine);
  await submit(
    engine,
    Array.from({ length: TRANSFERS }, () => transfer(token, ALICE, BOB, 1)),
  );
});
afterAll(() => engine.close());

function sinkOf(key: string, frames: string[]): EventSink {
  return {
    format: { key, frame: (type, cursor, result) => `${key} ${type} ${cursor} ${result}` },
    unreadBytes: 0,
    send: (sent) => void frames.push(...sent),
    rest: () => undefined,
    dropped: (error) => {
      throw error;
    },
  };
}

/** Begins with the block of transfers. */
function subscriptionOf(cache: EventCache, params: EventSelectionJson, sink: EventSink): Subscription {
  return new Subscription(new Selection(params, cache.log), { fromBlock: 2 }, sink, { cache, queueBytesMax: MiB });
}

async function read(cache: EventCache, params: EventSelectionJson, key: string): Promise<string[]> {
  const frames: string[] = [];
  const subscription = subscriptionOf(cache, params, sinkOf(key, frames));
  while (await subscription.step());
  return frames;
}

it("an entry is read once, not once for every slice that is told of it", async () => {
  const { events } = engine.service;
  const reads: number[] = [];
  const log = new Proxy(events, {
    get(target, name: keyof EventLog) {
      // Far behind: nothing is kept of it for those who follow the head.
      if (name === "durableSeq") return target.durableSeq + 1_000;
      const value = target[name];
      if (typeof value !== "function") return value;
      return (...args: never[]) => {
        if (name === "entry") reads.push(args[0]!);
        return (value as (...given: never[]) => unknown).apply(target, args);
      };
    },
  });
  const cache = new EventCache({ log, abis: new ContractAbis(engine.service) });
  const frames: string[] = [];
  const subscription = subscriptionOf(cache, { types: ["receipts", "logs"] }, sinkOf("a", frames));
  const all = async () => {
    while (await subscription.step());
  };
  // It is not as far behind as it is made to believe.
  await expect(all()).rejects.toMatchObject({ code: "PRUNED" });
  expect(frames).toHaveLength(2 * TRANSFERS);
  const seq = events.seqOfHeight(2)!;
  expect(reads).toEqual([seq, seq + 1]);
});

it("what is made of a block is bounded, and the same for the last who asks as for the first", async () => {
  const { events } = engine.service;
  const cache = new EventCache({ log: events, abis: new ContractAbis(engine.service) });
  const wanted = { types: ["receipts", "logs"], address: token } as const;
  const first = await read(cache, wanted, "0x1");
  let most = 0;
  // Each wants something else and is told in words of its own: some 60 MiB in all.
  for (let listener = 2; listener < 42; listener++) {
    const topics = [[toHex(ERC20_EVENTS.Transfer.topic), `0x${listener.toString(16).padStart(64, "0")}`]];
    await read(cache, { ...wanted, topics }, `0x${listener}`);
    most = Math.max(most, cache.get(events.seqOfHeight(2)!, true).bytes);
  }
  expect(most).toBeGreaterThan(8 * MiB);
  expect(most).toBeLessThan(17 * MiB);
  expect(await read(cache, wanted, "0x1")).toEqual(first);
});
