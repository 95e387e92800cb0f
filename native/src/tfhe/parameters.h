/**
 * TFHE's parameter sets: a closed table. Nobody brings parameters of their own; a file or a caller names a set by id.
 * Security comes from the lattice estimator, failure from the noise formula that README.md states and predictNoise() computes.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace polytorus::tfhe {

/** Bit 1 as a word of the torus: 1/8. Bit 0 is its negation. */
constexpr uint32_t kBitOne = 0x20000000u;
constexpr size_t kKeyIdBytes = 32;
constexpr size_t kContextBytes = 32;
constexpr size_t kSeedBytes = 32;

/** What the bytes or arguments given to TFHE are refused for; `code` is stable. */
class Refused : public std::runtime_error {
 public:
  Refused(const char* code, const std::string& message) : std::runtime_error(message), code(code) {}
  const char* code;
};

struct ParameterSet {
  uint16_t id;
  const char* name;
  const char* source;
  double lweSecurityBits;
  double glweSecurityBits;
  /** LWE dimension. */
  uint32_t n;
  /** At most one 1 in each run of so many key bits; 1 for uniform keys. */
  uint32_t block;
  double lweSigma;
  /** GLWE: k mask polynomials of degree N. */
  uint32_t k;
  uint32_t N;
  double glweSigma;
  /** Bootstrapping decomposition: `levels` digits of `baseBits`. */
  uint32_t levels;
  uint32_t baseBits;
  uint32_t switchLevels;
  uint32_t switchBaseBits;
  /** The LWE key is the first n bits of the GLWE key, and only the others are switched. */
  bool isCompact;

  constexpr uint32_t words() const { return n + 1; }
  constexpr uint32_t glweBits() const { return k * N; }
  constexpr uint32_t rows() const { return (k + 1) * levels; }
  constexpr uint32_t switched() const { return isCompact ? glweBits() - n : glweBits(); }
  constexpr size_t bootstrapBodyWords() const { return size_t(n) * rows() * N; }
  constexpr size_t switchBodyWords() const { return size_t(switched()) * switchLevels; }
};

constexpr int kParameterSetCount = 2;
extern const ParameterSet kParameterSets[kParameterSetCount];

/** @throws Refused PARAMETER_SET_UNKNOWN */
const ParameterSet& requireParameterSet(uint32_t id);

/** Variances in fractions of the torus. */
struct NoisePrediction {
  double blindRotation;
  double keySwitch;
  double modulusSwitch;
  /** Standard deviation of a bootstrapped gate's phase. */
  double outputSigma() const;
  /** log2 of the probability that a gate of so many inputs, all bootstrapped, comes out wrong. */
  double failureLog2(int inputs) const;
};
NoisePrediction predictNoise(const ParameterSet& set);

}  // namespace polytorus::tfhe
