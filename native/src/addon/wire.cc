/** Requests from JSON and receipts to it: WireCodec of src/encoding/wire-codec.ts. */
#include "../receipt_text.h"
#include "../submission_reader.h"
#include "exposed.h"

namespace polytorus {
namespace {

/** Places in `words`. */
enum : size_t { kCount, kBytes, kIdStart, kIdEnd, kIsSummary, kWords };

/** (text, start, end, out, words) → what it submits, 0 for nothing read */
Napi::Value submissionRead(const Info& info) {
  const uint32_t start = numberAt(info, 1), end = numberAt(info, 2);
  const Bytes text = bytesAt(info, 0, end);
  if (start > end) {
    throw Napi::RangeError::New(info.Env(), "expected a request that ends after its start, received one from " +
                                                std::to_string(start) + " to " + std::to_string(end));
  }
  uint8_t* out = elementsAt<uint8_t>(info, 3, submissionBytesMax(end - start)).data;
  uint32_t* words = elementsAt<uint32_t>(info, 4, kWords).data;
  const Submission read = readSubmission(text.data + start, end - start, out);
  words[kCount] = read.count;
  words[kBytes] = read.bytes;
  words[kIdStart] = start + read.idAt;
  words[kIdEnd] = start + read.idAt + read.idBytes;
  words[kIsSummary] = read.isSummary ? 1 : 0;
  return Napi::Number::New(info.Env(), double(read.kind));
}

/** A text that is written again and again; beyond this much its memory is given back. */
constexpr size_t kKeptBytesMax = 1 << 20;

/** What `write` appends to an empty text; undefined where it answers false. */
template <typename Write>
Napi::Value textOf(const Info& info, Write write) {
  static thread_local std::string text;
  text.clear();
  napi_value value = info.Env().Undefined();
  const bool isWritten = write(text);
  const napi_status status = isWritten ? napi_create_string_latin1(info.Env(), text.data(), text.size(), &value) : napi_ok;
  if (text.capacity() > kKeptBytesMax) std::string().swap(text);
  if (status != napi_ok) throw Napi::Error::New(info.Env());
  return Napi::Value(info.Env(), value);
}

/** (entry, index, tokens) → JSON text, or undefined */
Napi::Value receiptText(const Info& info) {
  const Bytes entry = bytesAt(info, 0), tokens = bytesAt(info, 2);
  const uint32_t index = numberAt(info, 1);
  return textOf(info, [&](std::string& out) { return writeReceipt(entry, index, tokens, out); });
}

/** (entry, first, count) → JSON texts with commas between them, or undefined */
Napi::Value summariesText(const Info& info) {
  const Bytes entry = bytesAt(info, 0);
  const uint32_t first = numberAt(info, 1), count = numberAt(info, 2);
  return textOf(info, [&](std::string& out) { return writeSummaries(entry, first, count, out); });
}

}  // namespace

void exposeWire(Napi::Object exports) {
  expose<submissionRead>(exports, "submissionRead");
  expose<receiptText>(exports, "receiptText");
  expose<summariesText>(exports, "summariesText");
}

}  // namespace polytorus
