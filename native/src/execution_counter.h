/**
 * Counts what the log says of executions into the memory of analytics (src/engines/enhanced/analytics): runs of successful
 * calls of one entrypoint, of which most blocks are made, and what a delta makes of contracts' state. Whatever is not such
 * (a failure, another call, a caller who gets a place or whose minute is over) is left to the caller, who counts it and
 * comes back; so this is a shortcut and never a second opinion.
 *
 * The layouts are those of track.ts, histogram.ts and callers.ts there, src/encoding/block-entry.ts, transaction.ts and
 * receipt.ts; analytics without it is the oracle: test/property/execution-counter.test.ts holds the two against each other.
 */
#pragma once

#include "bytes.h"

namespace polytorus {

// track.ts
constexpr size_t kTrackNumbers = 50;
constexpr size_t kTrackBins = 2296;
// callers.ts
constexpr size_t kCallersMax = 1024;
constexpr size_t kCallerStates = 4;
constexpr size_t kCallerSketch = 65536;
constexpr size_t kCallerSlots = 4096;
constexpr size_t kCallerNumbers = kCallersMax * kTrackNumbers;
constexpr size_t kCallerWords = kCallerStates + kCallerSketch + kCallerSlots + kCallersMax * (1 + kTrackBins);

/** CallerMemory of callers.ts, which has `kCallerNumbers` and `kCallerWords`. */
struct CallerPlaces {
  CallerPlaces(double* numbers, uint32_t* words)
      : numbers(numbers),
        state(words),
        sketch(state + kCallerStates),
        slots(sketch + kCallerSketch),
        hashes(slots + kCallerSlots),
        bins(words + kCallerWords - kCallersMax * kTrackBins) {}

  double* numbers;
  uint32_t* state;
  uint32_t* sketch;
  const uint32_t* slots;
  const uint32_t* hashes;
  uint32_t* bins;
};

/** An address, and the length of a name. */
constexpr size_t kCallBytesMin = 21;

struct ExecutionRun {
  Bytes entry;
  /** The contract, then the entrypoint with its length. */
  Bytes call;
  /** By lap: the index after its last transaction, and the microseconds of each. `lapNumbers` is even, and so is `lap`. */
  const double* laps;
  size_t lapNumbers;
  /** Of the entrypoint: its minute is not over, and it has a histogram. */
  double* trackNumbers;
  uint32_t* trackBins;
  CallerPlaces callers;
  double atMs;

  /** Index of the next transaction, and its lap's place in `laps`. All from here on change. */
  uint32_t next;
  uint32_t lap;
  /** Of those that were counted. */
  double gasUsed;
};

/** Counts transactions from `next` on until one is not such a call, or the end of the entry. */
void countRun(ExecutionRun& run);

/** Numbers of a contract in `growthOf`: where its group begins in the delta, bytes and keys more than before. */
constexpr size_t kGrowthNumbers = 3;

/**
 * Writes which contracts' state grew or shrank, the first `capacity` of them; answers how many there are.
 * @throws MalformedDelta
 */
size_t growthOf(Bytes delta, double* out, size_t capacity);

}  // namespace polytorus
