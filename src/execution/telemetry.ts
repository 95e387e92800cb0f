/** What the engine tells whoever measures. Implementations return at once and throw nothing. */
import type { BlockEntry } from "../encoding/block-entry.ts";

export interface Telemetry {
  /** An entry became durable. @param executedAtMs when the executor answered it, and when it was durable, on one clock. */
  durable(entry: BlockEntry, durableAtMs: number): void;
}
