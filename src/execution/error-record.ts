/** Errors as plain data, to cross threads. */
import type { EngineError } from "../errors.ts";

export interface ErrorRecord {
  code: EngineError["code"];
  message: string;
  facts: EngineError["facts"];
}

export function errorRecord(error: EngineError): ErrorRecord {
  return { code: error.code, message: error.message, facts: error.facts };
}
