/**
 * SHA-256 on the x86 SHA extensions. `sha256rnds2` has a latency of about four cycles and can start every two, so one
 * message uses half of the unit at best: the lanes below are independent chains that the processor overlaps.
 */
#include "sha256.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include <utility>

#include "sha256_constants.h"

#define POLYTORUS_SHANI __attribute__((target("sha,sse4.1,ssse3")))
#define POLYTORUS_SHANI_INLINE __attribute__((target("sha,sse4.1,ssse3"), always_inline)) inline

namespace polytorus {
namespace {

/** Word order of the instructions: one register holds A, B, E, F, the other C, D, G, H. */
template <int N>
struct States {
  __m128i abef[N];
  __m128i cdgh[N];
};

template <int N>
struct Messages {
  __m128i words[N][4];
};

POLYTORUS_SHANI_INLINE __m128i bigEndianWords(__m128i bytes) {
  return _mm_shuffle_epi8(bytes, _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
}

POLYTORUS_SHANI_INLINE __m128i load(const uint8_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

/** Four rounds of one lane, and the part of the message schedule that can run beside them. */
template <int Step>
POLYTORUS_SHANI_INLINE void fourRounds(__m128i& abef, __m128i& cdgh, __m128i (&w)[4]) {
  constexpr int now = Step % 4, next = (Step + 1) % 4, last = (Step + 3) % 4;
  __m128i k = _mm_load_si128(reinterpret_cast<const __m128i*>(kRoundConstants) + Step);
  __m128i wk = _mm_add_epi32(w[now], k);
  cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
  if constexpr (Step >= 3 && Step < 15) {
    const __m128i seven = _mm_alignr_epi8(w[now], w[last], 4);
    w[next] = _mm_sha256msg2_epu32(_mm_add_epi32(w[next], seven), w[now]);
  }
  abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
  if constexpr (Step >= 1 && Step < 13) w[last] = _mm_sha256msg1_epu32(w[last], w[now]);
}

template <int N, int Step>
POLYTORUS_SHANI_INLINE void fourRoundsOfAll(States<N>& s, Messages<N>& m) {
#pragma GCC unroll 4
  for (int lane = 0; lane < N; lane++) fourRounds<Step>(s.abef[lane], s.cdgh[lane], m.words[lane]);
}

template <int N, int... Steps>
POLYTORUS_SHANI_INLINE void allRounds(States<N>& s, Messages<N>& m, std::integer_sequence<int, Steps...>) {
  (fourRoundsOfAll<N, Steps>(s, m), ...);
}

template <int N>
POLYTORUS_SHANI_INLINE void compressLanes(States<N>& s, Messages<N>& m) {
  const States<N> before = s;
  allRounds<N>(s, m, std::make_integer_sequence<int, 16>{});
#pragma GCC unroll 4
  for (int lane = 0; lane < N; lane++) {
    s.abef[lane] = _mm_add_epi32(s.abef[lane], before.abef[lane]);
    s.cdgh[lane] = _mm_add_epi32(s.cdgh[lane], before.cdgh[lane]);
  }
}

POLYTORUS_SHANI_INLINE void enter(__m128i abcd, __m128i efgh, __m128i& abef, __m128i& cdgh) {
  const __m128i badc = _mm_shuffle_epi32(abcd, 0xb1);
  const __m128i hgfe = _mm_shuffle_epi32(efgh, 0x1b);
  abef = _mm_alignr_epi8(badc, hgfe, 8);
  cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
}

POLYTORUS_SHANI_INLINE void leave(__m128i abef, __m128i cdgh, __m128i& abcd, __m128i& efgh) {
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  abcd = _mm_blend_epi16(feba, dchg, 0xf0);
  efgh = _mm_alignr_epi8(dchg, feba, 8);
}

POLYTORUS_SHANI_INLINE void initialState(__m128i& abef, __m128i& cdgh) {
  const __m128i* words = reinterpret_cast<const __m128i*>(kInitialState);
  enter(_mm_load_si128(words), _mm_load_si128(words + 1), abef, cdgh);
}

POLYTORUS_SHANI_INLINE void storeDigest(__m128i abef, __m128i cdgh, uint8_t* out) {
  __m128i abcd, efgh;
  leave(abef, cdgh, abcd, efgh);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bigEndianWords(abcd));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out) + 1, bigEndianWords(efgh));
}

POLYTORUS_SHANI void compressShaNi(uint32_t state[8], const uint8_t* blocks, size_t count) {
  __m128i* words = reinterpret_cast<__m128i*>(state);
  States<1> s;
  enter(_mm_loadu_si128(words), _mm_loadu_si128(words + 1), s.abef[0], s.cdgh[0]);
  for (size_t i = 0; i < count; i++, blocks += kBlockBytes) {
    Messages<1> m;
    for (int quad = 0; quad < 4; quad++) m.words[0][quad] = bigEndianWords(load(blocks + 16 * quad));
    compressLanes<1>(s, m);
  }
  __m128i abcd, efgh;
  leave(s.abef[0], s.cdgh[0], abcd, efgh);
  _mm_storeu_si128(words, abcd);
  _mm_storeu_si128(words + 1, efgh);
}

template <int N>
POLYTORUS_SHANI_INLINE void hashPadded(const uint8_t* const* messages, size_t blocks, uint8_t* const* out) {
  States<N> s;
  for (int lane = 0; lane < N; lane++) initialState(s.abef[lane], s.cdgh[lane]);
  for (size_t i = 0; i < blocks; i++) {
    Messages<N> m;
    for (int lane = 0; lane < N; lane++) {
      for (int quad = 0; quad < 4; quad++) {
        m.words[lane][quad] = bigEndianWords(load(messages[lane] + i * kBlockBytes + 16 * quad));
      }
    }
    compressLanes<N>(s, m);
  }
  for (int lane = 0; lane < N; lane++) storeDigest(s.abef[lane], s.cdgh[lane], out[lane]);
}

/**
 * The second block of tag || body is the body's last byte and constant padding, so it has 256 possible message schedules.
 * Kept with the round constants added (64 KiB), they save the schedule of every second block: 35 ns a hash, not 40.
 */
struct TailSchedules {
  alignas(64) uint32_t words[256][64];

  TailSchedules() {
    auto rotateRight = [](uint32_t x, int n) { return (x >> n) | (x << (32 - n)); };
    for (uint32_t lastByte = 0; lastByte < 256; lastByte++) {
      uint32_t w[64] = {lastByte << 24 | 0x00800000u};
      w[15] = kTaggedBits;
      for (int i = 16; i < 64; i++) {
        const uint32_t s0 = rotateRight(w[i - 15], 7) ^ rotateRight(w[i - 15], 18) ^ (w[i - 15] >> 3);
        const uint32_t s1 = rotateRight(w[i - 2], 17) ^ rotateRight(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
      }
      for (int i = 0; i < 64; i++) words[lastByte][i] = w[i] + kRoundConstants[i];
    }
  }
};
const TailSchedules kTails;

template <int N>
POLYTORUS_SHANI_INLINE void compressTails(States<N>& s, const uint8_t* const* bodies) {
  const States<N> before = s;
  const __m128i* schedules[N];
  for (int lane = 0; lane < N; lane++) {
    schedules[lane] = reinterpret_cast<const __m128i*>(kTails.words[bodies[lane][kBlockBytes - 1]]);
  }
#pragma GCC unroll 16
  for (int step = 0; step < 16; step++) {
#pragma GCC unroll 4
    for (int lane = 0; lane < N; lane++) {
      const __m128i words = _mm_load_si128(schedules[lane] + step);
      s.cdgh[lane] = _mm_sha256rnds2_epu32(s.cdgh[lane], s.abef[lane], words);
      s.abef[lane] = _mm_sha256rnds2_epu32(s.abef[lane], s.cdgh[lane], _mm_shuffle_epi32(words, 0x0e));
    }
  }
#pragma GCC unroll 4
  for (int lane = 0; lane < N; lane++) {
    s.abef[lane] = _mm_add_epi32(s.abef[lane], before.abef[lane]);
    s.cdgh[lane] = _mm_add_epi32(s.cdgh[lane], before.cdgh[lane]);
  }
}

/** The tag moves every message byte by one, so all but the first quad are plain loads one byte early. */
template <int N>
POLYTORUS_SHANI_INLINE void hashTagged(uint8_t tag, const uint8_t* const* bodies, uint8_t* const* out) {
  const __m128i shiftByOne = _mm_set_epi8(11, 12, 13, 14, 7, 8, 9, 10, 3, 4, 5, 6, char(0x80), 0, 1, 2);
  const __m128i tagWord = _mm_cvtsi32_si128(int(uint32_t(tag) << 24));
  States<N> s;
  Messages<N> m;
#pragma GCC unroll 4
  for (int lane = 0; lane < N; lane++) {
    const uint8_t* body = bodies[lane];
    initialState(s.abef[lane], s.cdgh[lane]);
    m.words[lane][0] = _mm_or_si128(_mm_shuffle_epi8(load(body), shiftByOne), tagWord);
    m.words[lane][1] = bigEndianWords(load(body + 15));
    m.words[lane][2] = bigEndianWords(load(body + 31));
    m.words[lane][3] = bigEndianWords(load(body + 47));
  }
  compressLanes<N>(s, m);
  compressTails<N>(s, bodies);
  for (int lane = 0; lane < N; lane++) storeDigest(s.abef[lane], s.cdgh[lane], out[lane]);
}

/** Messages that one core interleaves: two rounds in flight hide the latency, four leave room for what is beside them. */
constexpr size_t kLanes = 4;

/** Up to four of the messages that were asked for. Lanes without one repeat the first; what comes of them goes nowhere. */
struct FourLanes {
  const uint8_t* in[kLanes];
  uint8_t* out[kLanes];
  uint8_t unused[kHashBytes];

  FourLanes(const uint8_t* const* messages, uint8_t* const* digests, size_t count) {
    for (size_t lane = 0; lane < kLanes; lane++) {
      in[lane] = messages[lane < count ? lane : 0];
      out[lane] = lane < count ? digests[lane] : unused;
    }
  }
};

POLYTORUS_SHANI void hashPaddedShaNi(const uint8_t* const* messages, size_t blocks, uint8_t* const* out, size_t count) {
  for (size_t at = 0; at < count; at += kLanes) {
    const FourLanes lanes(messages + at, out + at, count - at);
    hashPadded<kLanes>(lanes.in, blocks, lanes.out);
  }
}

POLYTORUS_SHANI void hashTaggedShaNi(uint8_t tag, const uint8_t* const* bodies, uint8_t* const* out, size_t count) {
  for (size_t at = 0; at < count; at += kLanes) {
    const FourLanes lanes(bodies + at, out + at, count - at);
    hashTagged<kLanes>(tag, lanes.in, lanes.out);
  }
}

bool hasShaExtensions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3)) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  return (b & (1u << 29)) != 0;  // CPUID.(EAX=7,ECX=0):EBX bit 29 is SHA.
}

constexpr Sha256Kernel kShaNi = {"shani", compressShaNi, hashPaddedShaNi, hashTaggedShaNi};

}  // namespace

const Sha256Kernel* shaNiSha256() {
  static const bool isSupported = hasShaExtensions();
  return isSupported ? &kShaNi : nullptr;
}

}  // namespace polytorus

#else

namespace polytorus {
const Sha256Kernel* shaNiSha256() { return nullptr; }
}  // namespace polytorus

#endif
