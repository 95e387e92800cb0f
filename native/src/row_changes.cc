#include "row_changes.h"

#include <cstring>

#include "state_rows.h"

namespace polytorus {
namespace {

constexpr uint8_t kAbsentValue = 255;
/** Length of the key; twice the length of a value, of its nonce, the nonce, and the balance. */
constexpr size_t kFixedBytesMax = 2 + 2 * (1 + 1 + 6 + 32);

/** So many records ahead a row is called for, and half as many its long key: memory answers meanwhile. */
constexpr int kRowsAhead = 8;
constexpr int kKeysAhead = 4;

struct Value {
  uint32_t form;
  uint64_t nonce;
  const uint32_t* limbs;
  size_t limbCount;
};

size_t bytesIn(uint64_t value) { return value == 0 ? 0 : 8 - size_t(__builtin_clzll(value)) / 8; }

size_t bytesIn(const uint32_t* limbs, size_t count) {
  while (count > 0 && limbs[count - 1] == 0) count--;
  return count == 0 ? 0 : 4 * (count - 1) + bytesIn(uint64_t(limbs[count - 1]));
}

/** Writes the lowest `length` bytes, the highest first. */
uint8_t* writeBigEndian(uint8_t* out, const uint8_t* little, size_t length) {
  for (size_t i = length; i > 0; i--) *out++ = little[i - 1];
  return out;
}

uint8_t* writeValue(uint8_t* out, const Value& value) {
  if (value.form == kAbsent) {
    *out++ = kAbsentValue;
    return out;
  }
  const size_t length = bytesIn(value.limbs, value.limbCount);
  if (value.form == kAccount) {
    const size_t nonceLength = bytesIn(value.nonce);
    *out++ = uint8_t(1 + nonceLength + length);
    *out++ = uint8_t(nonceLength);
    out = writeBigEndian(out, reinterpret_cast<const uint8_t*>(&value.nonce), nonceLength);
  } else {
    *out++ = uint8_t(length);
  }
  return writeBigEndian(out, reinterpret_cast<const uint8_t*>(value.limbs), length);
}

bool isChanged(const Value& before, const Value& after) {
  if (before.form != after.form || before.nonce != after.nonce) return true;
  if (std::memcmp(before.limbs, after.limbs, 4 * kLimbs) != 0) return true;
  for (size_t i = kLimbs; i < kUndoLimbs; i++)
    if (before.limbs[i] != 0) return true;
  return false;
}

/** Past the end of the chain there is no record. */
const uint32_t* recordAt(const RowChanges& changes, uint32_t record) {
  return record < changes.undo.size / kUndoWords ? changes.undo.data + size_t(record) * kUndoWords : nullptr;
}

const uint32_t* rowAt(const RowChanges& changes, uint32_t slot) {
  return slot < changes.rows.size / kRowWords ? changes.rows.data + size_t(slot) * kRowWords : nullptr;
}

bool isLong(const uint32_t* row) { return (row[kFormAt] >> 8 & 255) == kLongKey; }

/** Without data, where the row's key is not in the arrays. */
Bytes keyOf(const RowChanges& changes, const uint32_t* row) {
  if (isLong(row)) {
    const size_t at = row[kLongKeyAt], length = row[kLongKeyLengthAt];
    return at + length <= changes.longKeys.size ? Bytes{changes.longKeys.data + at, length} : Bytes{};
  }
  const size_t length = row[kFormAt] >> 8 & 255;
  return length <= 4 * kKeyWords ? Bytes{reinterpret_cast<const uint8_t*>(row + kKeyAt), length} : Bytes{};
}

/** A place in the chain, ahead of the record that is written. */
class Scout {
 public:
  Scout(const RowChanges& changes, int ahead) : changes_(changes), record_(changes.record) {
    while (ahead-- > 0) advance();
  }
  /** The row there, nullptr past the end. */
  const uint32_t* advance() {
    const uint32_t* undo = recordAt(changes_, record_);
    const uint32_t* row = undo == nullptr ? nullptr : rowAt(changes_, undo[0]);
    record_ = undo == nullptr ? kNoRecord : undo[kUndoNextAt];
    return row;
  }

 private:
  const RowChanges& changes_;
  uint32_t record_;
};

}  // namespace

bool isSound(const RowChanges& changes) {
  return (changes.record == kNoRecord || recordAt(changes, changes.record) != nullptr) &&
         changes.length <= changes.out.size && changes.undo.size / kUndoWords < kNoRecord;
}

void writeRowChanges(RowChanges& changes) {
  Scout rows(changes, kRowsAhead);
  Scout keys(changes, kKeysAhead);
  while (changes.record != kNoRecord) {
    if (const uint32_t* ahead = rows.advance()) __builtin_prefetch(ahead);
    if (const uint32_t* ahead = keys.advance())
      if (isLong(ahead)) __builtin_prefetch(changes.longKeys.data + ahead[kLongKeyAt]);

    const uint32_t* undo = recordAt(changes, changes.record);
    const uint32_t* row = undo == nullptr ? nullptr : rowAt(changes, undo[0]);
    if (row == nullptr) return;
    const Value before{undo[kUndoFormAt] & 255, undo[kUndoNonceAt] | uint64_t(undo[kUndoNonceAt + 1]) << 32,
                       undo + kUndoLimbsAt, kUndoLimbs};
    const Value after{row[kFormAt] & kFormMask, row[kNonceAt] | uint64_t(row[kFormAt] >> 16) << 32, row + kLimbsAt, kLimbs};
    if (before.form == kBytes || after.form == kBytes || (row[kFormAt] & kWide) != 0) return;
    if (isChanged(before, after)) {
      const Bytes key = keyOf(changes, row);
      if (key.data == nullptr || changes.length + key.size + kFixedBytesMax > changes.out.size) return;
      uint8_t* out = changes.out.data + changes.length;
      *out++ = uint8_t(key.size);
      *out++ = uint8_t(key.size >> 8);
      std::memcpy(out, key.data, key.size);
      out = writeValue(out + key.size, after);
      out = writeValue(out, before);
      changes.length = uint32_t(out - changes.out.data);
      changes.count++;
    }
    changes.record = undo[kUndoNextAt];
  }
}

}  // namespace polytorus
