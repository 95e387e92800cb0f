/** Reaches the daemon on first use and keeps one connection for the command. */
import { resolve } from "node:path";
import type { Client } from "../client/client.ts";
import type { FollowOptions } from "../client/follow-events.ts";
import type {
  EventSelectionJson,
  EventType,
  MethodName,
  ParamsOf,
  ResultOf,
  StreamedEvent,
} from "../client/methods.ts";
import { EngineError } from "../errors.ts";
import type { Remote } from "./context.ts";

export const DEFAULT_IPC_PATH = "./data/engine.ipc";

export type Target = { readonly ipc: string } | { readonly url: string; readonly token: string | undefined };

/** A flag before the environment, and within each a socket before a URL. */
export function targetFrom(options: Record<string, unknown>, environment: NodeJS.ProcessEnv, cwd: string): Target {
  const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
  if (text(options["ipc"]) !== undefined && text(options["url"]) !== undefined) {
    throw new EngineError("VALIDATION_ERROR", "--ipc and --url name two daemons; give one of them", { path: "--url" });
  }
  const token = text(options["token"]) ?? text(environment["POLYTORUS_TOKEN"]);
  const isFlagged = text(options["ipc"]) !== undefined || text(options["url"]) !== undefined;
  const ipc = isFlagged ? text(options["ipc"]) : text(environment["POLYTORUS_IPC"]);
  const url = isFlagged ? text(options["url"]) : text(environment["POLYTORUS_URL"]);
  if (ipc === undefined && url !== undefined) return { url, token };
  return { ipc: resolve(cwd, ipc ?? DEFAULT_IPC_PATH) };
}

export function nameOf(target: Target): string {
  return "ipc" in target ? target.ipc : target.url;
}

export class LazyRemote implements Remote {
  readonly #target: Target;
  #client: Promise<Client> | undefined;

  constructor(target: Target) {
    this.#target = target;
  }

  async call<M extends MethodName>(method: M, params: ParamsOf<M>): Promise<ResultOf<M>> {
    return (await this.#connected()).call(method, params);
  }

  async *subscribe<T extends EventType>(
    selection: EventSelectionJson & { readonly types: readonly T[] },
    options: FollowOptions,
  ): AsyncGenerator<StreamedEvent<T>> {
    yield* (await this.#connected()).subscribe(selection, options);
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    await client?.close();
  }

  #connected(): Promise<Client> {
    this.#client ??= import("../client/client.ts").then(({ connect }) => connect(this.#target));
    return this.#client;
  }
}
