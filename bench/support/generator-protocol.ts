/** What a bench asks of the load generator's process, and what that answers. */
import type { HttpLoadOptions, HttpLoadResult } from "./http-load.ts";
import type { LoadResult } from "./load-driver.ts";

export type WireName = "json-batch" | "json-single" | "binary-batch" | "json-balance" | "json-deploy";

export interface RunRequest {
  wire: WireName;
  path: string;
  outstanding: number;
  /** Of wires that have one. */
  batchSize: number;
  warmupMs: number;
  measureMs: number;
  tickMs?: number;
  /** A null server keeps no state: what it is sent moves nothing in the book. */
  isNullServer: boolean;
}

export interface GeneratorCalls {
  /** Makes the accounts and, as they have nothing yet, an empty book. */
  prepare(request: { holders: number; token: string; supply: number; ownerNonce: number }): void;
  /** The part `first` to `end` of a pass over the holders, or as many random transfers; answers how many it were. */
  setUp(request: { pass: "fund" | "firstSend" | "random"; first: number; end: number; binaryPath: string }): number;
  run(request: RunRequest): LoadResult;
  /** autocannon, beside the book. `ipc` tells what became of what was in flight at the end; left out for a null server. */
  runHttp(request: HttpLoadOptions & { ipc: string | undefined }): HttpLoadResult;
  /** Compares every balance, and a random thousand nonces, with the book. */
  check(request: { ipc: string; binaryPath: string }): { balances: number; nonces: number; sent: number };
}

export interface CallMessage<Name extends keyof GeneratorCalls = keyof GeneratorCalls> {
  id: number;
  name: Name;
  request: Parameters<GeneratorCalls[Name]>[0];
}

export type GeneratorMessage =
  | { id: number; value: unknown }
  | { id: number; error: string }
  | { tick: { operations: number; seconds: number; p99Ms: number } };
