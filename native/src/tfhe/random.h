/**
 * Randomness for TFHE: the ChaCha20 stream (RFC 8439), seeded by the kernel, and samplers whose running time and memory
 * accesses do not depend on what they draw.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace polytorus::tfhe {

/** @throws std::system_error when the kernel gives no randomness. */
void fillFromKernel(void* out, size_t bytes);

/** Overwrites memory that held a secret; not optimised away. */
void wipe(void* bytes, size_t count);

class ChaCha20 {
 public:
  ChaCha20(const uint8_t seed[32], uint32_t domain, uint64_t index);
  ~ChaCha20() { wipe(this, sizeof *this); }
  ChaCha20(const ChaCha20&) = delete;
  ChaCha20& operator=(const ChaCha20&) = delete;

  /** The next `count` words of the stream. */
  void words(uint32_t* out, size_t count);
  uint64_t next64();

 private:
  static constexpr size_t kWords = 16;
  static constexpr size_t kBufferBlocks = 4;
  void refill();

  uint32_t state_[kWords];
  uint32_t buffer_[kWords * kBufferBlocks];
  size_t used_ = kWords * kBufferBlocks;
};

/** A fresh stream that nobody else has: keyed by the kernel. */
class SecretStream {
 public:
  SecretStream() : seed_(), stream_((fillFromKernel(seed_, sizeof seed_), seed_), 0, 0) { wipe(seed_, sizeof seed_); }
  ChaCha20& stream() { return stream_; }

 private:
  uint8_t seed_[32];
  ChaCha20 stream_;
};

/**
 * Discrete Gaussian over the integers of standard deviation `sigma`. A narrow one is read from a table of cumulative
 * probabilities, every entry compared; a wide one is k·x + y of two narrower ones with k at most sigma'/1.2, the
 * smoothing condition for a statistical distance of about 2^-40 (ePrint 2014/254, section 4).
 */
class Gaussian {
 public:
  explicit Gaussian(double sigma);
  int64_t draw(ChaCha20& stream) const;

 private:
  static constexpr double kTableSigmaMax = 24;
  /** Multipliers of the convolutions, outermost first. */
  std::vector<int64_t> multipliers_;
  /** table_[i] = floor(2^63 · P(|x| <= i)). */
  std::vector<int64_t> table_;

  int64_t draw(ChaCha20& stream, size_t depth) const;
};

}  // namespace polytorus::tfhe
