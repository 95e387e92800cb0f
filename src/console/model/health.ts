/** GET /health: how each part of the daemon is. */
import { EngineError } from "../../errors.ts";
import { authorization, wentAway } from "../rpc.ts";

export type Backend = { readonly status: string } & Readonly<Record<string, unknown>>;

export interface Health {
  readonly status: string;
  readonly live: boolean;
  readonly canWrite: boolean;
  readonly canRead: boolean;
  readonly backends: Readonly<Record<string, Backend>>;
}

/** @throws EngineError CONNECTION_FAILED */
export async function askHealth(): Promise<Health> {
  try {
    // A daemon that takes no writes answers 503, with the same report.
    const response = await fetch("/health", { headers: authorization(), signal: AbortSignal.timeout(10_000) });
    return (await response.json()) as Health;
  } catch (cause) {
    wentAway();
    throw new EngineError("CONNECTION_FAILED", "cannot reach the daemon", { where: location.origin }, { cause });
  }
}
