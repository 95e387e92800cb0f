/** DeltaCoalescer: what a ChangeTable leaves to native code, on memory that stays its own. */
import type { DeltaDirection } from "../encoding/delta.ts";

/** Where `numbers` has what. */
export const CoalescerNumber = { seed: 0, used: 1, count: 2, neededRecords: 3, neededBytes: 4 } as const;

/** `applyDelta` on the table's own memory, natively (native/src/change_table.h): the same records in the same order. */
export interface DeltaCoalescer {
  /**
   * Takes one side of every record of `delta`. `numbers` holds the seed, bytes of the arena in use and the count of records.
   * @returns false, with the records and bytes that it needs at most in `numbers`, when there is too little room: nothing
   * has changed then. @throws MalformedBytesError, with nothing changed.
   */
  apply(
    delta: Uint8Array,
    direction: DeltaDirection,
    arena: Uint8Array,
    records: Uint32Array,
    slots: Uint32Array,
    numbers: Uint32Array,
  ): boolean;
}
