/**
 * An evaluation key, expanded: the bootstrapping key in Fourier form, the key switch in words. Immutable; threads share it.
 */
#pragma once

#include <memory>

#include "file_format.h"
#include "kernel.h"

namespace polytorus::tfhe {

/** Zeroed memory on page boundaries, in huge pages where the system gives them: a key is walked once a batch. */
class PageBuffer {
 public:
  explicit PageBuffer(size_t bytes);
  ~PageBuffer();
  PageBuffer(const PageBuffer&) = delete;
  PageBuffer& operator=(const PageBuffer&) = delete;
  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  void* data_;
  size_t bytes_;
};

/** What a thread's key switches work in. */
struct KeySwitchScratch {
  std::vector<int8_t> digits;
  std::vector<uint32_t> sums;
};

class EvaluationKey {
 public:
  /** Of a parsed file whose SHA-256, with header and digest, is `keyId`. @throws Refused FILE_MALFORMED, std::bad_alloc. */
  EvaluationKey(const File& file, const uint8_t keyId[kKeyIdBytes], const Kernel& kernel);

  static size_t residentBytesOf(const ParameterSet& set);

  const ParameterSet& set() const { return *set_; }
  const Kernel& kernel() const { return *kernel_; }
  const uint8_t* keyId() const { return keyId_; }
  size_t residentBytes() const { return bootstrap_.bytes() + switch_.bytes(); }
  const double* bootstrapKey() const { return static_cast<const double*>(bootstrap_.data()); }

  /** Switches extracted ciphertexts (glweBits() + 1 words each) to the LWE key; words() words each, `outStride` apart. */
  void keySwitch(const uint32_t* extracted, size_t count, uint32_t* out, size_t outStride, KeySwitchScratch& scratch) const;

 private:
  void expandBootstrap(const uint8_t* seed, const uint8_t* bodies);
  void expandSwitch(const uint8_t* seed, const uint8_t* bodies);
  void takeDigits(const uint32_t* extracted, size_t count, std::vector<int8_t>& digits) const;
  size_t switchMultiples() const { return size_t(1) << (set_->switchBaseBits - 1); }

  const ParameterSet* set_;
  const Kernel* kernel_;
  uint8_t keyId_[kKeyIdBytes];
  size_t rowStride_;
  PageBuffer bootstrap_;
  PageBuffer switch_;
};

}  // namespace polytorus::tfhe
