/** What operators do to a daemon and its data directory, as real processes: sample data, tokens, clearing, and the log of it all. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { call, send } from "../support/http-suite.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

interface Served extends DaemonProcess {
  readonly dataDir: string;
  readonly http: string;
}

async function serve(environment: Record<string, string> = {}): Promise<Served> {
  const dataDir = join(temporaryDirectory(), "data");
  const daemon = await startDaemon(dataDir, { args: ["--http", "127.0.0.1:0"], environment });
  onTestFinished(() => daemon.kill("SIGKILL"));
  const listening = daemon
    .stderr()
    .split("\n")
    .find((line) => line.includes('"msg":"listening"'))!;
  return { ...daemon, dataDir, http: (JSON.parse(listening) as { http: string }).http };
}

async function auditOf(dataDir: string): Promise<{ actor: string; action: string; phase: string; facts: unknown }[]> {
  const { result } = (await runCli(["audit", "show", "--data-dir", dataDir, "--json"])).json();
  return result.items;
}

const asToken = (token: string) => ({ "content-type": "application/json", authorization: `Bearer ${token}` });

it("seed puts the same sample data on every fresh chain, once, and asks before a chain that is in use gets it", async () => {
  const [first, second] = await Promise.all([serve(), serve()]);
  const seed = async (daemon: Served, ...args: string[]) =>
    (await runCli(["seed", ...args, "--ipc", daemon.ipc, "--json"])).json();
  const { result } = await seed(first!);
  expect(result).toMatchObject({ transactions: 33, applied: 33 });
  expect((await seed(second!)).result.contracts).toEqual(result.contracts);
  expect((await seed(first!)).error).toMatchObject({ code: "VALIDATION_ERROR", details: { path: "force" } });
  expect((await seed(first!, "--force")).result).toEqual({ ...result, applied: 0 });
  const { contracts } = result;
  const query = async (entrypoint: string, ...args: string[]) =>
    (await runCli(["query", contracts.points, entrypoint, ...args, "--ipc", first!.ipc, "--json"])).json().result
      .result;
  expect(await query("totalSupply")).toBe("4500");
});

it("seed runs a file: labels become addresses, and a transaction that fails is named", async () => {
  const daemon = await serve();
  const file = join(daemon.dataDir, "../seed.json");
  const sender = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
  const deploy = { label: "coin", kind: "deploy", sender, gasLimit: "2000000" };
  const contract = { type: "erc20", name: "Coin", symbol: "COIN", decimals: 0, initialSupply: "10" };
  const transfer = (to: string, amount: string) => ({
    kind: "call",
    sender,
    to,
    entrypoint: "transfer",
    args: ["0x70997970c51812dc3a010c7d01b50e0d17dc79c8", amount],
    gasLimit: "200000",
  });
  const seed = async (transactions: unknown[]) => {
    writeFileSync(file, JSON.stringify({ transactions }));
    return (await runCli(["seed", file, "--force", "--ipc", daemon.ipc, "--json"])).json();
  };
  const good = [{ ...deploy, contract }, transfer("@coin", "4")];
  expect((await seed(good)).result).toMatchObject({ transactions: 2, applied: 2, blockHeight: 2 });
  expect((await seed([...good, transfer("@coin", "7")])).error).toMatchObject({
    code: "REVERTED",
    message: "transactions[2] reverted; those before it are on the chain",
  });
  expect((await seed([transfer("@nobody", "1")])).error).toMatchObject({
    code: "VALIDATION_ERROR",
    details: { path: "transactions[0]", received: '"@nobody"' },
  });
  expect((await seed([null])).error).toMatchObject({ code: "VALIDATION_ERROR", details: { path: "transactions[0]" } });
});

it("clear deletes nothing under a daemon, nothing unasked, and everything but the audit log when told to", async () => {
  const daemon = await serve();
  await runCli(["seed", "--ipc", daemon.ipc]);
  const clear = async (...args: string[]) => await runCli(["clear", "--data-dir", daemon.dataDir, "--json", ...args]);
  expect((await clear("--force")).json().error).toMatchObject({
    code: "DATA_DIR_LOCKED",
    details: { pid: daemon.child.pid },
  });
  await daemon.kill("SIGTERM");
  const before = readdirSync(daemon.dataDir);
  const refused = await clear();
  expect(refused.code).toBe(1);
  expect(refused.json().error).toMatchObject({ code: "DATA_WOULD_BE_LOST" });
  expect(refused.json().error!.message).toMatch(/journal {2}[\d,]+ bytes/);
  expect(before.every((name) => name.startsWith("LOCK.") || existsSync(join(daemon.dataDir, name)))).toBe(true);
  expect((await clear("--force")).code).toBe(0);
  expect(readdirSync(daemon.dataDir).filter((name) => !name.startsWith("LOCK."))).toEqual(["FORMAT", "audit"]);
  const again = await startDaemon(daemon.dataDir);
  onTestFinished(() => again.kill("SIGKILL"));
  expect((await runCli(["contract", "ls", "--ipc", again.ipc, "--json"])).json().result.items).toEqual([]);
  await again.kill("SIGTERM");
  expect((await auditOf(daemon.dataDir)).map(({ action, phase }) => `${action} ${phase}`)).toEqual([
    "daemon.start noted",
    "admin_seed begun",
    "admin_seed done",
    "daemon.stop noted",
    "clear begun",
    "clear done",
    "daemon.start noted",
    "daemon.stop noted",
  ]);
});

it("the audit log names tokens by their fingerprint, and holds what was refused to them", async () => {
  const tokens = join(temporaryDirectory(), "tokens");
  writeFileSync(tokens, "admin rule-the-chain-with-this\nreader read-the-chain-with-this\n", { mode: 0o600 });
  const daemon = await serve({ POLYTORUS_HTTP__TOKENS_FILE: tokens, POLYTORUS_HTTP__ADMIN: "true" });
  const ask = async (token: string, method: string) =>
    (await send(daemon.http, { headers: asToken(token), body: call(method) })).body;
  expect((await ask("rule-the-chain-with-this", "admin_migrationStatus")).error.data).toMatchObject({
    path: "storage.kind",
    received: "embedded",
  });
  expect((await ask("rule-the-chain-with-this", "admin_seed")).result.applied).toBe(33);
  expect((await ask("read-the-chain-with-this", "admin_seed")).error.data.code).toBe("UNAUTHORIZED");
  await daemon.kill("SIGTERM");
  const records = await auditOf(daemon.dataDir);
  expect(records.slice(1, 4)).toMatchObject([
    { actor: "token 790f4af960fd", action: "admin_seed", phase: "begun" },
    { actor: "token 790f4af960fd", action: "admin_seed", phase: "done", facts: { answer: { applied: 33 } } },
    { actor: "token 9512feda932b", action: "admin_seed", phase: "refused", facts: { role: "reader" } },
  ]);
  expect(JSON.stringify(records)).not.toContain("the-chain-with-this");
});

it("SIGHUP and admin_reload read the tokens again; a file that is wrong changes nothing", async () => {
  const tokens = join(temporaryDirectory(), "tokens");
  writeFileSync(tokens, "admin rule-the-chain-with-this\n", { mode: 0o600 });
  const daemon = await serve({ POLYTORUS_HTTP__TOKENS_FILE: tokens, POLYTORUS_HTTP__ADMIN: "true" });
  const ask = async (token: string, method: string) =>
    (await send(daemon.http, { headers: asToken(token), body: call(method) })).body;
  const said = async (text: string) => {
    while (!daemon.stderr().includes(text)) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  writeFileSync(tokens, "admin the-one-that-came-after-it\n");
  expect((await ask("rule-the-chain-with-this", "admin_reload")).result).toEqual({ tokens: 1, certificate: false });
  expect((await ask("rule-the-chain-with-this", "state_root")).error.data.code).toBe("UNAUTHORIZED");
  expect((await ask("the-one-that-came-after-it", "state_root")).result.blockHeight).toBe(0);
  writeFileSync(tokens, "admin too-short\n");
  daemon.child.kill("SIGHUP");
  await said("the tokens and the certificate stay as they were");
  expect((await ask("the-one-that-came-after-it", "state_root")).result.blockHeight).toBe(0);
  writeFileSync(tokens, "reader only-to-be-read-from-now\n");
  daemon.child.kill("SIGHUP");
  await said("read tokens and certificate again");
  expect((await ask("only-to-be-read-from-now", "state_root")).result.blockHeight).toBe(0);
});

it("audit verify finds what was changed, and what a whole new log does not hold", async () => {
  const daemon = await serve();
  await daemon.kill("SIGTERM");
  const verify = async (...args: string[]) =>
    (await runCli(["audit", "verify", "--data-dir", daemon.dataDir, "--json", ...args])).json();
  const { hash } = (await verify()).result;
  expect((await verify("--expect", hash)).result.records).toBe(2);
  expect((await verify("--expect", "00".repeat(32))).error!.code).toBe("AUDIT_DAMAGED");
  const file = join(daemon.dataDir, "audit/0000000000000000.ndjson");
  writeFileSync(file, readFileSync(file, "utf8").replace('"daemon.start"', '"daemon.sleep"'));
  const found = await runCli(["audit", "verify", "--data-dir", daemon.dataDir, "--json"]);
  expect(found.code).toBe(69);
  expect(found.json().error).toMatchObject({ code: "AUDIT_DAMAGED", details: { file, line: 1, offset: 0 } });
  const environment = { POLYTORUS_DATA_DIR: daemon.dataDir };
  const doctor = await runCli(["doctor", "--json"], { environment });
  expect(doctor.code).toBe(1);
  expect(doctor.json().result.checks).toContainEqual(expect.objectContaining({ name: "audit log", status: "failed" }));
});
