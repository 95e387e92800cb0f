/** Where anvil comes from: a path that is named, PATH, or npm, whose package carries the binary for each platform. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fetchPackage } from "./npm-peer.ts";

const VERSION = "1.7.1";

/** The binary: as named, on PATH, or fetched by npm into `directory`. @throws Error saying how it could be had. */
export function findAnvil(named: string, directory: string): string {
  if (named !== "") return named;
  const onPath = (process.env["PATH"] ?? "").split(delimiter).map((path) => join(path, "anvil"));
  const found = onPath.find((path) => existsSync(path));
  if (found !== undefined) return found;
  try {
    fetchPackage("@foundry-rs/anvil", VERSION, directory);
  } catch (problem) {
    throw new Error(`anvil is not on PATH and ${(problem as Error).message}; name a binary with --anvil PATH`, {
      cause: problem,
    });
  }
  const platform = { x64: "amd64", arm64: "arm64" }[process.arch as string];
  const binary = join(directory, `node_modules/@foundry-rs/anvil-${process.platform}-${platform}/bin/anvil`);
  if (!existsSync(binary))
    throw new Error(
      `@foundry-rs/anvil has no binary for ${process.platform} ${process.arch}; name one with --anvil PATH`,
    );
  return binary;
}
