/**
 * Evaluates levelised gates: each level's bootstraps are cut into batches, and a batch walks the key once, so that its
 * megabytes are read once for many gates. Threads take batches from one list and meet at the end of a level.
 * Always
 *  - A gate's output depends on its inputs alone: not on batch, thread, order or kernel.
 *  - Everything is checked before anything is written.
 */
#pragma once

#include <atomic>
#include <vector>

#include "evaluation_key.h"

namespace polytorus::tfhe {

enum class Operation : uint32_t { kAnd = 1, kXor, kMajority, kParity, kSelect, kCopy, kZero };

/** Flags of a gate's first word: invert input 0, 1, 2, the output. */
constexpr uint32_t kInvertInput = 0x100;
constexpr uint32_t kInvertOutput = 0x800;
constexpr uint32_t kGateWords = 5;
constexpr uint32_t kThreadsMax = 64;

/** Gates as README.md has them; `levelEnds` are indices of gates, ascending, the last one the number of gates. */
struct Program {
  const uint32_t* gates;
  size_t gateCount;
  const uint32_t* levelEnds;
  size_t levelCount;
};

/** Words that other threads may look at and set while it runs; either may be nullptr. */
struct Control {
  /** Not 0: stop before the next batch. */
  std::atomic<int32_t>* cancel = nullptr;
  /** Bootstraps done are added to it. */
  std::atomic<int32_t>* done = nullptr;
};

struct Evaluation {
  /** Levels that are complete; less than the program's when it was cancelled. */
  size_t levels;
  uint64_t bootstraps;
};

/** Bootstraps that a program takes. @throws Refused GATE_MALFORMED */
uint64_t checkProgram(const Program& program, size_t slots);

/** @throws Refused GATE_MALFORMED, THREADS_OUT_OF_RANGE; std::bad_alloc */
Evaluation evaluate(const EvaluationKey& key, uint32_t* arena, size_t slots, const Program& program, uint32_t threads,
                    const Control& control);

}  // namespace polytorus::tfhe
