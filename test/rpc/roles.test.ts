/**
 * Who may call what: every method on every transport that has it, for every role. The table is written out here a second
 * time, so that a role changes in two places or not at all.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MethodName } from "../../src/client/methods.ts";
import { ROLES, type Role } from "../../src/rpc/access.ts";
import { hashToken } from "../../src/rpc/http-access.ts";
import { METHODS } from "../../src/rpc/methods.ts";
import { ROUTES } from "../../src/rpc/rest/routes.ts";
import { call, send } from "../support/http-suite.ts";
import { openLineClient } from "../support/line-client.ts";
import { DEPLOY, transfer } from "../support/requests.ts";
import { type FakeDaemon, openFakeDaemon } from "../support/rpc-target.ts";
import { openWebSocketClient } from "../support/web-socket-client.ts";

const NEEDED: Readonly<Record<MethodName, Role>> = {
  engine_info: "reader",
  engine_config: "reader",
  tx_submit: "submitter",
  tx_submitBatch: "submitter",
  tx_simulate: "reader",
  tx_estimateGas: "reader",
  tx_get: "reader",
  tx_receipt: "reader",
  tx_trace: "reader",
  tx_list: "reader",
  block_execute: "admin",
  block_commit: "admin",
  block_discard: "admin",
  block_apply: "admin",
  block_rollback: "admin",
  block_get: "reader",
  block_list: "reader",
  contract_query: "reader",
  contract_get: "reader",
  contract_list: "reader",
  contract_state: "reader",
  contract_logs: "reader",
  contract_executions: "reader",
  contract_health: "reader",
  contract_analytics: "reader",
  metrics_performance: "reader",
  privacy_schemes: "reader",
  privacy_putKey: "submitter",
  privacy_key: "reader",
  privacy_keys: "reader",
  privacy_withdrawKey: "admin",
  privacy_collect: "admin",
  privacy_putCiphertext: "submitter",
  privacy_getCiphertext: "submitter",
  privacy_jobs: "reader",
  privacy_job: "reader",
  privacy_cancelJob: "admin",
  privacy_explain: "reader",
  storage_connectivity: "reader",
  storage_stats: "reader",
  storage_info: "reader",
  storage_clearCache: "admin",
  admin_migrationStatus: "admin",
  admin_migrate: "admin",
  admin_seed: "admin",
  admin_prune: "admin",
  admin_reload: "admin",
  dev_accounts: "reader",
  dev_snapshot: "deployer",
  dev_revert: "deployer",
  dev_increaseTime: "deployer",
  dev_setNextBlockTimestamp: "deployer",
  dev_mine: "deployer",
  subscribe: "reader",
  unsubscribe: "reader",
  account_get: "reader",
  log_entries: "admin",
  state_root: "reader",
  state_proof: "reader",
  "rpc.discover": "reader",
};
const NAMES = Object.keys(NEEDED) as MethodName[];
const TOKENS = new Map(ROLES.map((role) => [hashToken(role), role] as const));

const bearer = (role: Role): Record<string, string> => ({ authorization: `Bearer ${role}` });
const may = (role: Role | undefined, needed: Role): boolean =>
  role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(needed);
/** What those who may not are answered; everyone else is answered something else, if only that the parameters are wrong. */
const verdict = (answer: { error?: { data: { code: string } } }) =>
  answer.error?.data.code === "UNAUTHORIZED" ? "UNAUTHORIZED" : "allowed";
const expected = (role: Role | undefined) =>
  NAMES.map((name) => `${name} ${may(role, NEEDED[name]) ? "allowed" : "UNAUTHORIZED"}`);

let daemon: FakeDaemon;
let url: string;
beforeAll(async () => {
  // Beyond loopback: whoever brings no token is nobody.
  daemon = await openFakeDaemon({ http: { host: "0.0.0.0", dev: true, admin: true, tokens: TOKENS } });
  url = daemon.url.replace("0.0.0.0", "127.0.0.1");
});
afterAll(() => daemon.close());

describe.each([undefined, ...ROLES])("the role %s", (role) => {
  const headers = role === undefined ? {} : bearer(role);

  it("allows over POST what the table says, alone and in an array", async () => {
    const json = { "content-type": "application/json", ...headers };
    const alone = NAMES.map(async (name) => (await send(url, { headers: json, body: call(name) })).body);
    expect((await Promise.all(alone)).map((answer, i) => `${NAMES[i]} ${verdict(answer)}`)).toEqual(expected(role));
    const { body } = await send(url, { headers: json, body: `[${NAMES.map((name) => call(name)).join(",")}]` });
    expect(body.map((answer: never, i: number) => `${NAMES[i]} ${verdict(answer)}`)).toEqual(expected(role));
  });

  it("allows over a WebSocket the same, and nobody a WebSocket", async () => {
    if (role === undefined) {
      await expect(openWebSocketClient(url)).rejects.toThrow("401");
      return;
    }
    const client = await openWebSocketClient(url, headers);
    const answers = await Promise.all(NAMES.map((name) => client.call(name, {})));
    client.close();
    expect(answers.map((answer, i) => `${NAMES[i]} ${verdict(answer)}`)).toEqual(expected(role));
  });

  it("allows over REST and streams the same, and nobody either", async () => {
    for (const path of [...ROUTES.map((route) => route.path.replaceAll(/\{\w+\}/g, "1")), "/v1/events"]) {
      const aborting = new AbortController();
      const { status } = await fetch(url + path, { headers, signal: aborting.signal });
      aborting.abort();
      expect([path, status === 401 || status === 403]).toEqual([path, role === undefined]);
    }
  });

  it("allows calls and deployments alike, single and in a batch, read the short way and the long one", async () => {
    const json = { "content-type": "application/json", ...headers };
    const ask = async (method: string, params: unknown) =>
      (await send(url, { headers: json, body: call(method, params) })).body;
    for (const extra of [{}, { value: "0" }]) {
      const inner = { ...transfer(undefined), ...extra };
      const deploy = { ...DEPLOY, ...extra };
      expect(verdict(await ask("tx_submit", { transaction: inner }))).toBe(
        may(role, "submitter") ? "allowed" : "UNAUTHORIZED",
      );
      expect(verdict(await ask("tx_submit", { transaction: deploy }))).toBe(
        may(role, "deployer") ? "allowed" : "UNAUTHORIZED",
      );
      const { result } = await ask("tx_submitBatch", { transactions: [inner, deploy] });
      expect(result?.receipts.map(verdict) ?? "refused whole").toEqual(
        may(role, "submitter") ? ["allowed", may(role, "deployer") ? "allowed" : "UNAUTHORIZED"] : "refused whole",
      );
    }
  });
});

it("whoever can open the socket may call everything", async () => {
  const client = await openLineClient(daemon.ipc);
  const answers = await Promise.all(NAMES.map((name) => client.call(name, {})));
  client.close();
  expect(answers.map((answer, i) => `${NAMES[i]} ${verdict(answer)}`)).toEqual(expected("admin"));
});

it("the table is that of the methods, and REST has none but those of a reader", () => {
  expect(Object.values(METHODS).map(({ name, role }) => [name, role])).toEqual(
    Object.values(METHODS).map(({ name }) => [name, NEEDED[name]]),
  );
  expect(NAMES.toSorted()).toEqual(Object.keys(METHODS).toSorted());
  expect(ROUTES.filter(({ method }) => NEEDED[method] !== "reader")).toEqual([]);
});
