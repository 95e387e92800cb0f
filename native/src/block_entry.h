/** Reads a block's entry of the log in place (src/encoding/block-entry.ts), whatever its offsets say. */
#pragma once

#include "bytes.h"
#include "encoding.h"
#include "sha256.h"

namespace polytorus {

constexpr size_t kEntryHeaderBytes = 224;

class BlockEntry {
 public:
  /** An entry that is shorter than its header says has no transactions. */
  explicit BlockEntry(Bytes bytes) : bytes_(bytes.data) {
    if (bytes.size < kEntryHeaderBytes) return;
    const uint64_t count = readU32(bytes_ + kCountAt);
    offsetsAt_ = kEntryHeaderBytes + kHashBytes * count;
    transactionsAt_ = offsetsAt_ + 2 * kOffsetBytes * count;
    receiptsAt_ = transactionsAt_ + readU32(bytes_ + kTransactionsBytesAt);
    receiptsEnd_ = receiptsAt_ + readU32(bytes_ + kReceiptsBytesAt);
    if (receiptsEnd_ <= bytes.size) count_ = uint32_t(count);
  }

  uint32_t count() const { return count_; }
  /** Of an entry that has transactions, as are the others. `index` is below `count()`. */
  uint64_t height() const { return readU64(bytes_ + kHeightAt); }
  const uint8_t* hash(uint32_t index) const { return bytes_ + kEntryHeaderBytes + kHashBytes * size_t(index); }
  /** From its header to the end of the section; empty where less than a header is left. */
  Bytes transaction(uint32_t index) const {
    return rest(transactionsAt_ + offset(index), receiptsAt_, kTxHeaderBytes);
  }
  Bytes receipt(uint32_t index) const {
    return rest(receiptsAt_ + offset(uint64_t(count_) + index), receiptsEnd_, kReceiptHeaderBytes);
  }

 private:
  static constexpr size_t kCountAt = 4;
  static constexpr size_t kHeightAt = 16;
  static constexpr size_t kTransactionsBytesAt = 40;
  static constexpr size_t kReceiptsBytesAt = 44;
  static constexpr size_t kOffsetBytes = 4;

  uint32_t offset(uint64_t place) const { return readU32(bytes_ + offsetsAt_ + kOffsetBytes * place); }
  Bytes rest(uint64_t at, uint64_t end, size_t least) const {
    return at + least <= end ? Bytes{bytes_ + at, size_t(end - at)} : Bytes{};
  }

  const uint8_t* bytes_;
  uint32_t count_ = 0;
  uint64_t offsetsAt_ = 0;
  uint64_t transactionsAt_ = 0;
  uint64_t receiptsAt_ = 0;
  uint64_t receiptsEnd_ = 0;
};

}  // namespace polytorus
