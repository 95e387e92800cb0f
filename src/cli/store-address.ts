/** Store addresses as people write them: a data directory, postgres://…, or a running daemon as ipc:PATH. */
import { resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { EngineError } from "../errors.ts";
import type { CommandContext, Options } from "./context.ts";
import type { StoreAddress } from "./store-copies.ts";

/** Daemons themselves and their data directories are configured alike. */
export function configFor({ environment, cwd }: CommandContext, options: Options): Config {
  const flags = { data_dir: options["dataDir"] };
  return loadConfig({ file: options["config"] as string | undefined, flags, environment, cwd }).config;
}

/** @throws EngineError VALIDATION_ERROR. */
export function storeAddress(text: string, option: string, context: CommandContext, options: Options): StoreAddress {
  const { environment, cwd } = context;
  if (/^postgres(ql)?:\/\//.test(text)) {
    const flags = { "storage.kind": text };
    const { config } = loadConfig({ file: options["config"] as string | undefined, flags, environment, cwd });
    return { kind: "postgres", postgres: config.storage.postgres };
  }
  if (text.startsWith("ipc:")) return { kind: "daemon", ipc: resolve(cwd, text.slice("ipc:".length)) };
  const path = text.replace(/^(embedded|file):(\/\/)?/, "");
  if (/^[a-z][a-z0-9+.-]*:/.test(path) || text === "memory")
    throw new EngineError(
      "VALIDATION_ERROR",
      `${option}: expected a data directory, postgres://user@host/database or ipc:PATH, received ${text}${text.startsWith("memory") ? ": a chain in memory is its daemon's, whose socket is ipc:PATH" : ""}`,
      { path: option, expected: "a data directory, a postgres:// URL or ipc:PATH", received: text },
    );
  const { keyFile } = configFor(context, options).encryption;
  return { kind: "directory", path: resolve(cwd, path), keyFile };
}

export function nameOfStore(address: StoreAddress): string {
  if (address.kind === "directory") return address.path;
  if (address.kind === "daemon") return `the daemon at ${address.ipc}`;
  const { host, port, database, schema } = address.postgres;
  return `schema ${schema} of postgres://${host}:${port}/${database}`;
}
