/** JSON-RPC over WebSocket: who may connect, what is answered, and what bounds it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { hashToken } from "../../src/rpc/http-access.ts";
import { DEPLOY, transfer } from "../support/requests.ts";
import { type FakeDaemon, openFakeDaemon } from "../support/rpc-target.ts";
import { openWebSocketClient } from "../support/web-socket-client.ts";

let daemon: FakeDaemon;
beforeAll(async () => {
  daemon = await openFakeDaemon({ limits: { httpBodyBytesMax: 64 * 1024, inFlightMax: 4 } });
});
afterAll(() => daemon.close());

/** What an upgrade that is refused answers. */
async function refusal(url: string, headers: Record<string, string>): Promise<{ status: number; code: string }> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), { headers });
  return await new Promise((resolve, reject) => {
    socket.once("open", () => reject(new Error("it was let in")));
    socket.once("error", () => undefined);
    socket.once("unexpected-response", (_request, response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve({ status: response.statusCode!, code: JSON.parse(text).error.data.code }));
    });
  });
}

describe("a WebSocket", () => {
  it("answers every method of the table, arrays too", async () => {
    const client = await openWebSocketClient(daemon.url);
    expect(await client.call("engine_info", {})).toMatchObject({ chainId: 1337 });
    expect(await client.call("tx_submit", { transaction: transfer(undefined) })).toMatchObject({ status: "success" });
    expect((await client.call("nothing_there", {})).error.code).toBe(-32601);
    const answer = new Promise((resolve) => client.socket.on("message", (data) => resolve(JSON.parse(String(data)))));
    const request = { jsonrpc: "2.0", method: "account_get", params: { address: transfer(0).sender } };
    client.socket.send(
      JSON.stringify([
        { ...request, id: "a" },
        { ...request, id: "b" },
      ]),
    );
    expect(await answer).toMatchObject([{ id: "a" }, { id: "b" }]);
    client.close();
  });

  it("answers all requests that come together, within the bound of those in flight", async () => {
    const client = await openWebSocketClient(daemon.url);
    const answers = await Promise.all(Array.from({ length: 500 }, () => client.call("engine_info", {})));
    expect(answers.filter(({ chainId }) => chainId === 1337)).toHaveLength(500);
    client.close();
  });

  it("says what is wrong with a message, and closes on one that is too long or binary", async () => {
    const client = await openWebSocketClient(daemon.url);
    const answer = new Promise((resolve) => client.socket.once("message", (data) => resolve(JSON.parse(String(data)))));
    client.socket.send("{");
    expect(await answer).toMatchObject({ id: null, error: { code: -32700 } });
    const closed = new Promise((resolve) => client.socket.once("close", resolve));
    client.socket.send("x".repeat(64 * 1024 + 1));
    expect(await closed).toBe(1009);
    const other = await openWebSocketClient(daemon.url);
    const otherClosed = new Promise((resolve) => other.socket.once("close", resolve));
    other.socket.send(Buffer.from([1, 2, 3]));
    expect(await otherClosed).toBe(1003);
  });

  it("lets no page of another origin in, and those of its own", async () => {
    const { host } = new URL(daemon.url);
    expect(await refusal(daemon.url, { origin: "https://evil.example" })).toEqual({
      status: 403,
      code: "UNAUTHORIZED",
    });
    expect(await refusal(daemon.url, { origin: "null" })).toEqual({ status: 403, code: "UNAUTHORIZED" });
    expect(await refusal(daemon.url, { host: "evil.example" })).toEqual({ status: 403, code: "UNAUTHORIZED" });
    expect(await refusal(`${daemon.url}/elsewhere`, {})).toEqual({ status: 404, code: "INVALID_REQUEST" });
    const client = await openWebSocketClient(daemon.url, { origin: `http://${host}` });
    expect(await client.call("engine_info", {})).toMatchObject({ chainId: 1337 });
    client.close();
  });

  it("gives a caller the role of its token, and nobody without one beyond loopback", async () => {
    const tokens = new Map([[hashToken("read-me"), "reader"]] as const);
    const remote = await openFakeDaemon({ http: { host: "0.0.0.0", dev: false, tokens } });
    const url = remote.url.replace("0.0.0.0", "127.0.0.1");
    expect(await refusal(url, {})).toEqual({ status: 401, code: "UNAUTHORIZED" });
    expect(await refusal(url, { authorization: "Bearer wrong" })).toEqual({ status: 401, code: "UNAUTHORIZED" });
    const client = await openWebSocketClient(url, { authorization: "Bearer read-me" });
    expect(await client.call("engine_info", {})).toMatchObject({ chainId: 1337 });
    expect((await client.call("tx_submit", { transaction: DEPLOY })).error.data.code).toBe("UNAUTHORIZED");
    client.close();
    await remote.close();
  });

  it("is closed when its token is taken back, after what was in flight is answered", async () => {
    const tokens = new Map([[hashToken("submit-to-me"), "submitter"]] as const);
    const taking = await openFakeDaemon({ http: { tokens } });
    const client = await openWebSocketClient(taking.url, { authorization: "Bearer submit-to-me" });
    const other = await openWebSocketClient(taking.url);
    taking.engine.isHeld = true;
    const answer = client.call("tx_submit", { transaction: transfer(undefined) });
    await expect.poll(() => taking.engine.queued).toBe(1);
    const closed = new Promise((resolve) =>
      client.socket.once("close", (code, reason) => resolve([code, String(reason)])),
    );
    taking.http.reload(new Map());
    client.socket.send("{}");
    taking.engine.release();
    expect(await answer).toMatchObject({ status: "success" });
    expect(await closed).toEqual([1008, expect.stringContaining("UNAUTHORIZED")]);
    expect(await other.call("engine_info", {})).toMatchObject({ chainId: 1337 });
    other.close();
    await taking.close();
  });

  it("is told that the daemon stops when what was in flight is answered", async () => {
    const stopping = await openFakeDaemon();
    const client = await openWebSocketClient(stopping.url);
    stopping.engine.isHeld = true;
    const answer = client.call("tx_submit", { transaction: transfer(undefined) });
    await expect.poll(() => stopping.engine.queued).toBe(1);
    const code = new Promise((resolve) => client.socket.once("close", resolve));
    const closed = stopping.close();
    stopping.engine.release();
    expect(await answer).toMatchObject({ status: "success" });
    expect(await code).toBe(1001);
    await closed;
  });
});
