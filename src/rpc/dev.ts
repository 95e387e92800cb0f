/** What methods of development work on; the daemon injects it, with --dev alone. */
import type { BlockEntry } from "../encoding/block-entry.ts";

export interface DevService {
  /** By name, in the order in which they are listed. */
  readonly accounts: readonly { readonly name: string; readonly address: string }[];
  /** Notes the newest block: what was submitted before is in it, or before it. */
  snapshot(): Promise<{ id: string; block: BlockEntry }>;
  /** @throws EngineError SNAPSHOT_NOT_FOUND, PRUNED. */
  revert(id: string): Promise<BlockEntry>;
  /** @throws EngineError VALIDATION_ERROR when that is after the year 275760. */
  increaseTime(ms: number): { timestampMs: number; offsetMs: number };
  /** @throws EngineError VALIDATION_ERROR when that is before the newest block. */
  setNextBlockTimestamp(timestampMs: number): { timestampMs: number; offsetMs: number };
  /** Makes empty blocks; answers the last. */
  mine(blocks: number): Promise<BlockEntry>;
}
