/** Where anvil comes from: a path that is named, PATH, or npm, whose package carries the binary for each platform. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";

const VERSION = "1.7.1";

/** The binary: as named, on PATH, or fetched by npm into `directory`. @throws Error saying how it could be had. */
export function findAnvil(named: string, directory: string): string {
  if (named !== "") return named;
  const onPath = (process.env["PATH"] ?? "").split(delimiter).map((path) => join(path, "anvil"));
  const found = onPath.find((path) => existsSync(path));
  if (found !== undefined) return found;
  mkdirSync(directory, { recursive: true });
  try {
    const args = [
      "install",
      "--prefix",
      directory,
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      `@foundry-rs/anvil@${VERSION}`,
    ];
    execFileSync("npm", args, { stdio: ["ignore", "ignore", "pipe"] });
  } catch (problem) {
    throw new Error(
      `anvil is not on PATH and npm could not fetch @foundry-rs/anvil@${VERSION}; name a binary with --anvil PATH`,
      { cause: problem },
    );
  }
  const platform = { x64: "amd64", arm64: "arm64" }[process.arch as string];
  const binary = join(directory, `node_modules/@foundry-rs/anvil-${process.platform}-${platform}/bin/anvil`);
  if (!existsSync(binary))
    throw new Error(
      `@foundry-rs/anvil has no binary for ${process.platform} ${process.arch}; name one with --anvil PATH`,
    );
  return binary;
}
