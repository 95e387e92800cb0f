/** The coalescing of deltas (storage/change-table.ts) on the addon: native/src/change_table.h. */
import { MalformedBytesError } from "../errors.ts";
import { type Addon, isMalformedDelta } from "./addon.ts";

export function nativeCoalescer(addon: Addon) {
  return {
    apply(
      delta: Uint8Array,
      direction: "forward" | "backward",
      arena: Uint8Array,
      records: Uint32Array,
      slots: Uint32Array,
      numbers: Uint32Array,
    ): boolean {
      try {
        return addon.changesApply(delta, direction === "backward", arena, records, slots, numbers);
      } catch (thrown) {
        throw isMalformedDelta(thrown) ? new MalformedBytesError("delta", thrown.offset, thrown.message) : thrown;
      }
    },
  };
}
