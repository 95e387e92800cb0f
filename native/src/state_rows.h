/**
 * How the rows of the state table lie in memory, and the records of what they held before: field by field those of
 * src/execution/state-rows.ts and src/execution/undo-log.ts. Words are of 32 bits, in the order of the host, which is
 * little-endian.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace polytorus {

// src/execution/state-rows.ts
constexpr size_t kRowWords = 16;
constexpr size_t kKeyAt = 1;
constexpr size_t kLongKeyAt = 3;
constexpr size_t kLongKeyLengthAt = 4;
constexpr size_t kFormAt = 7;
constexpr size_t kLimbsAt = 8;
constexpr size_t kNonceAt = 14;
constexpr size_t kSerialAt = 15;
constexpr size_t kKeyWords = 6;
/** Limbs in a row; the upper ones of a wide value are kept elsewhere. */
constexpr size_t kLimbs = 6;
constexpr uint32_t kAbsent = 1;
constexpr uint32_t kWord = 2;
constexpr uint32_t kBytes = 3;
constexpr uint32_t kAccount = 4;
constexpr uint32_t kWide = 8;
constexpr uint32_t kFormMask = 7;
/** In place of the length of a key that is kept elsewhere. */
constexpr uint32_t kLongKey = 255;

// src/execution/undo-log.ts
constexpr size_t kUndoWords = 16;
constexpr size_t kUndoFormAt = 1;
constexpr size_t kUndoNonceAt = 2;
constexpr size_t kUndoLimbsAt = 4;
constexpr size_t kUndoLimbs = 8;
constexpr size_t kUndoSerialAt = 12;
constexpr size_t kUndoNextAt = 13;
constexpr size_t kUndoPreviousAt = 14;
constexpr uint32_t kFirstInBlock = 256;
constexpr uint32_t kNoRecord = 0xffffffff;

}  // namespace polytorus
