/** What subscribe promises on every transport that carries notifications. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALICE, BOB, deployToken, submit, transfer } from "./engine.ts";
import { type FrontEnd, openFrontEnd } from "./front-end.ts";
import type { NotifiedClient } from "./line-client.ts";

export function describeSubscriptions(name: string, connect: (front: FrontEnd) => Promise<NotifiedClient>): void {
  describe(`subscribe over ${name}`, () => {
    let front: FrontEnd;
    let token: string;
    let client: NotifiedClient;

    beforeAll(async () => {
      front = await openFrontEnd({}, { limits: { connectionSubscriptionsMax: 3 } });
      token = await deployToken(front.engine);
      client = await connect(front);
    });
    afterAll(async () => {
      client.close();
      await front.close();
    });
    const pay = (amount: number) => submit(front.engine, [transfer(token, ALICE, BOB, amount)]);

    it("notifies of what becomes durable, and no more after unsubscribe", async () => {
      const { subscription, cursor } = await client.call("subscribe", { types: ["newBlocks", "logs"], address: token });
      await pay(3);
      const [block, log] = await client.take(2);
      expect(block).toMatchObject({ subscription, type: "newBlocks", result: { transactionCount: 1, removed: false } });
      expect(log).toMatchObject({ subscription, type: "logs", result: { args: { value: "3" }, removed: false } });
      expect(cursor).not.toBe(block!.cursor);
      const ended = await client.call("unsubscribe", { subscription });
      expect(ended.subscription).toBe(subscription);
      await pay(4);
      const again = await client.call("subscribe", { types: ["logs"], since: ended.cursor });
      expect((await client.take(1))[0]).toMatchObject({
        subscription: again.subscription,
        result: { args: { value: "4" } },
      });
      await client.call("unsubscribe", { subscription: again.subscription });
    });

    it("answers other methods on the same connection", async () => {
      const { subscription } = await client.call("subscribe", { types: ["receipts"] });
      const [{ height }] = await Promise.all([client.call("engine_info", {}), pay(1)]);
      expect(height).toBeGreaterThan(0);
      expect((await client.take(1))[0]).toMatchObject({ type: "receipts", result: { status: "success" } });
      await client.call("unsubscribe", { subscription });
    });

    it("tells only what the filter lets through", async () => {
      const other = await deployToken(front.engine, BOB);
      const ofOther = await client.call("subscribe", { types: ["logs", "receipts"], address: other });
      await pay(1);
      await submit(front.engine, [transfer(other, BOB, ALICE, 9)]);
      const [receipt, log] = await client.take(2);
      expect([receipt!.result.to, log!.result.args.value]).toEqual([other, "9"]);
      await client.call("unsubscribe", { subscription: ofOther.subscription });
    });

    it("bounds the subscriptions of a connection", async () => {
      const opened = [];
      for (let i = 0; i < 3; i++) opened.push(await client.call("subscribe", { types: ["newBlocks"] }));
      const { error } = await client.call("subscribe", { types: ["newBlocks"] });
      expect(error.data).toMatchObject({ code: "LIMIT_EXCEEDED", limit: "connectionSubscriptionsMax", max: 3 });
      for (const each of opened) await client.call("unsubscribe", { subscription: each.subscription });
    });

    it.each([
      [{ types: [] }, "VALIDATION_ERROR"],
      [{ types: ["newHeads"] }, "VALIDATION_ERROR"],
      [{ types: ["newBlocks"], since: "1.2" }, "VALIDATION_ERROR"],
      [{ types: ["newBlocks"], since: "0.end.0123456789abcdef" }, "CURSOR_FOREIGN"],
      [{ types: ["newBlocks"], since: "999999.end.0123456789abcdef" }, "CURSOR_AHEAD"],
      [{ types: ["jobs"], transactionHash: `0x${"00".repeat(32)}` }, "VALIDATION_ERROR"],
    ])("refuses %j", async (params, code) => {
      expect((await client.call("subscribe", params)).error.data.code).toBe(code);
    });

    it("knows only its own subscriptions", async () => {
      const { error } = await client.call("unsubscribe", { subscription: "0xff" });
      expect(error.data).toMatchObject({ code: "SUBSCRIPTION_NOT_FOUND", subscription: "0xff" });
    });

    it("lets go of the subscriptions of a connection that closes", async () => {
      const before = front.rpc.streams.count;
      const second = await connect(front);
      await second.call("subscribe", { types: ["newBlocks"] });
      expect(front.rpc.streams.count).toBe(before + 1);
      second.close();
      await expect.poll(() => front.rpc.streams.count).toBe(before);
    });
  });
}
