/** Hashing of many messages: BatchHasher of src/encoding/hash.ts. */
#include "../merkle.h"
#include "../sha256.h"
#include "exposed.h"

namespace polytorus {
namespace {

constexpr size_t kPrefixMaxBytes = 64;

/** (data, ranges, count, prefix, out) */
void sha256Batch(const Info& info) {
  const size_t count = numberAt(info, 2);
  const Bytes data = bytesAt(info, 0), prefix = bytesAt(info, 3);
  const uint32_t* bounds = elementsAt<uint32_t>(info, 1, 2 * count).data;
  uint8_t* out = elementsAt<uint8_t>(info, 4, count * kHashBytes).data;
  if (prefix.size > kPrefixMaxBytes) {
    throw Napi::RangeError::New(info.Env(), "expected a prefix of at most 64 bytes, received " + std::to_string(prefix.size));
  }
  for (size_t i = 0; i < count; i++) {
    if (bounds[2 * i] <= bounds[2 * i + 1] && bounds[2 * i + 1] <= data.size) continue;
    throw Napi::RangeError::New(info.Env(), "range " + std::to_string(i) + " lies outside the " + std::to_string(data.size) +
                                                " bytes of data: " + std::to_string(bounds[2 * i]) + " to " +
                                                std::to_string(bounds[2 * i + 1]));
  }
  Sha256Batch batch;
  for (size_t i = 0; i < count; i++) {
    batch.add(prefix.data, prefix.size, data.data + bounds[2 * i], bounds[2 * i + 1] - bounds[2 * i], out + i * kHashBytes);
  }
  batch.flush();
}

/** (hashes, count, out) */
void merkleRootOf(const Info& info) {
  const size_t count = numberAt(info, 1);
  merkleRoot(bytesAt(info, 0, count * kHashBytes).data, count, elementsAt<uint8_t>(info, 2, kHashBytes).data);
}

}  // namespace

void exposeHashes(Napi::Object exports) {
  expose<sha256Batch>(exports, "sha256Batch");
  expose<merkleRootOf>(exports, "merkleRoot");
}

}  // namespace polytorus
