/** Runs of plain transfers on execution's own arrays: TransferRunner of src/encoding/transfer-run.ts. */
#include "../transfers.h"

#include "../encoding.h"
#include "exposed.h"

namespace polytorus {
namespace {

/** The numbers of a run in the order of RunNumber: what does not change, then what does. */
class RunNumbers {
 public:
  static constexpr size_t kCount = 31;

  RunNumbers(Napi::Env env, double* numbers) : env_(env), numbers_(numbers) {}

  void read(TransferRun& run) {
    TransferPrices& prices = run.prices;
    const auto take = [this](auto&... fields) {
      ((fields = numberFrom<std::decay_t<decltype(fields)>>(env_, numbers_[at_], at_), at_++), ...);
    };
    take(run.indexSeed, run.balancePrefix, run.serial, run.accounts.space, run.balances.space, prices.transactionBase,
         prices.bodyByte, prices.stateRead, prices.stateWrite, prices.stateCreate, prices.log, prices.transactionGasMax);
    firstChanging_ = at_;
    forChanging(run, take);
  }

  void write(TransferRun& run) {
    at_ = firstChanging_;
    forChanging(run, [this](const auto&... fields) { ((numbers_[at_++] = double(fields)), ...); });
  }

 private:
  template <typename Visit>
  static void forChanging(TransferRun& run, Visit visit) {
    SubmissionStart& start = run.start;
    visit(run.next, run.end, run.at, run.included, run.undoCount, run.receiptsLength, run.submission, run.accounts.head,
          run.accounts.tail, run.balances.head, run.balances.tail, run.gasUsed, run.hasIds, start.index, start.at,
          start.included, start.undoCount, start.receiptsLength, start.gasUsed);
  }

  Napi::Env env_;
  double* numbers_;
  size_t at_ = 0;
  size_t firstChanging_ = 0;
};

/** (transactions, rows, index, undo, receipts, ranges, receiptAt, submissionEnds, token ‖ topic, numbers) */
void transfersRun(const Info& info) {
  TransferRun run{};
  run.transactions = elementsAt<uint8_t>(info, 0);
  run.rows = elementsAt<uint32_t>(info, 1);
  run.index = elementsAt<uint32_t>(info, 2);
  run.undo = elementsAt<uint32_t>(info, 3);
  run.receipts = elementsAt<uint8_t>(info, 4);
  run.ranges = elementsAt<uint32_t>(info, 5);
  run.receiptAt = elementsAt<uint32_t>(info, 6);
  run.submissionEnds = elementsAt<uint32_t>(info, 7);
  run.token = exactBytesAt(info, 8, kAddressBytes + kWordBytes);
  run.topic = run.token + kAddressBytes;
  RunNumbers numbers(info.Env(), elementsAt<double>(info, 9, RunNumbers::kCount).data);
  numbers.read(run);
  if (!hasRoom(run)) {
    throw Napi::RangeError::New(info.Env(), "expected room for transfers " + std::to_string(run.next) + " to " +
                                                std::to_string(run.end) + ", received an array that is too short, an index that " +
                                                "is no power of two, or an undo chain whose end is not there");
  }
  runTransfers(run);
  numbers.write(run);
}

}  // namespace

void exposeTransfers(Napi::Object exports) { expose<transfersRun>(exports, "transfersRun"); }

}  // namespace polytorus
