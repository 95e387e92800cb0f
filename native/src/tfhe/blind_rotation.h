/**
 * Blind rotation over vectors of `Vector::kLanes` doubles: digits, transform, products with the key, back. Included by one
 * source file for each instruction set, after its pragma, so everything here has internal linkage.
 */
#pragma once

#include "fourier.h"

namespace polytorus::tfhe {
namespace {

template <class Vector, uint32_t K, uint32_t Levels, uint32_t BaseBits, uint32_t Block>
struct BlindRotation {
  using F = Fourier<Vector>;
  using D = typename Vector::D;
  using I = typename Vector::I;
  using Q = typename Vector::Q;
  static constexpr uint32_t kLanes = Vector::kLanes;
  static constexpr uint32_t kComponents = K + 1;
  static constexpr uint32_t kDigits = kComponents * Levels;
  /** Doubles of one row of points: of a gate's digits, of a gate's products, of one key bit's, of one block's. */
  static constexpr size_t kDigitRow = size_t(kDigits) * 2 * kLanes;
  static constexpr size_t kProductRow = size_t(kComponents) * 2 * kLanes;
  static constexpr size_t kBitRow = kDigits * kProductRow;
  static constexpr size_t kBlockRow = Block * kBitRow;
  /** How far ahead the key is fetched: 40 kB of set 1's with eight lanes. */
  static constexpr size_t kRowsAhead = 32 / kLanes;
  /** Doubles in a cache line. */
  static constexpr size_t kCacheLine = 8;
  static constexpr size_t kGateDoubles = F::kRows * (kDigitRow + kProductRow);

  static void expandBit(uint32_t index, const uint32_t* rows, double* key) {
    double* at = key + (index / Block) * F::kRows * kBlockRow + (index % Block) * kBitRow;
    alignas(64) typename F::Polynomial x[1];
    alignas(64) double points[F::kRows * 2 * kLanes];
    const D scale = Vector::broadcast(1.0 / kM);
    for (uint32_t digit = 0; digit < kDigits; digit++) {
      for (uint32_t c = 0; c < kComponents; c++) {
        F::template startForward<1>(rows + (digit * kComponents + c) * kN, x,
                                    [&](I words) { return Vector::widen(words ^ (1u << 31)); },
                                    [&](uint32_t, Q bits) { return (D(bits | kTwo52Bits) - (kTwo52 + kTwo31)) * scale; });
        F::finishForward(x[0], points, 2 * kLanes);
        for (uint32_t f = 0; f < F::kRows; f++) {
          std::memcpy(at + f * kBlockRow + digit * kProductRow + c * 2 * kLanes, points + f * 2 * kLanes,
                      2 * kLanes * sizeof(double));
        }
      }
    }
  }

  /** Half of every digit's base, and half of what is rounded away. */
  static constexpr uint32_t digitOffset() {
    uint32_t offset = 1u << (31 - BaseBits * Levels);
    for (uint32_t level = 0; level < Levels; level++) offset += (1u << (BaseBits - 1)) << (32 - BaseBits * (level + 1));
    return offset;
  }

  /** Digits of the accumulator, transformed: digits[f][component·Levels + level]. */
  static POLYTORUS_INLINE void transformDigits(const uint32_t* accumulator, double* digits) {
    constexpr uint32_t half = 1u << (BaseBits - 1), offset = digitOffset();
    alignas(64) typename F::Polynomial x[Levels];
    for (uint32_t c = 0; c < kComponents; c++) {
      F::template startForward<Levels>(
          accumulator + c * kN, x, [&](I words) { return Vector::widen(words + offset); },
          [&](uint32_t level, Q bits) {
            const Q digit = (bits >> (32 - BaseBits * (level + 1))) & ((1u << BaseBits) - 1);
            return D(digit | kTwo52Bits) - (kTwo52 + half);
          });
      for (uint32_t level = 0; level < Levels; level++) {
        F::finishForward(x[level], digits + (c * Levels + level) * 2 * kLanes, kDigitRow);
      }
    }
  }

  /** products[f] = sum over the block's bits of (X^rotation - 1)·(digits x key bit), in row f. */
  static POLYTORUS_INLINE void multiplyRow(uint32_t f, const double* keyRow, const double* digits, const uint16_t* rotations,
                                           double* products) {
    const auto& table = F::tables();
    D outRe[kComponents], outIm[kComponents];
#pragma GCC unroll 4
    for (uint32_t c = 0; c < kComponents; c++) outRe[c] = outIm[c] = Vector::broadcast(0);
    for (uint32_t bit = 0; bit < Block; bit++) {
      const double* key = keyRow + bit * kBitRow;
      D re[kComponents], im[kComponents];
#pragma GCC unroll 4
      for (uint32_t c = 0; c < kComponents; c++) re[c] = im[c] = Vector::broadcast(0);
#pragma GCC unroll 9
      for (uint32_t digit = 0; digit < kDigits; digit++) {
        const D dRe = Vector::load(digits + digit * 2 * kLanes), dIm = Vector::load(digits + digit * 2 * kLanes + kLanes);
#pragma GCC unroll 4
        for (uint32_t c = 0; c < kComponents; c++) {
          const double* at = key + digit * kProductRow + c * 2 * kLanes;
          const D kRe = Vector::load(at), kIm = Vector::load(at + kLanes);
          re[c] = Vector::subtractProduct(Vector::addProduct(re[c], dRe, kRe), dIm, kIm);
          im[c] = Vector::addProduct(Vector::addProduct(im[c], dRe, kIm), dIm, kRe);
        }
      }
      const uint32_t rotation = rotations[bit];
      const Complex root = table.roots[(rotation * table.rowExponents[f]) & (2 * kN - 1)];
      const double(*lanes)[kLanes] = table.laneRoots[rotation & (F::kLanePeriod - 1)];
      const D laneRe = Vector::load(lanes[0]), laneIm = Vector::load(lanes[1]);
      const D rootRe = Vector::broadcast(root.re), rootIm = Vector::broadcast(root.im);
      const D wRe = Vector::subtractProduct(laneRe * rootRe - 1.0, laneIm, rootIm);
      const D wIm = Vector::addProduct(laneIm * rootRe, laneRe, rootIm);
#pragma GCC unroll 4
      for (uint32_t c = 0; c < kComponents; c++) {
        outRe[c] = Vector::subtractProduct(Vector::addProduct(outRe[c], re[c], wRe), im[c], wIm);
        outIm[c] = Vector::addProduct(Vector::addProduct(outIm[c], re[c], wIm), im[c], wRe);
      }
    }
#pragma GCC unroll 4
    for (uint32_t c = 0; c < kComponents; c++) {
      Vector::store(products + c * 2 * kLanes, outRe[c]);
      Vector::store(products + c * 2 * kLanes + kLanes, outIm[c]);
    }
  }

  static POLYTORUS_INLINE void addProducts(const double* products, uint32_t* accumulator) {
    alignas(64) typename F::Polynomial x;
    for (uint32_t c = 0; c < kComponents; c++) {
      F::startInverse(products + c * 2 * kLanes, kProductRow, x);
      uint32_t* to = accumulator + c * kN;
      F::finishInverse(x, [&](uint32_t at, D values) {
        Vector::storeWords(to + at, Vector::loadWords(to + at) + Vector::roundToWords(values));
      });
    }
  }

  static void run(uint32_t bits, const double* key, uint32_t gates, const uint16_t* rotations, uint32_t* accumulators,
                  double* scratch) {
    constexpr size_t digitDoubles = F::kRows * kDigitRow, productDoubles = F::kRows * kProductRow;
    double* digits = scratch;
    double* products = scratch + gates * digitDoubles;
    for (uint32_t first = 0; first < bits; first += Block) {
      const double* block = key + (first / Block) * F::kRows * kBlockRow;
      for (uint32_t g = 0; g < gates; g++) transformDigits(accumulators + g * kComponents * kN, digits + g * digitDoubles);
      for (uint32_t f = 0; f < F::kRows; f++) {
        const double* row = block + f * kBlockRow;
        for (uint32_t g = 0; g < gates; g++) {
          // A later row, a share each gate: it comes from beyond the cache, and the next block's rows follow the last.
          const double* ahead = row + kRowsAhead * kBlockRow;
          for (size_t at = g * kCacheLine; at < kBlockRow; at += gates * kCacheLine) __builtin_prefetch(ahead + at, 0, 2);
          multiplyRow(f, row, digits + g * digitDoubles + f * kDigitRow, rotations + g * bits + first,
                      products + g * productDoubles + f * kProductRow);
        }
      }
      for (uint32_t g = 0; g < gates; g++) addProducts(products + g * productDoubles, accumulators + g * kComponents * kN);
    }
  }

  /** Distance from integers of the first block's products: the margin that "same bytes" rests on. */
  static double roundingError(const double* key, const uint16_t* rotations, const uint32_t* accumulator, double* scratch) {
    double* products = scratch + F::kRows * kDigitRow;
    transformDigits(accumulator, scratch);
    for (uint32_t f = 0; f < F::kRows; f++) {
      multiplyRow(f, key + f * kBlockRow, scratch + f * kDigitRow, rotations, products + f * kProductRow);
    }
    alignas(64) typename F::Polynomial x;
    double largest = 0;
    for (uint32_t c = 0; c < kComponents; c++) {
      F::startInverse(products + c * 2 * kLanes, kProductRow, x);
      F::finishInverse(x, [&](uint32_t, D values) {
        for (uint32_t lane = 0; lane < kLanes; lane++) {
          const double off = std::fabs(values[lane] - std::nearbyint(values[lane]));
          if (off > largest) largest = off;
        }
      });
    }
    return largest;
  }
};

/** Picks the compiled shape of a parameter set. */
template <class Vector, class Act>
POLYTORUS_INLINE auto withShape(const ParameterSet& set, Act act) {
  return set.id == 1 ? act(BlindRotation<Vector, 2, 3, 5, 3>()) : act(BlindRotation<Vector, 3, 2, 10, 1>());
}

template <class Vector>
struct KernelOf {
  static size_t scratchDoubles(const ParameterSet& set, uint32_t gates) {
    return withShape<Vector>(set, [&](auto shape) { return size_t(gates) * decltype(shape)::kGateDoubles; });
  }
  static void expandBit(const ParameterSet& set, uint32_t index, const uint32_t* rows, double* key) {
    withShape<Vector>(set, [&](auto shape) { decltype(shape)::expandBit(index, rows, key); });
  }
  static void blindRotate(const ParameterSet& set, const double* key, uint32_t gates, const uint16_t* rotations,
                          uint32_t* accumulators, double* scratch) {
    withShape<Vector>(set, [&](auto shape) { decltype(shape)::run(set.n, key, gates, rotations, accumulators, scratch); });
  }
  static void sumRows(const SwitchTile& tile) {
    const uint32_t* row = tile.rows;
    const int8_t* digits = tile.digits;
    for (size_t r = 0; r < tile.rowCount; r++, row += tile.stride, digits += tile.gates) {
      for (size_t at = 0; at < kTileWords; at += 16) __builtin_prefetch(row + 4 * tile.stride + at);
      for (size_t g = 0; g < tile.gates; g++) {
        const int digit = digits[g];
        if (digit == 0) continue;
        uint32_t* sum = tile.sums + (g * tile.multiples + size_t(digit < 0 ? -digit : digit) - 1) * kTileWords;
        if (digit < 0) {
          for (size_t i = 0; i < kTileWords; i++) sum[i] -= row[i];
        } else {
          for (size_t i = 0; i < kTileWords; i++) sum[i] += row[i];
        }
      }
    }
  }
  static double roundingError(const ParameterSet& set, const double* key, const uint16_t* rotations, const uint32_t* accumulator,
                              double* scratch) {
    return withShape<Vector>(
        set, [&](auto shape) { return decltype(shape)::roundingError(key, rotations, accumulator, scratch); });
  }
  static constexpr Kernel make(const char* name) {
    return {name, scratchDoubles, expandBit, blindRotate, sumRows, roundingError};
  }
};

}  // namespace
}  // namespace polytorus::tfhe
