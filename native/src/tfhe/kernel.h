/**
 * The arithmetic of blind rotation, compiled once for each instruction set.
 *   accumulators ──▶ digits ──▶ FFT ──▶ x key, x rotation ──▶ inverse FFT, rounded to integers ──▶ accumulators
 * Always
 *  - Every kernel leaves the same words in the accumulators: rounding recovers exact integers (README.md, "Same bytes").
 *  - The layout of an expanded key belongs to the kernel that wrote it.
 * POLYTORUS_TFHE_ISA=portable|avx2|avx512 forces one.
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include "parameters.h"

namespace polytorus::tfhe {

/** Ring degree of every parameter set: the kernels are compiled for it. */
constexpr uint32_t kRingDegree = 512;

/** Columns of a key switch that are summed together: the sums of a full batch stay in the first-level cache. */
constexpr size_t kTileWords = 96;

struct SwitchTile {
  /** The first row's columns; the next row's are `stride` words on. */
  const uint32_t* rows;
  size_t stride;
  size_t rowCount;
  /** [row][gate], from -multiples to multiples - 1. */
  const int8_t* digits;
  size_t gates;
  size_t multiples;
  /** [gate][size - 1][column]. */
  uint32_t* sums;
};

struct Kernel {
  const char* name;
  /** Doubles of scratch that blindRotate needs for `gates` gates. */
  size_t (*scratchDoubles)(const ParameterSet& set, uint32_t gates);
  /** Writes the rows of LWE key bit `index`, [row][component][coefficient], into the expanded key. */
  void (*expandBit)(const ParameterSet& set, uint32_t index, const uint32_t* rows, double* key);
  /**
   * Multiplies each gate's accumulator, [component][coefficient], by X^(sum of rotation[i]·s[i]). `rotations` is
   * [gate][n], below 2N. `key` and `scratch` are aligned to 64 bytes.
   */
  void (*blindRotate)(const ParameterSet& set, const double* key, uint32_t gates, const uint16_t* rotations,
                      uint32_t* accumulators, double* scratch);
  /** One tile of a key switch: for every row and gate, adds the row to, or takes it from, the gate's sum for its digit's size. */
  void (*sumRows)(const SwitchTile& tile);
  /** Largest distance from an integer that rounding has seen in one product; for tests. */
  double (*roundingError)(const ParameterSet& set, const double* key, const uint16_t* rotations, const uint32_t* accumulator,
                          double* scratch);
};

extern const Kernel kPortableKernel;
/** nullptr where they are not compiled in or the processor lacks them. */
const Kernel* avx2Kernel();
const Kernel* avx512Kernel();

/**
 * The fastest kernel of this processor, or the one called `name` when it is not empty.
 * @throws Refused KERNEL_UNKNOWN, KERNEL_UNAVAILABLE
 */
const Kernel& requireKernel(const char* name);

}  // namespace polytorus::tfhe
