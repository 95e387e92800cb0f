#include "execution_counter.h"

#include <algorithm>
#include <cstring>

namespace polytorus {
namespace {

// src/encoding/block-entry.ts
constexpr size_t kTransactionsBytesAt = 40;
constexpr size_t kHashBytes = 32;
// src/encoding/transaction.ts
constexpr uint8_t kCall = 2;
constexpr uint8_t kFormEntrypoint = 2;
constexpr size_t kGasLimitAt = 16;
constexpr size_t kSenderAt = 24;
constexpr size_t kToAt = 44;
constexpr size_t kAddressBytes = 20;
// src/encoding/receipt.ts
constexpr uint8_t kSuccess = 1;
constexpr size_t kGasUsedAt = 8;
constexpr size_t kReceiptHeaderBytes = 16;
// src/encoding/state-key.ts
constexpr uint8_t kStateTag = 0x13;

// track.ts: the running minute is the row of index 1.
constexpr size_t kFirst = 7;
enum : size_t { kExecutions = 0, kGasUsed = 3, kGasLimit = 4, kTimed = 5, kTimeUs = 6 };
constexpr size_t kMinuteEnd = 49;
// histogram.ts
constexpr int kSteps = 4;
constexpr int kOctaves = 40;
constexpr size_t kBins = (kOctaves + 1) * kSteps;
constexpr size_t kGasBins = 2 * kBins;
constexpr size_t kTimeBins = 3 * kBins;
// callers.ts
enum : size_t { kPlaces, kHand, kUntilHalved };
constexpr uint32_t kLead = 64;
constexpr double kCallerHistogramAfter = 256;
constexpr uint32_t kNoPlace = 0xffffffff;

uint32_t little32(const uint8_t* p) {
  uint32_t word;
  std::memcpy(&word, p, 4);
  return word;
}

uint64_t little64(const uint8_t* p) {
  uint64_t word;
  std::memcpy(&word, p, 8);
  return word;
}

/** binOf of histogram.ts, for what is not negative. */
size_t binOf(uint64_t value) {
  if (value < kSteps) return size_t(value);
  const int octave = 63 - __builtin_clzll(value);
  if (octave > kOctaves) return kOctaves * kSteps - 1;
  return size_t(octave * kSteps + int(value >> (octave - 2) & (kSteps - 1)) - kSteps);
}

uint32_t rotated(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

uint32_t mix(uint32_t hash, uint32_t word) {
  const uint32_t k = rotated(word * 0xcc9e2d51u, 15) * 0x1b873593u;
  return rotated(hash ^ k, 13) * 5 + 0xe6546b64u;
}

/** hashBytes of src/encoding/key-hash.ts, of an address, from seed 0. */
uint32_t hashAddress(const uint8_t* address) {
  uint32_t hash = 0;
  for (size_t at = 0; at < kAddressBytes; at += 4) hash = mix(hash, little32(address + at));
  hash = mix(hash, 0) ^ uint32_t(kAddressBytes);
  hash ^= hash >> 16;
  hash *= 0x85ebca6bu;
  hash ^= hash >> 13;
  return hash ^ hash >> 16;
}

uint32_t placeOf(const CallerPlaces& callers, uint32_t hash) {
  for (size_t at = hash % kCallerSlots; callers.slots[at] != 0; at = (at + 1) % kCallerSlots)
    if (callers.hashes[callers.slots[at] - 1] == hash) return callers.slots[at] - 1;
  return kNoPlace;
}

/** Whether someone without a place gets one with this execution. */
bool getsPlace(const CallerPlaces& callers, uint32_t hash) {
  if (callers.state[kPlaces] < kCallersMax) return true;
  const uint32_t holder = callers.hashes[callers.state[kHand]];
  const uint64_t count = callers.sketch[hash % kCallerSketch] + uint64_t(1);
  return count > 2 * uint64_t(callers.sketch[holder % kCallerSketch]) + kLead;
}

struct Execution {
  double gasUsed;
  double gasLimit;
  bool isTimed;
  double timeUs;
  size_t gasBin;
  size_t timeBin;
};

void add(double* numbers, uint32_t* bins, double histogramAfter, const Execution& execution) {
  double* minute = numbers + kFirst;
  const double before = numbers[kExecutions] + minute[kExecutions]++;
  minute[kGasUsed] += execution.gasUsed;
  minute[kGasLimit] += execution.gasLimit;
  if (execution.isTimed) {
    minute[kTimed]++;
    minute[kTimeUs] += execution.timeUs;
  }
  if (before < histogramAfter) return;
  bins[kGasBins + execution.gasBin]++;
  if (execution.isTimed) bins[kTimeBins + execution.timeBin]++;
}

/** Looked at together, so that the cache misses of the sketch overlap. */
constexpr size_t kWindow = 8;

struct Call {
  const uint8_t* transaction;
  const uint8_t* receipt;
  uint32_t callerHash;
};

/** Counts the caller of one execution, or answers false with nothing changed. */
bool addCaller(const ExecutionRun& run, uint32_t hash, const Execution& execution) {
  const CallerPlaces& callers = run.callers;
  if (callers.state[kUntilHalved] == 1) return false;
  const uint32_t place = placeOf(callers, hash);
  if (place == kNoPlace) {
    if (getsPlace(callers, hash)) return false;
    callers.state[kHand] = uint32_t((callers.state[kHand] + 1) % kCallersMax);
  } else {
    double* numbers = callers.numbers + place * kTrackNumbers;
    if (run.atMs >= numbers[kMinuteEnd]) return false;
    add(numbers, callers.bins + place * kTrackBins, kCallerHistogramAfter, execution);
  }
  callers.sketch[hash % kCallerSketch]++;
  callers.state[kUntilHalved]--;
  return true;
}

bool addCall(ExecutionRun& run, const Call& call) {
  while (run.lap < run.lapNumbers && run.next >= run.laps[run.lap]) run.lap += 2;
  const bool isTimed = run.lap < run.lapNumbers;
  const double timeUs = isTimed ? std::max(0.0, run.laps[run.lap + 1]) : 0;
  const uint64_t gasUsed = little64(call.receipt + kGasUsedAt);
  const double gasLimit = double(little64(call.transaction + kGasLimitAt));
  const Execution execution = {double(gasUsed), gasLimit, isTimed, timeUs, binOf(gasUsed), binOf(uint64_t(timeUs))};
  if (!addCaller(run, call.callerHash, execution)) return false;
  add(run.trackNumbers, run.trackBins, 0, execution);
  run.gasUsed += execution.gasUsed;
  run.next++;
  return true;
}

/** Where an entry's parts stand. */
struct EntryParts {
  explicit EntryParts(Bytes entry) : bytes(entry.data), size(entry.size), count(little32(bytes + 4)) {
    offsetsAt = kEntryHeaderBytes + kHashBytes * count;
    transactionsAt = offsetsAt + 8 * count;
    receiptsAt = transactionsAt + little32(bytes + kTransactionsBytesAt);
  }

  /** False where it is not the call, did not succeed or is not within the entry. */
  bool read(size_t index, Bytes wanted, Call& call) const {
    const size_t at = transactionsAt + little32(bytes + offsetsAt + 4 * index);
    const size_t receiptAt = receiptsAt + little32(bytes + offsetsAt + 4 * (count + index));
    if (at + kToAt + wanted.size > size || receiptAt + kReceiptHeaderBytes > size) return false;
    call.transaction = bytes + at;
    call.receipt = bytes + receiptAt;
    return call.transaction[0] == kCall && call.transaction[2] == kFormEntrypoint && call.receipt[0] == kSuccess &&
           std::memcmp(call.transaction + kToAt, wanted.data, wanted.size) == 0;
  }

  const uint8_t* bytes;
  size_t size;
  size_t count;
  size_t offsetsAt;
  size_t transactionsAt;
  size_t receiptsAt;
};

}  // namespace

void countRun(ExecutionRun& run) {
  const EntryParts entry(run.entry);
  if (entry.receiptsAt > entry.size) return;
  Call window[kWindow];
  while (run.next < entry.count) {
    const size_t wanted = std::min<size_t>(kWindow, entry.count - run.next);
    size_t read = 0;
    for (; read < wanted && entry.read(run.next + read, run.call, window[read]); read++) {
      const uint32_t hash = hashAddress(window[read].transaction + kSenderAt);
      window[read].callerHash = hash;
      __builtin_prefetch(run.callers.sketch + hash % kCallerSketch, 1);
      __builtin_prefetch(run.callers.slots + hash % kCallerSlots);
    }
    for (size_t i = 0; i < read; i++)
      if (!addCall(run, window[i])) return;
    if (read < wanted) return;
  }
}

size_t growthOf(Bytes delta, double* out, size_t capacity) {
  size_t contracts = 0;
  const uint8_t* prefix = nullptr;
  double bytes = 0, keys = 0;
  const auto close = [&] {
    if (bytes == 0 && keys == 0) return;
    if (contracts < capacity) {
      double* numbers = out + kGrowthNumbers * contracts;
      numbers[0] = double(prefix - delta.data);
      numbers[1] = bytes;
      numbers[2] = keys;
    }
    contracts++;
    bytes = keys = 0;
  };
  DeltaRecord record;
  for (DeltaReader reader(delta); reader.next(record);) {
    if (record.prefix.data != prefix) {
      close();
      prefix = record.prefix.data;
    }
    if (record.prefix.size != 1 + kAddressBytes || prefix[0] != kStateTag) continue;
    if (!record.after.isAbsent) bytes += double(record.after.bytes.size + record.suffix.size), keys++;
    if (!record.before.isAbsent) bytes -= double(record.before.bytes.size + record.suffix.size), keys--;
  }
  close();
  return contracts;
}

}  // namespace polytorus
