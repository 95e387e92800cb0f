/** GET /v1/events over real sockets, from a real engine. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashToken } from "../../src/rpc/http-access.ts";
import { ALICE, BOB, deployToken, submit, transfer } from "../support/engine.ts";
import { openEventStream } from "../support/event-stream.ts";
import { type FrontEnd, openFrontEnd } from "../support/front-end.ts";
import { openWebSocketClient } from "../support/web-socket-client.ts";

let front: FrontEnd;
let token: string;

beforeAll(async () => {
  front = await openFrontEnd();
  token = await deployToken(front.engine);
});
afterAll(() => front.close());

const pay = (amount: number) => submit(front.engine, [transfer(token, ALICE, BOB, amount)]);
const stream = (query: string, headers?: Record<string, string>) =>
  openEventStream(`${front.url}/v1/events?${query}`, headers);

async function refusal(query: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${front.url}/v1/events?${query}`, { headers });
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  return { status: response.status, ...((await response.json()) as Record<string, unknown>) };
}

describe("a stream that was opened with a token", () => {
  const authorization = (name: string) => ({ authorization: `Bearer ${name}` });

  it("ends when the token is taken back or gets another role, with its cursor; those of others go on", async () => {
    const [kept, gone, changed] = ["the-one-that-stays", "the-one-that-goes", "the-one-that-changes"] as const;
    front.http.reload(new Map([kept, gone, changed].map((name) => [hashToken(name), "reader"])));
    const streams = await Promise.all(
      [kept, gone, changed].map((name) => stream("types=newBlocks", authorization(name))),
    );
    const anonymous = await stream("types=newBlocks");
    const socket = await openWebSocketClient(front.url, authorization(gone));
    const { subscription } = await socket.call("subscribe", { types: ["newBlocks"] });
    await pay(11);
    await socket.take(1);
    for (const each of [...streams, anonymous]) await each.take(1);
    front.http.reload(
      new Map([
        [hashToken(kept), "reader"],
        [hashToken(changed), "submitter"],
      ]),
    );
    const [stays, ...ends] = streams;
    const cursors: string[] = [];
    for (const each of ends) {
      const [last] = await each.take(1);
      expect(last!.event).toBe("dropped");
      const { code, cursor } = JSON.parse(last!.data);
      expect(code).toBe("UNAUTHORIZED");
      cursors.push(cursor);
      expect(await each.next()).toBeUndefined();
    }
    await pay(12);
    const [notified] = await socket.take(1);
    expect(notified).toMatchObject({ subscription, error: { data: { code: "UNAUTHORIZED" } } });
    cursors.push(notified!.cursor);
    expect(front.rpc.streams.use().dropped).toEqual(new Map([["UNAUTHORIZED", 3]]));
    const resumed = await Promise.all(cursors.map((cursor) => stream(`types=newBlocks&since=${cursor}`)));
    const heard = [];
    for (const each of [stays!, anonymous, ...resumed]) {
      heard.push(...(await each.take(1)));
      await each.close();
    }
    expect(new Set(heard.map(({ event, data }) => `${event} ${data}`)).size).toBe(1);
    expect(await refusal("types=newBlocks", authorization(gone)).catch(String)).toMatchObject({ status: 401 });
    front.http.reload(new Map());
  });
});

describe("GET /v1/events", () => {
  it("tells what becomes durable: the block, then each receipt with its logs", async () => {
    const events = await stream("types=newBlocks,logs,receipts");
    expect(events.response.headers.get("content-type")).toBe("text/event-stream");
    await pay(7);
    const [block, receipt, log] = await events.take(3);
    const { height } = JSON.parse(block!.data);
    expect([block, receipt, log].map((each) => each!.event)).toEqual(["newBlocks", "receipts", "logs"]);
    expect(JSON.parse(block!.data)).toMatchObject({ transactionCount: 1, removed: false });
    expect(JSON.parse(receipt!.data)).toMatchObject({ blockHeight: height, status: "success", removed: false });
    expect(JSON.parse(log!.data)).toMatchObject({ event: "Transfer", args: { value: "7" }, blockHeight: height });
    await events.close();
  });

  it("begins with the block at a height, and goes on behind any event by its id", async () => {
    await pay(1);
    await pay(2);
    const all = await stream("types=newBlocks,logs&fromBlock=0");
    const head = front.engine.service.info()["height"] as number;
    const told = [];
    do told.push(...(await all.take(1)));
    while (!(told.at(-1)!.event === "logs" && JSON.parse(told.at(-1)!.data).blockHeight === head));
    await all.close();
    for (const [index, { id }] of told.slice(0, -1).entries()) {
      const rest = await stream(`types=newBlocks,logs&since=${id}`);
      expect(await rest.take(told.length - index - 1)).toEqual(told.slice(index + 1));
      await rest.close();
    }
  });

  it("waits for the next block where one begins with it, and for none beyond", async () => {
    const next = (front.engine.service.info()["height"] as number) + 1;
    const events = await stream(`types=newBlocks&fromBlock=${next}`);
    await pay(8);
    expect(JSON.parse((await events.take(1))[0]!.data)).toMatchObject({ height: next });
    await events.close();
    expect(await refusal(`types=newBlocks&fromBlock=${next + 2}`)).toMatchObject({ code: "BLOCK_NOT_FOUND" });
  });

  it("takes the id that a browser sends for more than the address", async () => {
    const events = await stream("types=newBlocks");
    await pay(3);
    await pay(4);
    const [first, second] = await events.take(2);
    await events.close();
    const again = await stream("types=newBlocks&fromBlock=0", { "last-event-id": first!.id });
    expect(await again.take(1)).toEqual([second]);
    await again.close();
  });

  it("gives an id before the first event, to go on from", async () => {
    const events = await stream("types=logs");
    const telling = events.next();
    await pay(5);
    const first = await telling;
    await events.close();
    const before = await stream("types=logs");
    const reading = before.next();
    await pay(6);
    expect(JSON.parse((await reading)!.data).args.value).toBe("6");
    await before.close();
    const rest = await stream(`types=logs&since=${first!.id}`);
    expect(JSON.parse((await rest.take(1))[0]!.data).args.value).toBe("6");
    await rest.close();
  });

  it.each([
    ["", 400, "VALIDATION_ERROR", "types"],
    ["types=blocks", 400, "VALIDATION_ERROR", "types[0]"],
    ["types=logs&colour=red", 400, "VALIDATION_ERROR", "colour"],
    ["types=logs&address=0x12", 400, "INVALID_ADDRESS", "address"],
    ["types=logs&topic=0x12", 400, "VALIDATION_ERROR", "topics[0]"],
    ["types=newBlocks&topic=any", 400, "VALIDATION_ERROR", "topics"],
    ["types=newBlocks&since=yesterday", 400, "VALIDATION_ERROR", "since"],
    ["types=newBlocks&since=1.end.0000000000000000", 400, "CURSOR_FOREIGN", undefined],
    ["types=newBlocks&since=900000.end.0000000000000000", 400, "CURSOR_AHEAD", undefined],
    ["types=newBlocks&fromBlock=900000", 404, "BLOCK_NOT_FOUND", undefined],
  ])("refuses ?%s", async (query, status, code, path) => {
    const problem = await refusal(query);
    expect(problem).toMatchObject({ status, code, ...(path === undefined ? {} : { path }) });
  });
});
