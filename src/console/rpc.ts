/**
 * The daemon as the page reaches it: JSON-RPC on the page's own origin, and whether it answers at all.
 *   call ──▶ POST /      fails to connect ──▶ connection "gone" ──▶ asks every few seconds ──▶ "here", `epoch` + 1
 * Always
 *  - A daemon that refuses or reverts is here: only silence is "gone".
 *  - A bearer token lives as long as the browser's tab, and goes nowhere but into the header.
 */
import { openHttpTransport } from "../client/http-transport.ts";
import type { EngineInfoJson, MethodName, ParamsOf, ResultOf } from "../client/methods.ts";
import type { Transport } from "../client/transport.ts";
import { EngineError } from "../errors.ts";
import { createStore } from "./store.ts";

export interface Connection {
  readonly state: "here" | "gone" | "unauthorized";
  /** When it became so. */
  readonly sinceMs: number;
  /** Another number after every time that it came back: what is shown is asked for again. */
  readonly epoch: number;
}

const RETRY_MS = 1_500;
const CALL_TIMEOUT_MS = 20_000;
const TOKEN_KEY = "polytorus.token";
const SILENCE: readonly string[] = ["CONNECTION_FAILED", "ANSWER_TIMEOUT", "CONNECTION_CLOSED"];

export const connection = createStore<Connection>({ state: "here", sinceMs: Date.now(), epoch: 0 });
/** The last answer of engine_info: what the head of the page shows, and keeps up to date. */
export const engine = createStore<EngineInfoJson | undefined>(undefined);

let transport: Transport = open(sessionStorage.getItem(TOKEN_KEY) ?? undefined);
let isRetrying = false;

function open(token: string | undefined): Transport {
  return openHttpTransport(`${location.origin}/`, token);
}

export function hasToken(): boolean {
  return sessionStorage.getItem(TOKEN_KEY) !== null;
}

/** Uses it from here on; an empty one: none. @returns what the daemon has against it, if anything. */
export async function setToken(token: string): Promise<EngineError | undefined> {
  if (token === "") sessionStorage.removeItem(TOKEN_KEY);
  else sessionStorage.setItem(TOKEN_KEY, token);
  transport = open(token === "" ? undefined : token);
  const problem = await askWhetherHere();
  const now = connection.get();
  // Another role may see more, or less: all that is shown is asked for again.
  if (problem === undefined) connection.set({ ...now, epoch: now.epoch + 1 });
  return problem;
}

/** Headers for GET requests of the same origin. */
export function authorization(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/** @throws EngineError: the daemon's, or CONNECTION_FAILED, ANSWER_TIMEOUT. */
export async function call<M extends MethodName>(method: M, params: ParamsOf<M>): Promise<ResultOf<M>> {
  try {
    const result = await transport.call(method, params, { timeoutMs: CALL_TIMEOUT_MS });
    arrived();
    return result as ResultOf<M>;
  } catch (problem) {
    const error = asEngineError(problem);
    if (SILENCE.includes(error.code)) wentAway();
    else if (error.code === "UNAUTHORIZED" && error.facts["role"] === null) refused();
    else if (error.code === "UNAUTHORIZED" && error.facts["needed"] === undefined) refused();
    else arrived();
    throw error;
  }
}

export function asEngineError(problem: unknown): EngineError {
  if (problem instanceof EngineError) return problem;
  return new EngineError("INTERNAL_ERROR", problem instanceof Error ? problem.message : String(problem));
}

/** A call that did not go through `call` found nobody. */
export function wentAway(): void {
  const { state, epoch } = connection.get();
  if (state !== "gone") connection.set({ state: "gone", sinceMs: Date.now(), epoch });
  if (isRetrying) return;
  isRetrying = true;
  setTimeout(retry, RETRY_MS);
}

function arrived(): void {
  const { state, epoch } = connection.get();
  if (state !== "here") connection.set({ state: "here", sinceMs: Date.now(), epoch: epoch + 1 });
}

function refused(): void {
  const { state, epoch } = connection.get();
  if (state !== "unauthorized") connection.set({ state: "unauthorized", sinceMs: Date.now(), epoch });
}

function retry(): void {
  // Nobody looks: it is soon enough when somebody does.
  if (document.hidden) document.addEventListener("visibilitychange", retry, { once: true });
  else {
    isRetrying = false;
    void askWhetherHere();
  }
}

/** @returns why not, of which `call` took note too. */
async function askWhetherHere(): Promise<EngineError | undefined> {
  try {
    engine.set(await call("engine_info", {}));
    return undefined;
  } catch (problem) {
    return asEngineError(problem);
  }
}
