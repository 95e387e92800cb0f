/** Speaks Node-API (with tfhe_addon.cc): it turns arguments into bytes, and C++ exceptions into JavaScript ones. */
#include <napi.h>

#include <cstring>
#include <system_error>

#include "change_table.h"
#include "delta.h"
#include "early_tree.h"
#include "execution_counter.h"
#include "merkle.h"
#include "receipt_text.h"
#include "sha256.h"
#include "state_tree.h"
#include "state_tree_file.h"
#include "submission_reader.h"
#include "tfhe_addon.h"
#include "transfers.h"
#include "tree_registry.h"

namespace polytorus {
namespace {

constexpr size_t kPrefixMaxBytes = 64;

using Info = Napi::CallbackInfo;

Bytes bytesOf(const Napi::Value& value, size_t index) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Napi::TypeError::New(value.Env(), "argument " + std::to_string(index) + " must be a Uint8Array");
  }
  const auto array = value.As<Napi::Uint8Array>();
  return {array.Data(), array.ByteLength()};
}

Bytes bytesAt(const Info& info, size_t index) { return bytesOf(info[index], index); }

uint8_t* outputAt(const Info& info, size_t index, size_t bytes) {
  const Bytes output = bytesAt(info, index);
  if (output.size < bytes) throw Napi::RangeError::New(info.Env(), "the output array is too short");
  return const_cast<uint8_t*>(output.data);
}

std::string textAt(const Info& info, size_t index) { return info[index].As<Napi::String>().Utf8Value(); }

uint32_t numberAt(const Info& info, size_t index) { return info[index].As<Napi::Number>().Uint32Value(); }

Napi::Value copyOf(Napi::Env env, const uint8_t* data, size_t bytes) {
  Napi::Uint8Array copy = Napi::Uint8Array::New(env, bytes);
  if (bytes > 0) std::memcpy(copy.Data(), data, bytes);
  return copy;
}

TreeRegistry& trees() { return TreeRegistry::ofProcess(); }

Napi::Value treeAttach(const Info& info) { return Napi::Number::New(info.Env(), trees().attach(textAt(info, 0))); }

Napi::Value treeRelease(const Info& info) { return Napi::Boolean::New(info.Env(), trees().release(textAt(info, 0))); }

/** (handle, deltas, isBackward, root out) */
Napi::Value treeApply(const Info& info) {
  const auto list = info[1].As<Napi::Array>();
  std::vector<Bytes> deltas(list.Length());
  for (uint32_t i = 0; i < deltas.size(); i++) deltas[i] = bytesOf(list[i], 1);
  const Direction direction = info[2].As<Napi::Boolean>().Value() ? Direction::kBackward : Direction::kForward;
  uint8_t* out = outputAt(info, 3, kHashBytes);
  trees().with(numberAt(info, 0), [&](StateTree& tree) {
    tree.applyAll(deltas, direction);
    std::memcpy(out, tree.root(), kHashBytes);
  });
  return info.Env().Undefined();
}

/** (handle, root out) */
Napi::Value treeRoot(const Info& info) {
  uint8_t* out = outputAt(info, 1, kHashBytes);
  trees().with(numberAt(info, 0), [&](StateTree& tree) { std::memcpy(out, tree.root(), kHashBytes); });
  return info.Env().Undefined();
}

Napi::Value treeLeafCount(const Info& info) {
  const size_t count = trees().with(numberAt(info, 0), [](StateTree& tree) { return tree.leafCount(); });
  return Napi::Number::New(info.Env(), double(count));
}

Napi::Value treeByteLength(const Info& info) {
  const size_t bytes = trees().with(numberAt(info, 0), [](StateTree& tree) { return tree.byteLength(); });
  return Napi::Number::New(info.Env(), double(bytes));
}

/** (handle, key) → { leaf?: keyHash and valueHash of the leaf at the end of the path, siblings: 32 bytes each } */
Napi::Value treeProve(const Info& info) {
  const Bytes key = bytesAt(info, 1);
  const StateTreeProof proof = trees().with(numberAt(info, 0), [&](StateTree& tree) { return tree.prove(key); });
  Napi::Object result = Napi::Object::New(info.Env());
  if (!proof.isEmpty) result["leaf"] = copyOf(info.Env(), proof.leaf, kLeafBytes);
  result["siblings"] = copyOf(info.Env(), proof.siblings.data(), proof.siblings.size());
  return result;
}

/** (handle, path, meta) */
Napi::Value treeSave(const Info& info) {
  const std::string path = textAt(info, 1);
  const Bytes meta = bytesAt(info, 2);
  trees().with(numberAt(info, 0), [&](StateTree& tree) { saveStateTree(tree, path, meta); });
  return info.Env().Undefined();
}

const char* failureName(TreeFileFailure failure) {
  switch (failure) {
    case TreeFileFailure::kMissing:
      return "missing";
    case TreeFileFailure::kVersion:
      return "version";
    default:
      return "corrupt";
  }
}

/** (path) */
Napi::Value treeReadAhead(const Info& info) {
  EarlyTree::ofProcess().begin(textAt(info, 0));
  return info.Env().Undefined();
}

/** (name, path) → { handle, meta } or { failure, reason }; the tree of that name is replaced only by a good one. */
Napi::Value treeLoad(const Info& info) {
  LoadedTree loaded = EarlyTree::ofProcess().load(textAt(info, 1));
  const TreeFileResult& file = loaded.file;
  Napi::Object result = Napi::Object::New(info.Env());
  if (file.failure != TreeFileFailure::kNone) {
    result["failure"] = failureName(file.failure);
    result["reason"] = file.reason;
    return result;
  }
  result["handle"] = trees().replace(textAt(info, 0), std::move(loaded.tree));
  result["meta"] = copyOf(info.Env(), file.meta.data(), file.meta.size());
  return result;
}

/** (data, ranges, count, prefix, out): see BatchHasher in src/encoding/hash.ts. */
Napi::Value sha256Batch(const Info& info) {
  const Bytes data = bytesAt(info, 0);
  if (!info[1].IsTypedArray() || info[1].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array) {
    throw Napi::TypeError::New(info.Env(), "ranges must be a Uint32Array");
  }
  const auto ranges = info[1].As<Napi::Uint32Array>();
  const size_t count = numberAt(info, 2);
  const Bytes prefix = bytesAt(info, 3);
  uint8_t* out = outputAt(info, 4, count * kHashBytes);
  if (ranges.ElementLength() < 2 * count) throw Napi::RangeError::New(info.Env(), "there are fewer ranges than count");
  if (prefix.size > kPrefixMaxBytes) throw Napi::RangeError::New(info.Env(), "the prefix is over 64 bytes");
  const uint32_t* bounds = ranges.Data();
  for (size_t i = 0; i < count; i++) {
    if (bounds[2 * i] <= bounds[2 * i + 1] && bounds[2 * i + 1] <= data.size) continue;
    throw Napi::RangeError::New(info.Env(), "range " + std::to_string(i) + " lies outside the data");
  }
  Sha256Batch batch;
  for (size_t i = 0; i < count; i++) {
    batch.add(prefix.data, prefix.size, data.data + bounds[2 * i], bounds[2 * i + 1] - bounds[2 * i], out + i * kHashBytes);
  }
  batch.flush();
  return info.Env().Undefined();
}

/** (hashes, count, out) */
Napi::Value merkleRootOf(const Info& info) {
  const Bytes hashes = bytesAt(info, 0);
  const size_t count = numberAt(info, 1);
  if (hashes.size < count * kHashBytes) throw Napi::RangeError::New(info.Env(), "there are fewer hashes than count");
  merkleRoot(hashes.data, count, outputAt(info, 2, kHashBytes));
  return info.Env().Undefined();
}

uint32_t* wordsAt(const Info& info, size_t index, size_t& count) {
  if (!info[index].IsTypedArray() || info[index].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array) {
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(index) + " must be a Uint32Array");
  }
  auto array = info[index].As<Napi::Uint32Array>();
  count = array.ElementLength();
  return array.Data();
}

/** Numbers of a TransferRun, in the order of src/native/transfers.ts. */
class RunNumbers {
 public:
  explicit RunNumbers(double* numbers) : numbers_(numbers) {}
  template <typename... Fields>
  void read(Fields&... fields) {
    ((fields = std::remove_reference_t<Fields>(numbers_[at_++])), ...);
  }
  template <typename... Fields>
  void write(const Fields&... fields) {
    ((numbers_[at_++] = double(fields)), ...);
  }
  void seek(size_t at) { at_ = at; }

 private:
  double* numbers_;
  size_t at_ = 0;
};

/** What does not change in a run stands before this, what does behind it. */
constexpr size_t kRunFixedNumbers = 12;
constexpr size_t kRunNumbers = 31;

/** (transactions, rows, index, undo, receipts, ranges, receiptAt, submissionEnds, token ‖ topic, numbers) */
Napi::Value transfersRun(const Info& info) {
  TransferRun run{};
  const Bytes transactions = bytesAt(info, 0);
  run.transactions = const_cast<uint8_t*>(transactions.data);
  run.transactionsSize = transactions.size;
  size_t rowWords, indexWords, undoWords, rangeWords, receiptWords, endWords;
  run.rows = wordsAt(info, 1, rowWords);
  run.index = wordsAt(info, 2, indexWords);
  run.indexMask = uint32_t(indexWords - 1);
  run.undo = wordsAt(info, 3, undoWords);
  const Bytes receipts = bytesAt(info, 4);
  run.receipts = const_cast<uint8_t*>(receipts.data);
  run.ranges = wordsAt(info, 5, rangeWords);
  run.receiptAt = wordsAt(info, 6, receiptWords);
  run.submissionEnds = wordsAt(info, 7, endWords);
  const Bytes token = bytesAt(info, 8);
  if (token.size != 52) throw Napi::RangeError::New(info.Env(), "the token and its topic have 52 bytes");
  run.token = token.data;
  run.topic = token.data + 20;
  auto array = info[9].As<Napi::Float64Array>();
  if (array.ElementLength() != kRunNumbers) throw Napi::RangeError::New(info.Env(), "the numbers of a run are 31");
  RunNumbers numbers(array.Data());
  TransferPrices& prices = run.prices;
  numbers.read(run.indexSeed, run.balancePrefix, run.serial, run.accounts.space, run.balances.space, prices.transactionBase,
               prices.bodyByte, prices.stateRead, prices.stateWrite, prices.stateCreate, prices.log, prices.transactionGasMax);
  SubmissionStart& start = run.start;
  numbers.read(run.next, run.end, run.at, run.included, run.undoCount, run.receiptsLength, run.submission, run.accounts.head,
               run.accounts.tail, run.balances.head, run.balances.tail, run.gasUsed, run.hasIds, start.index, start.at,
               start.included, start.undoCount, start.receiptsLength, start.gasUsed);
  const size_t count = run.end - run.next;
  const bool isRoomy = (run.undoCount + count * kTransferUndoRecords) * 16 <= undoWords &&
                       run.receiptsLength + count * kTransferReceiptBytesMax <= receipts.size &&
                       2 * (run.included + count) <= rangeWords && run.included + count <= receiptWords &&
                       run.submission < endWords && run.submissionEnds[endWords - 1] >= run.end;
  if (!isRoomy) throw Napi::RangeError::New(info.Env(), "an array is too short for the transfers");
  runTransfers(run);
  numbers.seek(kRunFixedNumbers);
  numbers.write(run.next, run.end, run.at, run.included, run.undoCount, run.receiptsLength, run.submission, run.accounts.head,
                run.accounts.tail, run.balances.head, run.balances.tail, run.gasUsed, run.hasIds, start.index, start.at,
                start.included, start.undoCount, start.receiptsLength, start.gasUsed);
  return info.Env().Undefined();
}

/**
 * (delta, isBackward, arena, records, slots, numbers: seed, used, count, needed records, needed bytes of arena)
 * Answers false, with what it needs and nothing changed, when the table has no room for the delta.
 */
Napi::Value changesApply(const Info& info) {
  const Bytes delta = bytesAt(info, 0);
  const Direction direction = info[1].As<Napi::Boolean>().Value() ? Direction::kBackward : Direction::kForward;
  const Bytes arena = bytesAt(info, 2);
  size_t recordCount = 0, slotCount = 0, numberCount = 0;
  ChangeTable table{};
  table.arena = const_cast<uint8_t*>(arena.data);
  table.records = wordsAt(info, 3, recordCount);
  table.slots = wordsAt(info, 4, slotCount);
  uint32_t* numbers = wordsAt(info, 5, numberCount);
  const bool isPowerOfTwo = (slotCount & (slotCount - 1)) == 0;
  if (numberCount != 5 || !isPowerOfTwo || slotCount <= recordCount) {
    throw Napi::RangeError::New(info.Env(), "the arrays of a change table do not fit together");
  }
  table.slotMask = uint32_t(slotCount - 1);
  table.seed = numbers[0];
  table.used = numbers[1];
  table.count = numbers[2];
  const ChangeRoom room = neededFor(delta);
  if (table.count + room.records > recordCount || table.used + room.arenaBytes > arena.size) {
    numbers[3] = uint32_t(room.records);
    numbers[4] = uint32_t(room.arenaBytes);
    return Napi::Boolean::New(info.Env(), false);
  }
  applyDelta(table, delta, direction);
  numbers[1] = table.used;
  numbers[2] = table.count;
  return Napi::Boolean::New(info.Env(), true);
}

/** (text, start, end, out, words out: count, bytes of encodings, start and end of the id, 1 for summaries) → what it submits, 0 for nothing read */
Napi::Value submissionRead(const Info& info) {
  const Bytes text = bytesAt(info, 0);
  const size_t start = numberAt(info, 1), end = numberAt(info, 2);
  if (start > end || end > text.size) throw Napi::RangeError::New(info.Env(), "the request lies outside the text");
  uint8_t* out = outputAt(info, 3, submissionBytesMax(end - start));
  size_t wordCount = 0;
  uint32_t* words = wordsAt(info, 4, wordCount);
  if (wordCount != 5) throw Napi::RangeError::New(info.Env(), "the words of a submission are 5");
  const Submission read = readSubmission(text.data + start, end - start, out);
  words[0] = read.count;
  words[1] = read.bytes;
  words[2] = uint32_t(start) + read.idAt;
  words[3] = uint32_t(start) + read.idAt + read.idBytes;
  words[4] = read.isSummary ? 1 : 0;
  return Napi::Number::New(info.Env(), double(read.kind));
}

/** What `write` appends to an empty text; undefined where it answers false. */
template <typename Write>
Napi::Value textOf(const Info& info, Write write) {
  // Its memory is used again; beyond this much it is given back.
  constexpr size_t kKeptBytesMax = 1 << 20;
  static thread_local std::string text;
  text.clear();
  if (!write(text)) return info.Env().Undefined();
  napi_value value;
  if (napi_create_string_latin1(info.Env(), text.data(), text.size(), &value) != napi_ok) throw Napi::Error::New(info.Env());
  if (text.capacity() > kKeptBytesMax) std::string().swap(text);
  return Napi::Value(info.Env(), value);
}

/** (entry, index, tokens) → JSON text, or undefined */
Napi::Value receiptText(const Info& info) {
  return textOf(info, [&](std::string& out) { return writeReceipt(bytesAt(info, 0), numberAt(info, 1), bytesAt(info, 2), out); });
}

/** (entry, first, count) → JSON texts with commas between them, or undefined */
Napi::Value summariesText(const Info& info) {
  return textOf(info, [&](std::string& out) {
    return writeSummaries(bytesAt(info, 0), numberAt(info, 1), numberAt(info, 2), out);
  });
}

/** The elements of argument `index`, `least` of them at least. One call of Node's: this is done for every small block. */
template <typename Element>
Element* elementsAt(const Info& info, size_t index, size_t least, size_t& count) {
  constexpr napi_typedarray_type kType = std::is_same_v<Element, double>     ? napi_float64_array
                                         : std::is_same_v<Element, uint32_t> ? napi_uint32_array
                                                                             : napi_uint8_array;
  napi_typedarray_type type;
  void* elements;
  const napi_status status = napi_get_typedarray_info(info.Env(), info[index], &type, &count, &elements, nullptr, nullptr);
  if (status != napi_ok || type != kType || count < least) {
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(index) + " is not the array that it must be");
  }
  return static_cast<Element*>(elements);
}

/** (entry, call, laps, numbers: next, lap, lapNumbers, atMs, gasUsed; a track's numbers and bins; the callers' numbers and words) */
Napi::Value executionsCount(const Info& info) {
  size_t entryBytes, callBytes, laps, unused;
  const uint8_t* entry = elementsAt<uint8_t>(info, 0, kEntryHeaderBytes, entryBytes);
  const uint8_t* call = elementsAt<uint8_t>(info, 1, kCallBytesMin, callBytes);
  double* numbers = elementsAt<double>(info, 3, 5, unused);
  const size_t lapNumbers = size_t(numbers[2]) & ~size_t(1);
  ExecutionRun run{
      {entry, entryBytes},
      {call, callBytes},
      elementsAt<double>(info, 2, lapNumbers, laps),
      lapNumbers,
      elementsAt<double>(info, 4, kTrackNumbers, unused),
      elementsAt<uint32_t>(info, 5, kTrackBins, unused),
      {elementsAt<double>(info, 6, kCallerNumbers, unused), elementsAt<uint32_t>(info, 7, kCallerWords, unused)},
      numbers[3],
      uint32_t(numbers[0]),
      uint32_t(numbers[1]),
      0,
  };
  countRun(run);
  numbers[0] = run.next;
  numbers[1] = run.lap;
  numbers[4] = run.gasUsed;
  return info.Env().Undefined();
}

/** (delta, out) → of how many contracts the state grew or shrank */
Napi::Value stateGrowth(const Info& info) {
  size_t deltaBytes, count;
  const uint8_t* delta = elementsAt<uint8_t>(info, 0, 0, deltaBytes);
  double* out = elementsAt<double>(info, 1, 0, count);
  return Napi::Number::New(info.Env(), double(growthOf({delta, deltaBytes}, out, count / kGrowthNumbers)));
}

template <Napi::Value (*Call)(const Info&)>
Napi::Value guarded(const Info& info) {
  try {
    return Call(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (const MalformedDelta& error) {
    Napi::RangeError thrown = Napi::RangeError::New(info.Env(), error.what());
    thrown.Set("offset", Napi::Number::New(info.Env(), double(error.offset)));
    throw thrown;
  } catch (const std::system_error& error) {
    Napi::Error thrown = Napi::Error::New(info.Env(), error.what());
    thrown.Set("errno", Napi::Number::New(info.Env(), error.code().value()));
    throw thrown;
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

template <Napi::Value (*Call)(const Info&)>
void expose(Napi::Object& exports, const char* name) {
  exports[name] = Napi::Function::New<guarded<Call>>(exports.Env(), name);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  try {
    exports["isa"] = sha256Kernel().name;
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
  expose<treeAttach>(exports, "treeAttach");
  expose<treeRelease>(exports, "treeRelease");
  expose<treeApply>(exports, "treeApply");
  expose<treeRoot>(exports, "treeRoot");
  expose<treeLeafCount>(exports, "treeLeafCount");
  expose<treeByteLength>(exports, "treeByteLength");
  expose<treeProve>(exports, "treeProve");
  expose<treeSave>(exports, "treeSave");
  expose<treeReadAhead>(exports, "treeReadAhead");
  expose<treeLoad>(exports, "treeLoad");
  expose<sha256Batch>(exports, "sha256Batch");
  expose<merkleRootOf>(exports, "merkleRoot");
  expose<transfersRun>(exports, "transfersRun");
  expose<changesApply>(exports, "changesApply");
  expose<submissionRead>(exports, "submissionRead");
  expose<receiptText>(exports, "receiptText");
  expose<summariesText>(exports, "summariesText");
  expose<executionsCount>(exports, "executionsCount");
  expose<stateGrowth>(exports, "stateGrowth");
  exposeTfhe(env, exports);
  return exports;
}

NODE_API_MODULE(polytorus, init)

}  // namespace
}  // namespace polytorus
