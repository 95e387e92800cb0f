/** Faults of our own: logged whole under an id, answered with the id alone, so that no stack and no path leaves the daemon. */
import { randomBytes } from "node:crypto";
import { EngineError } from "../errors.ts";

/** Where the front end reports what its clients are not told. The shape is pino's. */
export interface FaultLog {
  warn(facts: Record<string, unknown>, message: string): void;
  error(facts: Record<string, unknown>, message: string): void;
}

/** What may be answered for something thrown. */
export function publicError(thrown: unknown, log: FaultLog): EngineError {
  if (thrown instanceof EngineError && thrown.code !== "INTERNAL_ERROR") return thrown;
  const faultId = randomBytes(6).toString("hex");
  log.error({ err: thrown, faultId }, "a request failed by a fault of the daemon");
  return new EngineError("INTERNAL_ERROR", "a fault of the daemon; its log has the details", { faultId });
}
