#include "execution_counter.h"

#include <algorithm>
#include <cstring>

#include "block_entry.h"
#include "delta.h"

namespace polytorus {
namespace {

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
  for (size_t at = 0; at < kAddressBytes; at += 4) hash = mix(hash, readU32(address + at));
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
constexpr uint32_t kWindow = 8;

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
  const uint64_t gasUsed = readU64(call.receipt + kReceiptGasUsedAt);
  const double gasLimit = double(readU64(call.transaction + kTxGasLimitAt));
  const Execution execution = {double(gasUsed), gasLimit, isTimed, timeUs, binOf(gasUsed), binOf(uint64_t(timeUs))};
  if (!addCaller(run, call.callerHash, execution)) return false;
  add(run.trackNumbers, run.trackBins, 0, execution);
  run.gasUsed += execution.gasUsed;
  run.next++;
  return true;
}

/** False where it is not the call, or did not succeed. */
bool readCall(const BlockEntry& entry, uint32_t index, Bytes wanted, Call& call) {
  const Bytes transaction = entry.transaction(index), receipt = entry.receipt(index);
  if (transaction.size < kTxToAt + wanted.size || receipt.size == 0) return false;
  call.transaction = transaction.data;
  call.receipt = receipt.data;
  return transaction.data[kTxKindAt] == kTxCall && transaction.data[kTxFormAt] == kBodyEntrypoint &&
         receipt.data[kReceiptStatusAt] == kReceiptSuccess &&
         std::memcmp(transaction.data + kTxToAt, wanted.data, wanted.size) == 0;
}

}  // namespace

void countRun(ExecutionRun& run) {
  const BlockEntry entry(run.entry);
  Call window[kWindow];
  while (run.next < entry.count()) {
    const uint32_t wanted = std::min(kWindow, entry.count() - run.next);
    uint32_t read = 0;
    for (; read < wanted && readCall(entry, run.next + read, run.call, window[read]); read++) {
      const uint32_t hash = hashAddress(window[read].transaction + kTxSenderAt);
      window[read].callerHash = hash;
      __builtin_prefetch(run.callers.sketch + hash % kCallerSketch, 1);
      __builtin_prefetch(run.callers.slots + hash % kCallerSlots);
    }
    for (uint32_t i = 0; i < read; i++)
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
