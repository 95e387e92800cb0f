/** What a block made of contracts' state. */
import { DeltaCursor } from "../../../encoding/delta.ts";
import { ADDRESS_BYTES, StateTag } from "../../../encoding/state-key.ts";

/** Numbers of a contract: where its group begins in the delta, bytes and keys more than before. */
export const GROWTH_NUMBERS = 3;

/**
 * Writes the numbers of each contract whose state grew or shrank, one after the other, as far as there is room.
 * @returns of how many contracts it did. The native twin is in native/src/execution_counter.h.
 */
export function stateGrowth(delta: Uint8Array, out: Float64Array): number {
  const cursor = new DeltaCursor(delta);
  let contracts = 0;
  let prefixAt = -1;
  let stateBytes = 0;
  let stateKeys = 0;
  const close = () => {
    if (stateBytes === 0 && stateKeys === 0) return;
    const at = GROWTH_NUMBERS * contracts++;
    if (at < out.length) out.set([prefixAt, stateBytes, stateKeys], at);
    stateBytes = 0;
    stateKeys = 0;
  };
  while (cursor.next()) {
    if (cursor.prefixAt !== prefixAt) {
      close();
      ({ prefixAt } = cursor);
    }
    if (cursor.prefixLength !== 1 + ADDRESS_BYTES || delta[prefixAt] !== StateTag.state) continue;
    const { newLength, oldLength, suffixLength } = cursor;
    if (newLength >= 0) stateBytes += newLength + suffixLength;
    if (oldLength >= 0) stateBytes -= oldLength + suffixLength;
    stateKeys += (newLength >= 0 ? 1 : 0) - (oldLength >= 0 ? 1 : 0);
  }
  close();
  return contracts;
}
