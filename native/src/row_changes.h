/**
 * Writes what a block has changed in a space as records of its delta (src/encoding/delta.ts): every row whose value is not
 * the one that it had before. Its twin, which goes on where this stops, is src/execution/delta-writer.ts.
 */
#pragma once

#include "bytes.h"

namespace polytorus {

/** All arrays belong to the caller. */
struct RowChanges {
  Span<uint32_t> rows;
  Span<uint32_t> undo;
  Bytes longKeys;
  Span<uint8_t> out;

  /** The next record of the space's chain; bytes in `out`; changes written. */
  uint32_t record;
  uint32_t length;
  uint32_t count;
};

/** Whether the next record is one of `undo`, or none, and what is written lies in `out`. */
bool isSound(const RowChanges& changes);

/** Goes along the chain to its end, or to a row whose values are not all in the arrays, or for which `out` has no room. */
void writeRowChanges(RowChanges& changes);

}  // namespace polytorus
