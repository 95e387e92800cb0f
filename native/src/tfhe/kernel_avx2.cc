/** Four lanes: AVX2 and FMA. */
#include <cmath>
#include <cstring>

#include "kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx2,fma")
#include "blind_rotation.h"

namespace polytorus::tfhe {
namespace {

struct Avx2Vector {
  static constexpr uint32_t kLanes = 4;
  typedef double D __attribute__((vector_size(32)));
  typedef uint32_t I __attribute__((vector_size(16)));
  typedef uint64_t Q __attribute__((vector_size(32)));

  static POLYTORUS_INLINE D load(const double* p) { return D(_mm256_load_pd(p)); }
  static POLYTORUS_INLINE void store(double* p, D x) { _mm256_store_pd(p, __m256d(x)); }
  static POLYTORUS_INLINE I loadWords(const uint32_t* p) { return I(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static POLYTORUS_INLINE void storeWords(uint32_t* p, I x) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), __m128i(x)); }
  static POLYTORUS_INLINE D broadcast(double x) { return D(_mm256_set1_pd(x)); }
  static POLYTORUS_INLINE Q widen(I x) { return Q(_mm256_cvtepu32_epi64(__m128i(x))); }
  /** Adding 1.5·2^52 leaves the integer in the low bits of the significand. */
  static POLYTORUS_INLINE I roundToWords(D x) {
    const __m256i bits = _mm256_castpd_si256(_mm256_add_pd(__m256d(x), _mm256_set1_pd(0x1.8p52)));
    const __m256i low = _mm256_permutevar8x32_epi32(bits, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
    return I(_mm256_castsi256_si128(low));
  }
  /** c + a·b, c - a·b, 2c - u. */
  static POLYTORUS_INLINE D addProduct(D c, D a, D b) { return D(_mm256_fmadd_pd(__m256d(a), __m256d(b), __m256d(c))); }
  static POLYTORUS_INLINE D subtractProduct(D c, D a, D b) { return D(_mm256_fnmadd_pd(__m256d(a), __m256d(b), __m256d(c))); }
  static POLYTORUS_INLINE D twiceMinus(D c, D u) { return D(_mm256_fmsub_pd(_mm256_set1_pd(2), __m256d(c), __m256d(u))); }

  static POLYTORUS_INLINE void transpose(D (&x)[4]) {
    const __m256d a = _mm256_unpacklo_pd(__m256d(x[0]), __m256d(x[1])), b = _mm256_unpackhi_pd(__m256d(x[0]), __m256d(x[1]));
    const __m256d c = _mm256_unpacklo_pd(__m256d(x[2]), __m256d(x[3])), d = _mm256_unpackhi_pd(__m256d(x[2]), __m256d(x[3]));
    x[0] = D(_mm256_permute2f128_pd(a, c, 0x20));
    x[1] = D(_mm256_permute2f128_pd(b, d, 0x20));
    x[2] = D(_mm256_permute2f128_pd(a, c, 0x31));
    x[3] = D(_mm256_permute2f128_pd(b, d, 0x31));
  }
};

constexpr Kernel kKernel = KernelOf<Avx2Vector>::make("avx2");

}  // namespace

#pragma GCC pop_options

const Kernel* avx2Kernel() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kKernel : nullptr; }

}  // namespace polytorus::tfhe

#else

namespace polytorus::tfhe {
const Kernel* avx2Kernel() { return nullptr; }
}  // namespace polytorus::tfhe

#endif
