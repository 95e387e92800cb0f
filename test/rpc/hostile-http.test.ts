/** What hostile and half-dead clients do to the HTTP port, over sockets of their own, and what is left for the others. */
import { connect, type Socket } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import { ALICE, BOB, deployToken, submit, transfer } from "../support/engine.ts";
import { openEventStream } from "../support/event-stream.ts";
import { openFrontEnd } from "../support/front-end.ts";
import { call, send } from "../support/http-suite.ts";
import { transfer as transferRequest } from "../support/requests.ts";
import { type FakeDaemonOptions, openFakeDaemon } from "../support/rpc-target.ts";
import { openWebSocketClient } from "../support/web-socket-client.ts";

async function openDaemon(options: FakeDaemonOptions = {}) {
  const daemon = await openFakeDaemon(options);
  onTestFinished(() => daemon.close());
  return daemon;
}

/** Bytes as they are; it never closes its own end. */
class RawClient {
  text = "";
  readonly socket: Socket;

  constructor(url: string) {
    this.socket = connect({ port: Number(new URL(url).port), allowHalfOpen: true });
    this.socket.on("data", (chunk: Buffer) => (this.text += chunk.toString("latin1")));
    this.socket.on("error", () => undefined);
    onTestFinished(() => void this.socket.destroy());
  }

  write(...lines: string[]): void {
    this.socket.write(lines.join("\r\n"));
  }

  /** Until that many answers have begun. */
  async answers(count: number): Promise<string[]> {
    await expect.poll(() => this.statuses.length).toBeGreaterThanOrEqual(count);
    return this.statuses;
  }

  get statuses(): string[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status!);
  }
}

function post(body: string, ...headers: string[]): string {
  const all = ["Host: localhost", "Content-Type: application/json", `Content-Length: ${body.length}`, ...headers];
  return `POST / HTTP/1.1\r\n${all.join("\r\n")}\r\n\r\n${body}`;
}

const SUBMIT = call("tx_submit", { transaction: transferRequest(undefined) });
const WEB_SOCKET = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];

describe("a client that asks for another protocol", () => {
  it("is let go of when it is refused, although it does not close: the daemon can still stop", async () => {
    const daemon = await openFakeDaemon();
    const clients = ["/nowhere", "/"].map((path) => {
      const client = new RawClient(daemon.url);
      const origin = path === "/" ? ["Origin: https://evil.example"] : [];
      client.write(`GET ${path} HTTP/1.1`, "Host: localhost", ...WEB_SOCKET, ...origin, "", "");
      return client;
    });
    expect([await clients[0]!.answers(1), await clients[1]!.answers(1)]).toEqual([["404"], ["403"]]);
    await daemon.close();
  });

  it("is answered over HTTP where nobody speaks it, as Java's client wants", async () => {
    const { url } = await openDaemon();
    const client = new RawClient(url);
    const body = call("state_root");
    const wish = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAB"];
    client.write(post(body, ...wish));
    expect(await client.answers(1)).toEqual(["200"]);
    const whole = post(body, ...wish);
    client.write(whole.slice(0, -10));
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.write(whole.slice(-10));
    expect(await client.answers(2)).toEqual(["200", "200"]);
    client.write(post(body));
    expect(await client.answers(3)).toEqual(["200", "200", "200"]);
    expect(client.text.match(/"stateRoot"/g)).toHaveLength(3);
  });
});

describe("a client that does not wait for its answers", () => {
  it("has as many requests in hand as on a socket; the rest is told BUSY, and nothing of it runs", async () => {
    const { url, engine } = await openDaemon({ limits: { inFlightMax: 8 } });
    engine.isHeld = true;
    const client = new RawClient(url);
    client.write(post(SUBMIT).repeat(20));
    await expect.poll(() => engine.queued).toBe(8);
    engine.release();
    expect((await client.answers(9)).slice(0, 9)).toEqual([...Array(8).fill("200"), "503"]);
    expect(client.text).toContain('"limit":"inFlightMax","max":8');
    expect((await send(url, { body: call("state_root") })).status).toBe(200);
  });

  it("has its bodies counted from the first byte", async () => {
    const { url, engine } = await openDaemon({ limits: { inFlightBytesMax: 2_000 } });
    engine.isHeld = true;
    const client = new RawClient(url);
    client.write(post(SUBMIT).repeat(20));
    await expect.poll(() => engine.queued).toBeGreaterThan(1);
    const ran = engine.queued;
    engine.release();
    expect((await client.answers(ran + 1)).slice(0, ran + 1)).toEqual([...Array(ran).fill("200"), "503"]);
    expect(ran).toBeLessThan(20);
  });

  it("gets no stream behind a request that is not answered, and takes one place", async () => {
    const front = await openFrontEnd();
    onTestFinished(() => front.close());
    const client = new RawClient(front.url);
    client.write("GET /v1/events?types=newBlocks HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(50));
    await expect.poll(() => front.rpc.streams.count).toBe(1);
    expect((await send(front.url, { body: call("state_root") })).status).toBe(200);
    expect(front.rpc.streams.count).toBe(1);
    expect(client.statuses).toEqual(["200"]);
  });
});

describe("a client that does not read", () => {
  it("loses its connection, so that what it was sent is not kept for ever", async () => {
    const { url } = await openDaemon({ limits: { unreadGraceMs: 100 } });
    const client = new RawClient(url);
    client.socket.pause();
    client.write("GET /openrpc.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(400));
    // An empty line now and then: the system says only to one who writes that nobody listens.
    const isGone = () => client.socket.write("\r\n") === undefined || client.socket.errored !== null;
    await expect.poll(isGone).toBe(true);
  });

  it("gives its place among the streams to another when it was dropped", async () => {
    const front = await openFrontEnd({}, { limits: { unreadGraceMs: 200, connectionsMax: 65 } });
    onTestFinished(() => front.close());
    const token = await deployToken(front.engine);
    const client = new RawClient(front.url);
    client.write("GET /v1/events?types=receipts HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(await client.answers(1)).toEqual(["200"]);
    client.socket.pause();
    const batch = Array.from({ length: 1_000 }, () => transfer(token, ALICE, BOB, 1));
    while (front.rpc.streams.count > 0) await submit(front.engine, batch);
    const again = async () => {
      const stream = await openEventStream(`${front.url}/v1/events?types=newBlocks`);
      onTestFinished(() => stream.close());
      return stream.response.status;
    };
    await expect.poll(again).toBe(200);
  });
});

describe("messages over WebSockets", () => {
  it("that never end are bounded over all connections together, and short ones still run", async () => {
    const { url } = await openDaemon({ limits: { inFlightBytesMax: 1024 * 1024 } });
    const codes: number[] = [];
    const good = await openWebSocketClient(url);
    const closed = Array.from({ length: 24 }, async () => {
      const { socket } = await openWebSocketClient(url);
      onTestFinished(() => socket.terminate());
      socket.on("error", () => undefined);
      socket.on("close", (code) => codes.push(code));
      for (let part = 0; part < 3; part++) socket.send("x".repeat(32 * 1024), { fin: false }, () => undefined);
    });
    await Promise.all(closed);
    await expect.poll(() => codes.length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set([1013]));
    expect(codes.length).toBeLessThan(24);
    expect(await good.call("engine_info", {})).toMatchObject({ chainId: 1337 });
    good.close();
  });

  it("say that their client is there, although its pong still stands behind them", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const { url } = await openDaemon();
    const open = async (): Promise<WebSocket> => {
      const socket = new WebSocket(url.replace(/^http/, "ws"), { autoPong: false });
      onTestFinished(() => socket.terminate());
      await new Promise((resolve) => socket.once("open", resolve));
      return socket;
    };
    const [busy, silent] = [await open(), await open()];
    const gone = new Promise((resolve) => silent.once("close", resolve));
    for (let ping = 0; ping < 3; ping++) {
      const answered = new Promise((resolve) => busy.once("message", resolve));
      busy.send(call("state_root"));
      await answered;
      vi.advanceTimersByTime(30_000);
    }
    await gone;
    expect(busy.readyState).toBe(WebSocket.OPEN);
  });
});

describe("what a request says", () => {
  it.each([["9007199254740993"], ["123456789012345678901234567890"], ["1e400"], ["{}"], ["[1]"], ["true"]])(
    "with the id %s gets no answer under another id",
    async (id) => {
      const { url } = await openDaemon();
      const { body } = await send(url, { body: `{"jsonrpc":"2.0","id":${id},"method":"state_root"}` });
      expect(body).toMatchObject({ id: null, error: { code: -32600, data: { code: "INVALID_REQUEST" } } });
    },
  );

  it.each([["9007199254740991"], ["-1"], ["1.5"], ['"\\ud800"'], ['"__proto__"'], ["null"]])(
    "with the id %s is answered under it",
    async (id) => {
      const { url } = await openDaemon();
      const { body } = await send(url, { body: `{"jsonrpc":"2.0","id":${id},"method":"state_root"}` });
      expect(body).toMatchObject({ id: JSON.parse(id), result: { blockHeight: 0 } });
    },
  );

  it.each([["__proto__"], ["constructor"], ["toString"], ["hasOwnProperty"]])(
    "is no method, parameter or path by the name %s",
    async (name) => {
      const { url } = await openDaemon();
      const answer = async (body: string) => (await send(url, { body })).body.error.data.code;
      expect(await answer(`{"jsonrpc":"2.0","id":1,"method":"${name}"}`)).toBe("METHOD_NOT_FOUND");
      const params = `{"${name}":{"limit":1}}`;
      expect(await answer(`{"jsonrpc":"2.0","id":1,"method":"block_list","params":${params}}`)).toBe(
        "VALIDATION_ERROR",
      );
      const rest = await send(url, { method: "GET", path: `/v1/blocks?${name}=1` });
      expect([rest.status, rest.body.path]).toEqual([400, name]);
      expect((await send(url, { method: "GET", path: `/${name}` })).status).toBe(404);
    },
  );

  it("may not be compressed, and is told so", async () => {
    const { url } = await openDaemon();
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const { status, body } = await send(url, { headers, body: call("state_root") });
    expect([status, body.error.data]).toEqual([
      415,
      expect.objectContaining({ expected: "identity", received: "gzip" }),
    ]);
  });

  it("is read to its end in the address: a parameter may hold a question mark", async () => {
    const { url } = await openDaemon();
    const { body } = await send(url, { method: "GET", path: "/v1/blocks?cursor=a?b" });
    expect(body.received).toBe('"a?b"');
  });
});
