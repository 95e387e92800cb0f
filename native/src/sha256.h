/**
 * SHA-256 (FIPS 180-4), shaped for what the engine hashes: very many very short messages.
 * One short message at a time leaves most of the processor idle, because each round waits for the one before. So the
 * kernels take up to sixteen messages of equal length side by side, and everything above them works to fill those lanes.
 *   caller ──▶ Sha256Batch (pads, gathers sixteen of a size) ──▶ Sha256Kernel ──▶ AVX-512, SHA-NI or portable C++
 * The instruction set is chosen once, at run time; POLYTORUS_NATIVE_ISA=portable|shani|avx512 forces it.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace polytorus {

constexpr size_t kHashBytes = 32;
constexpr size_t kBlockBytes = 64;
constexpr size_t kLanesMax = 16;

struct Sha256Kernel {
  const char* name;
  /** Absorbs `count` blocks into one state. */
  void (*compress)(uint32_t state[8], const uint8_t* blocks, size_t count);
  /** Hashes 1 to kLanesMax messages that are already padded to `blocks` blocks each. */
  void (*hashPadded)(const uint8_t* const* messages, size_t blocks, uint8_t* const* out, size_t count);
  /** SHA-256(tag || 64-byte body) of 1 to kLanesMax bodies. An `out` may lie in no `body` of the same call. */
  void (*hashTagged)(uint8_t tag, const uint8_t* const* bodies, uint8_t* const* out, size_t count);
};

/** @throws std::runtime_error when POLYTORUS_NATIVE_ISA names a set that is unknown or that this processor lacks. */
const Sha256Kernel& sha256Kernel();

extern const Sha256Kernel kPortableSha256;
/** nullptr where the processor has no SHA extensions (or is not x86-64). */
const Sha256Kernel* shaNiSha256();
/** nullptr where the processor or its operating system has no AVX-512 (F and BW). */
const Sha256Kernel* avx512Sha256();

/** SHA-256(first || second); either may be empty. */
void sha256(const uint8_t* first, size_t firstBytes, const uint8_t* second, size_t secondBytes, uint8_t out[kHashBytes]);

/** Gathers messages of one to four blocks until sixteen of a size wait, then hashes those together. Longer ones go alone. */
class Sha256Batch {
 public:
  /** `out` is written by the time flush() returns; the message bytes are copied at once. */
  void add(const uint8_t* first, size_t firstBytes, const uint8_t* second, size_t secondBytes, uint8_t* out);
  void flush();

 private:
  static constexpr size_t kMaxBlocks = 4;
  struct Bucket {
    size_t waiting = 0;
    uint8_t* out[kLanesMax];
    alignas(kBlockBytes) uint8_t padded[kLanesMax][kMaxBlocks * kBlockBytes];
  };
  void flush(Bucket& bucket, size_t blocks);

  const Sha256Kernel& kernel_ = sha256Kernel();
  Bucket buckets_[kMaxBlocks];
};

/** Gathers SHA-256(tag || body) of 64-byte bodies that stay where they are; `out` must not be one of the waiting bodies. */
class TaggedBatch {
 public:
  explicit TaggedBatch(uint8_t tag) : tag_(tag) {}
  void add(const uint8_t* body, uint8_t* out) {
    bodies_[waiting_] = body;
    out_[waiting_] = out;
    if (++waiting_ == kLanesMax) flush();
  }
  void flush();

 private:
  const Sha256Kernel& kernel_ = sha256Kernel();
  uint8_t tag_;
  size_t waiting_ = 0;
  const uint8_t* bodies_[kLanesMax];
  uint8_t* out_[kLanesMax];
};

}  // namespace polytorus
