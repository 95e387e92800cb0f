import { EngineError } from "../../errors.ts";

/** A fault of this machine, never of the contract: the same call may succeed elsewhere, so that it must leave no receipt. */
export function hostFault(message: string, cause?: unknown): EngineError {
  const detail = cause instanceof Error ? `${message}: ${cause.message}` : message;
  return new EngineError("INTERNAL_ERROR", detail, {}, { cause });
}
