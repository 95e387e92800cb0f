/**
 * SHA-256 of sixteen messages at a time, one in each 32-bit lane of the AVX-512 registers. Every instruction works on all
 * lanes and no round waits long for another, so that a hash costs about two thirds of what it does with the SHA extensions;
 * only groups too small to fill the lanes are left to those.
 */
#include "sha256.h"

#if defined(__x86_64__)

// GCC 12's own header initialises an undefined register by itself, which its warnings then report (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <utility>

#include "sha256_constants.h"

#define POLYTORUS_AVX512 __attribute__((target("avx512f,avx512bw")))
#define POLYTORUS_AVX512_INLINE __attribute__((target("avx512f,avx512bw"), always_inline)) inline

namespace polytorus {
namespace {

constexpr size_t kWideLanes = 16;
static_assert(kWideLanes == kLanesMax, "a full batch fills the lanes");
/** Below this many messages the SHA extensions are done sooner. */
constexpr size_t kWideMin = 9;

/** Truth tables for `vpternlogd`. */
constexpr int kXor3 = 0x96;
constexpr int kChoose = 0xca;
constexpr int kMajority = 0xe8;

POLYTORUS_AVX512_INLINE __m512i add(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }

template <int A, int B, int C>
POLYTORUS_AVX512_INLINE __m512i rotations(__m512i x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, A), _mm512_ror_epi32(x, B), _mm512_ror_epi32(x, C), kXor3);
}

template <int A, int B, int Shift>
POLYTORUS_AVX512_INLINE __m512i rotationsAndShift(__m512i x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, A), _mm512_ror_epi32(x, B), _mm512_srli_epi32(x, Shift), kXor3);
}

/** Words a to h of a state: they turn by one place a round instead of being moved. */
template <int Round>
POLYTORUS_AVX512_INLINE void oneRound(__m512i (&s)[8], __m512i word, uint32_t constant) {
  __m512i& d = s[(3 - Round) & 7];
  __m512i& h = s[(7 - Round) & 7];
  const __m512i a = s[(0 - Round) & 7], b = s[(1 - Round) & 7], c = s[(2 - Round) & 7];
  const __m512i e = s[(4 - Round) & 7], f = s[(5 - Round) & 7], g = s[(6 - Round) & 7];
  const __m512i choice = _mm512_ternarylogic_epi32(e, f, g, kChoose);
  const __m512i majority = _mm512_ternarylogic_epi32(a, b, c, kMajority);
  const __m512i wk = add(word, _mm512_set1_epi32(int(constant)));
  const __m512i t1 = add(add(h, rotations<6, 11, 25>(e)), add(choice, wk));
  d = add(d, t1);
  h = add(t1, add(rotations<2, 13, 22>(a), majority));
}

template <int... Rounds>
POLYTORUS_AVX512_INLINE void sixteenRounds(__m512i (&s)[8], const __m512i (&w)[16], const uint32_t* constants,
                                           std::integer_sequence<int, Rounds...>) {
  (oneRound<Rounds>(s, w[Rounds], constants[Rounds]), ...);
}

POLYTORUS_AVX512_INLINE void compressWide(__m512i (&state)[8], __m512i (&w)[16]) {
  __m512i s[8];
  for (int i = 0; i < 8; i++) s[i] = state[i];
  for (int first = 0; first < 64; first += 16) {
    if (first > 0) {
#pragma GCC unroll 16
      for (int i = 0; i < 16; i++) {
        const __m512i early = rotationsAndShift<7, 18, 3>(w[(i + 1) & 15]);
        const __m512i late = rotationsAndShift<17, 19, 10>(w[(i + 14) & 15]);
        w[i] = add(add(w[i], early), add(w[(i + 9) & 15], late));
      }
    }
    sixteenRounds(s, w, kRoundConstants + first, std::make_integer_sequence<int, 16>{});
  }
  for (int i = 0; i < 8; i++) state[i] = add(state[i], s[i]);
}

/** Rows become columns: word i of message j goes to lane j of register i, and back. */
POLYTORUS_AVX512_INLINE void transpose(__m512i (&r)[16]) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x88);
    t[4 + i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xdd);
    t[8 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x88);
    t[12 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xdd);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
    r[4 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88);
    r[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd);
    r[12 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xdd);
  }
}

POLYTORUS_AVX512_INLINE __m512i bigEndianWords(__m512i bytes) {
  return _mm512_shuffle_epi8(bytes, _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203));
}

/** One block of every message, as words across the lanes. */
POLYTORUS_AVX512_INLINE void loadBlocks(const uint8_t* const* messages, size_t offset, __m512i (&words)[16]) {
#pragma GCC unroll 16
  for (size_t lane = 0; lane < kWideLanes; lane++) words[lane] = bigEndianWords(_mm512_loadu_si512(messages[lane] + offset));
  transpose(words);
}

POLYTORUS_AVX512_INLINE void initialState(__m512i (&state)[8]) {
  for (int i = 0; i < 8; i++) state[i] = _mm512_set1_epi32(int(kInitialState[i]));
}

POLYTORUS_AVX512_INLINE void storeDigests(const __m512i (&state)[8], uint8_t* const* out) {
  __m512i rows[16];
  for (int i = 0; i < 8; i++) rows[i] = state[i], rows[8 + i] = _mm512_setzero_si512();
  transpose(rows);
#pragma GCC unroll 16
  for (size_t lane = 0; lane < kWideLanes; lane++) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out[lane]), _mm512_castsi512_si256(bigEndianWords(rows[lane])));
  }
}

POLYTORUS_AVX512 void hashPaddedWide(const uint8_t* const* messages, size_t blocks, uint8_t* const* out) {
  __m512i state[8], words[16];
  initialState(state);
  for (size_t i = 0; i < blocks; i++) {
    loadBlocks(messages, i * kBlockBytes, words);
    compressWide(state, words);
  }
  storeDigests(state, out);
}

/** The tag moves every message byte by one: each word is a body's word behind the last byte of the one before. */
POLYTORUS_AVX512 void hashTaggedWide(uint8_t tag, const uint8_t* const* bodies, uint8_t* const* out) {
  __m512i state[8], body[16], words[16];
  initialState(state);
  loadBlocks(bodies, 0, body);
  __m512i before = _mm512_set1_epi32(tag);
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) {
    words[i] = _mm512_or_si512(_mm512_slli_epi32(before, 24), _mm512_srli_epi32(body[i], 8));
    before = body[i];
  }
  compressWide(state, words);
  words[0] = _mm512_or_si512(_mm512_slli_epi32(before, 24), _mm512_set1_epi32(0x00800000));
  for (int i = 1; i < 15; i++) words[i] = _mm512_setzero_si512();
  words[15] = _mm512_set1_epi32(int(kTaggedBits));
  compressWide(state, words);
  storeDigests(state, out);
}

/** Lanes without a message repeat the first one; what comes of them goes nowhere. */
struct FullLanes {
  const uint8_t* in[kWideLanes];
  uint8_t* out[kWideLanes];
  uint8_t unused[kHashBytes];

  FullLanes(const uint8_t* const* messages, uint8_t* const* digests, size_t count) {
    for (size_t lane = 0; lane < kWideLanes; lane++) {
      in[lane] = messages[lane < count ? lane : 0];
      out[lane] = lane < count ? digests[lane] : unused;
    }
  }
};

/** For what does not fill the lanes. */
const Sha256Kernel& narrow() {
  static const Sha256Kernel& kernel = shaNiSha256() ? *shaNiSha256() : kPortableSha256;
  return kernel;
}

void compressNarrow(uint32_t state[8], const uint8_t* blocks, size_t count) { narrow().compress(state, blocks, count); }

void hashPaddedAvx512(const uint8_t* const* messages, size_t blocks, uint8_t* const* out, size_t count) {
  if (count < kWideMin) return narrow().hashPadded(messages, blocks, out, count);
  const FullLanes lanes(messages, out, count);
  hashPaddedWide(lanes.in, blocks, lanes.out);
}

void hashTaggedAvx512(uint8_t tag, const uint8_t* const* bodies, uint8_t* const* out, size_t count) {
  if (count < kWideMin) return narrow().hashTagged(tag, bodies, out, count);
  const FullLanes lanes(bodies, out, count);
  hashTaggedWide(tag, lanes.in, lanes.out);
}

constexpr Sha256Kernel kAvx512 = {"avx512", compressNarrow, hashPaddedAvx512, hashTaggedAvx512};

}  // namespace

#pragma GCC diagnostic pop

const Sha256Kernel* avx512Sha256() {
  // The compiler's runtime asks the operating system, too: it has to save the registers.
  static const bool isSupported = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
  return isSupported ? &kAvx512 : nullptr;
}

}  // namespace polytorus

#else

namespace polytorus {
const Sha256Kernel* avx512Sha256() { return nullptr; }
}  // namespace polytorus

#endif
