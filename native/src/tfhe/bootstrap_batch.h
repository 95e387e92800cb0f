/** One thread's batch: sums in, bootstrapped ciphertexts out. */
#pragma once

#include "evaluation_key.h"

namespace polytorus::tfhe {

class BootstrapBatch {
 public:
  /** Gates that share one walk over the key: enough to read it rarely, few enough that their digits stay in a 2 MiB cache. */
  static constexpr uint32_t kGatesMax = 16;

  explicit BootstrapBatch(const EvaluationKey& key);

  /** Where the sum of gate `index` is written before run(): words() words. */
  uint32_t* sum(uint32_t index) { return sums_.data() + size_t(index) * words_; }
  void run(uint32_t gates);
  /** After run(): the ciphertext of gate `index`. */
  const uint32_t* output(uint32_t index) const { return sums_.data() + size_t(index) * words_; }

 private:
  void start(uint32_t gate);
  void extract(uint32_t gate);

  const EvaluationKey& key_;
  const uint32_t words_;
  std::vector<uint32_t> sums_;
  std::vector<uint16_t> rotations_;
  std::vector<uint32_t> accumulators_;
  std::vector<uint32_t> extracted_;
  KeySwitchScratch switchScratch_;
  PageBuffer scratch_;
};

}  // namespace polytorus::tfhe
