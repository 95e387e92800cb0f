/**
 * Coalesces deltas into the memory of src/storage/change-table.ts: the last value of every key that many blocks touched.
 * Each record of a delta is two cache misses, a slot and a record; sixteen are under way at a time, so that they overlap.
 * Whoever owns the memory makes room first: `neededFor` says how much, and checks the whole delta before anything changes.
 */
#pragma once

#include "delta.h"

namespace polytorus {

/** The table's arrays and numbers, as src/storage/change-table.ts lays them out. */
struct ChangeTable {
  Span<uint8_t> arena;
  /** The records of the table, oldest first, as words of the arena. */
  Span<uint32_t> records;
  /** Records by hash, 0 where free; a power of two. */
  Span<uint32_t> slots;
  uint32_t seed;
  /** Bytes of the arena in use. */
  uint32_t used;
  uint32_t count;
};

struct ChangeRoom {
  uint32_t records;
  uint32_t arenaBytes;
};

/** Whether arrays and numbers fit together: what is in use lies within them, and some slot is always free. */
bool isSound(const ChangeTable& table);

/**
 * What a delta takes at most.
 * @throws MalformedDelta, also for a key that is empty or begins with 0x00; std::length_error where no table could hold it.
 */
ChangeRoom neededFor(Bytes delta);

bool hasRoom(const ChangeTable& table, const ChangeRoom& room);

/** Takes one side of every record. The table is sound and has the room that `neededFor` asks for, which the delta passed. */
void applyDelta(ChangeTable& table, Bytes delta, Direction direction);

}  // namespace polytorus
