/** An encrypted data directory as its operator meets it: daemons that are killed, tools, another key, doctor. */
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startDaemon } from "../support/daemon.ts";
import { writeKeyFile } from "../support/encrypted-directory.ts";
import { type CliResult, runCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

interface Operator {
  dataDir: string;
  keyFile: string;
  /** The command line with a key file, by default the operator's. */
  run(args: string[], keyFile?: string): Promise<CliResult>;
  daemon(keyFile?: string): ReturnType<typeof startDaemon>;
}

function operator(): Operator {
  const directory = temporaryDirectory();
  const dataDir = join(directory, "data");
  const keyFile = writeKeyFile(join(directory, "key"));
  const environment = (path: string) => ({
    POLYTORUS_ENCRYPTION__KEY_FILE: path,
    POLYTORUS_DATA_DIR: dataDir,
    POLYTORUS_HTTP__LISTEN: "off",
  });
  return {
    dataDir,
    keyFile,
    run: (args, path = keyFile) => runCli([...args, "--json"], { environment: environment(path) }),
    daemon: async (path = keyFile) => {
      const daemon = await startDaemon(dataDir, { environment: environment(path) });
      onTestFinished(() => daemon.kill("SIGKILL"));
      return daemon;
    },
  };
}

/** Seeds a chain; a chain that has it all runs nothing again. */
async function seed({ ipc }: { ipc: string }): Promise<{ applied: number; transactions: number }> {
  return (await runCli(["seed", "--force", "--ipc", ipc, "--json"])).json().result;
}

describe("an encrypted data directory", () => {
  it("survives kill -9, is verified, checked and compacted, and can be read by no tool without its key", async () => {
    const { dataDir, run, daemon } = operator();
    const first = await daemon();
    expect(await seed(first)).toMatchObject({ applied: 33 });
    await first.kill("SIGKILL");
    const second = await daemon();
    expect(await seed(second)).toMatchObject({ applied: 0, transactions: 33 });
    await second.kill("SIGTERM");
    expect(existsSync(join(dataDir, "encryption.json"))).toBe(true);
    expect((await run(["block", "verify"])).code).toBe(0);
    const maintained = (await run(["db", "maintenance", "--vacuum", "--check"])).json();
    expect(maintained.result).toMatchObject({ isSound: true });
    for (const command of [
      ["block", "verify"],
      ["db", "maintenance", "--check"],
      ["backup", join(dataDir, "b")],
    ]) {
      const refused = await runCli([...command, "--json"], { environment: { POLYTORUS_DATA_DIR: dataDir } });
      expect([refused.code, refused.json().error?.code]).toEqual([78, "ENCRYPTION_KEY_REFUSED"]);
    }
    const third = await daemon();
    expect(await seed(third)).toMatchObject({ applied: 0 });
  });

  it("is put under another key; the daemon then takes the new one only", async () => {
    const { dataDir, keyFile, run, daemon } = operator();
    const one = await daemon();
    await seed(one);
    await one.kill("SIGTERM");
    const next = writeKeyFile(join(temporaryDirectory(), "next"));
    const rotated = await run(["rotate-key", next]);
    expect(rotated.json().result).toMatchObject({ dataDir, keyFile: next });
    expect((await run(["rotate-key", next])).json().error?.code).toBe("ENCRYPTION_KEY_REFUSED");
    expect((await run(["block", "verify"], next)).code).toBe(0);
    expect((await run(["block", "verify"], keyFile)).json().error?.code).toBe("ENCRYPTION_KEY_REFUSED");
  });

  it("is looked at by doctor and config check, which say what a daemon would refuse", async () => {
    const { keyFile, run, daemon } = operator();
    const encryption = async (path?: string) => {
      const { checks } = (await run(["doctor"], path)).json().result as { checks: { name: string; found: string }[] };
      return checks.find(({ name }) => name === "encryption");
    };
    expect(await encryption()).toMatchObject({ status: "ok", found: expect.stringContaining("once a daemon") });
    await (await daemon()).kill("SIGTERM");
    expect(await encryption()).toMatchObject({ status: "ok", found: expect.stringMatching(/^on, under key/) });
    const wrong = writeKeyFile(join(temporaryDirectory(), "wrong"), randomBytes(32));
    expect(await encryption(wrong)).toMatchObject({ status: "failed", found: expect.stringContaining("holds key") });
    expect((await run(["config", "check"])).code).toBe(0);
    expect((await run(["config", "check"], wrong)).json().error?.code).toBe("ENCRYPTION_KEY_REFUSED");
    const shown = await run(["config", "show"]);
    expect(shown.stdout).not.toContain(readFileSync(keyFile, "utf8").trim());
  });

  it("is what a copy of a plain one becomes under a key file; its backup is encrypted too, and is restored with the key file alone", async () => {
    const plain = temporaryDirectory();
    const one = await startDaemon(join(plain, "data"), { args: ["--http", "off"] });
    onTestFinished(() => one.kill("SIGKILL"));
    await seed(one);
    await one.kill("SIGTERM");
    const { dataDir, keyFile, run, daemon } = operator();
    const copied = await run(["state", "copy", "--from", join(plain, "data"), "--to", dataDir]);
    expect([copied.code, copied.stdout]).toEqual([0, expect.stringContaining("stateRoot")]);
    expect(existsSync(join(dataDir, "encryption.json"))).toBe(true);
    const again = await daemon();
    expect(await seed(again)).toMatchObject({ applied: 0 });
    await again.kill("SIGTERM");
    const file = join(plain, "backup");
    const { keyId } = (await run(["backup", file])).json().result;
    expect(JSON.parse(readFileSync(join(dataDir, "encryption.json"), "utf8"))).toMatchObject({ keyId });
    const bytes = readFileSync(file);
    expect(bytes.includes("stateRoot")).toBe(false);
    const other = operator();
    const refused = (await other.run(["restore", file])).json();
    expect(refused.error).toMatchObject({ code: "ENCRYPTION_KEY_REFUSED", details: { expected: keyId } });
    expect(existsSync(other.dataDir)).toBe(false);
    copyFileSync(keyFile, other.keyFile);
    expect((await other.run(["restore", file])).code).toBe(0);
    expect(existsSync(join(other.dataDir, "encryption.json"))).toBe(true);
    expect(await seed(await other.daemon())).toMatchObject({ applied: 0 });
  });
});
