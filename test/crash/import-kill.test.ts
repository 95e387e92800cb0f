/** kill -9 in the middle of a copy: what is left is the old store, or no store; another run finishes. */
import fs, { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { StagedDirectory } from "../../src/storage/copies/staged-directory.ts";
import { DataDir } from "../../src/storage/data-dir.ts";
import { runCli, startCli } from "../support/run-cli.ts";
import { makeStateOf } from "../support/synthetic-state.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const ROWS = 150_000;

describe("kill -9 in the middle of a copy", () => {
  it("leaves no data directory of half an import, and the next run goes on where it was", async () => {
    const base = temporaryDirectory();
    const root = toHex(await makeStateOf(ROWS, join(base, "data")));
    const exported = join(base, "state.ndjson");
    expect((await runCli(["state", "export", "--data-dir", join(base, "data"), "--out", exported])).code).toBe(0);
    const target = join(base, "imported");
    const state = join(target, "staged", "state", "state.mdb");
    const cut = startCli(["state", "import", exported, "--data-dir", target]);
    const ended = new Promise((resolve) => cut.once("close", resolve));
    while (!existsSync(state) || statSync(state).size < 4 * 1024 * 1024) await sleep(5);
    cut.kill("SIGKILL");
    await ended;
    expect(existsSync(join(target, "FORMAT"))).toBe(false);
    expect(() => DataDir.open(target)).toThrow(/staged/);

    const resumed = await runCli(["state", "import", exported, "--data-dir", target, "--json"]);
    expect(resumed.stderr).toBe("");
    const { result } = resumed.json();
    expect(result).toMatchObject({ rows: ROWS, stateRoot: root, validated: true });
    expect(result.resumedRows).toBeGreaterThan(0);
    expect(result.resumedRows).toBeLessThan(ROWS);
    const again = join(base, "again.ndjson");
    expect((await runCli(["state", "export", "--data-dir", target, "--out", again])).code).toBe(0);
    expect(readFileSync(again).equals(readFileSync(exported))).toBe(true);
  });

  it("begins anew when the next run is on another file", async () => {
    const base = temporaryDirectory();
    const files: string[] = [];
    for (const rows of [20_000, 100]) {
      const dataDir = join(base, String(rows));
      await makeStateOf(rows, dataDir);
      files.push(join(base, `${rows}.ndjson`));
      expect((await runCli(["state", "export", "--data-dir", dataDir, "--out", files.at(-1)!])).code).toBe(0);
    }
    const target = join(base, "imported");
    const cut = startCli(["state", "import", files[0]!, "--data-dir", target]);
    const ended = new Promise((resolve) => cut.once("close", resolve));
    while (!existsSync(join(target, "staged", "state", "state.mdb"))) await sleep(5);
    cut.kill("SIGKILL");
    await ended;
    const { result } = (await runCli(["state", "import", files[1]!, "--data-dir", target, "--json"])).json();
    expect(result).toMatchObject({ rows: 100, resumedRows: 0, validated: true });
  });

  it("puts everything in place at the next run, wherever putting it in place was cut", () => {
    for (const replaces of [false, true]) {
      for (let steps = 0; ; steps++) {
        const directory = join(temporaryDirectory(), "data");
        mkdirSync(directory);
        if (replaces) {
          writeParts(directory, "old");
          writeFileSync(join(directory, "FORMAT"), "polytorus data directory, format 1\n");
        }
        const staged = StagedDirectory.open(directory, replaces);
        writeParts(staged.path, "new");
        const isDone = !isCutAfter(steps, () => staged.install());
        staged.close();
        // Whoever comes next finishes it first, and then refuses: a store is there.
        if (!isDone && existsSync(join(directory, "staged", "INSTALLING")))
          expect(() => StagedDirectory.open(directory, false), `cut after ${steps}`).toThrow(/holds/);
        const [first] = readdirSync(directory).filter((name) => name.startsWith("replaced-"));
        const isNew = existsSync(join(directory, "journal")) && read(directory, "journal") === "new";
        if (isNew) {
          for (const part of PARTS) expect(read(directory, part), `cut after ${steps}`).toBe("new");
          DataDir.open(directory).close();
          if (replaces) for (const part of [...PARTS, "tree"]) expect(read(join(directory, first!), part)).toBe("old");
        } else if (replaces) {
          for (const part of [...PARTS, "tree"]) expect(read(directory, part), `cut after ${steps}`).toBe("old");
          DataDir.open(directory).close();
        }
        if (isDone) break;
      }
    }
  });
});

const PARTS = ["blobs", "journal", "state"];

function writeParts(directory: string, text: string): void {
  for (const part of text === "old" ? [...PARTS, "tree"] : PARTS) writeFileSync(join(directory, part), text);
}

/** Runs `body` until it has changed the file system `steps` times; answers whether it was cut there. */
function isCutAfter(steps: number, body: () => void): boolean {
  const real = { renameSync: fs.renameSync, rmSync: fs.rmSync, mkdirSync: fs.mkdirSync };
  let done = 0;
  const counted = <F extends (...args: never[]) => unknown>(change: F) =>
    ((...args: Parameters<F>) => {
      if (done++ >= steps) throw new Error("cut");
      return change(...args);
    }) as unknown as F;
  Object.assign(fs, Object.fromEntries(Object.entries(real).map(([name, change]) => [name, counted(change as never)])));
  syncBuiltinESMExports();
  try {
    body();
    return false;
  } catch (problem) {
    expect((problem as Error).message).toBe("cut");
    return true;
  } finally {
    Object.assign(fs, real);
    syncBuiltinESMExports();
  }
}

function read(directory: string, part: string): string {
  return readFileSync(join(directory, part), "utf8");
}
