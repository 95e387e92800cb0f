/** Bytes that somebody else keeps, and the whole numbers among them: little-endian, at any place (src/encoding/bytes.ts). */
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace polytorus {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "formats and JavaScript's arrays are read in the machine's order");

struct Bytes {
  const uint8_t* data = nullptr;
  size_t size = 0;
};

/** Elements of somebody else's array, to be written as well. */
template <typename Element>
struct Span {
  Element* data = nullptr;
  size_t size = 0;

  Element& operator[](size_t index) const { return data[index]; }
};

template <typename Number>
Number readLittle(const uint8_t* at) {
  Number value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline uint16_t readU16(const uint8_t* at) { return readLittle<uint16_t>(at); }
inline uint32_t readU32(const uint8_t* at) { return readLittle<uint32_t>(at); }
inline uint64_t readU64(const uint8_t* at) { return readLittle<uint64_t>(at); }

inline void writeU32(uint8_t* at, uint32_t value) { std::memcpy(at, &value, sizeof value); }
inline void writeU64(uint8_t* at, uint64_t value) { std::memcpy(at, &value, sizeof value); }

}  // namespace polytorus
