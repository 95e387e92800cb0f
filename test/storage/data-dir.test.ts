/** The data directory: made once, marked with its format, and used by one daemon at a time. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { build } from "esbuild";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { DataDir } from "../../src/storage/data-dir.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

let holderProgram: string;

beforeAll(async () => {
  const entryPoints = [join(import.meta.dirname, "../support/data-dir-holder.ts")];
  const built = await build({ entryPoints, bundle: true, platform: "node", format: "esm", write: false });
  holderProgram = built.outputFiles[0]!.text;
});

type Holder = ChildProcessByStdio<Writable, Readable, null>;

/** Starts a process that opens the directory; answers it and what it said. */
async function startHolder(path: string): Promise<{ holder: Holder; said: string }> {
  const program = join(temporaryDirectory(), "holder.mjs");
  fs.writeFileSync(program, holderProgram);
  const holder = spawn(process.execPath, [program, path], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void holder.kill("SIGKILL"));
  const [said] = (await once(holder.stdout, "data")) as [Buffer];
  return { holder, said: said.toString().trim() };
}

async function ended(holder: Holder, signal: "SIGKILL" | "end"): Promise<void> {
  const exit = once(holder, "exit");
  if (signal === "SIGKILL") holder.kill(signal);
  else holder.stdin.end();
  await exit;
}

function lockFiles(path: string): string[] {
  return fs.readdirSync(path).filter((name) => name.startsWith("LOCK"));
}

/** Puts a lock in place that differs from a living process's own in the given facts. */
function forgeLock(path: string, facts: Record<string, unknown>): void {
  const dataDir = DataDir.open(path);
  const [name] = lockFiles(path);
  const own = JSON.parse(fs.readFileSync(join(path, name!), "utf8")) as Record<string, unknown>;
  dataDir.close();
  fs.writeFileSync(join(path, name!), JSON.stringify({ ...own, ...facts }));
}

describe("a data directory", () => {
  it("is made for its owner only, and marked with its format", () => {
    const path = join(temporaryDirectory(), "a", "b");
    const dataDir = DataDir.open(path);
    expect(fs.statSync(path).mode & 0o777).toBe(0o700);
    expect(fs.readFileSync(join(path, "FORMAT"), "utf8")).toBe("polytorus data directory, format 1\n");
    for (const name of fs.readdirSync(path)) expect(fs.statSync(join(path, name)).mode & 0o777).toBe(0o600);
    dataDir.close();
    DataDir.open(path).close();
  });

  it("is refused in a newer format, naming both, and left as it was", () => {
    const path = temporaryDirectory();
    fs.writeFileSync(join(path, "FORMAT"), "polytorus data directory, format 2\n");
    const facts = expect.objectContaining({ found: 2, supported: 1 });
    expect(() => DataDir.open(path)).toThrowError(expect.objectContaining({ code: "FORMAT_UNSUPPORTED", facts }));
    expect(fs.readdirSync(path)).toEqual(["FORMAT"]);
  });

  it("is refused when it is something else's, and left as it was", () => {
    const path = temporaryDirectory();
    fs.writeFileSync(join(path, "letters.txt"), "");
    expect(() => DataDir.open(path)).toThrowError(expect.objectContaining({ code: "CONFIGURATION_ERROR" }));
    expect(fs.readdirSync(path)).toEqual(["letters.txt"]);
    fs.writeFileSync(join(path, "FORMAT"), "something");
    expect(() => DataDir.open(path)).toThrowError(expect.objectContaining({ code: "FORMAT_UNSUPPORTED" }));
  });

  it("opens after a start that ended before the mark was written", () => {
    const path = temporaryDirectory();
    fs.writeFileSync(join(path, "FORMAT.tmp"), "poly");
    fs.writeFileSync(join(path, "LOCK.1"), "");
    DataDir.open(path).close();
    expect(fs.existsSync(join(path, "FORMAT"))).toBe(true);
  });

  it("does not open where there is a file", () => {
    const path = join(temporaryDirectory(), "file");
    fs.writeFileSync(path, "");
    expect(() => DataDir.open(path)).toThrowError(expect.objectContaining({ code: "STORAGE_ERROR" }));
  });
});

describe("the lock of a data directory", () => {
  it("refuses a second daemon, naming the process of the first, in this process or another", async () => {
    const path = temporaryDirectory();
    const dataDir = DataDir.open(path);
    const facts = expect.objectContaining({ pid: process.pid });
    expect(() => DataDir.open(path)).toThrowError(expect.objectContaining({ code: "DATA_DIR_LOCKED", facts }));
    expect(JSON.parse((await startHolder(path)).said)).toEqual({ code: "DATA_DIR_LOCKED", pid: process.pid });
    dataDir.close();
    const { holder, said } = await startHolder(path);
    expect(said).toBe("held");
    const held = expect.objectContaining({ pid: holder.pid });
    expect(() => DataDir.open(path)).toThrowError(expect.objectContaining({ facts: held }));
    await ended(holder, "end");
    DataDir.open(path).close();
  });

  it("is taken over from a process that was killed, and leaves one file", async () => {
    const path = temporaryDirectory();
    for (let round = 0; round < 3; round++) {
      const { holder, said } = await startHolder(path);
      expect(said).toBe("held");
      await ended(holder, "SIGKILL");
    }
    const dataDir = DataDir.open(path);
    expect(lockFiles(path)).toEqual(["LOCK.4"]);
    dataDir.close();
  });

  it("goes to one of several processes that start at once on a dead one's lock", async () => {
    const path = temporaryDirectory();
    const { holder } = await startHolder(path);
    await ended(holder, "SIGKILL");
    const started = await Promise.all(Array.from({ length: 6 }, () => startHolder(path)));
    const holders = started.filter(({ said }) => said === "held");
    expect(holders).toHaveLength(1);
    const pid = holders[0]!.holder.pid;
    for (const { said } of started) expect(["held", JSON.stringify({ code: "DATA_DIR_LOCKED", pid })]).toContain(said);
  });

  it.each([
    { maker: "another process that later got the number", facts: { startTime: "1" } },
    { maker: "a process number that nobody has", facts: { pid: 2 ** 22 + 1 } },
    { maker: "an earlier boot of this machine", facts: { bootId: "earlier" } },
    { maker: "an earlier run of this container", facts: { pidNamespace: "pid:[1]" } },
  ])("is taken over from $maker", ({ facts }) => {
    const path = temporaryDirectory();
    forgeLock(path, facts);
    const dataDir = DataDir.open(path);
    expect(lockFiles(path)).toEqual(["LOCK.2"]);
    dataDir.close();
  });

  it.each([
    { maker: "another machine", facts: { host: "elsewhere", bootId: "other" } },
    { maker: "another container", facts: { host: "elsewhere", pidNamespace: "pid:[1]" } },
  ])("is not taken over from $maker, where nobody can tell; the message names the file to delete", ({ facts }) => {
    const path = temporaryDirectory();
    forgeLock(path, facts);
    expect(() => DataDir.open(path)).toThrowError(/on host elsewhere .* delete .*LOCK\.1$/);
  });

  it("holds when the machine was renamed while it was held", () => {
    const path = temporaryDirectory();
    forgeLock(path, { host: `${hostname()}-before` });
    expect(() => DataDir.open(path)).toThrowError(expect.objectContaining({ code: "DATA_DIR_LOCKED" }));
  });

  it("is not held by what power loss left of a lock", () => {
    const path = temporaryDirectory();
    DataDir.open(path).close();
    fs.writeFileSync(join(path, "LOCK.7"), '{"pid": 1, "ho');
    DataDir.open(path).close();
    expect(lockFiles(path)).toEqual(["LOCK.8"]);
  });
});
