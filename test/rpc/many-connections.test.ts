/** More clients than there is room for: each is answered or told so by name, and those who were there before notice nothing. */
import { Agent, request as httpRequest } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { ALICE, BOB, deployToken, submit, transfer } from "../support/engine.ts";
import { type EventStream, openEventStream } from "../support/event-stream.ts";
import { openFrontEnd } from "../support/front-end.ts";
import { openLineClient } from "../support/line-client.ts";
import { transfer as transferRequest } from "../support/requests.ts";
import { openFakeDaemon } from "../support/rpc-target.ts";
import { openWebSocketClient } from "../support/web-socket-client.ts";

interface Answered {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any kind
  readonly body: any;
}

/** One POST on a connection that its client would keep. */
function post(url: string, agent: Agent, method: string, params: unknown = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const request = httpRequest(url, { method: "POST", agent, headers }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: JSON.parse(text) }),
      );
    });
    request.once("error", reject);
    request.end(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
  });
}

function agent(): Agent {
  const own = new Agent({ keepAlive: true });
  onTestFinished(() => own.destroy());
  return own;
}

describe("a thousand open consoles", () => {
  it("are bounded: 960 follow the chain, the others are told that there is no room, and all are answered", async () => {
    const front = await openFrontEnd();
    onTestFinished(() => front.close());
    const token = await deployToken(front.engine);
    const agents: Agent[] = [];
    const streams: EventStream[] = [];
    const sockets: Awaited<ReturnType<typeof openWebSocketClient>>[] = [];
    const refused: unknown[] = [];
    // Half over WebSockets, half over server-sent events; each asks for something else on a connection of its own.
    for (let console = 0; console < 1_010; console++) {
      agents.push(agent());
      if (console % 2 === 0) {
        const stream = await openEventStream(`${front.url}/v1/events?types=newBlocks`);
        if (stream.response.status === 200) streams.push(stream);
        else refused.push(stream.response.status);
      } else {
        const opened = await openWebSocketClient(front.url).catch(String);
        if (typeof opened === "string") refused.push(opened);
        else {
          await opened.call("subscribe", { types: ["newBlocks"] });
          sockets.push(opened);
        }
      }
      const { status } = await post(front.url, agents.at(-1)!, "engine_info");
      expect(status).toBe(200);
    }
    onTestFinished(async () => {
      for (const socket of sockets) socket.close();
      await Promise.all(streams.map((stream) => stream.close()));
    });
    expect(streams.length + sockets.length).toBe(960);
    expect(new Set(refused)).toEqual(new Set([503, "Error: Unexpected server response: 503"]));
    const refusal = await fetch(`${front.url}/v1/events?types=newBlocks`);
    expect(await refusal.json()).toMatchObject({ code: "BUSY", limit: "connectionsMax", max: 960 });

    await submit(front.engine, [transfer(token, ALICE, BOB, 1)]);
    const heard = await Promise.all([
      ...streams.map(async (stream) => JSON.parse((await stream.take(1))[0]!.data).height),
      ...sockets.map(async (socket) => (await socket.take(1))[0]!.result.height),
    ]);
    expect(heard).toEqual(Array.from({ length: 960 }, () => 2));
    const answers = await Promise.all(agents.map((each) => post(front.url, each, "engine_info")));
    const outcomes = answers.map(({ status, body }) => `${status} ${body.result?.height ?? body.error.data.code}`);
    expect(["200 2", "503 BUSY"]).toEqual(expect.arrayContaining([...new Set(outcomes)]));
    expect(outcomes.filter((each) => each === "200 2").length).toBeGreaterThanOrEqual(64);
    expect((await fetch(`${front.url}/readyz`)).status).toBe(200);

    sockets.pop()!.close();
    await expect
      .poll(async () => {
        const again = await openEventStream(`${front.url}/v1/events?types=newBlocks`);
        streams.push(again);
        return again.response.status;
      })
      .toBe(200);
  });

  it("leave the connections of others alone: one that is kept, one with a request in flight, the Unix socket", async () => {
    const daemon = await openFakeDaemon({ limits: { connectionsMax: 96 } });
    onTestFinished(() => daemon.close());
    const socket = await openLineClient(daemon.ipc);
    const early = await openWebSocketClient(daemon.url);
    daemon.engine.isHeld = true;
    const held = post(daemon.url, agent(), "tx_submit", { transaction: transferRequest(undefined) });
    await expect.poll(() => daemon.engine.queued).toBe(1);
    const many = Array.from({ length: 180 }, () =>
      post(daemon.url, agent(), "tx_submit", { transaction: transferRequest(undefined) }),
    );
    const admitted = 96 - 2;
    const isRefused = (answer: Answered) => answer.status === 503;
    let refused = 0;
    for (const each of many) void each.then((answer) => isRefused(answer) && refused++);
    await expect.poll(() => [refused, daemon.engine.queued]).toEqual([180 - admitted, admitted + 1]);
    expect(await socket.call("engine_info", {})).toMatchObject({ chainId: 1337 });
    expect(await early.call("engine_info", {})).toMatchObject({ chainId: 1337 });
    daemon.engine.release();
    expect((await held).body.result).toMatchObject({ status: "success" });
    const answers = await Promise.all(many);
    for (const { status, headers, body } of answers.filter(isRefused)) {
      expect([status, headers["retry-after"], headers["connection"]]).toEqual([503, "10", "close"]);
      expect(body.error.data).toMatchObject({ code: "BUSY", limit: "connectionsMax", max: 96, retryAfterMs: 10_000 });
    }
    expect(answers.filter(({ body }) => body.result?.status === "success")).toHaveLength(admitted);
    expect(daemon.logLines.map(({ message }) => message)).toEqual(["connections were refused: too many are open"]);
    early.close();
    socket.close();
  });

  it("end with their answer where few places are left, so that the next one finds a place", async () => {
    const daemon = await openFakeDaemon({ limits: { connectionsMax: 96 } });
    onTestFinished(() => daemon.close());
    const first = agent();
    expect((await post(daemon.url, first, "engine_info")).headers["connection"]).toBe("keep-alive");
    for (let client = 0; client < 200; client++)
      expect((await post(daemon.url, agent(), "engine_info")).status).toBe(200);
    expect((await post(daemon.url, first, "engine_info")).status).toBe(200);
    expect(daemon.logLines).toEqual([]);
  });
});
