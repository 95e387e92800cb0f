/**
 * Runs TypeScript programs of this repository (benches, tools) on plain Node 20.
 *   node scripts/run.mjs FILE.ts [ARGS…]     one program
 *   node scripts/run.mjs DIRECTORY [ARGS…]   every program in it, one after the other
 * A program is bundled to node_modules/.cache/polytorus and run from the repository's root, under V8's options that the daemon
 * runs under (the first line of src/main.ts); packages stay outside.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const [target, ...args] = process.argv.slice(2);
if (target === undefined || !existsSync(join(root, target))) {
  process.stderr.write(
    `run: ${target === undefined ? "name a .ts file or a directory of them" : `there is no ${target}`}\n`,
  );
  process.exit(2);
}

const programs = statSync(join(root, target)).isDirectory()
  ? readdirSync(join(root, target))
      .filter((name) => name.endsWith(".ts"))
      .sort()
      .map((name) => join(target, name))
  : [target];
if (programs.length === 0) {
  process.stderr.write(`run: no .ts in ${target}\n`);
  process.exit(2);
}

const v8Options = readFileSync(join(root, "src/main.ts"), "utf8")
  .split("\n", 1)[0]
  .split(" ")
  .filter((option) => option.startsWith("--"));

for (const program of programs) {
  const outfile = join(root, "node_modules/.cache/polytorus", `${basename(program, ".ts")}.mjs`);
  await build({
    absWorkingDir: root,
    entryPoints: [program],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    sourcemap: "inline",
    packages: "external",
    logLevel: "warning",
  });
  if (programs.length > 1) process.stdout.write(`\n== ${relative(root, join(root, program))}\n`);
  const options = [...v8Options, "--enable-source-maps"];
  const run = spawnSync(process.execPath, [...options, outfile, ...args], { cwd: root, stdio: "inherit" });
  if (run.status !== 0) process.exit(run.status ?? 1);
}
