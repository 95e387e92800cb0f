/** The front end over a real engine, on a socket and a port of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../../src/engine.ts";
import type { EngineOptions } from "../../src/engine-options.ts";
import { type HttpOptions, HttpServer } from "../../src/rpc/http-server.ts";
import { JsonRpc } from "../../src/rpc/json-rpc.ts";
import { DEFAULT_FRONT_LIMITS, type FrontLimits } from "../../src/rpc/limits.ts";
import { openSocketServer } from "../../src/rpc/socket-server.ts";
import { openEngine } from "./engine.ts";

export interface FrontEnd {
  readonly engine: Engine;
  readonly rpc: JsonRpc;
  readonly ipc: string;
  readonly url: string;
  readonly http: HttpServer;
  readonly warnings: string[];
  close(): Promise<void>;
}

export async function openFrontEnd(
  options: Partial<EngineOptions> = {},
  front: { limits?: Partial<FrontLimits>; http?: Partial<HttpOptions> } = {},
): Promise<FrontEnd> {
  const { engine } = await openEngine(options);
  const warnings: string[] = [];
  const warn = (_facts: Record<string, unknown>, message: string) => void warnings.push(message);
  const limits = { ...DEFAULT_FRONT_LIMITS, ...front.limits };
  const rpc = new JsonRpc(
    { blockMode: options.mode ?? "auto", limits, bech32Prefix: engine.parameters.addressPrefix },
    { service: engine.service, log: { warn, error: warn } },
  );
  const directory = mkdtempSync(join(tmpdir(), "front-"));
  const ipc = join(directory, "engine.ipc");
  const http = await HttpServer.open({ host: "127.0.0.1", port: 0, dev: true, tokens: new Map(), ...front.http }, rpc);
  const socket = await openSocketServer({ path: ipc }, rpc);
  return {
    engine,
    rpc,
    ipc,
    url: http.url,
    http,
    warnings,
    close: async () => {
      await Promise.all([http.close(1_000), socket.close(1_000)]);
      await engine.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
