#include "bootstrap_batch.h"

namespace polytorus::tfhe {
namespace {

constexpr uint32_t log2Of(uint32_t x) { return x <= 1 ? 0 : 1 + log2Of(x / 2); }

/** round(word·2N / 2^32) mod 2N. */
constexpr uint32_t kDroppedBits = 32 - log2Of(2 * kRingDegree);
uint32_t scaleDown(uint32_t word) { return (word + (1u << (kDroppedBits - 1))) >> kDroppedBits; }

}  // namespace

BootstrapBatch::BootstrapBatch(const EvaluationKey& key)
    : key_(key),
      words_(key.set().words()),
      sums_(size_t(kGatesMax) * words_),
      rotations_(size_t(kGatesMax) * key.set().n),
      accumulators_(size_t(kGatesMax) * (key.set().k + 1) * kRingDegree),
      extracted_(size_t(kGatesMax) * (key.set().glweBits() + 1)),
      scratch_(sizeof(double) * key.kernel().scratchDoubles(key.set(), kGatesMax)) {}

/** X^(-b) times the polynomial whose coefficients are all 1/8, with a mask of zeros. */
void BootstrapBatch::start(uint32_t gate) {
  const ParameterSet& set = key_.set();
  const uint32_t* sum = sums_.data() + size_t(gate) * words_;
  uint16_t* rotations = rotations_.data() + size_t(gate) * set.n;
  for (uint32_t i = 0; i < set.n; i++) rotations[i] = uint16_t(scaleDown(sum[i]));
  uint32_t* accumulator = accumulators_.data() + size_t(gate) * (set.k + 1) * set.N;
  for (uint32_t i = 0; i < set.k * set.N; i++) accumulator[i] = 0;
  const uint32_t b = scaleDown(sum[set.n]), turn = b % set.N;
  const uint32_t first = b < set.N ? kBitOne : 0 - kBitOne;
  uint32_t* body = accumulator + set.k * set.N;
  for (uint32_t i = 0; i < set.N; i++) body[i] = i + turn < set.N ? first : 0 - first;
}

/** Coefficient 0 as an LWE ciphertext under the flattened GLWE key. */
void BootstrapBatch::extract(uint32_t gate) {
  const ParameterSet& set = key_.set();
  const uint32_t* accumulator = accumulators_.data() + size_t(gate) * (set.k + 1) * set.N;
  uint32_t* out = extracted_.data() + size_t(gate) * (set.glweBits() + 1);
  for (uint32_t c = 0; c < set.k; c++) {
    out[c * set.N] = accumulator[c * set.N];
    for (uint32_t i = 1; i < set.N; i++) out[c * set.N + i] = 0 - accumulator[c * set.N + set.N - i];
  }
  out[set.glweBits()] = accumulator[set.k * set.N];
}

void BootstrapBatch::run(uint32_t gates) {
  for (uint32_t gate = 0; gate < gates; gate++) start(gate);
  key_.kernel().blindRotate(key_.set(), key_.bootstrapKey(), gates, rotations_.data(), accumulators_.data(),
                            static_cast<double*>(scratch_.data()));
  for (uint32_t gate = 0; gate < gates; gate++) extract(gate);
  key_.keySwitch(extracted_.data(), gates, sums_.data(), words_, switchScratch_);
}

}  // namespace polytorus::tfhe
