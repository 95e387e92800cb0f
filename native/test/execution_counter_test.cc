/**
 * Counting of executions without Node, on memory of exactly the bytes that it asks for: entries that are well formed, cut
 * off at every byte, or have any number in their offsets. Nothing beside them may be read, and what is counted must add up.
 * Built and run by run.sh under the sanitizers; test/property/execution-counter.test.ts holds it against analytics.
 */
#include "../src/block_entry.h"
#include "../src/execution_counter.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

using namespace polytorus;

namespace {

constexpr size_t kTransactionBytes = 80;
constexpr size_t kReceiptBytes = 16;
constexpr uint64_t kGas = 40'000;

int failures = 0;

void check(bool isTrue, const char* claim) {
  if (isTrue) return;
  failures++;
  std::fprintf(stderr, "FAILED: %s\n", claim);
}

/** xorshift64*: the same sequence on every run. */
uint64_t nextRandom() {
  static uint64_t state = 88172645463325252ull;
  state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
  return (state * 2685821657736338717ull) >> 16;
}

void put32(std::vector<uint8_t>& bytes, size_t at, uint32_t value) { std::memcpy(&bytes[at], &value, 4); }
void put64(std::vector<uint8_t>& bytes, size_t at, uint64_t value) { std::memcpy(&bytes[at], &value, 8); }

/** `count` successful calls of "go" at contract 7, each by another caller. */
std::vector<uint8_t> entryOf(size_t count) {
  const size_t offsetsAt = kEntryHeaderBytes + 32 * count;
  const size_t transactionsAt = offsetsAt + 8 * count;
  const size_t receiptsAt = transactionsAt + kTransactionBytes * count;
  std::vector<uint8_t> bytes(receiptsAt + kReceiptBytes * count);
  put32(bytes, 4, uint32_t(count));
  put32(bytes, 40, uint32_t(kTransactionBytes * count));
  put32(bytes, 44, uint32_t(kReceiptBytes * count));
  for (size_t i = 0; i < count; i++) {
    const size_t at = transactionsAt + kTransactionBytes * i, receiptAt = receiptsAt + kReceiptBytes * i;
    put32(bytes, offsetsAt + 4 * i, uint32_t(kTransactionBytes * i));
    put32(bytes, offsetsAt + 4 * (count + i), uint32_t(kReceiptBytes * i));
    bytes[at] = 2, bytes[at + 2] = 2;
    put64(bytes, at + 16, 2 * kGas);
    put32(bytes, at + 24, uint32_t(i));
    bytes[at + 44] = 7, bytes[at + 64] = 2, bytes[at + 65] = 'g', bytes[at + 66] = 'o';
    bytes[receiptAt] = 1;
    put64(bytes, receiptAt + 8, kGas);
  }
  return bytes;
}

struct Memory {
  std::vector<double> track = std::vector<double>(kTrackNumbers);
  std::vector<uint32_t> bins = std::vector<uint32_t>(kTrackBins);
  std::vector<double> numbers = std::vector<double>(kCallerNumbers);
  std::vector<uint32_t> words = std::vector<uint32_t>(kCallerWords);

  /** All places are taken, by callers whose hash is none that comes; nobody gets one. */
  Memory() {
    words[0] = kCallersMax;
    words[2] = 1 << 20;
  }
};

/** Counts a copy of exactly these bytes; answers how many were counted. */
size_t count(Memory& memory, const std::vector<uint8_t>& entry, size_t bytes) {
  const std::unique_ptr<uint8_t[]> copy(new uint8_t[bytes]);
  std::copy_n(entry.begin(), bytes, copy.get());
  std::vector<uint8_t> call(23);
  call[0] = 7, call[20] = 2, call[21] = 'g', call[22] = 'o';
  const std::vector<double> laps = {3, 10, 5, 2.5};
  ExecutionRun run{{copy.get(), bytes}, {call.data(), call.size()}, laps.data(), laps.size(), memory.track.data(), memory.bins.data(),
                   {memory.numbers.data(), memory.words.data()}, 0, 0, 0, 0};
  countRun(run);
  check(run.gasUsed == double(kGas * run.next), "gas is that of what was counted");
  return run.next;
}

void countsAll() {
  Memory memory;
  const auto entry = entryOf(20);
  check(count(memory, entry, entry.size()) == 20, "all calls are counted");
  check(memory.track[7] == 20 && memory.track[12] == 5 && memory.track[13] == 35, "executions, those timed and their time");
  check(memory.words[2] == (1 << 20) - 20, "each counts towards the halving");
}

void staysWithinWhatIsCutOff() {
  const auto entry = entryOf(20);
  Memory memory;
  for (size_t bytes = kEntryHeaderBytes; bytes < entry.size(); bytes++) count(memory, entry, bytes);
}

void staysWithinWhateverOffsetsSay() {
  Memory memory;
  for (int round = 0; round < 2'000; round++) {
    auto entry = entryOf(20);
    const size_t offsetsAt = kEntryHeaderBytes + 32 * 20;
    const size_t at = nextRandom() % 3 == 0 ? (nextRandom() % 2 == 0 ? 4 : 40) : offsetsAt + 4 * (nextRandom() % 40);
    put32(entry, at, uint32_t(nextRandom() % 2 == 0 ? nextRandom() : nextRandom() % (2 * entry.size())));
    count(memory, entry, entry.size());
  }
}

void growsByContract() {
  // One contract with a key that comes and one that goes, one record of a contract.
  std::vector<uint8_t> delta = {21, 0x13};
  delta.resize(22, 9);
  const std::vector<uint8_t> records = {2, 0, 0, 0, 1, 0, 'a', 3, 1, 2, 3, 255, 1, 0, 'b', 255, 1, 7};
  delta.insert(delta.end(), records.begin(), records.end());
  const std::vector<uint8_t> other = {1, 0x11, 1, 0, 0, 0, 1, 0, 'c', 1, 1, 255};
  delta.insert(delta.end(), other.begin(), other.end());
  double out[kGrowthNumbers] = {};
  check(growthOf({delta.data(), delta.size()}, out, 1) == 1, "one contract's state changed");
  check(out[0] == 1 && out[1] == 2 && out[2] == 0, "by two bytes and no key");
  check(growthOf({delta.data(), delta.size()}, nullptr, 0) == 1, "without room it is counted all the same");
}

}  // namespace

int main() {
  countsAll();
  staysWithinWhatIsCutOff();
  staysWithinWhateverOffsetsSay();
  growsByContract();
  if (failures > 0) return 1;
  std::puts("execution counter: counted, and stayed within its bytes");
  return 0;
}
