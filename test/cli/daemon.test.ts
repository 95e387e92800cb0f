/** The command line with a real daemon: two processes, a socket, and a data directory that outlives them. */
import { type ChildProcess, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { DEV_ACCOUNTS } from "../../src/config/dev-accounts.ts";
import { contractPath } from "../support/cosmwasm-contracts.ts";
import { type CliResult, runCli, startCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { ECHO, program } from "../support/wasi-programs.ts";

const [alice, bob] = DEV_ACCOUNTS as [string, string];
const TOKEN = ["deploy", "erc20", "--name", "MyToken", "--symbol", "MTK", "--decimals", "6", "--supply", "1000000"];

interface Serving {
  readonly process: ChildProcess;
  /** The line with which it says where it listens. */
  readonly listening: { ipc: string; binaryIpc: string; http: string; account: string; next: string[]; height: number };
  readonly run: (...args: string[]) => Promise<CliResult>;
  /** Sends the signal; answers the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

async function serve(cwd: string, ...flags: string[]): Promise<Serving> {
  const child = startCli(["serve", "--http", "127.0.0.1:0", ...flags], { cwd });
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  const listening = await new Promise<Serving["listening"]>((resolve, reject) => {
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const line = said
        .split("\n")
        .find((candidate) => candidate.includes('"msg":"listening"') && candidate.endsWith("}"));
      if (line !== undefined) resolve(JSON.parse(line) as Serving["listening"]);
    });
    void exited.then((code) => reject(new Error(`serve ended with ${code}: ${said}`)));
  });
  const stop = (signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> => {
    child.kill(signal);
    return exited;
  };
  return { process: child, listening, run: (...args) => runCli(args, { cwd }), stop };
}

describe("serve", () => {
  it("works without a configuration: sockets and data in ./data, and three commands that run as they stand", async () => {
    const cwd = temporaryDirectory();
    const { listening, run, stop } = await serve(cwd);
    expect(listening).toMatchObject({ ipc: join(cwd, "data/engine.ipc"), account: alice, height: 0 });
    expect(listening.http).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(listening.next).toHaveLength(3);
    for (const command of listening.next.slice(0, 2)) {
      const [program, name, ...args] = command.split(" ");
      expect([program, name]).toEqual(["npx", "polytorus"]);
      expect((await run(...args)).code).toBe(0);
    }
    expect(await stop()).toBe(0);
  });

  it("refuses a data directory that another daemon uses, with 78", async () => {
    const cwd = temporaryDirectory();
    const { process: child, run, stop } = await serve(cwd);
    const second = await run("serve", "--http", "off", "--ipc", "other.ipc");
    expect(second.code).toBe(78);
    expect(second.stderr).toMatch(new RegExp(`DATA_DIR_LOCKED[\\s\\S]*${child.pid}`));
    await stop();
  });

  it("stops with 0 on SIGINT too", async () => {
    const { stop } = await serve(temporaryDirectory());
    expect(await stop("SIGINT")).toBe(0);
  });

  it("keeps what it acknowledged when it is killed", async () => {
    const cwd = temporaryDirectory();
    const first = await serve(cwd);
    const { contractAddress } = (await first.run(...TOKEN, "--json")).json().result;
    expect((await first.run("call", contractAddress, "transfer", bob, "25")).code).toBe(0);
    await first.stop("SIGKILL");
    const second = await serve(cwd);
    expect(second.listening.height).toBe(2);
    expect((await second.run("query", contractAddress, "balanceOf", bob)).stdout).toBe("25\n");
    await second.stop();
  });
});

describe("commands", () => {
  it("deploy, call, query and look: exit codes, logs, history and the account's nonce", async () => {
    const { run, stop } = await serve(temporaryDirectory(), "--storage", "memory");
    const { contractAddress: token } = (await run(...TOKEN, "--mintable", "--pausable", "--json")).json().result;
    expect((await run("call", token, "transfer", bob, "25")).code).toBe(0);
    const reverted = await run("call", token, "transfer", alice, "26", "--from", bob, "--json");
    expect(reverted.code).toBe(5);
    expect(reverted.json().result.revert.name).toBe("ERC20InsufficientBalance");
    expect((await run("call", token, "transfer", bob, "1", "--gas-limit", "30000")).code).toBe(6);
    expect((await run("query", bob, "name")).code).toBe(3);
    expect((await run("query", token, "nothing")).code).toBe(1);
    expect((await run("contract", "logs", token, "--output", "ndjson")).stdout.trimEnd().split("\n")).toHaveLength(3);
    expect((await run("contract", "history", token)).stdout).toMatch(/^ +3 +0 +ERC20InsufficientBalance +/m);
    expect((await run("contract", "health", token)).stdout).toMatch(/^failed 1 times: ERC20InsufficientBalance$/m);
    expect((await run("account", "show", "--json")).json().result.nonce).toBe(3);
    await stop();
  });

  it("deploy wasm --abi wasi takes a WASI program, which answers calls with what it writes", async () => {
    const cwd = temporaryDirectory();
    const { run, stop } = await serve(cwd, "--storage", "memory");
    writeFileSync(join(cwd, "echo.wasm"), program(ECHO));
    const deployed = await run("deploy", "wasm", "echo.wasm", "--abi", "wasi", "--json");
    const { contractAddress } = deployed.json().result;
    const called = (await run("call", contractAddress, "greet", "5", "--json")).json().result;
    expect(Buffer.from(called.returnData.slice(2), "hex").toString()).toBe('{"args":["5"],"entrypoint":"greet"}');
    const refused = await run("deploy", "wasm", "echo.wasm", "--abi", "polytorus", "--json");
    expect([refused.code, refused.json().error?.code]).toEqual([1, "CODE_REJECTED"]);
    await stop();
  });

  it("pause stops a contract for all but its admin's resume", async () => {
    const { run, stop } = await serve(temporaryDirectory(), "--storage", "memory");
    const { contractAddress: token } = (await run(...TOKEN, "--json")).json().result;
    expect((await run("contract", "pause", token, "--from", bob)).code).toBe(4);
    expect((await run("contract", "pause", token)).code).toBe(0);
    expect((await run("call", token, "transfer", bob, "1")).code).toBe(5);
    expect((await run("contract", "show", token)).stdout).toMatch(/^status +paused$/m);
    expect((await run("contract", "resume", token)).code).toBe(0);
    expect((await run("call", token, "transfer", bob, "1")).code).toBe(0);
    await stop();
  });

  it("over HTTP may read, and may submit unsigned transactions only with --dev", async () => {
    const reading = await serve(temporaryDirectory(), "--storage", "memory");
    expect((await reading.run("contract", "ls", "--url", reading.listening.http)).code).toBe(0);
    expect((await reading.run(...TOKEN, "--url", reading.listening.http)).code).toBe(4);
    await reading.stop();
    const dev = await serve(temporaryDirectory(), "--storage", "memory", "--dev");
    expect((await dev.run(...TOKEN, "--url", dev.listening.http)).code).toBe(0);
    await dev.stop();
  });

  it("logs --follow prints what comes after it started", async () => {
    const cwd = temporaryDirectory();
    const { run, stop } = await serve(cwd, "--storage", "memory");
    const { contractAddress: token } = (await run(...TOKEN, "--json")).json().result;
    const following = startCli(["logs", "--follow", "--json", "--from-block", "2"], { cwd });
    const line = new Promise<string>((resolve) => following.stdout!.setEncoding("utf8").once("data", resolve));
    await run("call", token, "transfer", bob, "25");
    expect(JSON.parse(await line)).toMatchObject({ blockHeight: 2, event: "Transfer", args: { value: "25" } });
    following.kill("SIGINT");
    expect(await new Promise((resolve) => following.on("close", resolve))).toBe(130);
    await stop();
  });

  it("block verify executes the journal again, and finds a changed byte", async () => {
    const cwd = temporaryDirectory();
    const { run, stop } = await serve(cwd);
    const { contractAddress: token } = (await run(...TOKEN, "--json")).json().result;
    await run("call", token, "transfer", bob, "25");
    const { stateRoot } = (await run("block", "show", "--json")).json().result;
    await stop();
    const verified = await run("block", "verify", "--json");
    expect(verified.code).toBe(0);
    expect(verified.json().result).toMatchObject({ from: 0, to: 2, blocks: 3, transactions: 2, stateRoot });
    expect((await run("block", "verify", "--to", "3")).code).toBe(3);
    const [segment] = readdirSync(join(cwd, "data/journal")).sort();
    const path = join(cwd, "data/journal", segment!);
    const bytes = readFileSync(path);
    const at = bytes.indexOf("MyToken");
    bytes[at]! ^= 1;
    writeFileSync(path, bytes);
    const damaged = await run("block", "verify", "--json");
    expect(damaged.code).toBe(69);
    expect(damaged.json().error?.code).toBe("JOURNAL_DAMAGED");
  });

  it("a genesis file funds accounts and fixes the chain id", async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, "genesis.json"), JSON.stringify({ chainId: 77, balances: { [alice]: "1000" } }));
    const { run, stop } = await serve(cwd, "--genesis", "genesis.json");
    expect((await run("account", "show", alice, "--json")).json().result).toMatchObject({ balance: "1000", nonce: 0 });
    expect((await run("block", "show", "0", "--json")).json().result.chainId).toBe(77);
    await stop();
    const again = await serve(cwd);
    expect((await again.run("block", "show", "--json")).json().result.chainId).toBe(77);
    await again.stop();
    writeFileSync(join(cwd, "other.json"), JSON.stringify({ balances: { [alice]: "1000", [bob]: "1" } }));
    for (const [says, ...flags] of [
      ["began with chainId 77, the configuration says 5", "--chain-id", "5"],
      [`began with balance of ${bob.toLowerCase()} 0, the configuration says 1`, "--genesis", "other.json"],
    ] as const) {
      const refused = await runCli(["serve", "--http", "off", ...flags], { cwd });
      expect([refused.code, refused.stderr]).toEqual([78, expect.stringContaining(says)]);
    }
  });

  it("a genesis file names addresses and coins for CosmWasm contracts, for as long as the chain lives", async () => {
    const cwd = temporaryDirectory();
    const parameters = { addressPrefix: "juno", denom: "ujuno" };
    writeFileSync(join(cwd, "genesis.json"), JSON.stringify({ parameters, balances: { [alice]: "1000" } }));
    const first = await serve(cwd, "--genesis", "genesis.json");
    const { bech32 } = (await first.run("account", "show", alice, "--json")).json().result;
    expect(bech32).toMatch(/^juno1/);
    const init = { name: "Cash", symbol: "CASH", decimals: 6, initial_balances: [{ address: bech32, amount: "9" }] };
    const deploy = ["deploy", "wasm", contractPath("cw20-base"), "--init", JSON.stringify(init), "--json"];
    const { contractAddress } = (await first.run(...deploy)).json().result;
    await first.stop();
    const second = await serve(cwd);
    const { stdout } = await second.run("query", contractAddress, "balance", JSON.stringify({ address: bech32 }));
    expect(stdout).toBe('{"balance":"9"}\n');
    expect((await second.run("account", "show", alice, "--json")).json().result.bech32).toBe(bech32);
    const foreign = await second.run("query", contractAddress, "balance", '{"address":"poly1x"}');
    expect([foreign.code, foreign.stderr]).toEqual([5, expect.stringContaining("does not begin with juno1")]);
    await second.stop();
  });
});

it("a second signal ends it at once, with 130, whatever its threads are at", () => {
  const cwd = temporaryDirectory();
  // A thread of Node's pool that is at something for hours.
  const busy = 'data:text/javascript,import{pbkdf2}from"node:crypto";pbkdf2("a","b",2**31-1,64,"sha512",()=>0)';
  // Signals that follow one another at once: the second comes before the first is through.
  const script = `"$0" --import "$3" "$1" serve --http off --data-dir "$2" 2>"$2.log" & pid=$!
    until grep -q listening "$2.log" 2>/dev/null; do sleep 0.05; done
    kill -STOP $pid; kill -TERM $pid; kill -INT $pid; kill -CONT $pid
    (sleep 30; kill -KILL $pid) >/dev/null 2>&1 & wait $pid; echo $?; kill $!`;
  const cli = join(import.meta.dirname, "../../dist/main.js");
  const given = [process.execPath, cli, join(cwd, "data"), busy];
  const { stdout } = spawnSync("bash", ["-c", script, ...given], { encoding: "utf8" });
  expect(stdout).toBe("130\n");
  expect(readFileSync(join(cwd, "data.log"), "utf8")).toContain("listening");
  rmSync(join(cwd, "data"), { recursive: true, force: true });
});
