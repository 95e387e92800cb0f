#include "evaluation_key.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "secret_key.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace polytorus::tfhe {
namespace {

constexpr size_t kPageBytes = size_t(2) << 20;

size_t rowStrideOf(const ParameterSet& set) { return (set.words() + kTileWords - 1) / kTileWords * kTileWords; }

size_t bootstrapBytesOf(const ParameterSet& set) {
  return sizeof(double) * size_t(set.n) * set.rows() * (set.k + 1) * set.N;
}

size_t switchBytesOf(const ParameterSet& set) { return 4 * size_t(set.switched()) * set.switchLevels * rowStrideOf(set); }

}  // namespace

PageBuffer::PageBuffer(size_t bytes) : data_(nullptr), bytes_((bytes + kPageBytes - 1) & ~(kPageBytes - 1)) {
  data_ = std::aligned_alloc(kPageBytes, bytes_);
  if (!data_) throw std::bad_alloc();
#if defined(__linux__)
  madvise(data_, bytes_, MADV_HUGEPAGE);
#endif
  std::memset(data_, 0, bytes_);
}

PageBuffer::~PageBuffer() { std::free(data_); }

size_t EvaluationKey::residentBytesOf(const ParameterSet& set) { return bootstrapBytesOf(set) + switchBytesOf(set); }

EvaluationKey::EvaluationKey(const File& file, const uint8_t keyId[kKeyIdBytes], const Kernel& kernel)
    : set_((requirePayload(file, kSeedBytes + 4 * (file.set->bootstrapBodyWords() + file.set->switchBodyWords())), file.set)),
      kernel_(&kernel),
      rowStride_(rowStrideOf(*set_)),
      bootstrap_(bootstrapBytesOf(*set_)),
      switch_(switchBytesOf(*set_)) {
  std::memcpy(keyId_, keyId, kKeyIdBytes);
  const uint8_t* bodies = file.payload.data + kSeedBytes;
  expandBootstrap(file.payload.data, bodies);
  expandSwitch(file.payload.data, bodies + 4 * set_->bootstrapBodyWords());
}

void EvaluationKey::expandBootstrap(const uint8_t* seed, const uint8_t* bodies) {
  const uint32_t N = set_->N, k = set_->k;
  std::vector<uint32_t> rows(size_t(set_->rows()) * (k + 1) * N);
  for (uint32_t i = 0; i < set_->n; i++) {
    ChaCha20 masks(seed, kBootstrapMasks, i);
    for (uint32_t row = 0; row < set_->rows(); row++) {
      uint32_t* at = rows.data() + size_t(row) * (k + 1) * N;
      masks.words(at, size_t(k) * N);
      std::memcpy(at + size_t(k) * N, bodies, 4 * size_t(N));
      bodies += 4 * size_t(N);
    }
    kernel_->expandBit(*set_, i, rows.data(), static_cast<double*>(bootstrap_.data()));
  }
}

void EvaluationKey::expandSwitch(const uint8_t* seed, const uint8_t* bodies) {
  auto* row = static_cast<uint32_t*>(switch_.data());
  for (uint32_t i = 0; i < set_->switched(); i++) {
    ChaCha20 masks(seed, kSwitchMasks, i);
    for (uint32_t level = 0; level < set_->switchLevels; level++, row += rowStride_, bodies += 4) {
      masks.words(row, set_->n);
      row[set_->n] = readU32(bodies);
    }
  }
}

void EvaluationKey::keySwitch(const uint32_t* extracted, size_t count, uint32_t* out, size_t outStride,
                              KeySwitchScratch& scratch) const {
  const ParameterSet& set = *set_;
  const size_t inputStride = set.glweBits() + 1, kept = set.isCompact ? set.n : 0, multiples = switchMultiples();
  takeDigits(extracted, count, scratch.digits);
  scratch.sums.resize(count * multiples * kTileWords);
  const auto* rows = static_cast<const uint32_t*>(switch_.data());
  for (size_t first = 0; first < rowStride_; first += kTileWords) {
    const size_t end = std::min(first + kTileWords, size_t(set.words()));
    // Rows are summed by the size of their digit, and multiplied by it once.
    std::fill(scratch.sums.begin(), scratch.sums.end(), 0);
    kernel_->sumRows({rows + first, rowStride_, size_t(set.switched()) * set.switchLevels, scratch.digits.data(), count, multiples,
                      scratch.sums.data()});
    for (size_t g = 0; g < count; g++) {
      uint32_t* to = out + g * outStride;
      for (size_t i = first; i < end; i++) {
        uint32_t word = i == set.n ? extracted[g * inputStride + set.glweBits()] : i < kept ? extracted[g * inputStride + i] : 0;
        for (size_t size = 1; size <= multiples; size++) {
          word -= uint32_t(size) * scratch.sums[(g * multiples + size - 1) * kTileWords + i - first];
        }
        to[i] = word;
      }
    }
  }
}

/** digits[row][gate] of the bits that are switched. */
void EvaluationKey::takeDigits(const uint32_t* extracted, size_t count, std::vector<int8_t>& digits) const {
  const uint32_t bits = set_->switchBaseBits, levels = set_->switchLevels, half = 1u << (bits - 1);
  const size_t inputStride = set_->glweBits() + 1, kept = set_->isCompact ? set_->n : 0;
  uint32_t offset = 1u << (31 - bits * levels);
  for (uint32_t level = 0; level < levels; level++) offset += half << (32 - bits * (level + 1));
  digits.resize(size_t(set_->switched()) * levels * count);
  for (size_t g = 0; g < count; g++) {
    for (uint32_t i = 0; i < set_->switched(); i++) {
      const uint32_t word = extracted[g * inputStride + kept + i] + offset;
      for (uint32_t level = 0; level < levels; level++) {
        const uint32_t digit = (word >> (32 - bits * (level + 1))) & (2 * half - 1);
        digits[(size_t(i) * levels + level) * count + g] = int8_t(int32_t(digit) - int32_t(half));
      }
    }
  }
}

}  // namespace polytorus::tfhe
