/** Another engine from npm, at a fixed version: fetched when a comparison is asked for, and no dependency of ours. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/**
 * Installs `name` at `version` below `directory`, without its install scripts.
 * @returns `require` as that package's users have it. @throws Error saying what could not be fetched.
 */
export function fetchPackage(name: string, version: string, directory: string): NodeJS.Require {
  mkdirSync(directory, { recursive: true });
  const args = ["install", "--prefix", directory, "--no-audit", "--no-fund", "--ignore-scripts", `${name}@${version}`];
  try {
    execFileSync("npm", args, { stdio: ["ignore", "ignore", "pipe"] });
  } catch (problem) {
    throw new Error(`npm could not fetch ${name}@${version}`, { cause: problem });
  }
  return createRequire(join(directory, "package.json"));
}
