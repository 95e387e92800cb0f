#include "secret_key.h"

#include <cmath>
#include <cstring>

#include "../sha256.h"

namespace polytorus::tfhe {
namespace {

/** A standard deviation on the torus, in words. */
Gaussian noiseOf(double sigma) { return Gaussian(std::ldexp(sigma, 32)); }

/** sum += polynomial·key over X^N + 1; key bits are masks. Every bit costs the same. */
void addProduct(const uint32_t* polynomial, const uint32_t* key, uint32_t N, uint32_t* sum, uint32_t* extended) {
  for (uint32_t i = 0; i < N; i++) extended[i] = 0 - polynomial[i], extended[N + i] = polynomial[i];
  for (uint32_t i = 0; i < N; i += 4) {
    const uint32_t *a = extended + N - i, *b = a - 1, *c = a - 2, *d = a - 3;
    const uint32_t ka = key[i], kb = key[i + 1], kc = key[i + 2], kd = key[i + 3];
    for (uint32_t t = 0; t < N; t++) sum[t] += (a[t] & ka) + (b[t] & kb) + (c[t] & kc) + (d[t] & kd);
  }
}

ByteVector packBits(const std::vector<uint32_t>& masks) {
  ByteVector bytes((masks.size() + 7) / 8);
  for (size_t i = 0; i < masks.size(); i++) bytes[i >> 3] |= uint8_t((masks[i] & 1) << (i & 7));
  return bytes;
}

std::vector<uint32_t> unpackBits(const uint8_t* bytes, size_t count) {
  std::vector<uint32_t> masks(count);
  for (size_t i = 0; i < count; i++) masks[i] = 0 - uint32_t(bytes[i >> 3] >> (i & 7) & 1);
  return masks;
}

void wipeWords(std::vector<uint32_t>& words) { wipe(words.data(), 4 * words.size()); }

size_t bitBytes(size_t bits) { return (bits + 7) / 8; }

}  // namespace

SecretKey::~SecretKey() {
  wipeWords(lwe_);
  wipeWords(glwe_);
}

void SecretKey::drawBits() {
  SecretStream secret;
  ChaCha20& stream = secret.stream();
  lwe_.resize(set_->n);
  glwe_.resize(set_->glweBits());
  if (set_->block == 3) {
    for (uint32_t first = 0; first < set_->n; first += 3) {
      const uint32_t choice = uint32_t(stream.next64() & 3);  // Of three places for the 1, or none: all as likely.
      for (uint32_t i = 0; i < 3; i++) lwe_[first + i] = 0 - ((((choice ^ i) - 1) >> 31) & 1);
    }
  } else {
    for (uint32_t& mask : lwe_) mask = 0 - uint32_t(stream.next64() & 1);
  }
  for (uint32_t& mask : glwe_) mask = 0 - uint32_t(stream.next64() & 1);
  if (set_->isCompact) std::memcpy(glwe_.data(), lwe_.data(), 4 * lwe_.size());
}

ByteVector SecretKey::makeEvaluationKey() const {
  const ParameterSet& set = *set_;
  uint8_t seed[kSeedBytes];
  fillFromKernel(seed, sizeof seed);
  FileWriter file(FileKind::kEvaluationKey, set, kSeedBytes + 4 * (set.bootstrapBodyWords() + set.switchBodyWords()));
  file.bytes(seed, sizeof seed);
  SecretStream secret;
  const Gaussian glweNoise = noiseOf(set.glweSigma), lweNoise = noiseOf(set.lweSigma);
  std::vector<uint32_t> mask(set.N), body(set.N), extended(2 * set.N);
  for (uint32_t i = 0; i < set.n; i++) {
    ChaCha20 masks(seed, kBootstrapMasks, i);
    for (uint32_t row = 0; row < set.rows(); row++) {
      const uint32_t component = row / set.levels, level = row % set.levels;
      const uint32_t scaled = lwe_[i] & (1u << (32 - set.baseBits * (level + 1)));
      for (uint32_t& word : body) word = uint32_t(glweNoise.draw(secret.stream()));
      for (uint32_t c = 0; c < set.k; c++) {
        masks.words(mask.data(), set.N);
        addProduct(mask.data(), glwe_.data() + c * set.N, set.N, body.data(), extended.data());
      }
      if (component == set.k) {
        body[0] += scaled;
      } else {  // The seeded mask is the final one: what the scaled bit adds to its phase is taken from the body.
        const uint32_t* key = glwe_.data() + component * set.N;
        for (uint32_t t = 0; t < set.N; t++) body[t] -= key[t] & scaled;
      }
      file.words(body.data(), set.N);
    }
  }
  std::vector<uint32_t> row(set.n);
  for (uint32_t i = 0; i < set.switched(); i++) {
    ChaCha20 masks(seed, kSwitchMasks, i);
    const uint32_t bit = glwe_[set.isCompact ? set.n + i : i];
    for (uint32_t level = 0; level < set.switchLevels; level++) {
      masks.words(row.data(), set.n);
      file.word(dotLwe(row.data()) + uint32_t(lweNoise.draw(secret.stream())) +
                (bit & (1u << (32 - set.switchBaseBits * (level + 1)))));
    }
  }
  wipeWords(body);
  return file.finish();
}

ByteVector SecretKey::toFile() const {
  FileWriter file(FileKind::kSecretKey, *set_, kKeyIdBytes + bitBytes(set_->n) + bitBytes(set_->glweBits()));
  file.bytes(keyId_, kKeyIdBytes);
  for (const auto* masks : {&lwe_, &glwe_}) {
    ByteVector packed = packBits(*masks);
    file.bytes(packed.data(), packed.size());
    wipe(packed.data(), packed.size());
  }
  return file.finish();
}

SecretKey::Pair SecretKey::generate(const ParameterSet& set) {
  SecretKey key(set);
  key.drawBits();
  ByteVector evaluationKey = key.makeEvaluationKey();
  sha256(evaluationKey.data(), evaluationKey.size(), nullptr, 0, key.keyId_);
  return {key.toFile(), std::move(evaluationKey)};
}

SecretKey SecretKey::parse(Bytes bytes) {
  const File file = parseFile(bytes, FileKind::kSecretKey);
  const ParameterSet& set = *file.set;
  requirePayload(file, kKeyIdBytes + bitBytes(set.n) + bitBytes(set.glweBits()));
  SecretKey key(set);
  std::memcpy(key.keyId_, file.payload.data, kKeyIdBytes);
  key.lwe_ = unpackBits(file.payload.data + kKeyIdBytes, set.n);
  key.glwe_ = unpackBits(file.payload.data + kKeyIdBytes + bitBytes(set.n), set.glweBits());
  uint32_t wrong = 0;
  for (uint32_t i = 0; set.isCompact && i < set.n; i++) wrong |= key.lwe_[i] ^ key.glwe_[i];
  for (uint32_t i = 0; set.block > 1 && i < set.n; i += set.block) {
    uint32_t ones = 0;
    for (uint32_t j = 0; j < set.block; j++) ones += key.lwe_[i + j] & 1;
    wrong |= ones > 1;
  }
  if (wrong) throw Refused("KEY_INCONSISTENT", "the secret key's bits do not have the form of its parameter set");
  return key;
}

uint32_t SecretKey::dotLwe(const uint32_t* mask) const {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < set_->n; i++) sum += mask[i] & lwe_[i];
  return sum;
}

ByteVector SecretKey::encrypt(const uint8_t* bits, size_t count, const uint8_t context[kContextBytes]) const {
  if (count > kCiphertextsMax) {
    throw Refused("CIPHERTEXTS_TOO_MANY", "a file holds at most " + std::to_string(kCiphertextsMax) + " ciphertexts, not " +
                                              std::to_string(count) + ": encrypt into several");
  }
  uint8_t seed[kSeedBytes];
  fillFromKernel(seed, sizeof seed);
  FileWriter file(FileKind::kSeededCiphertexts, *set_, kKeyIdBytes + kContextBytes + 8 + kSeedBytes + 4 * count);
  file.bytes(keyId_, kKeyIdBytes);
  file.bytes(context, kContextBytes);
  file.word(uint32_t(count));
  file.word(0);
  file.bytes(seed, kSeedBytes);
  SecretStream secret;
  const Gaussian noise = noiseOf(set_->lweSigma);
  std::vector<uint32_t> mask(set_->n);
  for (size_t i = 0; i < count; i++) {
    ChaCha20(seed, kCiphertextMasks, i).words(mask.data(), set_->n);
    const uint32_t encoded = (2 * uint32_t(bits[i] & 1) - 1) * kBitOne;
    file.word(dotLwe(mask.data()) + encoded + uint32_t(noise.draw(secret.stream())));
  }
  return file.finish();
}

void SecretKey::phases(const uint32_t* ciphertexts, size_t count, int32_t* out) const {
  for (size_t i = 0; i < count; i++) {
    const uint32_t* at = ciphertexts + i * set_->words();
    out[i] = int32_t(at[set_->n] - dotLwe(at));
  }
}

void SecretKey::decrypt(const uint32_t* ciphertexts, size_t count, uint8_t* bits) const {
  for (size_t i = 0; i < count; i++) {
    int32_t phase;
    phases(ciphertexts + i * set_->words(), 1, &phase);
    bits[i] = uint8_t(~uint32_t(phase) >> 31);
  }
}

Ciphertexts expandCiphertexts(Bytes bytes) {
  const File file = parseCiphertextFile(bytes);
  const ParameterSet& set = *file.set;
  const bool isSeeded = file.kind == FileKind::kSeededCiphertexts;
  constexpr size_t fixed = kKeyIdBytes + kContextBytes + 8;
  const size_t before = fixed + (isSeeded ? kSeedBytes : 0);
  if (file.payload.size < before) requirePayload(file, before);
  const uint8_t* at = file.payload.data;
  const uint32_t count = readU32(at + fixed - 8);
  if (count > kCiphertextsMax) {
    throw Refused("FILE_MALFORMED", "expected at most " + std::to_string(kCiphertextsMax) + " ciphertexts in a file, received " +
                                        std::to_string(count));
  }
  requirePayload(file, before + size_t(count) * 4 * (isSeeded ? 1 : set.words()));
  if (readU32(at + fixed - 4) != 0) throw Refused("FILE_MALFORMED", "expected the word after the count to be 0");
  Ciphertexts result;
  result.set = &set;
  std::memcpy(result.keyId, at, kKeyIdBytes);
  std::memcpy(result.context, at + kKeyIdBytes, kContextBytes);
  result.words.resize(size_t(count) * set.words());
  for (uint32_t i = 0; i < count; i++) {
    uint32_t* to = result.words.data() + size_t(i) * set.words();
    if (isSeeded) {
      ChaCha20(at + fixed, kCiphertextMasks, i).words(to, set.n);
      to[set.n] = readU32(at + before + 4 * size_t(i));
    } else {
      std::memcpy(to, at + before + 4 * size_t(i) * set.words(), 4 * size_t(set.words()));
    }
  }
  return result;
}

ByteVector writeCiphertexts(const ParameterSet& set, const uint8_t keyId[kKeyIdBytes], const uint8_t context[kContextBytes],
                            const uint32_t* words, size_t count) {
  FileWriter file(FileKind::kCiphertexts, set, kKeyIdBytes + kContextBytes + 8 + 4 * count * set.words());
  file.bytes(keyId, kKeyIdBytes);
  file.bytes(context, kContextBytes);
  file.word(uint32_t(count));
  file.word(0);
  file.words(words, count * set.words());
  return file.finish();
}

}  // namespace polytorus::tfhe
