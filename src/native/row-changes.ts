/** RowChangeWriter on the addon: native/src/row_changes.h. */
import type { RowChangeWriter } from "../encoding/row-changes.ts";
import type { Addon } from "./addon.ts";

export function nativeRowChanges(addon: Addon): RowChangeWriter {
  return {
    write({ rows, undo, longKeys, out }, numbers) {
      addon.rowChangesWrite(rows, undo, longKeys, out, numbers);
    },
  };
}
