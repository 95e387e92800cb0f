#include "merkle.h"

#include <cstring>
#include <vector>

#include "sha256.h"

namespace polytorus {

void merkleRoot(const uint8_t* entries, size_t count, uint8_t* out) {
  if (count == 0) {
    std::memset(out, 0, kHashBytes);
    return;
  }
  std::vector<uint8_t> level(count * kHashBytes), parents((count / 2 + 1) * kHashBytes);
  constexpr uint8_t kLeafTag = 0x00;
  Sha256Batch leaves;
  for (size_t i = 0; i < count; i++) {
    leaves.add(&kLeafTag, 1, entries + i * kHashBytes, kHashBytes, level.data() + i * kHashBytes);
  }
  leaves.flush();
  // Pairing neighbours and carrying an odd last one up unchanged gives the RFC's tree, level by level.
  for (; count > 1; count = count / 2 + count % 2) {
    TaggedBatch inner(0x01);
    for (size_t i = 0; i < count / 2; i++) {
      inner.add(level.data() + i * 2 * kHashBytes, parents.data() + i * kHashBytes);
    }
    inner.flush();
    if (count % 2 == 1) {
      std::memcpy(parents.data() + count / 2 * kHashBytes, level.data() + (count - 1) * kHashBytes, kHashBytes);
    }
    level.swap(parents);
  }
  std::memcpy(out, level.data(), kHashBytes);
}

}  // namespace polytorus
