/**
 * The negacyclic Fourier transform over vectors of `Vector::kLanes` doubles. Included by one source file for each
 * instruction set, after its pragma, so everything here has internal linkage.
 *
 * A polynomial p over X^N + 1 becomes M = N/2 complex numbers p[i] + i·p[i + M], that is p modulo X^M - i, which is split
 * down to M points: X^m - w² into X^(m/2) - w and X^(m/2) + w, one multiplication by w a butterfly. Rows of lanes are split
 * against rows by radix 4 (the passes) until blocks of lanes² points are left; each is split by rows, transposed, and
 * split by rows again (the tail), and stays transposed: products do not care about order.
 */
#pragma once

#include <cmath>
#include <cstring>

#include "kernel.h"

namespace polytorus::tfhe {
namespace {

constexpr uint32_t kN = kRingDegree;
constexpr uint32_t kM = kN / 2;

#define POLYTORUS_INLINE __attribute__((always_inline)) inline

constexpr uint32_t log2Of(uint32_t x) { return x <= 1 ? 0 : 1 + log2Of(x / 2); }

/** The exponent e of node `path` at `depth` of the tree: X^(M >> depth) - psi^e, psi = exp(pi·i/N). */
uint32_t exponentOf(uint32_t depth, uint32_t path) {
  uint32_t e = kM;
  for (uint32_t level = depth; level-- > 0;) e = e / 2 + ((path >> level) & 1 ? kN : 0);
  return e % (2 * kN);
}

struct Complex {
  double re, im;
};

Complex rootOf(uint32_t exponent) {
  const double angle = std::acos(-1.0) * double(exponent % (2 * kN)) / kN;
  return {std::cos(angle), std::sin(angle)};
}

/** An integer below 2^52, or'ed into these bits, is the double 2^52 + integer. */
constexpr double kTwo52 = 0x1p52, kTwo31 = 0x1p31;
constexpr uint64_t kTwo52Bits = 0x4330000000000000;

template <class Vector>
struct Fourier {
  using D = typename Vector::D;
  using I = typename Vector::I;
  using Q = typename Vector::Q;
  static constexpr uint32_t kLanes = Vector::kLanes;
  static constexpr uint32_t kRows = kM / kLanes;
  static constexpr uint32_t kGroups = kM / (kLanes * kLanes);
  static constexpr uint32_t kPasses = log2Of(kGroups) / 2;
  /** Complex twiddles that the tail of one group keeps: an odd block's is i times its neighbour's. */
  static constexpr uint32_t kTailTwiddles = kLanes / 2;
  /** Lane vectors of a rotation repeat after so many steps. */
  static constexpr uint32_t kLanePeriod = 2 * kN / (4 * kGroups);

  struct alignas(64) Tables {
    /** For each pass and block: w of the block, w of its first half. */
    Complex passes[kPasses][kGroups][2];
    Complex tailRows[kGroups][kTailTwiddles];
    double tailLanes[kGroups][kTailTwiddles][2][kLanes];
    Complex roots[2 * kN];
    double laneRoots[kLanePeriod][2][kLanes];
    /** Exponent of the point in lane 0 of row f. */
    uint32_t rowExponents[kRows];

    Tables() {
      for (uint32_t pass = 0; pass < kPasses; pass++) {
        for (uint32_t block = 0; block < 1u << 2 * pass; block++) {
          passes[pass][block][0] = rootOf(exponentOf(2 * pass, block) / 2);
          passes[pass][block][1] = rootOf(exponentOf(2 * pass + 1, 2 * block) / 2);
        }
      }
      constexpr uint32_t groupDepth = log2Of(kGroups), laneDepth = log2Of(kLanes);
      for (uint32_t group = 0; group < kGroups; group++) {
        uint32_t next = 0;
        for (uint32_t level = 0; level < laneDepth; level++) {
          for (uint32_t block = 0; block < 1u << level; block += 2, next++) {
            tailRows[group][next] = rootOf(exponentOf(groupDepth + level, (group << level) + block) / 2);
            for (uint32_t lane = 0; lane < kLanes; lane++) {
              const uint32_t row = group * kLanes + lane;
              const Complex w = rootOf(exponentOf(groupDepth + laneDepth + level, (row << level) + block) / 2);
              tailLanes[group][next][0][lane] = w.re;
              tailLanes[group][next][1][lane] = w.im;
            }
          }
        }
        constexpr uint32_t depth = log2Of(kM);
        for (uint32_t t = 0; t < kLanes; t++) rowExponents[group * kLanes + t] = exponentOf(depth, group * kLanes * kLanes + t);
        for (uint32_t step = 0; group == 0 && step < kLanePeriod; step++) {
          for (uint32_t lane = 0; lane < kLanes; lane++) {
            const uint32_t apart = exponentOf(depth, lane * kLanes) + 2 * kN - exponentOf(depth, 0);
            const Complex w = rootOf(step * (apart % (2 * kN)));
            laneRoots[step][0][lane] = w.re;
            laneRoots[step][1][lane] = w.im;
          }
        }
      }
      for (uint32_t e = 0; e < 2 * kN; e++) roots[e] = rootOf(e);
    }
  };

  static const Tables& tables() {
    static const Tables instance;
    return instance;
  }

  /** a, b become a + w·b, a - w·b. */
  static POLYTORUS_INLINE void split(D& aRe, D& aIm, D& bRe, D& bIm, D wRe, D wIm) {
    const D uRe = Vector::subtractProduct(Vector::addProduct(aRe, wRe, bRe), wIm, bIm);
    const D uIm = Vector::addProduct(Vector::addProduct(aIm, wRe, bIm), wIm, bRe);
    bRe = Vector::twiceMinus(aRe, uRe);
    bIm = Vector::twiceMinus(aIm, uIm);
    aRe = uRe;
    aIm = uIm;
  }

  /** The inverse of split, times 2: a, b become a + b, (a - b)·conj(w). */
  static POLYTORUS_INLINE void join(D& aRe, D& aIm, D& bRe, D& bIm, D wRe, D wIm) {
    const D dRe = aRe - bRe, dIm = aIm - bIm;
    aRe += bRe;
    aIm += bIm;
    bRe = Vector::addProduct(dRe * wRe, dIm, wIm);
    bIm = Vector::subtractProduct(dIm * wRe, dRe, wIm);
  }

  /** Kept twiddles of the level whose butterflies are `half` rows apart: an odd block's is i times its even neighbour's. */
  static constexpr uint32_t keptOf(uint32_t half) { return kLanes >= 4 * half ? kLanes / (4 * half) : 1; }
  static_assert(kLanes <= 8, "a level keeps at most two twiddles");

  /** Splits kLanes vectors against one another, level by level; `twiddle(next, re, im)` gives the kept ones in order. */
  template <uint32_t Half, class Twiddle>
  static POLYTORUS_INLINE void splitPair(D (&re)[kLanes], D (&im)[kLanes], uint32_t even, uint32_t kept, Twiddle twiddle) {
    D wRe, wIm;
    twiddle(kept, wRe, wIm);
#pragma GCC unroll 4
    for (uint32_t i = even; i < even + Half; i++) split(re[i], im[i], re[i + Half], im[i + Half], wRe, wIm);
    if constexpr (2 * Half < kLanes) {
      const uint32_t odd = even + 2 * Half;
#pragma GCC unroll 4
      for (uint32_t i = odd; i < odd + Half; i++) split(re[i], im[i], re[i + Half], im[i + Half], -wIm, wRe);
    }
  }

  template <uint32_t Half = kLanes / 2, uint32_t First = 0, class Twiddle>
  static POLYTORUS_INLINE void splitRows(D (&re)[kLanes], D (&im)[kLanes], Twiddle twiddle) {
    splitPair<Half>(re, im, 0, First, twiddle);
    if constexpr (keptOf(Half) == 2) splitPair<Half>(re, im, 4 * Half, First + 1, twiddle);
    if constexpr (Half > 1) splitRows<Half / 2, First + keptOf(Half)>(re, im, twiddle);
  }

  template <uint32_t Half, class Twiddle>
  static POLYTORUS_INLINE void joinPair(D (&re)[kLanes], D (&im)[kLanes], uint32_t even, uint32_t kept, Twiddle twiddle) {
    D wRe, wIm;
    twiddle(kept, wRe, wIm);
#pragma GCC unroll 4
    for (uint32_t i = even; i < even + Half; i++) join(re[i], im[i], re[i + Half], im[i + Half], wRe, wIm);
    if constexpr (2 * Half < kLanes) {
      const uint32_t odd = even + 2 * Half;
#pragma GCC unroll 4
      for (uint32_t i = odd; i < odd + Half; i++) join(re[i], im[i], re[i + Half], im[i + Half], -wIm, wRe);
    }
  }

  template <uint32_t Half = kLanes / 2, uint32_t First = 0, class Twiddle>
  static POLYTORUS_INLINE void joinRows(D (&re)[kLanes], D (&im)[kLanes], Twiddle twiddle) {
    if constexpr (Half > 1) joinRows<Half / 2, First + keptOf(Half)>(re, im, twiddle);
    joinPair<Half>(re, im, 0, First, twiddle);
    if constexpr (keptOf(Half) == 2) joinPair<Half>(re, im, 4 * Half, First + 1, twiddle);
  }

  /** One radix-4 butterfly of `pass`. */
  static POLYTORUS_INLINE void splitFour(D (&re)[4], D (&im)[4], const Complex (&w)[2]) {
    const D aRe = Vector::broadcast(w[0].re), aIm = Vector::broadcast(w[0].im);
    const D bRe = Vector::broadcast(w[1].re), bIm = Vector::broadcast(w[1].im);
    split(re[0], im[0], re[2], im[2], aRe, aIm);
    split(re[1], im[1], re[3], im[3], aRe, aIm);
    split(re[0], im[0], re[1], im[1], bRe, bIm);
    split(re[2], im[2], re[3], im[3], -bIm, bRe);
  }

  static POLYTORUS_INLINE void joinFour(D (&re)[4], D (&im)[4], const Complex (&w)[2]) {
    const D aRe = Vector::broadcast(w[0].re), aIm = Vector::broadcast(w[0].im);
    const D bRe = Vector::broadcast(w[1].re), bIm = Vector::broadcast(w[1].im);
    join(re[0], im[0], re[1], im[1], bRe, bIm);
    join(re[2], im[2], re[3], im[3], -bIm, bRe);
    join(re[0], im[0], re[2], im[2], aRe, aIm);
    join(re[1], im[1], re[3], im[3], aRe, aIm);
  }

  /** Rows interleaved: row f has its real lanes, then its imaginary ones. */
  using Polynomial = double[kRows][2][kLanes];

  /** The passes after the first, and the tail; row f goes to out + f·stride. */
  static POLYTORUS_INLINE void finishForward(Polynomial& x, double* out, size_t stride) {
    const Tables& table = tables();
    for (uint32_t pass = 1; pass < kPasses; pass++) {
      const uint32_t quarter = kRows >> (2 * pass + 2);
      for (uint32_t block = 0; block < 1u << 2 * pass; block++) {
        for (uint32_t i = 0; i < quarter; i++) {
          D re[4], im[4];
          for (uint32_t q = 0; q < 4; q++) loadRow(x, block * 4 * quarter + q * quarter + i, re[q], im[q]);
          splitFour(re, im, table.passes[pass][block]);
          for (uint32_t q = 0; q < 4; q++) storeRow(x, block * 4 * quarter + q * quarter + i, re[q], im[q]);
        }
      }
    }
    for (uint32_t group = 0; group < kGroups; group++) {
      D re[kLanes], im[kLanes];
#pragma GCC unroll 8
      for (uint32_t i = 0; i < kLanes; i++) loadRow(x, group * kLanes + i, re[i], im[i]);
      splitRows(re, im, [&](uint32_t next, D& wRe, D& wIm) {
        wRe = Vector::broadcast(table.tailRows[group][next].re);
        wIm = Vector::broadcast(table.tailRows[group][next].im);
      });
      Vector::transpose(re);
      Vector::transpose(im);
      splitRows(re, im, [&](uint32_t next, D& wRe, D& wIm) {
        wRe = Vector::load(table.tailLanes[group][next][0]);
        wIm = Vector::load(table.tailLanes[group][next][1]);
      });
#pragma GCC unroll 8
      for (uint32_t i = 0; i < kLanes; i++) {
        Vector::store(out + (group * kLanes + i) * stride, re[i]);
        Vector::store(out + (group * kLanes + i) * stride + kLanes, im[i]);
      }
    }
  }

  /** The reverse of finishForward: row f comes from in + f·stride. */
  static POLYTORUS_INLINE void startInverse(const double* in, size_t stride, Polynomial& x) {
    const Tables& table = tables();
    for (uint32_t group = 0; group < kGroups; group++) {
      D re[kLanes], im[kLanes];
#pragma GCC unroll 8
      for (uint32_t i = 0; i < kLanes; i++) {
        re[i] = Vector::load(in + (group * kLanes + i) * stride);
        im[i] = Vector::load(in + (group * kLanes + i) * stride + kLanes);
      }
      joinRows(re, im, [&](uint32_t next, D& wRe, D& wIm) {
        wRe = Vector::load(table.tailLanes[group][next][0]);
        wIm = Vector::load(table.tailLanes[group][next][1]);
      });
      Vector::transpose(re);
      Vector::transpose(im);
      joinRows(re, im, [&](uint32_t next, D& wRe, D& wIm) {
        wRe = Vector::broadcast(table.tailRows[group][next].re);
        wIm = Vector::broadcast(table.tailRows[group][next].im);
      });
#pragma GCC unroll 8
      for (uint32_t i = 0; i < kLanes; i++) storeRow(x, group * kLanes + i, re[i], im[i]);
    }
    for (uint32_t pass = kPasses; pass-- > 1;) {
      const uint32_t quarter = kRows >> (2 * pass + 2);
      for (uint32_t block = 0; block < 1u << 2 * pass; block++) {
        for (uint32_t i = 0; i < quarter; i++) {
          D re[4], im[4];
          for (uint32_t q = 0; q < 4; q++) loadRow(x, block * 4 * quarter + q * quarter + i, re[q], im[q]);
          joinFour(re, im, table.passes[pass][block]);
          for (uint32_t q = 0; q < 4; q++) storeRow(x, block * 4 * quarter + q * quarter + i, re[q], im[q]);
        }
      }
    }
  }

  /** First pass of polynomials: `digit(level, widen(words))` makes doubles of their coefficients; one load for all levels. */
  template <uint32_t Levels, class Widen, class Digit>
  static POLYTORUS_INLINE void startForward(const uint32_t* words, Polynomial (&x)[Levels], Widen widen, Digit digit) {
    const Complex(&w)[2] = tables().passes[0][0];
    constexpr uint32_t quarter = kRows / 4;
    for (uint32_t i = 0; i < quarter; i++) {
      Q low[4], high[4];
#pragma GCC unroll 4
      for (uint32_t q = 0; q < 4; q++) {
        low[q] = widen(Vector::loadWords(words + (q * quarter + i) * kLanes));
        high[q] = widen(Vector::loadWords(words + kM + (q * quarter + i) * kLanes));
      }
#pragma GCC unroll 4
      for (uint32_t level = 0; level < Levels; level++) {
        D re[4], im[4];
#pragma GCC unroll 4
        for (uint32_t q = 0; q < 4; q++) re[q] = digit(level, low[q]), im[q] = digit(level, high[q]);
        splitFour(re, im, w);
#pragma GCC unroll 4
        for (uint32_t q = 0; q < 4; q++) storeRow(x[level], q * quarter + i, re[q], im[q]);
      }
    }
  }

  /** Last pass of the inverse; `take(offset of the lanes' first coefficient, doubles)` gets every coefficient. */
  template <class Take>
  static POLYTORUS_INLINE void finishInverse(const Polynomial& x, Take take) {
    const Complex(&w)[2] = tables().passes[0][0];
    constexpr uint32_t quarter = kRows / 4;
    for (uint32_t i = 0; i < quarter; i++) {
      D re[4], im[4];
#pragma GCC unroll 4
      for (uint32_t q = 0; q < 4; q++) loadRow(x, q * quarter + i, re[q], im[q]);
      joinFour(re, im, w);
#pragma GCC unroll 4
      for (uint32_t q = 0; q < 4; q++) {
        take((q * quarter + i) * kLanes, re[q]);
        take(kM + (q * quarter + i) * kLanes, im[q]);
      }
    }
  }

  static POLYTORUS_INLINE void loadRow(const Polynomial& x, uint32_t row, D& re, D& im) {
    re = Vector::load(x[row][0]);
    im = Vector::load(x[row][1]);
  }
  static POLYTORUS_INLINE void storeRow(Polynomial& x, uint32_t row, D re, D im) {
    Vector::store(x[row][0], re);
    Vector::store(x[row][1], im);
  }
};

}  // namespace
}  // namespace polytorus::tfhe
