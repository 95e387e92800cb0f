/** What carries a call to the daemon and its answer back, and how an answer's error becomes an EngineError. */
import { EngineError, type ErrorCode, isErrorCode } from "../errors.ts";
import type { RpcErrorJson } from "./methods.ts";

/** Where a daemon listens: the path of its Unix socket, or an http(s) URL with a bearer token where it wants one. */
export type Target = { readonly ipc: string } | { readonly url: string; readonly token?: string | undefined };

export interface CallOptions {
  /** After this long the call rejects with ANSWER_TIMEOUT; whether it took effect is then unknown. */
  readonly timeoutMs?: number | undefined;
}

export interface Transport {
  /** The result of one method. @throws EngineError: the daemon's, CONNECTION_FAILED, CONNECTION_CLOSED or ANSWER_TIMEOUT. */
  call(method: string, params: unknown, options: CallOptions): Promise<unknown>;
  /** Waits for calls in flight, then closes. */
  close(): Promise<void>;
}

/** For calls that do not say: longer than the daemon takes to say BUSY or to stop a contract. */
export const DEFAULT_TIMEOUT_MS = 60_000;

/** JSON-RPC codes of daemons that know codes we do not. */
const CODE_WITHOUT_NAME: ErrorCode = "INTERNAL_ERROR";

export function engineErrorFrom(error: RpcErrorJson): EngineError {
  const { code, hint: _hint, ...facts } = error.data ?? { code: "", hint: "" };
  if (isErrorCode(code)) return new EngineError(code, error.message, facts);
  return new EngineError(CODE_WITHOUT_NAME, error.message, { ...facts, code, rpcCode: error.code });
}

/** The result of a JSON-RPC response. @throws EngineError when it is an error, or no response at all. */
export function resultOf(response: unknown): unknown {
  const { result, error } = (response ?? {}) as { result?: unknown; error?: RpcErrorJson };
  if (error !== undefined) throw engineErrorFrom(error);
  if (result === undefined) throw new EngineError("CONNECTION_CLOSED", "the answer is no JSON-RPC response");
  return result;
}

export function connectionFailed(where: string, problem: unknown): EngineError {
  const reason = problem instanceof Error ? problem.message : String(problem);
  return new EngineError(
    "CONNECTION_FAILED",
    `cannot reach the daemon at ${where}: ${reason}`,
    { where },
    { cause: problem },
  );
}

export function timedOut(method: string, timeoutMs: number): EngineError {
  return new EngineError("ANSWER_TIMEOUT", `no answer to ${method} within ${timeoutMs} ms`, { method, timeoutMs });
}
