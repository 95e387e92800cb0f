/** Lists newest first, and the configuration in effect, of the daemon as users run it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { MethodName, ParamsOf, ResultOf } from "../../src/client/methods.ts";
import { ALICE, type ConsoleDaemon, deployToken, openConsoleDaemon, transfer } from "../support/console-daemon.ts";

const SECRET = "nobody-may-see-this";

let daemon: ConsoleDaemon;
let token: string;
const hashes: string[] = [];
beforeAll(async () => {
  daemon = await openConsoleDaemon({
    flags: ["--storage", "memory"],
    environment: { POLYTORUS_STORAGE__POSTGRES__PASSWORD: SECRET },
  });
  token = await deployToken(daemon.client, "Listed", "LST");
  for (let n = 1; n <= 7; n++) hashes.push((await transfer(daemon.client, token, String(n))).transactionHash);
});
afterAll(() => daemon.close());

type Paged = Extract<MethodName, "tx_list" | "block_list" | "contract_logs">;

/** All items, and how many pages they came in. */
async function pages<M extends Paged>(method: M, params: ParamsOf<M>) {
  const items: ResultOf<M>["items"][number][] = [];
  let cursor: string | null | undefined;
  let count = 0;
  do {
    const page = await daemon.client.call(method, { ...params, ...(cursor ? { cursor } : {}) });
    items.push(...page.items);
    cursor = page.nextCursor;
    count++;
  } while (cursor !== null && count < 100);
  return { items, count };
}

it.each([1, 3, 100])("lists transactions newest first in pages of %i", async (limit) => {
  const whole = await pages("tx_list", { limit });
  expect(whole.items.slice(0, 7).map((line) => line.transactionHash)).toEqual(hashes.toReversed());
  expect(whole.items).toHaveLength(8);
  expect(whole.items[0]).toMatchObject({
    kind: "call",
    sender: ALICE,
    to: token,
    entrypoint: "transfer",
    status: "success",
  });
  expect(whole.items[7]).toMatchObject({ kind: "deploy", to: null, contractAddress: token, entrypoint: null });
  expect((await pages("tx_list", { limit, address: token })).items).toEqual(whole.items);
});

it("lists the transactions of one block, and names a block that is not there", async () => {
  const { items } = await daemon.client.call("tx_list", { blockHeight: 3 });
  expect(items.map(({ transactionHash }) => transactionHash)).toEqual([hashes[1]]);
  await expect(daemon.client.call("tx_list", { blockHeight: 99 })).rejects.toMatchObject({ code: "BLOCK_NOT_FOUND" });
});

it("lists blocks and logs newest first", async () => {
  const heights = (await pages("block_list", { limit: 3 })).items.map(({ height }) => height);
  expect(heights).toEqual([8, 7, 6, 5, 4, 3, 2, 1, 0]);
  const newest = await pages("contract_logs", { order: "newest", limit: 2 });
  const oldest = await pages("contract_logs", { limit: 2 });
  expect(newest.items).toEqual(oldest.items.toReversed());
  expect(newest.items[0]).toMatchObject({ event: "Transfer", args: { value: "7" } });
});

it.each(["tx_list", "block_list"] as const)("refuses a cursor of %s that was not given out", async (method) => {
  const refused = daemon.client.call(method, { cursor: "../../etc" });
  await expect(refused).rejects.toMatchObject({ code: "VALIDATION_ERROR", facts: { path: "cursor" } });
});

it("answers the configuration in effect, with its origins, and no secret", async () => {
  const { items } = await daemon.client.call("engine_config", {});
  const by = new Map(items.map((item) => [item.key, item]));
  expect(by.get("storage.kind")).toMatchObject({ value: "memory", origin: "--storage" });
  expect(by.get("mode")).toMatchObject({ value: "auto", origin: "default" });
  expect(by.get("storage.postgres.password")).toMatchObject({ value: "***" });
  expect(JSON.stringify(items)).not.toContain(SECRET);
});
