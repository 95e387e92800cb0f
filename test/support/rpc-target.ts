/** The three servers of the front end over a fake engine, on paths and a port of their own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBinaryServer } from "../../src/rpc/binary-server.ts";
import { type HttpOptions, HttpServer } from "../../src/rpc/http-server.ts";
import { JsonRpc } from "../../src/rpc/json-rpc.ts";
import { DEFAULT_FRONT_LIMITS, type FrontLimits } from "../../src/rpc/limits.ts";
import { openSocketServer } from "../../src/rpc/socket-server.ts";
import { FakeEngine } from "./fake-engine.ts";

/** Where a daemon under test listens. */
export interface RpcTarget {
  readonly ipc: string;
  readonly binaryIpc: string;
  readonly url: string;
}

export interface LogLine {
  level: "warn" | "error";
  facts: Record<string, unknown>;
  message: string;
}

export interface FakeDaemon extends RpcTarget {
  readonly engine: FakeEngine;
  readonly rpc: JsonRpc;
  readonly http: HttpServer;
  readonly logLines: LogLine[];
  close(deadlineMs?: number): Promise<void>;
}

export interface FakeDaemonOptions {
  readonly blockMode?: "auto" | "driven";
  readonly limits?: Partial<FrontLimits>;
  readonly http?: Partial<HttpOptions>;
}

export async function openFakeDaemon(options: FakeDaemonOptions = {}): Promise<FakeDaemon> {
  const directory = mkdtempSync(join(tmpdir(), "rpc-"));
  const blockMode = options.blockMode ?? "auto";
  const engine = new FakeEngine(blockMode);
  const logLines: LogLine[] = [];
  const log = {
    warn: (facts: Record<string, unknown>, message: string) => void logLines.push({ level: "warn", facts, message }),
    error: (facts: Record<string, unknown>, message: string) => void logLines.push({ level: "error", facts, message }),
  };
  const limits = { ...DEFAULT_FRONT_LIMITS, ...options.limits };
  const rpc = new JsonRpc({ blockMode, limits, bech32Prefix: "poly" }, { service: engine, log });
  const ipc = join(directory, "engine.ipc");
  const binaryIpc = join(directory, "engine.bin.ipc");
  const http = await HttpServer.open(
    { host: "127.0.0.1", port: 0, dev: true, tokens: new Map(), ...options.http },
    rpc,
  );
  const servers = [await openSocketServer({ path: ipc }, rpc), await openBinaryServer({ path: binaryIpc }, rpc), http];
  return {
    ipc,
    binaryIpc,
    url: http.url,
    engine,
    rpc,
    http,
    logLines,
    close: async (deadlineMs = 1_000) => {
      await Promise.all(servers.map((server) => server.close(deadlineMs)));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
