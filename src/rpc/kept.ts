/** What an answer that found nothing says where older blocks were pruned: it may have been there. */
import type { EventLog } from "./services.ts";

type Kept = Pick<EventLog, "lowestHeight">;

/** Facts of an error. */
export function keptFrom({ lowestHeight }: Kept): { lowestHeight?: number } {
  return lowestHeight > 0 ? { lowestHeight } : {};
}

/** The end of its sentence. */
export function ofThoseKept({ lowestHeight }: Kept): string {
  return lowestHeight > 0 ? `; blocks below ${lowestHeight} were pruned` : "";
}
