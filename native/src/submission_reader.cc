#include "submission_reader.h"

#include <cstring>
#include <utility>

#include "bytes.h"
#include "encoding.h"

namespace polytorus {
namespace {

constexpr size_t kNameBytesMax = 255;
constexpr size_t kArgumentsMax = 255;
/** Digits of a whole number that is below 2^53 whatever they are, and of one that may reach 2^256. */
constexpr size_t kExactDigits = 15;
constexpr size_t kUint256Digits = 78;
constexpr size_t kIdTextMax = 64;

/** A stretch of the request's text: a string without its quotes, or a number. */
struct Text {
  const uint8_t* at = nullptr;
  size_t size = 0;

  template <size_t N>
  bool is(const char (&word)[N]) const {
    return size == N - 1 && std::memcmp(at, word, N - 1) == 0;
  }
};

/** Value of a lower-case hex digit; 255 for any other byte. */
struct HexTable {
  uint8_t values[256];
  constexpr HexTable() : values() {
    for (int i = 0; i < 256; i++) values[i] = 255;
    for (int i = 0; i < 10; i++) values['0' + i] = uint8_t(i);
    for (int i = 0; i < 6; i++) values['a' + i] = uint8_t(10 + i);
  }
};
constexpr HexTable kHex;

bool readHex(const uint8_t* digits, size_t bytes, uint8_t* out) {
  uint8_t wrong = 0;
  for (size_t i = 0; i < bytes; i++) {
    const uint8_t high = kHex.values[digits[2 * i]];
    const uint8_t low = kHex.values[digits[2 * i + 1]];
    wrong |= high | low;
    out[i] = uint8_t(high << 4 | low);
  }
  return wrong < 16;
}

bool isPrefixed(const Text& text) { return text.size >= 2 && text.at[0] == '0' && text.at[1] == 'x'; }

/** 0x and digits for exactly so many bytes. */
bool readBytes(const Text& text, size_t bytes, uint8_t* out) {
  return text.size == 2 + 2 * bytes && isPrefixed(text) && readHex(text.at + 2, bytes, out);
}

bool isDecimal(const Text& text) {
  if (text.size == 0 || (text.size > 1 && text.at[0] == '0')) return false;
  for (size_t i = 0; i < text.size; i++) {
    if (text.at[i] < '0' || text.at[i] > '9') return false;
  }
  return true;
}

/** A decimal of at most kExactDigits. */
bool readNumber(const Text& text, uint64_t& value) {
  if (text.size > kExactDigits || !isDecimal(text)) return false;
  value = 0;
  for (size_t i = 0; i < text.size; i++) value = 10 * value + (text.at[i] - '0');
  return true;
}

class Reader {
 public:
  Reader(const uint8_t* text, size_t size, uint8_t* out) : next_(text), end_(text + size), begin_(text), out_(out) {}

  bool request(Submission& read) {
    Text method;
    bool hasVersion = false, hasParams = false;
    const bool isRead = object([&](const Text& key) {
      if (key.is("jsonrpc")) {
        Text version;
        return !std::exchange(hasVersion, true) && string(version) && version.is("2.0");
      }
      if (key.is("id")) return read.idBytes == 0 && id(read);
      if (key.is("method")) return method.at == nullptr && string(method);
      // What the parameters are, the method must have said.
      if (!key.is("params") || std::exchange(hasParams, true)) return false;
      if (method.is("tx_submit")) return one(read);
      return method.is("tx_submitBatch") && batch(read);
    });
    if (!isRead || !hasVersion || read.idBytes == 0 || !hasParams) return false;
    space();
    read.bytes = uint32_t(used_);
    return next_ == end_;
  }

 private:
  bool id(Submission& read) {
    space();
    const uint8_t* start = next_;
    Text text;
    if (next_ < end_ && *next_ == '"') {
      if (!string(text)) return false;
    } else if (!number(text)) {
      return false;
    }
    read.idAt = uint32_t(start - begin_);
    read.idBytes = uint32_t(next_ - start);
    return read.idBytes <= kIdTextMax;
  }

  bool one(Submission& read) {
    bool hasWait = false;
    const bool isRead = object([&](const Text& key) {
      if (key.is("wait")) return !std::exchange(hasWait, true) && durable();
      return key.is("transaction") && read.count++ == 0 && transaction();
    });
    read.kind = Submitted::kOne;
    return isRead && read.count == 1;
  }

  bool batch(Submission& read) {
    bool hasWait = false, hasReceipts = false, hasTransactions = false;
    const bool isRead = object([&](const Text& key) {
      if (key.is("wait")) return !std::exchange(hasWait, true) && durable();
      if (key.is("receipts")) {
        Text detail;
        if (std::exchange(hasReceipts, true) || !string(detail)) return false;
        read.isSummary = detail.is("summary");
        return read.isSummary || detail.is("full");
      }
      if (!key.is("transactions") || std::exchange(hasTransactions, true)) return false;
      return array([&] {
        read.count++;
        return transaction();
      });
    });
    read.kind = Submitted::kBatch;
    return isRead && read.count > 0;
  }

  bool durable() {
    Text wait;
    return string(wait) && wait.is("durable");
  }

  /** A call by entrypoint and arguments, or by calldata. */
  bool transaction() {
    enum Key { kKind = 1, kSender = 2, kTo = 4, kGasLimit = 8, kNonce = 16, kName = 32, kArgs = 64, kData = 128, kId = 256 };
    constexpr unsigned needed = kKind | kSender | kTo | kGasLimit;
    uint8_t* const header = out_ + used_;
    std::memset(header, 0, kTxHeaderBytes);
    unsigned keys = 0;
    Text name, data;
    uint8_t id[kTxIdBytes];
    // Written once the name is known, which stands before them in the encoding and may come after them in the text.
    Text arguments;
    const auto once = [&](Key key) {
      const bool isFirst = (keys & key) == 0;
      keys |= key;
      return isFirst;
    };
    const bool isRead = object([&](const Text& key) {
      Text text;
      uint64_t value;
      if (key.is("kind")) return once(kKind) && string(text) && text.is("call");
      if (key.is("sender")) return once(kSender) && string(text) && readBytes(text, kAddressBytes, header + kTxSenderAt);
      if (key.is("to")) return once(kTo) && string(text) && readBytes(text, kAddressBytes, header + kTxToAt);
      if (key.is("gasLimit") || key.is("nonce")) {
        const bool isNonce = key.is("nonce");
        if (!once(isNonce ? kNonce : kGasLimit) || !numberOrText(text) || !readNumber(text, value)) return false;
        writeU64(header + (isNonce ? kTxNonceAt : kTxGasLimitAt), value);
        return true;
      }
      if (key.is("entrypoint")) return once(kName) && string(name) && name.size > 0 && name.size <= kNameBytesMax;
      if (key.is("args")) return once(kArgs) && skipArguments(arguments);
      if (key.is("calldata")) return once(kData) && string(data) && data.size % 2 == 0 && isPrefixed(data);
      return key.is("id") && once(kId) && string(text) && readBytes(text, kTxIdBytes, id);
    });
    const bool isNamed = (keys & kName) != 0;
    const bool hasData = (keys & kData) != 0;
    if (!isRead || (keys & needed) != needed || isNamed == hasData || (hasData && (keys & kArgs) != 0)) return false;
    uint8_t* body = header + kTxHeaderBytes;
    if (hasData) {
      const size_t bytes = data.size / 2 - 1;
      if (!readHex(data.at + 2, bytes, body)) return false;
      body += bytes;
    } else {
      *body++ = uint8_t(name.size);
      std::memcpy(body, name.at, name.size);
      body += name.size;
      if (!writeArguments(arguments, body)) return false;
    }
    header[kTxKindAt] = kTxCall;
    header[kTxFlagsAt] = uint8_t((keys & kNonce ? 0 : kTxNonceLeftOut) | (keys & kId ? kTxHasId : 0));
    header[kTxFormAt] = hasData ? kBodyCalldata : kBodyEntrypoint;
    writeU32(header + kTxBodyBytesAt, uint32_t(body - header - kTxHeaderBytes));
    if (keys & kId) {
      std::memcpy(body, id, kTxIdBytes);
      body += kTxIdBytes;
    }
    while ((body - header) % 4 != 0) *body++ = 0;
    used_ += size_t(body - header);
    return true;
  }

  /** The array of arguments as it stands: all of them strings, whole numbers, true, false or null. */
  bool skipArguments(Text& arguments) {
    space();
    arguments.at = next_;
    const bool isRead = array([&] {
      Text text;
      return next_ < end_ && *next_ == '"' ? string(text) : word(text);
    });
    arguments.size = size_t(next_ - arguments.at);
    return isRead;
  }

  /** @param arguments what `skipArguments` found; empty for none. */
  static bool writeArguments(const Text& arguments, uint8_t*& out) {
    uint8_t& count = *out++;
    count = 0;
    if (arguments.size == 0) return true;
    Reader reader(arguments.at, arguments.size, nullptr);
    size_t seen = 0;
    const bool isRead = reader.array([&] {
      Text text;
      if (++seen > kArgumentsMax) return false;
      if (*reader.next_ == '"') return reader.string(text) && writeString(text, out);
      if (!reader.word(text)) return false;
      if (text.is("true")) *out++ = kArgTrue;
      else if (text.is("false")) *out++ = kArgFalse;
      else if (text.is("null")) *out++ = kArgNull;
      else return text.size <= kExactDigits && isDecimal(text) && writeUint(text, out);
      return true;
    });
    count = uint8_t(seen);
    return isRead;
  }

  /** An address, a whole number, or text: the same rules as encodeArgument. */
  static bool writeString(const Text& text, uint8_t*& out) {
    if (isPrefixed(text)) {
      *out = kArgAddress;
      if (!readBytes(text, kAddressBytes, out + 1)) return false;
      out += 1 + kAddressBytes;
      return true;
    }
    if (text.size <= kUint256Digits && isDecimal(text)) return writeUint(text, out);
    *out++ = kArgString;
    writeU32(out, uint32_t(text.size));
    std::memcpy(out + 4, text.at, text.size);
    out += 4 + text.size;
    return true;
  }

  /** @param digits a decimal; false where it reaches 2^256, which makes it text. */
  static bool writeUint(const Text& digits, uint8_t*& out) {
    uint64_t limbs[4] = {0, 0, 0, 0};
    for (size_t i = 0; i < digits.size; i++) {
      unsigned __int128 carry = digits.at[i] - '0';
      for (uint64_t& limb : limbs) {
        carry += static_cast<unsigned __int128>(limb) * 10;
        limb = uint64_t(carry);
        carry >>= 64;
        if (carry == 0 && digits.size < 20) break;
      }
      if (carry != 0) return false;
    }
    size_t bytes = 32;
    while (bytes > 0 && uint8_t(limbs[(bytes - 1) / 8] >> (8 * ((bytes - 1) % 8))) == 0) bytes--;
    *out++ = kArgUint;
    *out++ = uint8_t(bytes);
    for (size_t i = bytes; i > 0; i--) *out++ = uint8_t(limbs[(i - 1) / 8] >> (8 * ((i - 1) % 8)));
    return true;
  }

  // ── JSON ────────────────────────────────────────────────────────────────────

  void space() {
    while (next_ < end_ && (*next_ == ' ' || *next_ == '\t' || *next_ == '\r' || *next_ == '\n')) next_++;
  }

  bool take(uint8_t byte) {
    space();
    if (next_ == end_ || *next_ != byte) return false;
    next_++;
    return true;
  }

  /** An object: `member` reads the value of each key, and says whether it could. */
  template <typename Member>
  bool object(Member member) {
    if (!take('{')) return false;
    if (take('}')) return true;
    do {
      Text key;
      if (!string(key) || !take(':') || !member(key)) return false;
    } while (take(','));
    return take('}');
  }

  /** An array: `element` reads each, from its first byte. */
  template <typename Element>
  bool array(Element element) {
    if (!take('[')) return false;
    if (take(']')) return true;
    do {
      space();
      if (next_ == end_ || !element()) return false;
    } while (take(','));
    return take(']');
  }

  /** ASCII without escapes. */
  bool string(Text& text) {
    if (!take('"')) return false;
    text.at = next_;
    while (next_ < end_ && *next_ != '"') {
      if (*next_ < 0x20 || *next_ > 0x7e || *next_ == '\\') return false;
      next_++;
    }
    text.size = size_t(next_ - text.at);
    return take('"');
  }

  /** true, false, null, or a number as far as its letters and digits go: what it is, its reader must see. */
  bool word(Text& text) {
    space();
    text.at = next_;
    while (next_ < end_ && ((*next_ >= '0' && *next_ <= '9') || (*next_ >= 'a' && *next_ <= 'z'))) next_++;
    text.size = size_t(next_ - text.at);
    return text.size > 0;
  }

  /** A whole number of at most kExactDigits. */
  bool number(Text& text) { return word(text) && text.size <= kExactDigits && isDecimal(text); }

  bool numberOrText(Text& text) {
    space();
    return next_ < end_ && *next_ == '"' ? string(text) : number(text);
  }

  const uint8_t* next_;
  const uint8_t* const end_;
  const uint8_t* const begin_;
  uint8_t* const out_;
  size_t used_ = 0;
};

}  // namespace

Submission readSubmission(const uint8_t* text, size_t size, uint8_t* out) {
  Submission read;
  if (size > kSubmissionTextMax || !Reader(text, size, out).request(read)) read.kind = Submitted::kNothing;
  return read;
}

}  // namespace polytorus
