/** The command line without a daemon: help, usage, formats, completion, configuration, and how it ends. */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXIT_CODES } from "../../src/cli/exit-codes.ts";
import { ERROR_KINDS, type ErrorCode, exitCodeOf } from "../../src/errors.ts";
import { VERSION } from "../../src/version.ts";
import { CLI, runCli, startCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

interface Node {
  path: string[];
  summary: string;
  options: { long: string }[];
  commands: Node[];
}

function leaves(node: Node): Node[] {
  return node.commands.length === 0 ? [node] : node.commands.flatMap(leaves);
}

describe("help", () => {
  it("names every command of the interface that this version has", async () => {
    const { result } = (await runCli(["describe", "--json"])).json();
    expect(
      leaves(result as Node)
        .map(({ path }) => path.join(" "))
        .sort(),
    ).toEqual(
      [
        "serve",
        "deploy erc20",
        "deploy wasm",
        "deploy circuit",
        "deploy confidential-erc20",
        "privacy keygen",
        "privacy upload-key",
        "privacy keys",
        "privacy withdraw-key",
        "privacy collect",
        "privacy encrypt",
        "privacy decrypt",
        "privacy decryptor",
        "privacy schemes",
        "privacy jobs",
        "privacy watch",
        "privacy wait",
        "privacy cancel",
        "privacy explain",
        "call",
        "query",
        "simulate",
        "estimate",
        "contract ls",
        "contract show",
        "contract abi",
        "contract state",
        "contract logs",
        "events",
        "contract gen-client",
        "contract health",
        "contract history",
        "contract pause",
        "contract resume",
        "contract upgrade",
        "contract set-admin",
        "tx receipt",
        "tx get",
        "tx trace",
        "block show",
        "block verify",
        "logs",
        "account show",
        "dev accounts",
        "dev snapshot",
        "dev revert",
        "dev time",
        "dev mine",
        "db migrate",
        "db rollback",
        "db status",
        "db validate",
        "db create",
        "db reset",
        "db maintenance",
        "audit show",
        "audit verify",
        "seed",
        "clear",
        "backup",
        "restore",
        "rotate-key",
        "state export",
        "state import",
        "state copy",
        "doctor",
        "health",
        "config init",
        "config check",
        "config show",
        "explain",
        "describe",
        "completion",
      ].sort(),
    );
    for (const leaf of leaves(result as Node)) expect(leaf.options.map(({ long }) => long)).toContain("--json");
  });

  it("goes to stdout with exit code 0, and groups commands by what they are for", async () => {
    const { code, stdout, stderr } = await runCli(["--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/Deploy and call:[\s\S]*deploy erc20/);
  });

  it("has an example for what people type first", async () => {
    for (const args of [["serve"], ["call"], ["query"], ["deploy", "erc20"], ["completion"]]) {
      expect((await runCli([...args, "--help"])).stdout).toMatch(/Example\n {2}\$ .*polytorus/);
    }
  });

  it("prints its version", async () => {
    expect((await runCli(["--version"])).stdout).toBe(`${VERSION}\n`);
  });
});

describe("usage errors", () => {
  it.each([
    ["an unknown command, with the nearest", ["depoly"], /unknown command 'depoly'[\s\S]*Did you mean deploy\?/],
    [
      "an unknown option, with the nearest",
      ["serve", "--data-dri", "x"],
      /unknown option '--data-dri'[\s\S]*Did you mean --data-dir\?/,
    ],
    ["a missing argument", ["call"], /missing required argument 'address'/],
    ["a missing option", ["deploy", "erc20", "--name", "N", "--symbol", "S"], /required option '--supply <amount>'/],
    ["a format that is none", ["explain", "--output", "xml"], /Allowed choices are table, json, ndjson/],
    ["a height that is no number", ["block", "verify", "--from", "x"], /Expected a whole number/],
    ["a shell that is none", ["completion", "tcsh"], /Allowed choices are bash, zsh, fish/],
  ])("exit with 2 for %s", async (_, args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
  });

  it.each([["--json"], ["-j"], ["--output=json"], ["--output=ndjson"]])("are an envelope with %s", async (option) => {
    const result = await runCli(["call", option]);
    expect([result.code, result.stderr]).toEqual([2, ""]);
    expect(result.json()).toMatchObject({ status: "error", result: null, error: { code: "VALIDATION_ERROR" } });
  });

  it("do not take two daemons", async () => {
    const { code, stderr } = await runCli(["account", "show", "--ipc", "a", "--url", "http://b"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--ipc and --url name two daemons");
  });
});

describe("exit codes", () => {
  it("are those that describe publishes, for every error there is", () => {
    for (const code of Object.keys(ERROR_KINDS) as ErrorCode[])
      expect(Object.keys(EXIT_CODES).map(Number)).toContain(exitCodeOf(code));
  });

  it("agree with the interface", () => {
    const examples = {
      CONTRACT_NOT_FOUND: 3,
      UNAUTHORIZED: 4,
      REVERTED: 5,
      GAS_EXHAUSTED: 6,
      EXECUTION_TIMEOUT: 7,
      STORAGE_ERROR: 69,
      CONFIGURATION_ERROR: 78,
      VALIDATION_ERROR: 2,
      INVALID_ADDRESS: 2,
      INVALID_AMOUNT: 2,
      INTERNAL_ERROR: 1,
    } as const;
    for (const [code, exit] of Object.entries(examples))
      expect([code, exitCodeOf(code as ErrorCode)]).toEqual([code, exit]);
  });

  it("say 69 when no daemon answers, and how to start one", async () => {
    const cwd = temporaryDirectory();
    const { code, stdout, stderr } = await runCli(["contract", "ls"], { cwd });
    expect([code, stdout]).toEqual([69, ""]);
    expect(stderr).toMatch(/error CONNECTION_FAILED: .*engine\.ipc[\s\S]*hint: Start it with `npm start`/);
  });

  it("say 130 after Ctrl-C", async () => {
    const cwd = temporaryDirectory();
    const { createServer } = await import("node:net");
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(join(cwd, "s.ipc"), resolve));
    const child = startCli(["account", "show", "--ipc", "s.ipc"], { cwd });
    silent.once("connection", () => child.kill("SIGINT"));
    const code = await new Promise((resolve) => child.on("close", resolve));
    silent.close();
    expect(code).toBe(130);
  });
});

describe("output", () => {
  it("is one envelope with --json, and bare items with ndjson", async () => {
    const explained = (await runCli(["explain", "BUSY", "-j"])).json();
    expect(explained).toMatchObject({
      status: "ok",
      error: null,
      result: { code: "BUSY", rpcCode: -32007, exitCode: 69 },
    });
    const lines = (await runCli(["explain", "--output", "ndjson"])).stdout.trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { code: string }).code)).toEqual(Object.keys(ERROR_KINDS));
  });

  it("suggests the nearest error code", async () => {
    const { code, stderr } = await runCli(["explain", "NONCE_MISMACH"]);
    expect(code).toBe(2);
    expect(stderr).toContain("did you mean NONCE_MISMATCH?");
  });

  it("has no colour off a terminal", async () => {
    const { stdout, stderr } = await runCli(["explain", "NOPE_NOPE"], { environment: { FORCE_COLOR: "" } });
    expect(stdout + stderr).not.toContain("\u001b[");
  });

  it("ends quietly when nobody reads on", () => {
    const { status, stderr } = spawnSync(
      "bash",
      ["-c", `set -o pipefail; "${process.execPath}" "${CLI}" describe | true`],
      { encoding: "utf8" },
    );
    expect([status, stderr]).toEqual([0, ""]);
  });

  it("says that it can't be written, and exits with 1", () => {
    const { status, stderr } = spawnSync("bash", ["-c", `"${process.execPath}" "${CLI}" explain > /dev/full`], {
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([
      1,
      "error: the output can't be written: ENOSPC: no space left on device, write\n",
    ]);
  });

  it("can be JSON from every command there is", async () => {
    const all = leaves((await runCli(["describe", "--json"])).json().result as Node);
    const without = all.filter(({ options }) => !options.some(({ long }) => long === "--json"));
    expect(without.map(({ path }) => path.join(" "))).toEqual([]);
    expect(all.length).toBeGreaterThan(60);
  });
});

describe("completion", () => {
  it.each(["bash", "zsh"])("for %s is a script that bash parses", async (shell) => {
    const { stdout } = await runCli(["completion", shell]);
    const parsed = spawnSync("bash", ["-n"], { input: stdout, encoding: "utf8" });
    expect([parsed.status, parsed.stderr]).toEqual([0, ""]);
  });

  it.each([
    ["polytorus ", ["serve", "deploy", "contract"]],
    ["polytorus contract ", ["ls", "abi", "history"]],
    ["polytorus contract ls --st", ["--status"]],
    ["polytorus contract ls --status ", ["active", "paused"]],
    ["polytorus completion ", ["bash", "zsh", "fish"]],
    ["polytorus call 0x00 transfer --ga", ["--gas-limit"]],
  ])("of %j offers %j", async (line, expected) => {
    const { stdout } = await runCli(["completion", "bash"]);
    const words = line.split(" ");
    const program = `${stdout}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _polytorus; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const offered = spawnSync("bash", ["-c", program], { encoding: "utf8" }).stdout.split("\n");
    for (const word of expected) expect(offered).toContain(word);
  });

  it("for fish names every command", async () => {
    const { stdout } = await runCli(["completion", "fish"]);
    for (const word of ["serve", "deploy", "erc20", "contract", "verify"])
      expect(stdout).toMatch(new RegExp(`^complete -c polytorus .*-a ${word} `, "m"));
  });
});

describe("config", () => {
  it("init writes a file that check accepts, and does not overwrite one", async () => {
    const cwd = temporaryDirectory();
    expect((await runCli(["config", "init"], { cwd })).code).toBe(0);
    expect(existsSync(join(cwd, "polytorus.toml"))).toBe(true);
    expect((await runCli(["config", "check"], { cwd })).code).toBe(0);
    expect((await runCli(["config", "init"], { cwd })).code).toBe(78);
  });

  it("check names each problem and exits with 78", async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, "polytorus.toml"), 'mod = "auto"\n[storage]\nkind = "redis"\n');
    const { code, stderr } = await runCli(["config", "check"], { cwd });
    expect(code).toBe(78);
    expect(stderr).toMatch(/mod .*did you mean mode\?/);
    expect(stderr).toMatch(/storage\.kind .*"redis" is no storage: Redis is a cache beside one/);
  });

  it("prints the configuration file where one asks for -, and writes none", async () => {
    const cwd = temporaryDirectory();
    const { code, stdout } = await runCli(["config", "init", "-"], { cwd });
    expect([code, stdout.split("\n")[0]]).toEqual([
      0,
      "# Configuration of the Polytorus engine. A commented line shows the default.",
    ]);
    expect(existsSync(join(cwd, "-"))).toBe(false);
  });

  it("show says where each value comes from", async () => {
    const cwd = temporaryDirectory();
    const { stdout } = await runCli(["config", "show", "--origin"], { cwd, environment: { POLYTORUS_CHAIN__ID: "7" } });
    expect(stdout).toMatch(/^chain\.id +7 +POLYTORUS_CHAIN__ID$/m);
    expect(stdout).toMatch(/^journal\.segment_bytes +256 MiB +default$/m);
  });

  it("refuses to serve from what is no storage", async () => {
    const cwd = temporaryDirectory();
    const { code, stderr } = await runCli(["serve", "--storage", "redis://u:secret@db/0"], { cwd });
    expect(code).toBe(78);
    expect(stderr).toContain("is no storage: Redis is a cache beside one");
    expect(stderr).not.toContain("secret");
  });
});

describe("doctor", () => {
  it("passes without a daemon, and says that none runs", async () => {
    const cwd = temporaryDirectory();
    const { code, json } = await runCli(["doctor", "--json"], { cwd });
    const { result } = json();
    expect(code).toBe(result.healthy ? 0 : 1);
    const status = Object.fromEntries(
      result.checks.map((check: { name: string; status: string }) => [check.name, check.status]),
    );
    expect(status).toMatchObject({
      node: "ok",
      configuration: "ok",
      "data directory": "ok",
      socket: "ok",
      daemon: "warning",
      clock: "ok",
    });
  });

  it("fails, with what to do, when the named daemon does not answer or the configuration is bad", async () => {
    const cwd = temporaryDirectory();
    const { code, stdout } = await runCli(["doctor", "--ipc", "none.ipc"], {
      cwd,
      environment: { POLYTORUS_MODE: "x" },
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /configuration +failed[\s\S]*fix:[\s\S]*daemon +failed[\s\S]*fix: start it with `npm start`/,
    );
  });
});
