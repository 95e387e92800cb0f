/** Eight lanes: AVX-512 F, DQ, BW and VL, as every processor with AVX-512 since Skylake-SP has. */
#include <cmath>
#include <cstring>

#include "kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prefer-vector-width=512")
#include "blind_rotation.h"

namespace polytorus::tfhe {
namespace {

struct Avx512Vector {
  static constexpr uint32_t kLanes = 8;
  typedef double D __attribute__((vector_size(64)));
  typedef uint32_t I __attribute__((vector_size(32)));
  typedef uint64_t Q __attribute__((vector_size(64)));

  static POLYTORUS_INLINE D load(const double* p) { return D(_mm512_load_pd(p)); }
  static POLYTORUS_INLINE void store(double* p, D x) { _mm512_store_pd(p, __m512d(x)); }
  static POLYTORUS_INLINE I loadWords(const uint32_t* p) { return I(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static POLYTORUS_INLINE void storeWords(uint32_t* p, I x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), __m256i(x)); }
  static POLYTORUS_INLINE D broadcast(double x) { return D(_mm512_set1_pd(x)); }
  static POLYTORUS_INLINE Q widen(I x) { return Q(_mm512_maskz_cvtepu32_epi64(0xff, __m256i(x))); }
  /** Adding 1.5·2^52 leaves the integer in the low bits of the significand. */
  static POLYTORUS_INLINE I roundToWords(D x) { return __builtin_convertvector(Q(x + 0x1.8p52), I); }
  /** c + a·b, c - a·b, 2c - u. */
  static POLYTORUS_INLINE D addProduct(D c, D a, D b) { return D(_mm512_fmadd_pd(__m512d(a), __m512d(b), __m512d(c))); }
  static POLYTORUS_INLINE D subtractProduct(D c, D a, D b) { return D(_mm512_fnmadd_pd(__m512d(a), __m512d(b), __m512d(c))); }
  static POLYTORUS_INLINE D twiceMinus(D c, D u) { return D(_mm512_fmsub_pd(_mm512_set1_pd(2), __m512d(c), __m512d(u))); }

  static POLYTORUS_INLINE void transpose(D (&x)[8]) {
    D pairs[8], fours[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
      pairs[i] = __builtin_shufflevector(x[i], x[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
      pairs[i + 1] = __builtin_shufflevector(x[i], x[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    // fours[4h + 2e + o]: rows 4h to 4h + 3 of the columns o + 2e and o + 2e + 4.
#pragma GCC unroll 2
    for (int h = 0; h < 8; h += 4) {
#pragma GCC unroll 2
      for (int o = 0; o < 2; o++) {
        fours[h + o] = evenPairs(pairs[h + o], pairs[h + 2 + o]);
        fours[h + 2 + o] = oddPairs(pairs[h + o], pairs[h + 2 + o]);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      x[i] = evenPairs(fours[i], fours[4 + i]);
      x[i + 4] = oddPairs(fours[i], fours[4 + i]);
    }
  }
  static POLYTORUS_INLINE D evenPairs(D a, D b) { return __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13); }
  static POLYTORUS_INLINE D oddPairs(D a, D b) { return __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15); }
};

constexpr Kernel kKernel = KernelOf<Avx512Vector>::make("avx512");

}  // namespace

#pragma GCC pop_options

const Kernel* avx512Kernel() {
  const bool runs = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
  return runs ? &kKernel : nullptr;
}

}  // namespace polytorus::tfhe

#else

namespace polytorus::tfhe {
const Kernel* avx512Kernel() { return nullptr; }
}  // namespace polytorus::tfhe

#endif
