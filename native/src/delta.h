/**
 * A block's delta: the keys it changed, each with the value after and the value before, so that the same bytes go
 * forwards and backwards. Little-endian:
 *   delta  := group*
 *   group  := u8 prefixLength, prefix, u32 recordCount, record*
 *   record := u16 suffixLength, suffix, after: value, before: value       (key = prefix || suffix)
 *   value  := u8 n:  0..252, n bytes follow;  253, a u32 length and so many bytes follow;  255, absent
 * The TypeScript twin is src/encoding/delta.ts.
 */
#pragma once

#include <stdexcept>
#include <string>

#include "bytes.h"

namespace polytorus {

enum class Direction { kForward, kBackward };

class MalformedDelta : public std::runtime_error {
 public:
  MalformedDelta(size_t offset, const std::string& problem) : std::runtime_error(problem), offset(offset) {}
  /** Where the delta stops making sense, in bytes from its start. */
  const size_t offset;
};

struct DeltaValue {
  Bytes bytes;
  bool isAbsent = false;
};

struct DeltaRecord {
  size_t offset = 0;
  Bytes prefix;
  Bytes suffix;
  DeltaValue after;
  DeltaValue before;
};

/** Reads record after record, checking every length against the end. It keeps no copy: the bytes must outlive it. */
class DeltaReader {
 public:
  explicit DeltaReader(Bytes delta) : start_(delta.data), at_(delta.data), end_(delta.data + delta.size) {}

  /** False at the end. @throws MalformedDelta */
  bool next(DeltaRecord& record) {
    while (recordsLeft_ == 0) {
      if (at_ == end_) return false;
      const size_t prefixBytes = take(1, "prefix length")[0];
      prefix_ = {take(prefixBytes, "prefix"), prefixBytes};
      recordsLeft_ = readU32(take(4, "record count"));
    }
    recordsLeft_--;
    record.offset = size_t(at_ - start_);
    record.prefix = prefix_;
    const size_t suffixBytes = readU16(take(2, "suffix length"));
    record.suffix = {take(suffixBytes, "suffix"), suffixBytes};
    readValue(record.after);
    readValue(record.before);
    return true;
  }

 private:
  static constexpr uint8_t kLongValue = 253;
  static constexpr uint8_t kReserved = 254;
  static constexpr uint8_t kAbsent = 255;

  const uint8_t* take(size_t bytes, const char* what) {
    if (size_t(end_ - at_) < bytes) fail(std::string(what) + " runs past the end");
    const uint8_t* taken = at_;
    at_ += bytes;
    return taken;
  }

  void readValue(DeltaValue& value) {
    const uint8_t n = take(1, "value")[0];
    if (n == kReserved) {
      at_--;
      fail("254 is no value length");
    }
    value.isAbsent = n == kAbsent;
    const size_t bytes = value.isAbsent ? 0 : n == kLongValue ? readU32(take(4, "value length")) : n;
    value.bytes = {take(bytes, "value"), bytes};
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw MalformedDelta(size_t(at_ - start_), what);
  }

  const uint8_t* start_;
  const uint8_t* at_;
  const uint8_t* end_;
  Bytes prefix_;
  uint32_t recordsLeft_ = 0;
};

}  // namespace polytorus
