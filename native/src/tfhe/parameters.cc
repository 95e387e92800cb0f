#include "parameters.h"

#include <cmath>

namespace polytorus::tfhe {

namespace {

/** Tests of the core may ask for the sets in a dimension that hides nothing. The addon refuses to be built so. */
#ifdef POLYTORUS_TEST_DIMENSION
constexpr uint32_t dimension(uint32_t) { return POLYTORUS_TEST_DIMENSION; }
#else
constexpr uint32_t dimension(uint32_t n) { return n; }
#endif

}  // namespace

const ParameterSet kParameterSets[kParameterSetCount] = {
    {1, "tfhe-block3-n735", "ePrint 2023/958, dimension and noise raised until lattice-estimator (June 2026) gave 128 bits",
     130.2, 129.3, dimension(735), 3, 2.120846893069971872e-5, 2, 512, 1.0024266424819404e-07, 3, 5, 4, 3, true},
    {2, "tfhe-binary-n805", "TFHE-rs DEFAULT_PARAMETERS of its boolean module; lattice-estimator (June 2026)", 132.0, 155.8, dimension(805), 1,
     5.8615896642671336e-6, 3, 512, 9.315272083503367e-10, 2, 10, 5, 3, false},
};

const ParameterSet& requireParameterSet(uint32_t id) {
  for (const ParameterSet& set : kParameterSets) {
    if (set.id == id) return set;
  }
  throw Refused("PARAMETER_SET_UNKNOWN", "parameter set " + std::to_string(id) + " does not exist; known are 1 and 2");
}

NoisePrediction predictNoise(const ParameterSet& set) {
  const double n = set.n, k = set.k, N = set.N, l = set.levels;
  const double ones = set.block > 1 ? n / (set.block + 1) : n / 2;
  const double switched = set.switched();
  const double weight = set.isCompact ? ones + switched / 2 : k * N / 2;
  const double base = std::ldexp(1, int(set.baseBits)), switchBase = std::ldexp(1, int(set.switchBaseBits));
  NoisePrediction noise;
  noise.blindRotation = n * 2 * (k + 1) * l * N * (base * base + 2) / 12 * set.glweSigma * set.glweSigma +
                        ones * 2 * (1 + weight) * std::pow(base, -2 * l) / 12;
  noise.keySwitch =
      switched * set.switchLevels * (switchBase * switchBase + 2) / 12 * set.lweSigma * set.lweSigma +
      switched / 2 * std::pow(switchBase, -2.0 * set.switchLevels) / 12;
  noise.modulusSwitch = (1 + ones) / 12 / (4 * N * N);
  return noise;
}

double NoisePrediction::outputSigma() const { return std::sqrt(blindRotation + keySwitch); }

double NoisePrediction::failureLog2(int inputs) const {
  const double z = 0.125 / std::sqrt(inputs * (blindRotation + keySwitch) + modulusSwitch);
  // erfc(z/sqrt 2) below the smallest double: its asymptotic series' first term, an upper bound.
  return (-z * z / 2 - std::log(z * std::sqrt(std::acos(-1.0) / 2))) / std::log(2.0);
}

}  // namespace polytorus::tfhe
