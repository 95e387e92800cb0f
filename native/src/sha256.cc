#include "sha256.h"

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "sha256_constants.h"

namespace polytorus {
namespace {

uint32_t rotateRight(uint32_t x, int n) { return (x >> n) | (x << (32 - n)); }

uint32_t loadBigEndian(const uint8_t* p) {
  return uint32_t(p[0]) << 24 | uint32_t(p[1]) << 16 | uint32_t(p[2]) << 8 | uint32_t(p[3]);
}

void storeBigEndian(uint8_t* p, uint32_t x) {
  p[0] = uint8_t(x >> 24);
  p[1] = uint8_t(x >> 16);
  p[2] = uint8_t(x >> 8);
  p[3] = uint8_t(x);
}

void storeState(const uint32_t state[8], uint8_t* out) {
  for (int i = 0; i < 8; i++) storeBigEndian(out + 4 * i, state[i]);
}

void compressBlock(uint32_t state[8], const uint8_t* block) {
  uint32_t w[64];
  for (int i = 0; i < 16; i++) w[i] = loadBigEndian(block + 4 * i);
  for (int i = 16; i < 64; i++) {
    const uint32_t s0 = rotateRight(w[i - 15], 7) ^ rotateRight(w[i - 15], 18) ^ (w[i - 15] >> 3);
    const uint32_t s1 = rotateRight(w[i - 2], 17) ^ rotateRight(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  for (int i = 0; i < 64; i++) {
    const uint32_t s1 = rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25);
    const uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + kRoundConstants[i] + w[i];
    const uint32_t s0 = rotateRight(a, 2) ^ rotateRight(a, 13) ^ rotateRight(a, 22);
    const uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

void compressPortable(uint32_t state[8], const uint8_t* blocks, size_t count) {
  for (size_t i = 0; i < count; i++) compressBlock(state, blocks + i * kBlockBytes);
}

void hashPaddedPortable(const uint8_t* const* messages, size_t blocks, uint8_t* const* out, size_t count) {
  for (size_t lane = 0; lane < count; lane++) {
    uint32_t state[8];
    std::memcpy(state, kInitialState, sizeof state);
    compressPortable(state, messages[lane], blocks);
    storeState(state, out[lane]);
  }
}

void hashTaggedPortable(uint8_t tag, const uint8_t* const* bodies, uint8_t* const* out, size_t count) {
  for (size_t lane = 0; lane < count; lane++) {
    uint8_t message[2 * kBlockBytes] = {tag};
    std::memcpy(message + 1, bodies[lane], kBlockBytes);
    message[1 + kBlockBytes] = 0x80;
    storeBigEndian(message + sizeof message - 4, kTaggedBits);
    const uint8_t* const one = message;
    uint32_t state[8];
    std::memcpy(state, kInitialState, sizeof state);
    compressPortable(state, one, 2);
    storeState(state, out[lane]);
  }
}

/** @throws std::runtime_error when `kernel` is null: the processor lacks what was asked for. */
const Sha256Kernel& require(const Sha256Kernel* kernel, const std::string& wanted, const char* lacking) {
  if (!kernel) throw std::runtime_error("POLYTORUS_NATIVE_ISA=" + wanted + ", but this processor has no " + lacking);
  return *kernel;
}

const Sha256Kernel& chooseKernel() {
  const char* forced = std::getenv("POLYTORUS_NATIVE_ISA");
  const std::string wanted = forced ? forced : "";
  if (wanted == kPortableSha256.name) return kPortableSha256;
  if (wanted == "shani") return require(shaNiSha256(), wanted, "SHA extensions");
  if (wanted == "avx512") return require(avx512Sha256(), wanted, "AVX-512 (F and BW)");
  if (!wanted.empty()) {
    throw std::runtime_error("POLYTORUS_NATIVE_ISA must be portable, shani or avx512, not " + wanted);
  }
  if (avx512Sha256()) return *avx512Sha256();
  return shaNiSha256() ? *shaNiSha256() : kPortableSha256;
}

/** Blocks of a message once padded: its bytes, 0x80, zeros, and its length in bits as 64 bits. */
size_t paddedBlocks(size_t bytes) { return (bytes + 9 + kBlockBytes - 1) / kBlockBytes; }

/** Writes 0x80, zeros and the length after `tailBytes` bytes of message in `padded`, which is `blocks` long. */
void pad(uint8_t* padded, size_t tailBytes, size_t blocks, uint64_t messageBytes) {
  const size_t end = blocks * kBlockBytes;
  padded[tailBytes] = 0x80;
  std::memset(padded + tailBytes + 1, 0, end - tailBytes - 1 - 8);
  const uint64_t bits = messageBytes * 8;
  storeBigEndian(padded + end - 8, uint32_t(bits >> 32));
  storeBigEndian(padded + end - 4, uint32_t(bits));
}

}  // namespace

const Sha256Kernel kPortableSha256 = {"portable", compressPortable, hashPaddedPortable, hashTaggedPortable};

const Sha256Kernel& sha256Kernel() {
  static const Sha256Kernel& kernel = chooseKernel();
  return kernel;
}

void sha256(const uint8_t* first, size_t firstBytes, const uint8_t* second, size_t secondBytes, uint8_t out[kHashBytes]) {
  const Sha256Kernel& kernel = sha256Kernel();
  uint32_t state[8];
  std::memcpy(state, kInitialState, sizeof state);
  uint8_t tail[2 * kBlockBytes];
  size_t tailBytes = 0;
  const uint8_t* const parts[2] = {first, second};
  const size_t partBytes[2] = {firstBytes, secondBytes};
  for (int i = 0; i < 2; i++) {
    const uint8_t* data = parts[i];
    size_t left = partBytes[i];
    if (tailBytes > 0 && tailBytes + left >= kBlockBytes) {
      const size_t fill = kBlockBytes - tailBytes;
      std::memcpy(tail + tailBytes, data, fill);
      kernel.compress(state, tail, 1);
      data += fill, left -= fill, tailBytes = 0;
    }
    if (tailBytes == 0) {
      kernel.compress(state, data, left / kBlockBytes);
      data += left - left % kBlockBytes, left %= kBlockBytes;
    }
    if (left > 0) std::memcpy(tail + tailBytes, data, left);
    tailBytes += left;
  }
  const size_t blocks = paddedBlocks(tailBytes);
  pad(tail, tailBytes, blocks, uint64_t(firstBytes) + secondBytes);
  kernel.compress(state, tail, blocks);
  storeState(state, out);
}

void Sha256Batch::add(const uint8_t* first, size_t firstBytes, const uint8_t* second, size_t secondBytes, uint8_t* out) {
  const size_t bytes = firstBytes + secondBytes;
  const size_t blocks = paddedBlocks(bytes);
  if (blocks > kMaxBlocks) return sha256(first, firstBytes, second, secondBytes, out);
  Bucket& bucket = buckets_[blocks - 1];
  uint8_t* padded = bucket.padded[bucket.waiting];
  if (firstBytes > 0) std::memcpy(padded, first, firstBytes);
  if (secondBytes > 0) std::memcpy(padded + firstBytes, second, secondBytes);
  pad(padded, bytes, blocks, bytes);
  bucket.out[bucket.waiting] = out;
  if (++bucket.waiting == kLanesMax) flush(bucket, blocks);
}

void Sha256Batch::flush() {
  for (size_t blocks = 1; blocks <= kMaxBlocks; blocks++) {
    if (buckets_[blocks - 1].waiting > 0) flush(buckets_[blocks - 1], blocks);
  }
}

void Sha256Batch::flush(Bucket& bucket, size_t blocks) {
  const uint8_t* messages[kLanesMax];
  for (size_t lane = 0; lane < bucket.waiting; lane++) messages[lane] = bucket.padded[lane];
  kernel_.hashPadded(messages, blocks, bucket.out, bucket.waiting);
  bucket.waiting = 0;
}

void TaggedBatch::flush() {
  if (waiting_ == 0) return;
  kernel_.hashTagged(tag_, bodies_, out_, waiting_);
  waiting_ = 0;
}

}  // namespace polytorus
