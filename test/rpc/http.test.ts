import { describe, expect, it } from "vitest";
import { EngineError } from "../../src/errors.ts";
import { hashToken } from "../../src/rpc/http-access.ts";
import { call, describeHttp, send } from "../support/http-suite.ts";
import { DEPLOY, request, TOKEN, transfer } from "../support/requests.ts";
import { type FakeDaemonOptions, openFakeDaemon } from "../support/rpc-target.ts";

describeHttp(openFakeDaemon);

const SUBMIT = call("tx_submit", { transaction: transfer(undefined) });
const DEPLOYMENT = call("tx_submit", { transaction: DEPLOY });
const DISCARD = call("block_discard");
const READ = call("contract_query", { address: TOKEN, entrypoint: "name" });

const TOKENS = new Map([
  [hashToken("read-me"), "reader"],
  [hashToken("submit"), "submitter"],
  [hashToken("deploy"), "deployer"],
  [hashToken("rule"), "admin"],
] as const);

type Verdict = "ok" | "UNAUTHORIZED" | "WRONG_MODE";

/** Who, on which daemon: what a read, a call, a deployment and an admin method answer. */
const WHO_MAY_WHAT: [title: string, http: FakeDaemonOptions["http"], token: string | undefined, verdicts: Verdict[]][] =
  [
    ["anyone on loopback", { dev: false }, undefined, ["ok", "UNAUTHORIZED", "UNAUTHORIZED", "UNAUTHORIZED"]],
    ["anyone on loopback with --dev", { dev: true }, undefined, ["ok", "ok", "ok", "UNAUTHORIZED"]],
    ["a reader", { dev: false }, "read-me", ["ok", "UNAUTHORIZED", "UNAUTHORIZED", "UNAUTHORIZED"]],
    ["a submitter", { dev: false }, "submit", ["ok", "ok", "UNAUTHORIZED", "UNAUTHORIZED"]],
    ["a deployer", { dev: false }, "deploy", ["ok", "ok", "ok", "UNAUTHORIZED"]],
    ["an admin where admin is off", { dev: false }, "rule", ["ok", "ok", "ok", "UNAUTHORIZED"]],
    ["an admin where admin is on", { dev: false, admin: true }, "rule", ["ok", "ok", "ok", "WRONG_MODE"]],
    [
      "anyone beyond loopback, even with --dev",
      { dev: true, host: "0.0.0.0" },
      undefined,
      ["UNAUTHORIZED", "UNAUTHORIZED", "UNAUTHORIZED", "UNAUTHORIZED"],
    ],
    [
      "a submitter beyond loopback",
      { dev: false, host: "0.0.0.0" },
      "submit",
      ["ok", "ok", "UNAUTHORIZED", "UNAUTHORIZED"],
    ],
  ];

describe("who may do what over HTTP", () => {
  it.each(WHO_MAY_WHAT)("%s", async (_title, http, token, verdicts) => {
    const daemon = await openFakeDaemon({ http: { tokens: TOKENS, ...http } });
    const url = daemon.url.replace("0.0.0.0", "127.0.0.1");
    const authorization: Record<string, string> = token === undefined ? {} : { authorization: `bearer ${token}` };
    const headers = { "content-type": "application/json", ...authorization };
    const answers = await Promise.all([READ, SUBMIT, DEPLOYMENT, DISCARD].map((body) => send(url, { headers, body })));
    expect(answers.map(({ body }) => body.error?.data.code ?? "ok")).toEqual(verdicts);
    await daemon.close();
  });

  it("lets a submitter's batch through and refuses the deployments in it, each in its place", async () => {
    const daemon = await openFakeDaemon({ http: { dev: false, tokens: TOKENS } });
    const headers = { "content-type": "application/json", authorization: "Bearer submit" };
    const transactions = [transfer(0), DEPLOY, transfer(1)];
    const { body } = await send(daemon.url, {
      headers,
      body: call("tx_submitBatch", { transactions, receipts: "summary" }),
    });
    expect(body.result.receipts).toMatchObject([
      { status: "success" },
      { error: { data: { code: "UNAUTHORIZED", needed: "deployer" } } },
      { status: "success" },
    ]);
    await daemon.close();
  });

  it("answers GET paths without a token beyond loopback", async () => {
    const daemon = await openFakeDaemon({ http: { host: "0.0.0.0" } });
    const url = daemon.url.replace("0.0.0.0", "127.0.0.1");
    expect((await send(url, { method: "GET", path: "/livez", headers: { host: "engine.example" } })).status).toBe(200);
    await daemon.close();
  });
});

describe("HTTP statuses of JSON-RPC errors", () => {
  it("answers 503 with Retry-After in seconds when busy, to a single request", async () => {
    const daemon = await openFakeDaemon();
    daemon.engine.nextFailure = new EngineError("BUSY", "too much is queued", { retryAfterMs: 1_250 });
    expect(await send(daemon.url, { body: SUBMIT })).toMatchObject({
      status: 503,
      headers: { "retry-after": "2" },
      body: { error: { code: -32007 } },
    });
    daemon.engine.nextFailure = new EngineError("BUSY", "too much is queued", { retryAfterMs: 1_250 });
    expect(await send(daemon.url, { body: `[${SUBMIT}]` })).toMatchObject({
      status: 200,
      body: [{ error: { code: -32007 } }],
    });
    await daemon.close();
  });

  it("answers 200 when a contract reverted a query", async () => {
    const daemon = await openFakeDaemon();
    const body = call("contract_query", { address: TOKEN, entrypoint: "transfer" });
    expect(await send(daemon.url, { body })).toMatchObject({
      status: 200,
      body: { error: { code: 3, data: { revert: { name: "ERC20InsufficientBalance" } } } },
    });
    await daemon.close();
  });

  it("is busy when the bodies in flight are over their bound together", async () => {
    const daemon = await openFakeDaemon({ limits: { inFlightBytesMax: 100_000 } });
    daemon.engine.isHeld = true;
    const body = SUBMIT.padEnd(60_000, " ");
    const first = send(daemon.url, { body });
    while (daemon.engine.queued === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const refused = await send(daemon.url, { body }).catch(() => ({ status: 503 }));
    expect(refused.status).toBe(503);
    daemon.engine.release();
    expect((await first).status).toBe(200);
    expect((await send(daemon.url, { body })).status).toBe(200);
    await daemon.close();
  });

  it("says not ready with 503, and still readable where it is", async () => {
    const daemon = await openFakeDaemon();
    daemon.engine.health = () => ({ status: "degraded", live: true, canWrite: false, canRead: true, backends: {} });
    const get = async (path: string) => (await send(daemon.url, { method: "GET", path })).status;
    expect([await get("/livez"), await get("/readyz"), await get("/readyz?role=read")]).toEqual([200, 503, 200]);
    await daemon.close();
  });
});

describe("an orderly end of HTTP", () => {
  it("finishes what is in flight and closes connections that are kept alive", async () => {
    const daemon = await openFakeDaemon();
    daemon.engine.isHeld = true;
    const answer = fetch(daemon.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify([request(1, "tx_submit", { transaction: transfer(0) })]),
    });
    while (daemon.engine.queued === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const closing = daemon.close(5_000);
    daemon.engine.release();
    const response = await answer;
    expect(response.headers.get("connection")).toBe("close");
    expect(await response.json()).toMatchObject([{ id: 1, result: { status: "success" } }]);
    await closing;
  });

  it("names the address that it can't listen on", async () => {
    const daemon = await openFakeDaemon();
    const port = Number(new URL(daemon.url).port);
    await expect(openFakeDaemon({ http: { port } })).rejects.toMatchObject({
      code: "CONFIGURATION_ERROR",
      facts: { port },
    });
    await daemon.close();
  });
});
