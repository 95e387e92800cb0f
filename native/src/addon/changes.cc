/** Coalescing of deltas in a table of JavaScript's: DeltaCoalescer of src/storage/delta-coalescer.ts. */
#include "../change_table.h"

#include "exposed.h"

namespace polytorus {
namespace {

/** Places in `numbers`: CoalescerNumber. */
enum : size_t { kSeed, kUsed, kCount, kNeededRecords, kNeededBytes, kNumbers };

/**
 * (delta, isBackward, arena, records, slots, numbers)
 * Answers false, with what it needs and nothing changed, when the table has no room for the delta.
 */
Napi::Value changesApply(const Info& info) {
  const Bytes delta = bytesAt(info, 0);
  const Direction direction = flagAt(info, 1) ? Direction::kBackward : Direction::kForward;
  uint32_t* numbers = elementsAt<uint32_t>(info, 5, kNumbers).data;
  ChangeTable table{elementsAt<uint8_t>(info, 2), elementsAt<uint32_t>(info, 3), elementsAt<uint32_t>(info, 4),
                    numbers[kSeed], numbers[kUsed], numbers[kCount]};
  if (!isSound(table)) {
    throw Napi::RangeError::New(info.Env(),
                                "expected a change table whose arrays fit together: the arena's words aligned and within 4 GiB, "
                                "slots a power of two and more than records, what is in use within them");
  }
  const ChangeRoom room = neededFor(delta);
  if (!hasRoom(table, room)) {
    numbers[kNeededRecords] = room.records;
    numbers[kNeededBytes] = room.arenaBytes;
    return Napi::Boolean::New(info.Env(), false);
  }
  applyDelta(table, delta, direction);
  numbers[kUsed] = table.used;
  numbers[kCount] = table.count;
  return Napi::Boolean::New(info.Env(), true);
}

}  // namespace

void exposeChanges(Napi::Object exports) { expose<changesApply>(exports, "changesApply"); }

}  // namespace polytorus
