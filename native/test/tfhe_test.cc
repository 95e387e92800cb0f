/**
 * TFHE without Node: the stream against RFC 8439, the samplers against their distributions, one step of blind rotation
 * against integer arithmetic, gates against their truth tables. Built and run by run.sh, also with the address and
 * undefined-behaviour sanitizers. Its argument is the number of random gates.
 */
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "../src/sha256.h"
#include "../src/tfhe/evaluate.h"
#include "../src/tfhe/key_cache.h"
#include "../src/tfhe/secret_key.h"

using namespace polytorus::tfhe;
using polytorus::Bytes;
using polytorus::kHashBytes;
using polytorus::sha256;

namespace {

int failures = 0;

void check(bool isTrue, const char* claim) {
  if (isTrue) return;
  failures++;
  std::fprintf(stderr, "FAILED: %s\n", claim);
}

template <class Act>
bool isRefused(const char* code, Act act) {
  try {
    act();
  } catch (const Refused& refused) {
    return std::strcmp(refused.code, code) == 0;
  }
  return false;
}

/** xorshift64*: the same sequence on every run. */
uint64_t nextRandom() {
  static uint64_t state = 88172645463325252ull;
  state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
  return state * 0x2545f4914f6cdd1dull;
}

uint32_t randomWord() { return uint32_t(nextRandom() >> 32); }

std::vector<const Kernel*> kernels() {
  std::vector<const Kernel*> list = {&kPortableKernel};
  if (avx2Kernel()) list.push_back(avx2Kernel());
  if (avx512Kernel()) list.push_back(avx512Kernel());
  return list;
}

void testStream() {
  uint8_t seed[32];
  for (int i = 0; i < 32; i++) seed[i] = uint8_t(i);
  ChaCha20 stream(seed, 0, 0x4a000000);
  uint32_t words[32];
  stream.words(words, 32);
  // RFC 8439, section 2.4.2: the block with counter 1.
  check(words[16] == 0xf3514f22 && words[17] == 0xe1d91b40 && words[31] == 0xb7417df0, "the stream is ChaCha20's");
  ChaCha20 pieces(seed, 0, 0x4a000000);
  uint32_t again[300], whole[300];
  ChaCha20(seed, 0, 0x4a000000).words(whole, 300);
  for (uint32_t at = 0, step = 1; at < 300; at += step, step = step % 37 + 1) pieces.words(again + at, at + step < 300 ? step : 300 - at);
  check(std::memcmp(again, whole, sizeof whole) == 0, "the stream does not depend on how it is read");
}

void testGaussian() {
  uint8_t seed[32] = {1};
  for (const double sigma : {4.0009, 20.0, 430.5, 91089.7}) {
    const Gaussian gaussian(sigma);
    ChaCha20 stream(seed, 9, uint64_t(sigma));
    constexpr int count = 200000;
    double sum = 0, squares = 0, fourths = 0;
    int beyondThree = 0;
    for (int i = 0; i < count; i++) {
      const double x = double(gaussian.draw(stream)) / sigma;
      sum += x, squares += x * x, fourths += x * x * x * x, beyondThree += std::fabs(x) > 3;
    }
    check(std::fabs(sum / count) < 0.012, "noise has a mean of 0");
    check(std::fabs(squares / count - 1) < 0.02, "noise has its standard deviation");
    check(std::fabs(fourths / count - 3) < 0.15, "noise has the fourth moment of a Gaussian");
    // A narrow one has too few integers for the continuous figure.
    if (sigma > 10) check(std::fabs(beyondThree / double(count) - 0.0027) < 0.0008, "noise has the tails of a Gaussian");
  }
}

/** sum = a·X^turn over X^N + 1. */
std::vector<uint32_t> rotated(const std::vector<uint32_t>& a, uint32_t turn) {
  const uint32_t N = kRingDegree;
  std::vector<uint32_t> out(N);
  for (uint32_t i = 0; i < N; i++) {
    const uint32_t to = (i + turn) % (2 * N);
    out[to % N] = to < N ? a[i] : 0 - a[i];
  }
  return out;
}

/** One block's step in integers, as README.md defines it. */
std::vector<uint32_t> stepInIntegers(const ParameterSet& set, const std::vector<uint32_t>& rows, const uint16_t* rotations,
                                     const std::vector<uint32_t>& accumulator) {
  const uint32_t N = set.N, components = set.k + 1;
  std::vector<uint32_t> out = accumulator;
  uint32_t offset = 1u << (31 - set.baseBits * set.levels);
  for (uint32_t level = 0; level < set.levels; level++) offset += 1u << (31 - set.baseBits * level);
  for (uint32_t row = 0; row < set.rows(); row++) {
    const uint32_t *from = accumulator.data() + row / set.levels * N, level = row % set.levels;
    for (uint32_t bit = 0; bit < set.block; bit++) {
      for (uint32_t c = 0; c < components; c++) {
        std::vector<uint32_t> product(N);
        const uint32_t* key = rows.data() + ((size_t(bit) * set.rows() + row) * components + c) * N;
        for (uint32_t i = 0; i < N; i++) {
          const uint32_t digit = (((from[i] + offset) >> (32 - set.baseBits * (level + 1))) & ((1u << set.baseBits) - 1)) -
                                 (1u << (set.baseBits - 1));
          for (uint32_t j = 0; j < N; j++) product[(i + j) % N] += i + j < N ? digit * key[j] : 0 - digit * key[j];
        }
        const std::vector<uint32_t> turned = rotated(product, rotations[bit]);
        for (uint32_t i = 0; i < N; i++) out[c * N + i] += turned[i] - product[i];
      }
    }
  }
  return out;
}

/** Two blocks, three gates: every kernel gives the integers, exactly. */
void testStepsAreExact() {
  for (const ParameterSet& set : kParameterSets) {
    ParameterSet small = set;
    small.n = 2 * set.block;
    const uint32_t components = set.k + 1, N = set.N;
    std::vector<uint32_t> rows(size_t(small.n) * set.rows() * components * N);
    for (uint32_t& word : rows) word = randomWord();
    constexpr uint32_t gates = 3;
    std::vector<uint16_t> rotations(gates * small.n);
    for (uint16_t& rotation : rotations) rotation = uint16_t(randomWord() % (2 * N));
    rotations[0] = 0, rotations[1] = uint16_t(2 * N - 1);
    std::vector<uint32_t> accumulators(size_t(gates) * components * N);
    for (uint32_t& word : accumulators) word = randomWord();
    std::vector<uint32_t> expected;
    for (uint32_t gate = 0; gate < gates; gate++) {
      std::vector<uint32_t> one(accumulators.begin() + gate * components * N, accumulators.begin() + (gate + 1) * components * N);
      for (uint32_t first = 0; first < small.n; first += set.block) {
        const std::vector<uint32_t> block(rows.begin() + size_t(first) * set.rows() * components * N,
                                          rows.begin() + size_t(first + set.block) * set.rows() * components * N);
        one = stepInIntegers(small, block, rotations.data() + gate * small.n + first, one);
      }
      expected.insert(expected.end(), one.begin(), one.end());
    }
    for (const Kernel* kernel : kernels()) {
      PageBuffer key(sizeof(double) * small.n * set.rows() * components * N);
      PageBuffer scratch(sizeof(double) * kernel->scratchDoubles(small, gates));
      auto* keyDoubles = static_cast<double*>(key.data());
      for (uint32_t i = 0; i < small.n; i++) {
        kernel->expandBit(small, i, rows.data() + size_t(i) * set.rows() * components * N, keyDoubles);
      }
      std::vector<uint32_t> actual = accumulators;
      auto* scratchDoubles = static_cast<double*>(scratch.data());
      kernel->blindRotate(small, keyDoubles, gates, rotations.data(), actual.data(), scratchDoubles);
      check(actual == expected, "a kernel's blind rotation is the integers' own");
      const double error = kernel->roundingError(small, keyDoubles, rotations.data() + small.n, accumulators.data(), scratchDoubles);
      std::printf("  %s, %s: off an integer by 2^%.1f at most\n", set.name, kernel->name, std::log2(error));
      check(error < (set.id == 1 ? 1.0 / 64 : 1.0 / 4), "rounding has a wide margin");
    }
  }
}

int plainGate(uint32_t word, const int (&inputs)[3]) {
  int x[3];
  for (int i = 0; i < 3; i++) x[i] = inputs[i] ^ int(word >> (8 + i) & 1);
  const int ones = x[0] + x[1] + x[2];
  const int values[] = {0, x[0] & x[1], x[0] ^ x[1], ones >= 2, ones & 1, x[0] ? x[1] : x[2], x[0], 0};
  return values[word & 0xff] ^ int(word >> 11 & 1);
}

void testFiles(const SecretKey::Pair& pair, const SecretKey& key) {
  const uint8_t context[kContextBytes] = {7}, bits[5] = {1, 0, 0, 1, 1};
  const ByteVector file = key.encrypt(bits, 5, context);
  const Ciphertexts ciphertexts = expandCiphertexts({file.data(), file.size()});
  uint8_t back[5];
  key.decrypt(ciphertexts.words.data(), 5, back);
  check(std::memcmp(bits, back, 5) == 0, "decryption gives what was encrypted");
  check(std::memcmp(ciphertexts.context, context, kContextBytes) == 0, "a file keeps its context");
  const ByteVector plain = writeCiphertexts(key.set(), ciphertexts.keyId, context, ciphertexts.words.data(), 5);
  check(expandCiphertexts({plain.data(), plain.size()}).words == ciphertexts.words, "expanded ciphertexts survive a file");
  for (size_t size = 0; size < file.size(); size++) {
    const ByteVector cut(file.begin(), file.begin() + ptrdiff_t(size));
    check(isRefused("FILE_MALFORMED", [&] { expandCiphertexts({cut.data(), cut.size()}); }), "a truncated file is refused");
  }
  for (size_t at = 0; at < file.size(); at++) {
    ByteVector bent = file;
    bent[at] ^= 1;
    bool isTaken = false;
    try {
      expandCiphertexts({bent.data(), bent.size()});
      isTaken = true;
    } catch (const Refused&) {
    }
    check(!isTaken, "a file with a bit changed is refused");
  }
  check(isRefused("FILE_KIND_MISMATCH", [&] { SecretKey::parse({pair.evaluationKey.data(), pair.evaluationKey.size()}); }),
        "an evaluation key is no secret key");
}

/** The file with a true digest at its end again: what a stranger can send. */
ByteVector resealed(ByteVector file) {
  file.resize(file.size() < kHashBytes ? 0 : file.size() - kHashBytes);
  uint8_t digest[kHashBytes];
  sha256(file.data(), file.size(), nullptr, 0, digest);
  file.insert(file.end(), digest, digest + kHashBytes);
  return file;
}

/** Headers that lie, counts beyond the payload, cut and lengthened files, all with a true digest: refused, or read within bounds. */
void testStrangersFiles(const SecretKey::Pair& pair, const SecretKey& key, const Kernel& kernel) {
  const uint8_t context[kContextBytes] = {7}, bits[3] = {1, 0, 1};
  const ByteVector seeded = key.encrypt(bits, 3, context);
  const Ciphertexts expanded = expandCiphertexts({seeded.data(), seeded.size()});
  const ByteVector whole = writeCiphertexts(key.set(), expanded.keyId, context, expanded.words.data(), 3);
  const size_t words = key.set().words();
  const auto readAll = [&](const ByteVector& file) {
    const Bytes view{file.data(), file.size()};
    bool isTaken = false;
    const auto taken = [&](auto read) {
      try {
        read();
        isTaken = true;
      } catch (const Refused&) {
      }
    };
    taken([&] { SecretKey::parse(view); });
    taken([&] { KeyCache().load(view, kernel); });
    taken([&] {
      const Ciphertexts read = expandCiphertexts(view);
      check(read.words.size() % read.set->words() == 0, "whole ciphertexts are read");
      std::vector<uint8_t> out(read.words.size() / words);
      if (read.set == &key.set()) key.decrypt(read.words.data(), out.size(), out.data());
    });
    return isTaken;
  };
  for (const ByteVector* original : {&pair.secretKey, &pair.evaluationKey, &seeded, &whole}) {
    const ByteVector& file = *original;
    check(readAll(resealed(file)), "a file that was sealed again is the file");
    for (size_t at = 0; at < 16; at++) {
      for (const uint8_t byte : {uint8_t(file[at] ^ 1), uint8_t(file[at] + 1), uint8_t(0), uint8_t(0x7f), uint8_t(0xff)}) {
        ByteVector bent = file;
        bent[at] = byte;
        // Ciphertexts of another set may have the same shape: their key is not the same.
        const bool isTaken = readAll(resealed(bent));
        check(bent == file || at == 6 || !isTaken, "a header that lies is refused");
      }
    }
    for (const size_t size : {size_t(1), size_t(47), file.size() - 33, file.size() - 4, file.size() + 1, file.size() + 4096}) {
      ByteVector other = file;
      other.resize(size, 0x5a);
      check(!readAll(resealed(other)), "a file of another length is refused");
      if (size < 48) continue;
      const uint64_t payload = size - 48;
      std::memcpy(other.data() + 8, &payload, 8);
      check(!readAll(resealed(other)), "a file of another length that says so is refused");
    }
  }
  for (const ByteVector* original : {&seeded, &whole}) {
    for (int i = 0; i < 64; i++) {
      ByteVector bent = *original;
      // Key, context, count, seed and bodies: a count is refused, anything else is another ciphertext.
      bent[16 + nextRandom() % (bent.size() - 48)] = uint8_t(nextRandom());
      readAll(resealed(bent));
    }
    for (const uint32_t count : {0u, 2u, 4u, kCiphertextsMax, kCiphertextsMax + 1, 0x40000000u, 0xffffffffu}) {
      ByteVector bent = *original;
      std::memcpy(bent.data() + 16 + kKeyIdBytes + kContextBytes, &count, 4);
      check(!readAll(resealed(bent)), "a count that is not the payload's is refused");
    }
  }
}

void testGates(const SecretKey& key, const EvaluationKey& evaluationKey, size_t count) {
  constexpr uint32_t inputs = 16;
  const size_t words = key.set().words();
  uint8_t bits[inputs];
  for (uint8_t& bit : bits) bit = uint8_t(randomWord() & 1);
  const uint8_t context[kContextBytes] = {};
  const ByteVector file = key.encrypt(bits, inputs, context);
  std::vector<uint32_t> arena = expandCiphertexts({file.data(), file.size()}).words;
  arena.resize((inputs + count) * words);
  std::vector<uint32_t> gates;
  std::vector<uint8_t> expected, actual(count);
  for (size_t i = 0; i < count; i++) {
    const uint32_t word = (1 + uint32_t(i) % 7) | (randomWord() % 16) << 8;
    uint32_t slots[3];
    for (uint32_t& slot : slots) slot = randomWord() % inputs;
    const int values[3] = {bits[slots[0]], bits[slots[1]], bits[slots[2]]};
    expected.push_back(uint8_t(plainGate(word, values)));
    gates.insert(gates.end(), {word, slots[0], slots[1], slots[2], uint32_t(inputs + i)});
  }
  const uint32_t levels[2] = {uint32_t(count / 3), uint32_t(count)};
  std::atomic<int32_t> cancel{0}, done{0};
  const Program program{gates.data(), count, levels, 2};
  const Evaluation result = evaluate(evaluationKey, arena.data(), inputs + count, program, 3, {&cancel, &done});
  check(result.levels == 2 && result.bootstraps == uint64_t(done.load()), "progress counts every bootstrap");
  check(result.bootstraps == checkProgram(program, inputs + count), "a program's bootstraps are known beforehand");
  key.decrypt(arena.data() + inputs * words, count, actual.data());
  check(actual == expected, "gates have their truth tables");
  const std::vector<uint32_t> before = arena;
  cancel = 1;
  const Evaluation none = evaluate(evaluationKey, arena.data(), inputs + count, program, 2, {&cancel, nullptr});
  check(none.levels == 0 && none.bootstraps == 0 && arena == before, "a cancelled program runs nothing");
}

void testKeyCache(const SecretKey::Pair& pair, const Kernel& kernel) {
  KeyCache cache;
  const Bytes file{pair.evaluationKey.data(), pair.evaluationKey.size()};
  SharedKey keys[3];
  std::vector<std::thread> threads;
  for (SharedKey& key : keys) threads.emplace_back([&] { key = cache.load(file, kernel); });
  for (std::thread& thread : threads) thread.join();
  check(keys[0] == keys[1] && keys[1] == keys[2] && cache.use().keys == 1, "threads that load one key share it");
  cache.setMaxBytes(1);
  check(cache.use().keys == 1, "a key that is held stays");
  check(cache.find(keys[0]->keyId(), kernel) == keys[0], "a loaded key is found by its id");
  for (SharedKey& key : keys) key.reset();
  cache.setMaxBytes(1);
  check(cache.use().keys == 0, "a key that nobody holds goes when room is needed");
  check(isRefused("KEY_CACHE_FULL", [&] { cache.load(file, kernel); }), "a key beyond the bound is refused");
}

}  // namespace

int main(int argc, char** argv) {
  const size_t gates = argc > 1 ? size_t(std::atoi(argv[1])) : 70;
  testStream();
  testGaussian();
  testStepsAreExact();
  for (const ParameterSet& set : kParameterSets) {
    check(predictNoise(set).failureLog2(3) <= -128, "the worst gate fails less often than 2^-128");
    check(set.lweSecurityBits >= 128 && set.glweSecurityBits >= 128, "either part has 128 bits");
    const SecretKey::Pair pair = SecretKey::generate(set);
    const SecretKey key = SecretKey::parse({pair.secretKey.data(), pair.secretKey.size()});
    testFiles(pair, key);
    testStrangersFiles(pair, key, requireKernel(""));
    KeyCache cache;
    for (const Kernel* kernel : kernels()) {
      testGates(key, *cache.load({pair.evaluationKey.data(), pair.evaluationKey.size()}, *kernel), gates);
    }
    testKeyCache(pair, requireKernel(""));
  }
  std::printf("tfhe: %s\n", failures == 0 ? "ok" : "FAILED");
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
