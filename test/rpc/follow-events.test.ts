/** client.subscribe over real connections: what a program hears while daemons come and go, and when it reads slowly. */
import { connect as connectSocket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Client, connect, type StreamedEvent } from "../../src/client/client.ts";
import { startDaemon } from "../support/daemon.ts";
import { ALICE, BOB, deployment, deployToken, submit, temporaryDirectory, transfer } from "../support/engine.ts";
import { openEventStream, type ServerSentEvent } from "../support/event-stream.ts";
import { freePort } from "../support/free-port.ts";
import { type FrontEnd, openFrontEnd } from "../support/front-end.ts";
import { openLineClient } from "../support/line-client.ts";
import { openWebSocketClient } from "../support/web-socket-client.ts";

/** Gathers what an iteration gives until there are `count`. */
async function gather<T>(events: AsyncIterator<T>, count: number): Promise<T[]> {
  const found: T[] = [];
  while (found.length < count) {
    const { value, done } = await events.next();
    if (done === true) throw new Error(`it ended after ${found.length} of ${count}`);
    found.push(value);
  }
  return found;
}

describe("client.subscribe", () => {
  it.each(["socket", "http"])(
    "goes on by itself over kill -9 of the daemon: no gap, no duplicate (%s)",
    async (way) => {
      const directory = temporaryDirectory();
      const args = ["--http", way === "http" ? `127.0.0.1:${await freePort()}` : "off"];
      let daemon = await startDaemon(directory.path, { args });
      const target = way === "http" ? { url: `http://${args[1]}` } : { ipc: daemon.ipc };
      const interruptions: string[] = [];
      const stop = new AbortController();
      const follower = await connect(target);
      const events = follower.subscribe(
        { types: ["newBlocks", "logs"], fromBlock: 0 },
        { signal: stop.signal, onInterrupted: ({ code }) => interruptions.push(code) },
      );
      const heard = await gather(events, 1);
      const writer = async (body: (client: Client) => Promise<void>) => {
        const client = await connect({ ipc: daemon.ipc });
        await body(client);
        await client.close();
      };
      let token = "";
      await writer(async (client) => {
        const receipt = await client.call("tx_submit", { transaction: deployment() });
        token = (receipt as { contractAddress: string }).contractAddress;
      });
      const pay = (client: Client, amount: number) =>
        client.call("tx_submit", { transaction: transfer(token, ALICE, BOB, amount) });
      heard.push(...(await gather(events, 2)));
      await daemon.kill("SIGKILL");
      daemon = await startDaemon(directory.path, { args });
      await writer(async (client) => {
        for (let amount = 1; amount <= 3; amount++) await pay(client, amount);
      });
      heard.push(...(await gather(events, 6)));
      await daemon.kill("SIGTERM");
      daemon = await startDaemon(directory.path, { args });
      await writer(async (client) => void (await pay(client, 4)));
      heard.push(...(await gather(events, 2)));
      stop.abort();
      expect((await events.next()).done).toBe(true);
      const heights = heard.flatMap((event) => (event.type === "newBlocks" ? [event.result.height] : []));
      expect(heights).toEqual([0, 1, 2, 3, 4, 5]);
      const values = heard.flatMap((event) => (event.type === "logs" ? [event.result.args?.["value"]] : []));
      expect(values).toEqual(["1000000", "1", "2", "3", "4"]);
      expect(interruptions.length).toBeGreaterThanOrEqual(2);
      await daemon.kill("SIGKILL");
      directory.remove();
    },
  );

  describe("over one daemon", () => {
    let front: FrontEnd;
    let token: string;
    beforeAll(async () => {
      front = await openFrontEnd({}, { limits: { subscriberQueueBytesMax: 20_000, unreadGraceMs: 2_000 } });
      token = await deployToken(front.engine);
    });
    afterAll(() => front.close());
    /** Until nobody follows any more, with at most far more than sockets of the system hold back by themselves. */
    const flood = async () => {
      for (let i = 0; i < 120 && front.rpc.streams.count > 0; i++)
        await submit(
          front.engine,
          Array.from({ length: 100 }, () => transfer(token, ALICE, BOB, 1)),
        );
      await expect.poll(() => front.rpc.streams.count).toBe(0);
    };
    const types = ["newBlocks", "receipts", "logs"] as const;

    it("has the types of what was asked for", async () => {
      const client = await connect({ ipc: front.ipc });
      const events: AsyncGenerator<StreamedEvent<"logs">> = client.subscribe({
        types: ["logs"],
        address: token,
        fromBlock: 0,
      });
      expect((await events.next()).value!.result.args).toMatchObject({ value: "1000000" });
      await submit(front.engine, [transfer(token, ALICE, BOB, 77)]);
      expect((await events.next()).value!.result.args).toMatchObject({ value: "77" });
      await events.return(undefined);
      await expect.poll(() => front.rpc.streams.count).toBe(0);
      await client.close();
    });

    it("throws what waiting does not mend", async () => {
      for (const target of [{ ipc: front.ipc }, { url: front.url }]) {
        const client = await connect(target);
        const from = (since: string) => client.subscribe({ types: ["logs"], since }).next();
        await expect(from("1.end.0011223344556677")).rejects.toMatchObject({ code: "CURSOR_FOREIGN" });
        await expect(from("1000000.end.0011223344556677")).rejects.toMatchObject({ code: "CURSOR_AHEAD" });
        await expect(from("yesterday")).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
        await client.close();
      }
      const nobody = await connect({ url: "http://127.0.0.1:1" });
      await expect(nobody.subscribe({ types: ["logs"] }).next()).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
    });

    it("drops a subscriber that reads nothing, with a cursor behind which it finds the rest", async () => {
      const sse = await openEventStream(`${front.url}/v1/events?types=${types}&fromBlock=0`);
      await flood();
      const sent: ServerSentEvent[] = [];
      // At once: what is left to read is kept for as long again only.
      for (let event = await sse.next(); event !== undefined; event = await sse.next()) sent.push(event);

      const stalled = connectSocket(front.ipc);
      let text = "";
      stalled.write(
        `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscribe", params: { types, fromBlock: 0 } })}\n`,
      );
      await new Promise((resolve) => stalled.once("readable", resolve));
      const webSocket = await openWebSocketClient(front.url);
      await webSocket.call("subscribe", { types, fromBlock: 0 });
      webSocket.socket.pause();
      await flood();
      expect(
        front.warnings.filter((each) => each === "a subscriber does not take its events and is dropped"),
      ).toHaveLength(3);

      const whole: unknown[] = [];
      const client = await connect({ ipc: front.ipc });
      const all = client.subscribe({ types, fromBlock: 0 });
      const last = front.engine.service.events.durableSeq;
      const isLast = ({ type, result }: StreamedEvent): boolean =>
        type === "logs" && result.blockHeight === last && result.transactionIndex === 99;
      for await (const event of all) {
        whole.push({ cursor: event.cursor, result: event.result });
        if (isLast(event)) break;
      }

      stalled.setEncoding("utf8");
      await new Promise<void>((resolve) => {
        stalled.on("data", (chunk: string) => {
          text += chunk;
          if (text.includes("SUBSCRIBER_TOO_SLOW") && text.endsWith("\n")) resolve();
        });
      });
      const lines = text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      const { error, cursor } = lines.at(-1).params;
      expect(error).toMatchObject({ code: -32005, data: { code: "SUBSCRIBER_TOO_SLOW", cursor } });
      const heard = lines.slice(1, -1).map(({ params }) => ({ cursor: params.cursor, result: params.result }));
      expect(heard.at(-1)!.cursor).toBe(cursor);
      for await (const event of client.subscribe({ types, since: cursor })) {
        heard.push({ cursor: event.cursor, result: event.result });
        if (isLast(event)) break;
      }
      expect(heard).toEqual(whole);

      const dropped = JSON.parse(sent.at(-1)!.data);
      expect([sent.at(-1)!.event, dropped.code]).toEqual(["dropped", "SUBSCRIBER_TOO_SLOW"]);
      expect(dropped.cursor).toBe(sent.at(-2)!.id);
      expect(sent.slice(0, -1).map(({ id, data }) => ({ cursor: id, result: JSON.parse(data) }))).toEqual(
        whole.slice(0, sent.length - 1),
      );
      stalled.destroy();
      webSocket.close();
      await client.close();
    });

    it("bounds the subscriptions of all connections together, and says when to come again", async () => {
      const small = await openFrontEnd({}, { limits: { subscriptionsMax: 2 } });
      const line = await openLineClient(small.ipc);
      await line.call("subscribe", { types: ["newBlocks"] });
      await line.call("subscribe", { types: ["newBlocks"] });
      const { error } = await line.call("subscribe", { types: ["newBlocks"] });
      expect(error.data).toMatchObject({ code: "BUSY", limit: "subscriptionsMax", max: 2, retryAfterMs: 10_000 });
      const response = await fetch(`${small.url}/v1/events?types=newBlocks`);
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "10"]);
      await response.body?.cancel();
      line.close();
      await small.close();
    });

    it("tells every subscriber that the daemon stops, and where it stood", async () => {
      const stopping = await openFrontEnd();
      const line = await openLineClient(stopping.ipc);
      const { cursor } = await line.call("subscribe", { types: ["newBlocks"] });
      const sse = await openEventStream(`${stopping.url}/v1/events?types=newBlocks`);
      const closing = stopping.close();
      const [notice] = await line.take(1);
      expect(notice).toMatchObject({ cursor, error: { data: { code: "SHUTTING_DOWN" } } });
      expect(JSON.parse((await sse.next())!.data)).toMatchObject({ code: "SHUTTING_DOWN", cursor });
      expect(await sse.next()).toBeUndefined();
      line.close();
      await closing;
    });
  });
});
