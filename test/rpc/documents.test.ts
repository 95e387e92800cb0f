/**
 * What OpenRPC and OpenAPI say, as a running daemon serves them, against what it answers: every method and every route, by
 * the schemas of the documents alone.
 */
import { createHash } from "node:crypto";
import { Compile } from "typebox/compile";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KeyHolder } from "../../src/client/key-holder.ts";
import type { MethodName } from "../../src/client/methods.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { temporaryDirectory } from "../support/engine.ts";
import { type NotifiedClient, openLineClient } from "../support/line-client.ts";
import { collectionContract } from "../support/privacy-manifests.ts";
import type { Json } from "../support/raw-socket.ts";
import { DEPLOY } from "../support/requests.ts";

const ALICE = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const BOB = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
const GAS = "1000000000";

const holder = new KeyHolder(undefined);
const keys = holder.generateKeys("plain");
const spare = holder.generateKeys("plain");

/** What a daemon without PostgreSQL refuses. */
const REFUSED: Partial<Record<MethodName, string>> = {
  admin_migrationStatus: "VALIDATION_ERROR",
  admin_migrate: "VALIDATION_ERROR",
};

interface Served {
  readonly daemon: DaemonProcess;
  readonly client: NotifiedClient;
  readonly url: string;
}

const cleanups: (() => unknown)[] = [];
let auto: Served;
let driven: Served;
let openRpc: Json;
let openApi: Json;
/** By method: what each was answered. */
const answered = new Map<string, Json>();

async function serve(...args: string[]): Promise<Served> {
  const directory = temporaryDirectory();
  const daemon = await startDaemon(directory.path, { args: [...args, "--http", "127.0.0.1:0"] });
  const line = daemon
    .stderr()
    .split("\n")
    .find((text) => text.includes('"msg":"listening"'))!;
  const client = await openLineClient(daemon.ipc);
  cleanups.push(async () => {
    client.close();
    await daemon.kill("SIGTERM");
    directory.remove();
  });
  return { daemon, client, url: (JSON.parse(line) as { http: string }).http };
}

beforeAll(async () => {
  auto = await serve("--dev");
  driven = await serve("--mode", "driven");
  openRpc = await (await fetch(`${auto.url}/openrpc.json`)).json();
  openApi = await (await fetch(`${auto.url}/v1/openapi.json`)).json();
});
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

/** The schema with everything that it refers to in its place. */
function resolved(schema: Json, document: Json): Json {
  if (typeof schema !== "object" || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map((part) => resolved(part, document));
  if (typeof schema.$ref === "string") {
    const target = schema.$ref
      .slice(2)
      .split("/")
      .reduce((node: Json, key: string) => node[key], document);
    return resolved(target, document);
  }
  return Object.fromEntries(Object.entries(schema).map(([key, part]) => [key, resolved(part, document)]));
}

function requireFit(schema: Json, value: Json, document: Json, what: string): void {
  const compiled = Compile(resolved(schema, document));
  expect.soft([what, compiled.Check(value) ? [] : compiled.Errors(value).slice(0, 3)]).toEqual([what, []]);
}

function method(name: string): Json {
  return openRpc.methods.find((each: Json) => each.name === name);
}

/** Asks with parameters that OpenRPC allows, and gets an answer that it describes. */
async function ask(name: MethodName, params: Json, { client }: Served = auto): Promise<Json> {
  for (const { name: parameter, required, schema } of method(name).params)
    if (required || params[parameter] !== undefined)
      requireFit(schema, params[parameter], openRpc, `${name}, parameter ${parameter}`);
  const answer = await client.call(name, params);
  expect([name, answer?.error]).toEqual([name, undefined]);
  requireFit(method(name).result.schema, answer, openRpc, `${name}, result`);
  answered.set(name, answer);
  return answer;
}

function upload(file: Uint8Array): Json {
  const sha256 = toHex(createHash("sha256").update(file).digest());
  return { offset: 0, total: file.length, sha256, data: toHex(file) };
}

describe("OpenRPC", () => {
  it("describes what every method answers", async () => {
    const deploy = (contract: Json) => ({ kind: "deploy", sender: ALICE, gasLimit: GAS, contract });
    const call = (to: string, entrypoint: string, ...args: Json[]) => ({
      ...{ kind: "call", sender: ALICE, gasLimit: GAS, to, entrypoint, args },
    });
    await ask("engine_info", {});
    await ask("engine_config", {});
    await ask("rpc.discover", {});
    const { contractAddress: token } = await ask("tx_submit", { transaction: deploy(DEPLOY.contract) });
    const transfer = call(token, "transfer", BOB, "5");
    const reverted = call(token, "transfer", BOB, "5000000000");
    const { receipts } = await ask("tx_submitBatch", {
      transactions: [transfer, reverted, { ...transfer, gasLimit: "1" }, { ...transfer, nonce: 99 }],
    });
    expect(receipts.map((receipt: Json) => receipt.status ?? receipt.error.data.code)).toContain("reverted");
    await ask("tx_submitBatch", { transactions: [transfer], receipts: "summary", wait: "executed" });
    const { transactionHash } = await ask("tx_submit", { transaction: transfer });
    await ask("tx_simulate", { transactions: [transfer, reverted] });
    await ask("tx_estimateGas", { transaction: transfer });
    for (const name of ["tx_get", "tx_receipt", "tx_trace"] as const) await ask(name, { transactionHash });
    for (const params of [{}, { address: token, limit: 2 }, { blockHeight: 1 }]) await ask("tx_list", params);
    await ask("block_get", { height: "latest" });
    await ask("block_list", { limit: 2 });
    await ask("contract_query", { address: token, entrypoint: "balanceOf", args: [BOB] });
    await ask("contract_query", { address: token, entrypoint: "balanceOf", args: [BOB] });
    await ask("contract_get", { address: token });
    await ask("contract_list", {});
    await ask("contract_state", { address: token, limit: 2 });
    await ask("contract_logs", { address: token, order: "newest" });
    await ask("contract_executions", { address: token });
    for (const name of ["contract_health", "contract_analytics"] as const) await ask(name, { address: token });
    await ask("metrics_performance", {});
    await ask("account_get", { address: ALICE });
    await ask("state_root", {});
    await ask("state_proof", { address: token, key: toHex(Buffer.from("totalSupply")) });
    await ask("state_proof", { address: token, key: "0x01" });
    await ask("log_entries", { fromSeq: 0 });
    for (const name of ["storage_connectivity", "storage_stats", "storage_info", "storage_clearCache"] as const)
      await ask(name, {});

    await ask("privacy_schemes", {});
    const { keyId } = await ask("privacy_putKey", upload(keys.evaluationKey));
    const other = await ask("privacy_putKey", upload(spare.evaluationKey));
    await ask("privacy_key", { keyId });
    await ask("privacy_keys", {});
    await ask("privacy_withdrawKey", { keyId: other.keyId });
    const { contractAddress: sealed } = await ask("tx_submit", { transaction: deploy(collectionContract(keyId)) });
    const bound = { contract: fromHex(sealed)!, owner: fromHex(ALICE)!, type: getEncryptedType("euint64")! };
    const file = holder.encrypt(keys.secretKey, 7n, bound);
    const input = { keyId, type: "euint64", contract: sealed, owner: ALICE };
    const { handle: amount } = await ask("privacy_putCiphertext", { ...upload(file), ...input });
    const { result: handle } = await ask("tx_submit", { transaction: call(sealed, "contribute", amount) });
    await ask("privacy_job", { handle, waitMs: 20_000 });
    await ask("privacy_jobs", {});
    await ask("privacy_getCiphertext", { handle });
    await ask("privacy_explain", { handle, account: BOB });
    await ask("privacy_cancelJob", { handle });
    await ask("privacy_collect", {});

    await ask("dev_accounts", {});
    const { snapshotId } = await ask("dev_snapshot", {});
    await ask("dev_mine", { blocks: 2 });
    await ask("dev_increaseTime", { ms: 1_000 });
    await ask("dev_setNextBlockTimestamp", { timestampMs: Date.now() + 3_600_000 });
    await ask("dev_revert", { snapshotId });
    await ask("admin_seed", {});
    await ask("admin_prune", { keep: "1 blocks", dryRun: true });
    await ask("admin_reload", {});
    const { subscription } = await ask("subscribe", { types: ["newBlocks"] });
    await ask("unsubscribe", { subscription });

    const genesis = await ask("block_get", { height: 0 }, driven);
    const block = { height: 1, parentHash: genesis.blockHash, timestampMs: 1, transactions: [deploy(DEPLOY.contract)] };
    await ask("block_execute", block, driven);
    await ask("block_discard", {}, driven);
    const { height, stateRoot } = await ask("block_execute", block, driven);
    const { blockHash } = await ask("block_commit", { height, stateRoot }, driven);
    await ask("block_apply", { height: 2, parentHash: blockHash, timestampMs: 2, transactions: [] }, driven);
    await ask("block_rollback", { toHeight: 1 }, driven);

    for (const [name, code] of Object.entries(REFUSED)) {
      const { error } = await auto.client.call(name, {});
      requireFit(openRpc.components.schemas.Error, error, openRpc, name);
      expect([name, error.data.code]).toEqual([name, code]);
    }
    const all = openRpc.methods.map(({ name }: Json) => name);
    expect([...answered.keys(), ...Object.keys(REFUSED)].toSorted()).toEqual(all.toSorted());
  });
});

describe("OpenAPI", () => {
  it("describes what every path answers, and its refusals", async () => {
    const { items } = answered.get("tx_list")!;
    const [{ transactionHash }] = items;
    const [contract] = (answered.get("contract_list")!.items as Json[]).filter(({ type }) => type === "erc20");
    const given: Record<string, string> = {
      address: contract.address,
      key: toHex(Buffer.from("totalSupply")),
      transactionHash,
      block: "1",
      keyId: toHex(keys.keyId),
      job: answered.get("privacy_job")!.jobId,
    };
    const queries: Record<string, string> = { "/v1/executions": `?address=${contract.address}` };
    const paths = Object.keys(openApi.paths).filter((path) => !["/v1/events", "/metrics"].includes(path));
    for (const path of paths) {
      const { responses } = openApi.paths[path].get;
      const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => given[name]!) + (queries[path] ?? "");
      const right = await fetch(auto.url + filled);
      const body: Json = await right.json();
      expect([filled, right.status, body.code]).toEqual([filled, 200, undefined]);
      requireFit(responses["200"].content["application/json"].schema, body, openApi, path);
      const wrong = await fetch(`${auto.url}${filled}${filled.includes("?") ? "&" : "?"}nonsense=1`);
      expect([path, wrong.status, wrong.headers.get("content-type")]).toEqual([path, 400, "application/problem+json"]);
      requireFit(responses["400"].content["application/problem+json"].schema, await wrong.json(), openApi, path);
    }
    expect(paths.length).toBeGreaterThan(25);
  });

  it("names for every path exactly the parameters that it takes", async () => {
    for (const [path, { get }] of Object.entries<Json>(openApi.paths)) {
      if (get["x-method"] === undefined) continue;
      const { params } = method(get["x-method"]);
      const named = get.parameters.filter(({ in: place }: Json) => place !== "header").map(({ name }: Json) => name);
      const short = params.map(({ name }: Json) => (name === "topics" ? "topic" : name));
      // A part of a path may stand for one of two parameters.
      const alternatives = named.filter((name: string) => !short.includes(name));
      expect([path, alternatives.length]).toEqual([path, /\{(block|job)\}/.test(path) ? 1 : 0]);
      expect([path, named.length - alternatives.length]).toEqual([path, short.length - 2 * alternatives.length]);
    }
  });

  it("describes /metrics: its parameter, as often as it may come, and its refusals", async () => {
    const { parameters, responses } = openApi.paths["/metrics"].get;
    const [{ name, schema }] = parameters;
    const ask = (count: number) =>
      fetch(`${auto.url}/metrics?${Array(count).fill(`${name}=contract_block_height`).join("&")}`);
    const most = await ask(schema.maxItems);
    expect([most.status, most.headers.get("content-type")!.split(";")[0]]).toEqual([
      200,
      Object.keys(responses["200"].content)[0],
    ]);
    const more = await ask(schema.maxItems + 1);
    expect([more.status, more.headers.get("content-type")]).toEqual([400, "application/problem+json"]);
    requireFit(responses["400"].content["application/problem+json"].schema, await more.json(), openApi, "/metrics");
  });
});
