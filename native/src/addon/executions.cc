/** Counting into the memory of analytics: ExecutionCounter of src/engines/enhanced/analytics/execution-counter.ts. */
#include "../block_entry.h"
#include "../execution_counter.h"
#include "exposed.h"

namespace polytorus {
namespace {

/** Places in `numbers`: CountNumber. */
enum : size_t { kNext, kLap, kLapNumbers, kAtMs, kGasUsed, kNumbers };

/** (entry, call, laps, numbers, a track's numbers and bins, the callers' numbers and words) */
void executionsCount(const Info& info) {
  double* numbers = elementsAt<double>(info, 3, kNumbers).data;
  const auto wordAt = [&](size_t place) { return numberFrom<uint32_t>(info.Env(), numbers[place], place); };
  // Two to a lap.
  const uint32_t lapNumbers = wordAt(kLapNumbers) & ~1u;
  ExecutionRun run{
      bytesAt(info, 0, kEntryHeaderBytes),
      bytesAt(info, 1, kCallBytesMin),
      elementsAt<double>(info, 2, lapNumbers).data,
      lapNumbers,
      elementsAt<double>(info, 4, kTrackNumbers).data,
      elementsAt<uint32_t>(info, 5, kTrackBins).data,
      {elementsAt<double>(info, 6, kCallerNumbers).data, elementsAt<uint32_t>(info, 7, kCallerWords).data},
      numbers[kAtMs],
      wordAt(kNext),
      wordAt(kLap) & ~1u,
      0,
  };
  countRun(run);
  numbers[kNext] = run.next;
  numbers[kLap] = run.lap;
  numbers[kGasUsed] = run.gasUsed;
}

/** (delta, out) → of how many contracts the state grew or shrank */
Napi::Value stateGrowth(const Info& info) {
  const Span<double> out = elementsAt<double>(info, 1);
  return Napi::Number::New(info.Env(), double(growthOf(bytesAt(info, 0), out.data, out.size / kGrowthNumbers)));
}

}  // namespace

void exposeExecutions(Napi::Object exports) {
  expose<executionsCount>(exports, "executionsCount");
  expose<stateGrowth>(exports, "stateGrowth");
}

}  // namespace polytorus
