#include "random.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <system_error>

#if defined(__linux__)
#include <sys/random.h>
#else
#include <stdlib.h>
#endif

namespace polytorus::tfhe {

void fillFromKernel(void* out, size_t bytes) {
#if defined(__linux__)
  auto* at = static_cast<uint8_t*>(out);
  while (bytes > 0) {
    const ssize_t got = getrandom(at, bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw std::system_error(errno, std::generic_category(), "getrandom");
    at += got;
    bytes -= size_t(got);
  }
#else
  arc4random_buf(out, bytes);
#endif
}

void wipe(void* bytes, size_t count) {
  std::memset(bytes, 0, count);
  __asm__ __volatile__("" : : "r"(bytes) : "memory");
}

ChaCha20::ChaCha20(const uint8_t seed[32], uint32_t domain, uint64_t index) {
  state_[0] = 0x61707865, state_[1] = 0x3320646e, state_[2] = 0x79622d32, state_[3] = 0x6b206574;
  for (int i = 0; i < 8; i++) {
    state_[4 + i] = uint32_t(seed[4 * i]) | uint32_t(seed[4 * i + 1]) << 8 | uint32_t(seed[4 * i + 2]) << 16 |
                    uint32_t(seed[4 * i + 3]) << 24;
  }
  state_[12] = 0;
  state_[13] = domain;
  state_[14] = uint32_t(index);
  state_[15] = uint32_t(index >> 32);
}

namespace {

/** Four blocks side by side. */
typedef uint32_t Lanes __attribute__((vector_size(16)));

Lanes rotateLeft(Lanes x, int n) { return (x << n) | (x >> (32 - n)); }

void quarterRound(Lanes& a, Lanes& b, Lanes& c, Lanes& d) {
  a += b, d ^= a, d = rotateLeft(d, 16);
  c += d, b ^= c, b = rotateLeft(b, 12);
  a += b, d ^= a, d = rotateLeft(d, 8);
  c += d, b ^= c, b = rotateLeft(b, 7);
}

}  // namespace

void ChaCha20::refill() {
  Lanes initial[kWords], x[kWords];
  for (size_t i = 0; i < kWords; i++) initial[i] = Lanes{state_[i], state_[i], state_[i], state_[i]};
  initial[12] += Lanes{0, 1, 2, 3};
  for (size_t i = 0; i < kWords; i++) x[i] = initial[i];
  for (int round = 0; round < 20; round += 2) {
    quarterRound(x[0], x[4], x[8], x[12]), quarterRound(x[1], x[5], x[9], x[13]);
    quarterRound(x[2], x[6], x[10], x[14]), quarterRound(x[3], x[7], x[11], x[15]);
    quarterRound(x[0], x[5], x[10], x[15]), quarterRound(x[1], x[6], x[11], x[12]);
    quarterRound(x[2], x[7], x[8], x[13]), quarterRound(x[3], x[4], x[9], x[14]);
  }
  for (size_t i = 0; i < kWords; i++) {
    x[i] += initial[i];
    for (size_t block = 0; block < kBufferBlocks; block++) buffer_[block * kWords + i] = x[i][block];
  }
  state_[12] += kBufferBlocks;
  used_ = 0;
}

void ChaCha20::words(uint32_t* out, size_t count) {
  while (count > 0) {
    if (used_ == kWords * kBufferBlocks) refill();
    const size_t take = count < kWords * kBufferBlocks - used_ ? count : kWords * kBufferBlocks - used_;
    std::memcpy(out, buffer_ + used_, 4 * take);
    used_ += take, out += take, count -= take;
  }
}

uint64_t ChaCha20::next64() {
  uint32_t pair[2];
  words(pair, 2);
  return pair[0] | uint64_t(pair[1]) << 32;
}

Gaussian::Gaussian(double sigma) {
  while (sigma > kTableSigmaMax) {
    const double multiplier = std::floor(std::sqrt(sigma / 1.2));
    multipliers_.push_back(int64_t(multiplier));
    sigma /= std::sqrt(1 + multiplier * multiplier);
  }
  // Beyond 9.3 sigma less than 2^-63 is left.
  const int last = int(std::ceil(9.3 * sigma));
  std::vector<long double> mass(size_t(last) + 1);
  long double total = 0;
  for (int x = last; x >= 0; x--) {  // Smallest first: the sum loses nothing.
    mass[size_t(x)] = (x == 0 ? 1 : 2) * std::exp(-(long double)(x) * x / (2 * (long double)(sigma) * sigma));
    total += mass[size_t(x)];
  }
  long double sum = 0;
  for (int x = 0; x < last; x++) {
    sum += mass[size_t(x)];
    const long double scaled = std::floor(std::ldexp(sum / total, 63));
    table_.push_back(scaled < 0x1p63L ? int64_t(scaled) : INT64_MAX);
  }
}

int64_t Gaussian::draw(ChaCha20& stream) const { return draw(stream, 0); }

int64_t Gaussian::draw(ChaCha20& stream, size_t depth) const {
  if (depth < multipliers_.size()) {
    const int64_t wide = draw(stream, depth + 1);
    return multipliers_[depth] * wide + draw(stream, depth + 1);
  }
  const uint64_t random = stream.next64();
  const int64_t u = int64_t(random >> 1);
  int64_t magnitude = 0;
  // One more for every entry that u reached: table - 1 - u is negative then.
  for (const int64_t entry : table_) magnitude += int64_t(uint64_t(entry - 1 - u) >> 63);
  const int64_t sign = -int64_t(random & 1);
  return (magnitude ^ sign) - sign;
}

}  // namespace polytorus::tfhe
