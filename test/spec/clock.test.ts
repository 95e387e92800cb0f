/** A clock that jumps: a block's time is the later of its parent's and the clock's, so that chain time never goes back. */
import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import type { BlockEntry } from "../../src/encoding/block-entry.ts";
import type { Engine } from "../../src/engine.ts";
import { ALICE, BOB, balanceOf, deployToken, openEngine, submit, transfer } from "../support/engine.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const NOW_MS = 1_750_000_000_000;
const YEAR_MS = 365 * 24 * 3_600_000;

async function open(dataDir: string | undefined, now: () => number): Promise<Engine> {
  const { engine } = await openEngine({ dataDir, now });
  return engine;
}

async function timesOf(engine: Engine): Promise<number[]> {
  const { height } = (await engine.service.block("latest")) as BlockEntry;
  const blocks = await Promise.all(Array.from({ length: height + 1 }, (_, at) => engine.service.block(at)));
  return blocks.map((block) => block!.timestampMs);
}

it("each block has the later of its parent's time and the clock's, wherever the clock jumps to", async () => {
  let nowMs = NOW_MS;
  const engine = await open(undefined, () => nowMs);
  onTestFinished(() => engine.close());
  const token = await deployToken(engine);
  const clock = fc.oneof(fc.integer({ min: NOW_MS - YEAR_MS, max: NOW_MS + YEAR_MS }), fc.constantFrom(0, NOW_MS));
  await fc.assert(
    fc.asyncProperty(fc.array(clock, { minLength: 1, maxLength: 8 }), async (clocks) => {
      for (const jumpMs of clocks) {
        const before = ((await engine.service.block("latest")) as BlockEntry).timestampMs;
        nowMs = jumpMs;
        await submit(engine, [transfer(token, ALICE, BOB, 1)]);
        const after = ((await engine.service.block("latest")) as BlockEntry).timestampMs;
        expect(after).toBe(Math.max(before, jumpMs));
      }
    }),
    { numRuns: 20 },
  );
});

it("a start with a clock from before the chain's head goes on at the head's time, with everything there", async () => {
  const dataDir = `${temporaryDirectory()}/data`;
  let engine = await open(dataDir, () => NOW_MS + YEAR_MS);
  const token = await deployToken(engine);
  await submit(engine, [transfer(token, ALICE, BOB, 7)]);
  const root = engine.service.info()["stateRoot"];
  await engine.close();

  engine = await open(dataDir, () => NOW_MS);
  onTestFinished(() => engine.close());
  expect(engine.service.info()["stateRoot"]).toBe(root);
  const id = `0x${"1d".repeat(32)}`;
  const once = await submit(engine, [transfer(token, ALICE, BOB, 1, { id })]);
  expect(await submit(engine, [transfer(token, ALICE, BOB, 1, { id })])).toEqual(once);
  expect(await balanceOf(engine, token, BOB)).toBe(8n);
  const [genesis, ...times] = await timesOf(engine);
  expect(genesis).toBe(0);
  expect(times).toEqual([NOW_MS + YEAR_MS, NOW_MS + YEAR_MS, NOW_MS + YEAR_MS]);
});

it("a leap of the clock drops no block from the window that was promised by count", async () => {
  let nowMs = NOW_MS;
  const engine = await open(undefined, () => nowMs);
  onTestFinished(() => engine.close());
  const token = await deployToken(engine);
  for (let i = 0; i < 5; i++) await submit(engine, [transfer(token, ALICE, BOB, 1)]);
  nowMs += 10 * YEAR_MS;
  await submit(engine, [transfer(token, ALICE, BOB, 1)]);
  expect((await engine.service.stateRoot(1)).blockHeight).toBe(1);
  const proof = await engine.service.stateProof(Buffer.from(`10${BOB.slice(2)}`, "hex"), 2);
  expect(proof.blockHeight).toBe(2);
});
