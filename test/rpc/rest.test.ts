/** GET /v1/…: resources over HTTP answer as the methods behind them do. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashToken } from "../../src/rpc/http-access.ts";
import { ROUTES } from "../../src/rpc/rest/routes.ts";
import { ALICE, BOB, deployToken, submit, transfer } from "../support/engine.ts";
import { type FrontEnd, openFrontEnd } from "../support/front-end.ts";

let front: FrontEnd;
let token: string;
let transactionHash: string;
let blockHash: string;

beforeAll(async () => {
  front = await openFrontEnd();
  token = await deployToken(front.engine);
  for (let amount = 1; amount <= 5; amount++) {
    const [fate] = await submit(front.engine, [transfer(token, ALICE, BOB, amount)]);
    transactionHash = (fate as { hash: string }).hash;
  }
  blockHash = (await rpc("block_get", {})).blockHash;
});
afterAll(() => front.close());

// biome-ignore lint/suspicious/noExplicitAny: JSON of any kind
async function rpc(method: string, params: unknown): Promise<any> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const answer = await fetch(front.url, { method: "POST", headers: { "content-type": "application/json" }, body });
  return ((await answer.json()) as { result: unknown }).result;
}

async function get(path: string, init: RequestInit = {}) {
  const response = await fetch(`${front.url}${path}`, init);
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any kind
  const body: any = text === "" ? undefined : JSON.parse(text);
  return { status: response.status, headers: response.headers, body };
}

describe("a resource", () => {
  it("answers what its method answers", async () => {
    const same: [path: string, method: string, params: unknown][] = [
      ["/v1/contracts?kind=builtin&limit=10", "contract_list", { kind: "builtin", limit: 10 }],
      [`/v1/contracts/${token}`, "contract_get", { address: token }],
      [`/v1/contracts/${token}/state?limit=2`, "contract_state", { address: token, limit: 2 }],
      [
        `/v1/contracts/${token}/logs?fromBlock=2&toBlock=3`,
        "contract_logs",
        { address: token, fromBlock: 2, toBlock: 3 },
      ],
      [`/v1/contracts/${token}/executions?limit=3`, "contract_executions", { address: token, limit: 3 }],
      [`/v1/transactions/${transactionHash}`, "tx_get", { transactionHash }],
      [`/v1/receipts/${transactionHash}`, "tx_receipt", { transactionHash }],
      [`/v1/blocks/${blockHash}`, "block_get", { blockHash }],
      ["/v1/blocks/latest", "block_get", { height: "latest" }],
      ["/v1/blocks/2", "block_get", { height: 2 }],
      ["/v1/blocks?limit=2", "block_list", { limit: 2 }],
      [`/v1/accounts/${ALICE}`, "account_get", { address: ALICE }],
      ["/v1/state/root?at=3", "state_root", { at: 3 }],
      ["/v1/privacy/jobs", "privacy_jobs", {}],
      ["/v1/privacy/schemes", "privacy_schemes", {}],
    ];
    for (const [path, method, params] of same) {
      const { status, body } = await get(path);
      expect([path, status, body]).toEqual([path, 200, await rpc(method, params)]);
    }
    expect((await get(`/v1/contracts/${token}/health`)).body).toHaveProperty("healthScore");
    expect((await get(`/v1/contracts/${token}/analytics`)).status).toBe(200);
    expect((await get("/v1/metrics")).body).toHaveProperty("totalExecutions");
    expect((await get("/v1/storage/connectivity")).body).toMatchObject({
      postgresConnected: null,
      redisConnected: null,
    });
    expect((await get("/v1/storage/stats")).body).toHaveProperty("log.durableSeq");
    expect((await get("/v1/storage/info")).body).toHaveProperty("totalStateEntries");
    expect((await get(`/v1/transactions/${transactionHash}/trace`)).status).toBe(200);
  });

  it("filters logs by topics, a parameter for each position", async () => {
    const all = await get(`/v1/logs?address=${token}`);
    const { topics } = all.body.items[1];
    const filtered = await get(`/v1/logs?topic=any&topic=any&topic=${topics[2]}&limit=100`);
    expect(filtered.body.items).toHaveLength(5);
    expect((await get(`/v1/logs?topic=${topics[0]}&topic=${topics[2]}`)).body.items).toEqual([]);
  });

  it("pages by cursor until there is no more, each item once", async () => {
    for (const path of ["/v1/blocks", `/v1/logs`, `/v1/contracts/${token}/executions`]) {
      const whole = (await get(`${path}?limit=1000`)).body.items;
      const items = [];
      let cursor: string | null = null;
      do {
        const { body } = await get(`${path}?limit=2${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`);
        items.push(...body.items);
        cursor = body.nextCursor;
      } while (cursor !== null);
      expect(items).toEqual(whole);
      expect(items.length).toBeGreaterThan(5);
    }
  });

  it("has a tag by which a client learns that it has it already", async () => {
    const first = await get(`/v1/receipts/${transactionHash}`);
    const tag = first.headers.get("etag")!;
    expect(first.headers.get("cache-control")).toBe("private, no-cache");
    const again = await get(`/v1/receipts/${transactionHash}`, { headers: { "if-none-match": `"other", W/${tag}` } });
    expect([again.status, again.body]).toEqual([304, undefined]);
    expect((await get("/v1/blocks/latest", { headers: { "if-none-match": tag } })).status).toBe(200);
    const byHash = await get(`/v1/blocks/${blockHash}`);
    expect(byHash.headers.get("cache-control")).toBe("private, max-age=31536000, immutable");
    expect((await get("/v1/blocks/2")).headers.get("cache-control")).toBe("private, no-cache");
  });

  it("answers HEAD without a body", async () => {
    const head = await get("/v1/blocks/latest", { method: "HEAD" });
    const body = await get("/v1/blocks/latest");
    expect([head.status, head.body]).toEqual([200, undefined]);
    expect(head.headers.get("content-length")).toBe(body.headers.get("content-length"));
  });
});

describe("what can't be answered", () => {
  const unknown = `0x${"77".repeat(20)}`;
  it.each([
    ["/v1/nothing", 404, "NO_RESOURCE"],
    ["/v1/", 404, "NO_RESOURCE"],
    ["/v1/contracts/", 404, "NO_RESOURCE"],
    ["/v1/__proto__", 404, "NO_RESOURCE"],
    [`/v1/contracts/${unknown}`, 404, "CONTRACT_NOT_FOUND"],
    [`/v1/contracts/${unknown}/state`, 404, "CONTRACT_NOT_FOUND"],
    [`/v1/receipts/0x${"00".repeat(32)}`, 404, "TRANSACTION_NOT_FOUND"],
    ["/v1/blocks/999999", 404, "BLOCK_NOT_FOUND"],
    ["/v1/blocks/first", 400, "VALIDATION_ERROR"],
    ["/v1/blocks?limit=0", 400, "VALIDATION_ERROR"],
    ["/v1/blocks?limit=many", 400, "VALIDATION_ERROR"],
    ["/v1/blocks?limit=1000000", 400, "LIMIT_EXCEEDED"],
    ["/v1/blocks?cursor=never", 400, "VALIDATION_ERROR"],
    [`/v1/privacy/jobs?cursor=0x${"00".repeat(32)}`, 400, "VALIDATION_ERROR"],
    ["/v1/logs?limit=1&limit=2", 400, "VALIDATION_ERROR"],
    ["/v1/logs?colour=red", 400, "VALIDATION_ERROR"],
    ["/v1/logs?cursor=AAAA", 400, "VALIDATION_ERROR"],
    ["/v1/executions", 400, "VALIDATION_ERROR"],
    ["/v1/accounts/0x12", 400, "INVALID_ADDRESS"],
    ["/v1/accounts/%E0%A4%A", 400, "INVALID_ADDRESS"],
    [`/v1/privacy/jobs/0x${"00".repeat(32)}`, 404, "PRIVACY_JOB_NOT_FOUND"],
  ])("%s answers %i %s as problem details", async (path, status, code) => {
    const { body, headers, ...answer } = await get(path);
    expect([answer.status, body.status, body.code]).toEqual([status, status, code]);
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(body).toMatchObject({ type: "about:blank", title: expect.any(String), detail: expect.any(String) });
  });

  it("refuses every verb that would change something, and says what is allowed", async () => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const { status, headers, body } = await get(`/v1/contracts/${token}`, { method });
      expect([status, headers.get("allow"), body.code]).toEqual([405, "GET, HEAD", "INVALID_REQUEST"]);
    }
    expect((await get("/v1/events?types=logs", { method: "HEAD" })).headers.get("allow")).toBe("GET");
  });

  it("wants a token that may read beyond loopback", async () => {
    const tokens = new Map([[hashToken("read-me"), "reader"]] as const);
    const remote = await openFrontEnd({}, { http: { host: "0.0.0.0", tokens } });
    const url = remote.url.replace("0.0.0.0", "127.0.0.1");
    const statusOf = async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(`${url}${path}`, { headers });
      await response.body?.cancel();
      return response.status;
    };
    for (const path of ["/v1/blocks", "/v1/events?types=newBlocks"]) {
      expect(await statusOf(path)).toBe(401);
      expect(await statusOf(path, { authorization: "Bearer wrong" })).toBe(401);
      expect(await statusOf(path, { authorization: "Bearer read-me" })).toBe(200);
    }
    await remote.close();
  });
});

describe("GET /v1/openapi.json", () => {
  it("is a valid OpenAPI 3.1 document with every route in it", async () => {
    const { body } = await get("/v1/openapi.json");
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(body));
    expect([valid, errors]).toEqual([true, undefined]);
    expect(validator.version).toBe("3.1");
    const others = ["/v1/events", "/metrics"];
    expect(Object.keys(body.paths).sort()).toEqual([...ROUTES.map(({ path }) => path), ...others].sort());
    const ids = Object.values(body.paths as Record<string, { get: { operationId: string } }>).map(
      (path) => path.get.operationId,
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("names for each route exactly the parameters that its path has", async () => {
    const { body } = await get("/v1/openapi.json");
    for (const [path, { get: operation }] of Object.entries<{
      get: { parameters: { name: string; in: string }[] };
    }>(body.paths)) {
      const named = operation.parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
      expect(named).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    }
  });
});
