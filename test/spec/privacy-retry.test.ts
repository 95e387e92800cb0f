/** What becomes of jobs whose worker dies, or is told to stop: retried, three times at most, and never done twice. */
import { afterEach, describe, expect, it } from "vitest";
import { KeyHolder } from "../../src/client/key-holder.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { UNHELD_BLOCKS_MAX } from "../../src/engines/privacy/handle-record.ts";
import { heldCiphertext } from "../../src/engines/privacy/held-blobs.ts";
import { JobChain } from "../support/job-chain.ts";
import { collectionContract } from "../support/privacy-manifests.ts";

const holder = new KeyHolder(undefined);
const keys = holder.generateKeys("plain");

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function start(run: Parameters<JobChain["start"]>[0]) {
  const calls = ["1", "2", "3"].map((amount) => ({ entrypoint: "contributeOpenly", args: [amount] }));
  const chain = await JobChain.open({ holder, keys, contract: collectionContract, calls, query: "total" });
  const jobs = chain.start(run);
  opened.push(async () => {
    await jobs.close();
    await chain.close();
  });
  const { blobs, queued, result: total } = chain;
  return { jobs, blobs, total, queued, settled: () => jobs.wait(total, 60_000) };
}

describe("a worker that dies", () => {
  it("costs its jobs an attempt, and nothing is lost or done twice", async () => {
    let deaths = 0;
    const stored: string[] = [];
    const { settled, blobs, total, queued } = await start((task, evaluate) => {
      if (deaths < 2) {
        deaths++;
        throw new Error("worker exited with code 1");
      }
      stored.push(...task.applications.flatMap(({ outputs }) => outputs.map(({ handle }) => toHex(handle))));
      return evaluate();
    });
    expect(await settled()).toMatchObject({ status: "done", percent: 100 });
    expect(new Set(stored).size).toBe(stored.length);
    expect(heldCiphertext(blobs, total)).toMatchObject({ source: "result", parameterSet: "plain" });
    expect(Atomics.load(queued, 0)).toBe(0);
  });

  it("fails its job the third time, and whatever waits for its result, with the reason", async () => {
    const { settled, blobs, total } = await start(() => {
      throw new Error("worker exited with code 1");
    });
    const job = await settled();
    expect(job).toMatchObject({ status: "failed" });
    expect(job!.because).toContain("worker exited with code 1");
    expect(heldCiphertext(blobs, total)).toBeUndefined();
  });

  it("that was told to stop costs no attempt", async () => {
    let stops = 0;
    const { settled } = await start((_task, evaluate) => (stops++ < 5 ? undefined : evaluate()));
    expect(await settled()).toMatchObject({ status: "done", attempts: 1 });
  });
});

describe("a job that is cancelled", () => {
  it("gives no result though its worker comes to the end, and what waits for it fails", async () => {
    let running: (() => void) | undefined;
    const begun = new Promise<void>((resolve) => {
      running = resolve;
    });
    const { jobs, settled, blobs, total } = await start(async (task, evaluate) => {
      running?.();
      while (Atomics.load(task.control, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      Atomics.store(task.control, 0, 0);
      return evaluate();
    });
    await begun;
    const [first] = jobs.list({ status: "running" });
    const handle = fromHex(first!.handles[0]!)!;
    expect(await jobs.cancel(handle)).toMatchObject({ status: "cancelled" });
    expect(await settled()).toMatchObject({ status: "failed", because: expect.stringContaining("cancelled") });
    await jobs.close();
    expect(heldCiphertext(blobs, handle)).toBeUndefined();
    expect(heldCiphertext(blobs, total)).toBeUndefined();
  });

  it("is not taken up by the next start", async () => {
    const calls = [{ entrypoint: "contributeOpenly", args: ["1"] }];
    const chain = await JobChain.open({ holder, keys, contract: collectionContract, calls, query: "total" });
    const first = chain.start(() => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 50)));
    while (first.get(chain.result) === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    await first.cancel(chain.result);
    await first.close();
    const second = chain.start(() => {
      throw new Error("nothing is to be evaluated");
    });
    expect(await second.wait(chain.result, 60_000)).toMatchObject({ status: "cancelled", attempts: 0 });
    await second.close();
    await chain.close();
  });
});

describe("a start that reads the log from its beginning", () => {
  it("orders nothing of what was let go of, and evaluates again what a state still holds", async () => {
    const calls = ["1", "2", "3"].map((amount) => ({ entrypoint: "contributeOpenly", args: [amount] }));
    const chain = await JobChain.open({ holder, keys, contract: collectionContract, calls, query: "total" });
    opened.push(() => chain.close());
    const all = chain.start((_task, evaluate) => evaluate());
    expect(await all.wait(chain.result, 60_000)).toMatchObject({ status: "done" });
    await all.close();
    chain.height = 2 + UNHELD_BLOCKS_MAX;
    await chain.forgetResults((handle) => handle !== toHex(chain.result));
    const later = chain.start(() => expect.unreachable("everything is held, or gone"));
    expect(await later.wait(chain.result, 0)).toMatchObject({ status: "done" });
    expect(later.list({})).toEqual([]);
    await later.close();
    await chain.forgetResults();
    const lost = chain.start(() => expect.unreachable("an input is gone"));
    expect(await lost.wait(chain.result, 60_000)).toMatchObject({ status: "failed" });
    expect([lost.openCount, Atomics.load(chain.queued, 0)]).toEqual([0, 0]);
    await lost.close();
  });
});
