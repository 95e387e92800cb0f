#include "evaluate.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "bootstrap_batch.h"

namespace polytorus::tfhe {
namespace {

constexpr uint32_t kFlags = kInvertInput | kInvertInput << 1 | kInvertInput << 2 | kInvertOutput;

struct Gate {
  Operation operation;
  uint32_t flags;
  uint32_t inputs[3];
  uint32_t output;
};

Gate gateAt(const Program& program, size_t index) {
  const uint32_t* at = program.gates + index * kGateWords;
  return {Operation(at[0] & 0xff), at[0] & ~0xffu, {at[1], at[2], at[3]}, at[4]};
}

int inputsOf(Operation operation) {
  static constexpr int counts[] = {0, 2, 2, 3, 3, 3, 1, 0};
  return counts[uint32_t(operation)];
}

[[noreturn]] void refuse(size_t gate, const std::string& why) {
  throw Refused("GATE_MALFORMED", "gate " + std::to_string(gate) + ": " + why);
}

/** sum = constant + weight·(±x ±y ±z): what a gate bootstraps. */
struct Sum {
  int32_t weight;
  uint32_t constant;
  int inputs;
};

Sum sumOf(Operation operation) {
  switch (operation) {
    case Operation::kAnd: return {1, 0 - kBitOne, 2};
    case Operation::kXor: return {2, 2 * kBitOne, 2};
    case Operation::kParity: return {-2, 0, 3};
    default: return {1, 0, 3};
  }
}

/** One bootstrap: a gate of one step, or one of the two of a selection. */
struct Task {
  size_t gate;
  enum Step : uint8_t { kWhole, kSelector, kChoice } step;
  /** Which of the level's selections: where the first step leaves its result. */
  uint32_t selection;
};

class Run {
 public:
  Run(const EvaluationKey& key, uint32_t* arena, const Program& program, uint32_t threads, const Control& control)
      : key_(key), arena_(arena), program_(program), threads_(threads), control_(control), words_(key.set().words()) {}

  Evaluation evaluate();

 private:
  bool isCancelled() const { return control_.cancel && control_.cancel->load(std::memory_order_relaxed) != 0; }
  void planLevel(size_t first, size_t end);
  void runTasks(const std::vector<Task>& tasks);
  void takeBatches(size_t worker);
  void runBatch(BootstrapBatch& batch, size_t first, size_t end);
  void writeSum(const Task& task, uint32_t* sum) const;
  void writeOutput(const Task& task, const uint32_t* from);
  void writeFree(const Gate& gate);
  void work(size_t worker);
  BootstrapBatch& batchOf(size_t worker);

  const EvaluationKey& key_;
  uint32_t* const arena_;
  const Program& program_;
  const uint32_t threads_;
  const Control& control_;
  const size_t words_;

  std::vector<Task> first_, second_;
  std::vector<uint32_t> selections_;

  // Shared by the threads while they run one list of tasks.
  const std::vector<Task>* tasks_ = nullptr;
  size_t batchSize_ = 1;
  std::atomic<size_t> next_{0};
  std::atomic<uint64_t> bootstraps_{0};
  std::vector<std::unique_ptr<BootstrapBatch>> batches_;

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  uint64_t round_ = 0;
  size_t busy_ = 0;
  bool isOver_ = false;
  std::exception_ptr failure_;
};

void Run::planLevel(size_t first, size_t end) {
  first_.clear();
  second_.clear();
  for (size_t index = first; index < end; index++) {
    const Gate gate = gateAt(program_, index);
    const auto selection = uint32_t(second_.size());
    if (gate.operation == Operation::kCopy || gate.operation == Operation::kZero) {
      writeFree(gate);
    } else if (gate.operation == Operation::kSelect) {
      first_.push_back({index, Task::kSelector, selection});
      second_.push_back({index, Task::kChoice, selection});
    } else {
      first_.push_back({index, Task::kWhole, 0});
    }
  }
  selections_.resize(second_.size() * words_);
}

void Run::writeFree(const Gate& gate) {
  uint32_t* to = arena_ + gate.output * words_;
  const uint32_t* from = gate.operation == Operation::kCopy ? arena_ + gate.inputs[0] * words_ : nullptr;
  const bool isInverted = ((gate.flags & kInvertInput) && from) != ((gate.flags & kInvertOutput) != 0);
  for (size_t i = 0; i < words_; i++) to[i] = from ? from[i] : 0;
  if (!from) to[words_ - 1] = 0 - kBitOne;
  for (size_t i = 0; isInverted && i < words_; i++) to[i] = 0 - to[i];
}

void Run::writeSum(const Task& task, uint32_t* sum) const {
  const Gate gate = gateAt(program_, task.gate);
  // A selection: XNOR(s, x) first, which is XOR with its output inverted, then MAJ(x, y, that).
  const Operation operation = task.step == Task::kWhole      ? gate.operation
                              : task.step == Task::kSelector ? Operation::kXor
                                                             : Operation::kMajority;
  const Sum form = sumOf(operation);
  for (size_t i = 0; i < words_; i++) sum[i] = 0;
  for (int input = 0; input < form.inputs; input++) {
    const int source = task.step == Task::kChoice ? input + 1 : input;
    const bool isSelector = source == 3;
    const uint32_t* from = isSelector ? selections_.data() + task.selection * words_ : arena_ + gate.inputs[source] * words_;
    const bool isInverted = !isSelector && (gate.flags & (kInvertInput << source));
    const auto weight = uint32_t(isInverted ? -form.weight : form.weight);
    for (size_t i = 0; i < words_; i++) sum[i] += weight * from[i];
  }
  sum[words_ - 1] += form.constant;
}

void Run::writeOutput(const Task& task, const uint32_t* from) {
  const Gate gate = gateAt(program_, task.gate);
  const bool isSelector = task.step == Task::kSelector;
  uint32_t* to = isSelector ? selections_.data() + task.selection * words_ : arena_ + gate.output * words_;
  const bool isInverted = isSelector || (gate.flags & kInvertOutput);
  for (size_t i = 0; i < words_; i++) to[i] = isInverted ? 0 - from[i] : from[i];
}

void Run::runBatch(BootstrapBatch& batch, size_t first, size_t end) {
  const auto gates = uint32_t(end - first);
  for (uint32_t i = 0; i < gates; i++) writeSum((*tasks_)[first + i], batch.sum(i));
  batch.run(gates);
  for (uint32_t i = 0; i < gates; i++) writeOutput((*tasks_)[first + i], batch.output(i));
  bootstraps_ += gates;
  if (control_.done) control_.done->fetch_add(int32_t(gates), std::memory_order_relaxed);
}

BootstrapBatch& Run::batchOf(size_t worker) {
  if (!batches_[worker]) batches_[worker] = std::make_unique<BootstrapBatch>(key_);
  return *batches_[worker];
}

void Run::takeBatches(size_t worker) {
  try {
    while (!isCancelled()) {
      const size_t first = next_.fetch_add(batchSize_);
      if (first >= tasks_->size()) return;
      runBatch(batchOf(worker), first, std::min(first + batchSize_, tasks_->size()));
    }
  } catch (...) {
    const std::lock_guard<std::mutex> lock(mutex_);
    failure_ = std::current_exception();
  }
}

/** What every thread but the caller's does: a list of tasks each time that the round changes. */
void Run::work(size_t worker) {
  std::unique_lock<std::mutex> lock(mutex_);
  for (uint64_t seen = 0;;) {
    wake_.wait(lock, [&] { return isOver_ || round_ != seen; });
    if (isOver_) return;
    seen = round_;
    lock.unlock();
    takeBatches(worker);
    lock.lock();
    if (--busy_ == 0) idle_.notify_one();
  }
}

void Run::runTasks(const std::vector<Task>& tasks) {
  if (tasks.empty()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks_ = &tasks;
    next_ = 0;
    // As many rounds of the threads as the largest batch asks for, then batches as equal as they can be.
    const size_t most = size_t(threads_) * BootstrapBatch::kGatesMax, rounds = (tasks.size() + most - 1) / most;
    batchSize_ = (tasks.size() + threads_ * rounds - 1) / (threads_ * rounds);
    busy_ = threads_ - 1;
    round_++;
  }
  wake_.notify_all();
  takeBatches(0);
  std::unique_lock<std::mutex> lock(mutex_);
  idle_.wait(lock, [&] { return busy_ == 0; });
  if (failure_) std::rethrow_exception(failure_);
}

Evaluation Run::evaluate() {
  batches_.resize(threads_);
  std::vector<std::thread> workers;
  struct Joined {
    Run& run;
    std::vector<std::thread>& workers;
    ~Joined() {
      {
        const std::lock_guard<std::mutex> lock(run.mutex_);
        run.isOver_ = true;
      }
      run.wake_.notify_all();
      for (std::thread& worker : workers) worker.join();
    }
  } joined{*this, workers};
  workers.reserve(threads_ - 1);
  for (size_t worker = 1; worker < threads_; worker++) workers.emplace_back([this, worker] { work(worker); });
  size_t level = 0, gate = 0;
  for (; level < program_.levelCount && !isCancelled(); level++) {
    planLevel(gate, program_.levelEnds[level]);
    runTasks(first_);
    if (!isCancelled()) runTasks(second_);
    if (isCancelled()) break;
    gate = program_.levelEnds[level];
  }
  return {level, bootstraps_};
}

}  // namespace

uint64_t checkProgram(const Program& program, size_t slots) {
  if (program.levelCount == 0 ? program.gateCount != 0 : program.levelEnds[program.levelCount - 1] != program.gateCount) {
    throw Refused("GATE_MALFORMED", "expected the last level to end at gate " + std::to_string(program.gateCount));
  }
  // The level that last wrote a slot, counted from 1.
  std::vector<uint32_t> writtenIn(slots, 0);
  uint64_t bootstraps = 0;
  size_t first = 0;
  for (size_t level = 0; level < program.levelCount; level++) {
    const size_t end = program.levelEnds[level];
    if (end < first || end > program.gateCount) {
      throw Refused("GATE_MALFORMED", "level " + std::to_string(level) + " ends at gate " + std::to_string(end) +
                                          ", expected " + std::to_string(first) + " to " + std::to_string(program.gateCount));
    }
    for (size_t index = first; index < end; index++) {
      const Gate gate = gateAt(program, index);
      const auto code = uint32_t(gate.operation);
      if (code < 1 || code > 7) refuse(index, "operation " + std::to_string(code) + " does not exist; known are 1 to 7");
      if (gate.flags & ~kFlags) refuse(index, "flags " + std::to_string(gate.flags) + " do not exist");
      if (gate.output >= slots) refuse(index, "output slot " + std::to_string(gate.output) + " of " + std::to_string(slots));
      if (writtenIn[gate.output] == level + 1) refuse(index, "slot " + std::to_string(gate.output) + " is written twice in a level");
      writtenIn[gate.output] = uint32_t(level + 1);
      bootstraps += code == 5 ? 2 : code < 5 ? 1 : 0;
    }
    for (size_t index = first; index < end; index++) {
      const Gate gate = gateAt(program, index);
      for (int input = 0; input < inputsOf(gate.operation); input++) {
        const uint32_t slot = gate.inputs[input];
        if (slot >= slots) refuse(index, "input slot " + std::to_string(slot) + " of " + std::to_string(slots));
        if (writtenIn[slot] == level + 1) refuse(index, "slot " + std::to_string(slot) + " is written and read in one level");
      }
    }
    first = end;
  }
  return bootstraps;
}

Evaluation evaluate(const EvaluationKey& key, uint32_t* arena, size_t slots, const Program& program, uint32_t threads,
                    const Control& control) {
  if (threads < 1 || threads > kThreadsMax) {
    throw Refused("THREADS_OUT_OF_RANGE", "threads must be 1 to " + std::to_string(kThreadsMax) + ", not " + std::to_string(threads));
  }
  checkProgram(program, slots);
  return Run(key, arena, program, threads, control).evaluate();
}

}  // namespace polytorus::tfhe
