/**
 * Question   How fast are a backup, its restore, an export and its import, and does their memory grow with the state?
 * Workload   the command line, as users run it, on a data directory with `entries` balances of one token (45-byte keys, 8-byte
 *            values) under one block; then the same with a quarter of the rows.
 * Expected   at least 100,000 rows a second each. Memory is flat but for what checks a root: restore and import build the
 *            state tree, about 150 bytes a row, as every daemon on that state does; import --skip-validation does not.
 * Checked    restore and import compare the state root; the import's rows are counted; a second export is the same bytes.
 * Run        node scripts/run.mjs bench/micro/state-copies.bench.ts [--entries 1000000]
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeStateOf } from "../../test/support/synthetic-state.ts";
import { memoryOf, printBanner, processorSecondsOf } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { ROOT } from "../support/program.ts";

const { entries: ENTRIES } = readOptions({ entries: 1_000_000 });
const CLI = join(ROOT, "dist", "main.js");
const SAMPLE_MS = 20;

interface Measured {
  seconds: number;
  /** Of the processor, all threads, but for the last moments. */
  processorSeconds: number;
  anonymousMaxBytes: number;
  result: Record<string, unknown>;
}

async function run(...args: string[]): Promise<Measured> {
  const started = performance.now();
  const child = spawn(process.execPath, [CLI, ...args, "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  let [anonymousMaxBytes, processorSeconds] = [0, 0];
  const sampling = setInterval(() => {
    try {
      anonymousMaxBytes = Math.max(anonymousMaxBytes, memoryOf(child.pid!).anonymousBytes);
      processorSeconds = processorSecondsOf(child.pid!);
    } catch {
      // It has just ended.
    }
  }, SAMPLE_MS);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearInterval(sampling);
  const seconds = (performance.now() - started) / 1000;
  if (code !== 0) throw new Error(`polytorus ${args.join(" ")} ended with ${code}: ${output}`);
  return {
    seconds,
    processorSeconds,
    anonymousMaxBytes,
    result: (JSON.parse(output) as { result: Record<string, unknown> }).result,
  };
}

async function measure(rows: number): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), "polytorus-bench-"));
  try {
    const [data, backup, exported] = [join(base, "data"), join(base, "one.ptbackup"), join(base, "state.ndjson")];
    const root = Buffer.from(await makeStateOf(rows, data)).toString("hex");
    const row = (name: string, { seconds, processorSeconds, anonymousMaxBytes }: Measured, bytes: number): void => {
      const rate = Math.round(rows / seconds).toLocaleString("en");
      const microseconds = ((1e6 * processorSeconds) / rows).toFixed(1);
      const memory = Math.round(anonymousMaxBytes / 2 ** 20);
      process.stdout.write(
        `${name.padEnd(24)} ${rate.padStart(9)} rows/s, ${(bytes / 2 ** 20 / seconds).toFixed(0)} MiB/s; ` +
          `processor ${microseconds} us a row; at most ${memory} MiB\n`,
      );
    };
    process.stdout.write(`${rows.toLocaleString("en")} rows\n`);
    row("backup", await run("backup", backup, "--data-dir", data), statSync(backup).size);
    const restored = await run("restore", backup, "--data-dir", join(base, "restored"));
    row("restore", restored, statSync(backup).size);
    row("export", await run("state", "export", "--data-dir", data, "--out", exported), statSync(exported).size);
    const imported = await run("state", "import", exported, "--data-dir", join(base, "imported"));
    row("import", imported, statSync(exported).size);
    const unchecked = ["state", "import", exported, "--data-dir", join(base, "unchecked"), "--skip-validation"];
    row("import --skip-validation", await run(...unchecked), statSync(exported).size);
    for (const { result } of [restored, imported])
      if (result["stateRoot"] !== `0x${root}`) throw new Error(`root ${String(result["stateRoot"])}, not 0x${root}`);
    if (imported.result["rows"] !== rows) throw new Error(`${String(imported.result["rows"])} rows were imported`);
    const again = join(base, "again.ndjson");
    await run("state", "export", "--data-dir", join(base, "imported"), "--out", again);
    if (hashOf(again) !== hashOf(exported)) throw new Error("the second export has other bytes");
    process.stdout.write("\n");
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

function hashOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

printBanner("How fast are backup, restore, export and import, and is their memory flat?", { entries: ENTRIES });
for (const rows of [Math.round(ENTRIES / 4), ENTRIES]) await measure(rows);
