/**
 * Builds the addon when npm installs the package. Never downloads: it compiles against the headers that came with the
 * running Node. Never fails the installation either: without the addon the engine runs on its TypeScript twin, slower and
 * with the same roots, so whatever is missing is said in one line and the exit code is 0.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, realpathSync, statSync, utimesSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const nativeFolder = dirname(fileURLToPath(import.meta.url));
const builtAddon = join(nativeFolder, "build", "Release", "polytorus.node");

function loads() {
  try {
    createRequire(import.meta.url)(builtAddon);
    return true;
  } catch {
    return false; // Built for another machine, say, and copied with the folder.
  }
}

function isUpToDate() {
  if (!existsSync(builtAddon) || !loads()) return false;
  const sourceFolder = join(nativeFolder, "src");
  const sources = [
    join(nativeFolder, "binding.gyp"),
    ...readdirSync(sourceFolder, { recursive: true }).map((name) => join(sourceFolder, name)),
  ];
  const builtMs = statSync(builtAddon).mtimeMs;
  return sources.every((source) => statSync(source).mtimeMs < builtMs);
}

/** The folder with the running Node's headers, or the one that npm's `nodedir` names; undefined when there are none. */
function findNodeFolder() {
  const folders = [dirname(dirname(realpathSync(process.execPath))), process.env.npm_config_nodedir];
  return folders.find((folder) => folder && existsSync(join(folder, "include", "node", "node_api.h")));
}

function runs(command, ...args) {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

function listMissing(nodeFolder) {
  const missing = [];
  if (!runs(process.env.CXX ?? "g++", "--version")) missing.push("a C++ compiler (Debian: apt install g++)");
  if (!runs("make", "--version")) missing.push("make (Debian: apt install make)");
  if (!runs(process.env.PYTHON ?? "python3", "--version")) missing.push("python3 (Debian: apt install python3)");
  if (!nodeFolder)
    missing.push(
      "Node's headers, include/node beside the node program (use nodejs.org's archive or NodeSource's package)",
    );
  return missing;
}

/** Only what changed, unless what is there can't be used: it may come from another machine. */
function build(nodeFolder) {
  const commands = loads() ? ["configure", "build"] : ["rebuild"];
  const nodeGyp = createRequire(import.meta.url).resolve("node-gyp/bin/node-gyp.js");
  const args = [nodeGyp, ...commands, "--directory", nativeFolder, "--nodedir", nodeFolder, "--jobs", "max"];
  return spawnSync(process.execPath, args, {
    encoding: "utf8",
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ""}` },
  });
}

function main() {
  if (isUpToDate()) return;
  const nodeFolder = findNodeFolder();
  const missing = listMissing(nodeFolder);
  if (missing.length > 0) {
    console.error(
      `polytorus: the native addon was not built; missing: ${missing.join("; ")}. The slower TypeScript twins run instead, and encrypted gates do not.`,
    );
    return;
  }
  const result = build(nodeFolder);
  if (result.status === 0 && existsSync(builtAddon)) {
    const now = new Date();
    utimesSync(builtAddon, now, now); // Nothing may have changed in it.
    return;
  }
  console.error(`${result.stdout ?? ""}${result.stderr ?? ""}${result.error ? `${result.error.message}\n` : ""}`);
  console.error(
    "polytorus: the native addon did not build, for the reason above. The slower TypeScript twins run instead, and encrypted gates do not.",
  );
}

main();
