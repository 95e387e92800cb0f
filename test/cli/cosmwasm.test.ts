/** A compiled cw20, unchanged, from the command line and the client: deployed, called, asked and upgraded on a real daemon. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connect } from "../../src/client/client.ts";
import { DEV_ACCOUNTS } from "../../src/config/dev-accounts.ts";
import { contractPath } from "../support/cosmwasm-contracts.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { temporaryDirectory } from "../support/engine.ts";
import { runCli } from "../support/run-cli.ts";

const [alice, bob] = DEV_ACCOUNTS as [string, string];
const CW20 = contractPath("cw20-base");
const directory = temporaryDirectory();
const dataDir = join(directory.path, "data");
let daemon: DaemonProcess;
let token: string;
let text: { alice: string; bob: string };

const run = (...args: string[]) => runCli(args, { environment: { POLYTORUS_IPC: daemon.ipc } });

beforeAll(async () => {
  daemon = await startDaemon(dataDir);
  const bech32 = async (account: string) => (await run("account", "show", account, "--json")).json().result.bech32;
  text = { alice: await bech32(alice), bob: await bech32(bob) };
  const init = {
    name: "Cash",
    symbol: "CASH",
    decimals: 6,
    initial_balances: [{ address: text.alice, amount: "1000" }],
    mint: { minter: text.alice },
  };
  const deployed = await run("deploy", "wasm", CW20, "--init", JSON.stringify(init), "--json");
  expect(deployed.code).toBe(0);
  token = deployed.json().result.contractAddress;
});

afterAll(async () => {
  await daemon.kill("SIGKILL");
  directory.remove();
});

it("executes messages by name, or whole, and shows the events that the contract named", async () => {
  const args = JSON.stringify({ recipient: text.bob, amount: "40" });
  const called = await run("call", token, "transfer", args, "--json");
  expect(called.code).toBe(0);
  expect(called.json().result.logs).toMatchObject([
    { address: token, event: "execute" },
    { address: token, event: "wasm", args: { action: "transfer", from: text.alice, to: text.bob, amount: "40" } },
  ]);
  const shown = await run("call", token, JSON.stringify({ burn: { amount: "60" } }));
  expect(shown.stdout).toMatch(new RegExp(`1 {2}wasm\\(.*action burn, from ${text.alice}, amount 60\\)`));
});

it("answers smart queries as JSON text", async () => {
  const asked = await run("query", token, "balance", JSON.stringify({ address: text.bob }));
  expect([asked.code, asked.stdout]).toEqual([0, '{"balance":"40"}\n']);
  const whole = await run("query", token, '{"token_info":{}}', "--json");
  expect(whole.json().result.result).toMatchObject({ name: "Cash", total_supply: "940" });
});

it("says what the contract raised: 5, and nothing changed", async () => {
  const args = JSON.stringify({ recipient: text.alice, amount: "41" });
  const failed = await run("call", token, "transfer", args, "--from", bob);
  expect([failed.code, failed.stderr]).toEqual([5, expect.stringContaining("Cannot Sub with 40 and 41")]);
  const unknown = await run("query", token, "fly");
  expect([unknown.code, unknown.stderr]).toEqual([5, expect.stringContaining("unknown variant `fly`")]);
});

it("refuses messages that are none before anything is sent", async () => {
  for (const args of [
    ["transfer", "{"],
    ["transfer", "{}", "{}"],
    ["{}", "{}"],
    ["{", "x"],
  ])
    expect((await run("call", token, ...args)).code).toBe(2);
});

it("simulates and estimates a call and an upgrade", async () => {
  const args = JSON.stringify({ recipient: text.bob, amount: "1" });
  const simulated = await run("simulate", token, "transfer", args, "--json");
  expect(simulated.json().result.receipts[0]).toMatchObject({ status: "success" });
  const estimated = await run("estimate", token, "transfer", args);
  expect(Number(estimated.stdout)).toBeGreaterThan(21_000);
  const { codeHash } = (await run("contract", "show", token, "--json")).json().result;
  const upgrade = await run("contract", "upgrade", token, codeHash, "--message", "{}", "--estimate");
  expect(Number(upgrade.stdout)).toBeGreaterThan(21_000);
});

it("deploys code that the chain has by its hash, for next to nothing", async () => {
  const { codeHash } = (await run("contract", "show", token, "--json")).json().result;
  const init = { name: "More", symbol: "MORE", decimals: 0, initial_balances: [] };
  const again = (await run("deploy", "wasm", codeHash, "--init", JSON.stringify(init), "--json")).json().result;
  expect([again.status, again.logs[0].args.code_id]).toEqual(["success", "1"]);
  expect(Number(again.gasUsed)).toBeLessThan(300_000);
});

it("upgrades, for the admin alone: migrate runs, and the state stays", async () => {
  const refused = await run("contract", "upgrade", token, CW20, "--from", bob, "--json");
  expect([refused.code, refused.json().error?.code]).toEqual([4, "NOT_ADMIN"]);
  const simulated = await run("contract", "upgrade", token, CW20, "--message", "{}", "--simulate");
  expect([simulated.code, simulated.stdout]).toEqual([0, expect.stringContaining("simulated, nothing was kept")]);
  const upgraded = await run("contract", "upgrade", token, CW20, "--message", "{}", "--json");
  expect(upgraded.json().result).toMatchObject({ status: "success", to: token, logs: [{ event: "migrate" }] });
  expect((await run("query", token, "balance", JSON.stringify({ address: text.bob }))).stdout).toContain('"40"');
  expect((await run("contract", "set-admin", token, "nobody")).code).toBe(0);
  expect((await run("contract", "show", token, "--json")).json().result.admin).toBeNull();
  expect((await run("contract", "pause", token)).code).toBe(4);
});

it("serves the client the same", async () => {
  const client = await connect({ ipc: daemon.ipc });
  try {
    const mint = { mint: { recipient: text.bob, amount: "2" } };
    const transaction = { kind: "call" as const, sender: alice, gasLimit: "1000000", to: token, msg: mint };
    expect(await client.call("tx_submit", { transaction })).toMatchObject({ status: "success" });
    const { result } = await client.call("contract_query", { address: token, msg: { minter: {} } });
    expect(result).toEqual({ minter: text.alice, cap: null });
    const { items } = await client.call("contract_logs", { address: token, limit: 100 });
    expect(items.at(-1)).toMatchObject({ event: "wasm", args: { action: "mint", amount: "2" } });
  } finally {
    await client.close();
  }
});

it("comes out the same when the journal is executed again", async () => {
  const verified = await run("block", "verify", "--data-dir", dataDir, "--json");
  expect([verified.code, verified.json().status]).toEqual([0, "ok"]);
});
