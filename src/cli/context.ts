/** What every command gets: where to write, how to reach the daemon, and whether the user wants it to stop. */
import type { Command } from "commander";
import type { FollowOptions } from "../client/follow-events.ts";
import type {
  EventSelectionJson,
  EventType,
  MethodName,
  ParamsOf,
  ResultOf,
  StreamedEvent,
} from "../client/methods.ts";
import type { Output } from "./output.ts";

/** The daemon as commands see it. Rejects with EngineError. */
export interface Remote {
  call<M extends MethodName>(method: M, params: ParamsOf<M>): Promise<ResultOf<M>>;
  subscribe<T extends EventType>(
    selection: EventSelectionJson & { readonly types: readonly T[] },
    options: FollowOptions,
  ): AsyncIterable<StreamedEvent<T>>;
}

export interface CommandContext {
  readonly output: Output;
  readonly environment: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Connects on first use, by --ipc, --url, POLYTORUS_IPC, POLYTORUS_URL or ./data/engine.ipc. */
  readonly remote: Remote;
  /** How the daemon is reached, for people. */
  readonly remoteName: string;
  /** Aborted by Ctrl-C, for commands that have work of their own to stop. */
  readonly signal: AbortSignal;
  /** Sets the exit code without an error: a receipt that reverted, a check that failed. */
  exit(code: number): void;
  /** The command tree, for commands that describe it. */
  readonly program: Command;
}

/** Options as commander parses them: by long name in camel case. */
export type Options = Record<string, unknown>;

export type Handler = (context: CommandContext, args: readonly unknown[], options: Options) => Promise<void> | void;
