/** What a block has changed in rows: RowChangeWriter of src/encoding/row-changes.ts. */
#include "../row_changes.h"

#include "exposed.h"

namespace polytorus {
namespace {

/** Places in `numbers`: ChangeNumber. */
enum : size_t { kRecord, kLength, kCount, kNumbers };

/** (rows, undo, longKeys, out, numbers) */
void rowChangesWrite(const Info& info) {
  uint32_t* numbers = elementsAt<uint32_t>(info, 4, kNumbers).data;
  RowChanges changes{elementsAt<uint32_t>(info, 0), elementsAt<uint32_t>(info, 1), bytesAt(info, 2),
                     elementsAt<uint8_t>(info, 3), numbers[kRecord], numbers[kLength], numbers[kCount]};
  if (!isSound(changes)) {
    throw Napi::RangeError::New(info.Env(), "expected an undo record and a length within their arrays, received record " +
                                                std::to_string(changes.record) + " and length " +
                                                std::to_string(changes.length));
  }
  writeRowChanges(changes);
  numbers[kRecord] = changes.record;
  numbers[kLength] = changes.length;
  numbers[kCount] = changes.count;
}

}  // namespace

void exposeRows(Napi::Object exports) { expose<rowChangesWrite>(exports, "rowChangesWrite"); }

}  // namespace polytorus
