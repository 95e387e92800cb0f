#include "receipt_text.h"

#include <cstring>

namespace polytorus {
namespace {

constexpr size_t kEntryHeaderBytes = 224;
constexpr size_t kHashBytes = 32;
constexpr size_t kWordBytes = 32;
constexpr size_t kAddressBytes = 20;
constexpr size_t kTransactionHeaderBytes = 64;
constexpr size_t kReceiptHeaderBytes = 16;
constexpr uint8_t kCall = 2;
constexpr uint8_t kByEntrypoint = 2;
constexpr uint8_t kSuccess = 1;
constexpr uint8_t kHasContractAddress = 1;
constexpr size_t kTokenTopics = 3;

/** Keccak-256 of Transfer(address,address,uint256) and of Approval(address,address,uint256). */
constexpr char kTransferTopic[] = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
constexpr char kApprovalTopic[] = "8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925";
constexpr char kZeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

/** Two digits for each byte. */
struct HexPairs {
  char digits[512];
  constexpr HexPairs() : digits() {
    constexpr char kDigits[] = "0123456789abcdef";
    for (int i = 0; i < 256; i++) {
      digits[2 * i] = kDigits[i >> 4];
      digits[2 * i + 1] = kDigits[i & 15];
    }
  }
};
constexpr HexPairs kHex;

uint32_t readU32(const uint8_t* at) {
  uint32_t value;
  std::memcpy(&value, at, 4);
  return value;
}

uint64_t readU64(const uint8_t* at) {
  uint64_t value;
  std::memcpy(&value, at, 8);
  return value;
}

/** Where transaction and receipt of a block stand in its entry. */
class Entry {
 public:
  explicit Entry(Bytes bytes) : bytes_(bytes) {
    if (bytes.size < kEntryHeaderBytes) return;
    const uint64_t count = readU32(bytes.data + 4);
    const uint64_t transactions = kEntryHeaderBytes + 40 * count;
    const uint64_t receipts = transactions + readU32(bytes.data + 40);
    if (receipts + readU32(bytes.data + 44) > bytes.size) return;
    count_ = uint32_t(count);
    transactions_ = bytes.data + transactions;
    receipts_ = bytes.data + receipts;
    end_ = receipts_ + readU32(bytes.data + 44);
  }

  uint32_t count() const { return count_; }
  uint64_t height() const { return readU64(bytes_.data + 16); }
  const uint8_t* hash(uint32_t index) const { return bytes_.data + kEntryHeaderBytes + kHashBytes * index; }
  /** As far as the name that its body may begin with. */
  const uint8_t* transaction(uint32_t index) const {
    const uint8_t* at = transactions_ + readU32(bytes_.data + kEntryHeaderBytes + kHashBytes * count_ + 4 * index);
    const uint8_t* body = at + kTransactionHeaderBytes;
    return body < receipts_ && body + 1 + *body <= receipts_ ? at : nullptr;
  }
  const uint8_t* receipt(uint32_t index) const {
    const uint8_t* at = receipts_ + readU32(bytes_.data + kEntryHeaderBytes + 36 * count_ + 4 * index);
    return at + kReceiptHeaderBytes <= end_ ? at : nullptr;
  }
  const uint8_t* receiptsEnd() const { return end_; }

 private:
  Bytes bytes_;
  uint32_t count_ = 0;
  const uint8_t* transactions_ = nullptr;
  const uint8_t* receipts_ = nullptr;
  const uint8_t* end_ = nullptr;
};

void addHex(std::string& out, const uint8_t* bytes, size_t count) {
  const size_t from = out.size();
  out.resize(from + 2 * count);
  char* digits = &out[from];
  for (size_t i = 0; i < count; i++) std::memcpy(digits + 2 * i, kHex.digits + 2 * bytes[i], 2);
}

void addNumber(std::string& out, uint64_t value) {
  char digits[20];
  size_t at = sizeof digits;
  do digits[--at] = char('0' + value % 10);
  while ((value /= 10) > 0);
  out.append(digits + at, sizeof digits - at);
}

/** A packed word (src/encoding/receipt.ts): its last bytes; what stands before them is zero. */
struct Word {
  const uint8_t* at = nullptr;
  size_t size = 0;
};

void addPadded(std::string& out, const Word& word, size_t bytes) {
  out.append(kZeros, 2 * (bytes - word.size));
  addHex(out, word.at, word.size);
}

/** In decimal. */
void addAmount(std::string& out, const Word& word) {
  if (word.size <= 8) {
    uint64_t value = 0;
    for (size_t i = 0; i < word.size; i++) value = value << 8 | word.at[i];
    addNumber(out, value);
    return;
  }
  // Nineteen digits at a time, from the last.
  constexpr uint64_t kStep = 10'000'000'000'000'000'000u;
  uint64_t limbs[4] = {0, 0, 0, 0};
  for (size_t i = 0; i < word.size; i++) {
    const size_t place = word.size - 1 - i;
    limbs[place / 8] |= uint64_t(word.at[i]) << (8 * (place % 8));
  }
  uint64_t parts[5];
  size_t count = 0;
  while ((limbs[0] | limbs[1] | limbs[2] | limbs[3]) != 0) {
    unsigned __int128 rest = 0;
    for (size_t i = 4; i-- > 0;) {
      rest = rest << 64 | limbs[i];
      limbs[i] = uint64_t(rest / kStep);
      rest %= kStep;
    }
    parts[count++] = uint64_t(rest);
  }
  addNumber(out, parts[count - 1]);
  for (size_t i = count - 1; i-- > 0;) {
    std::string digits;
    addNumber(digits, parts[i]);
    out.append(19 - digits.size(), '0');
    out += digits;
  }
}

/** Reads the parts of a receipt behind its header. */
class Parts {
 public:
  Parts(const uint8_t* at, const uint8_t* end) : next_(at), end_(end) {}

  bool byte(uint8_t& value) {
    if (next_ == end_) return false;
    value = *next_++;
    return true;
  }
  bool raw(const uint8_t*& at, size_t bytes) {
    if (size_t(end_ - next_) < bytes) return false;
    at = next_;
    next_ += bytes;
    return true;
  }
  /** One that is a word of at most so many bytes. */
  bool word(Word& word, size_t bytesMax) {
    uint8_t bytes;
    word.size = 0;
    if (!byte(bytes) || bytes > bytesMax) return false;
    word.size = bytes;
    return raw(word.at, bytes);
  }

 private:
  const uint8_t* next_;
  const uint8_t* const end_;
};

bool isListed(const uint8_t* address, Bytes addresses) {
  for (size_t at = 0; at + kAddressBytes <= addresses.size; at += kAddressBytes) {
    if (std::memcmp(addresses.data + at, address, kAddressBytes) == 0) return true;
  }
  return false;
}

template <size_t N>
void add(std::string& out, const char (&text)[N]) {
  out.append(text, N - 1);
}

/** Whether the call is of a function of tokens that answers a bool. */
bool answersBool(const uint8_t* transaction) {
  if (transaction[0] != kCall || transaction[2] != kByEntrypoint) return false;
  const uint8_t* body = transaction + kTransactionHeaderBytes;
  const auto is = [&](const char* name) {
    return body[0] == std::strlen(name) && std::memcmp(body + 1, name, body[0]) == 0;
  };
  return is("transfer") || is("transferFrom") || is("approve");
}

/** A Transfer or an Approval of `token`. */
bool addLog(std::string& out, Parts& parts, const uint8_t* token, uint32_t logIndex) {
  const uint8_t* address;
  uint8_t topics;
  Word topic, first, second, value;
  const bool isRead = parts.raw(address, kAddressBytes) && parts.byte(topics) && topics == kTokenTopics &&
                      parts.word(topic, kWordBytes) && parts.word(first, kAddressBytes) &&
                      parts.word(second, kAddressBytes) && parts.word(value, kWordBytes);
  if (!isRead || topic.size != kWordBytes || std::memcmp(address, token, kAddressBytes) != 0) return false;
  const size_t start = out.size();
  add(out, "{\"address\":\"0x");
  addHex(out, address, kAddressBytes);
  add(out, "\",\"topics\":[\"0x");
  const size_t topicAt = out.size();
  addHex(out, topic.at, kWordBytes);
  const bool isTransfer = out.compare(topicAt, 2 * kWordBytes, kTransferTopic) == 0;
  if (!isTransfer && out.compare(topicAt, 2 * kWordBytes, kApprovalTopic) != 0) {
    out.resize(start);
    return false;
  }
  add(out, "\",\"0x");
  addPadded(out, first, kWordBytes);
  add(out, "\",\"0x");
  addPadded(out, second, kWordBytes);
  add(out, "\"],\"data\":\"0x");
  addPadded(out, value, kWordBytes);
  add(out, "\",\"logIndex\":");
  addNumber(out, logIndex);
  out += isTransfer ? ",\"event\":\"Transfer\",\"args\":{\"from\":\"0x" : ",\"event\":\"Approval\",\"args\":{\"owner\":\"0x";
  addPadded(out, first, kAddressBytes);
  out += isTransfer ? "\",\"to\":\"0x" : "\",\"spender\":\"0x";
  addPadded(out, second, kAddressBytes);
  add(out, "\",\"value\":\"");
  addAmount(out, value);
  add(out, "\"}}");
  return true;
}

bool addReceipt(std::string& out, const Entry& entry, uint32_t index, Bytes tokens) {
  const uint8_t* transaction = entry.transaction(index);
  const uint8_t* receipt = entry.receipt(index);
  if (transaction == nullptr || receipt == nullptr) return false;
  const uint8_t* sender = transaction + 24;
  const uint8_t* token = transaction + 44;
  if (receipt[0] != kSuccess || (receipt[2] & kHasContractAddress) != 0 || !answersBool(transaction) || !isListed(token, tokens))
    return false;
  Parts parts(receipt + kReceiptHeaderBytes, entry.receiptsEnd());
  Word result;
  if (!parts.word(result, 1) || (result.size == 1 && *result.at != 1)) return false;
  add(out, "{\"transactionHash\":\"0x");
  addHex(out, entry.hash(index), kHashBytes);
  add(out, "\",\"blockHeight\":");
  addNumber(out, entry.height());
  add(out, ",\"transactionIndex\":");
  addNumber(out, index);
  add(out, ",\"sender\":\"0x");
  addHex(out, sender, kAddressBytes);
  add(out, "\",\"to\":\"0x");
  addHex(out, token, kAddressBytes);
  add(out, "\",\"contractAddress\":null,\"status\":\"success\",\"gasUsed\":\"");
  addNumber(out, readU64(receipt + 8));
  add(out, "\",\"gasLimit\":\"");
  addNumber(out, readU64(transaction + 16));
  add(out, "\",\"returnData\":\"0x");
  addPadded(out, result, kWordBytes);
  out += result.size == 1 ? "\",\"result\":true,\"logs\":[" : "\",\"result\":false,\"logs\":[";
  const uint32_t logs = readU32(receipt + 4);
  for (uint32_t i = 0; i < logs; i++) {
    if (i > 0) out += ',';
    if (!addLog(out, parts, token, i)) return false;
  }
  add(out, "]}");
  return true;
}

bool addSummary(std::string& out, const Entry& entry, uint32_t index) {
  const uint8_t* receipt = entry.receipt(index);
  if (receipt == nullptr || receipt[0] != kSuccess || (receipt[2] & kHasContractAddress) != 0) return false;
  add(out, "{\"transactionHash\":\"0x");
  addHex(out, entry.hash(index), kHashBytes);
  add(out, "\",\"status\":\"success\",\"gasUsed\":\"");
  addNumber(out, readU64(receipt + 8));
  add(out, "\"}");
  return true;
}

}  // namespace

bool writeReceipt(Bytes bytes, uint32_t index, Bytes tokens, std::string& out) {
  const Entry entry(bytes);
  const size_t before = out.size();
  if (index < entry.count() && addReceipt(out, entry, index, tokens)) return true;
  out.resize(before);
  return false;
}

bool writeSummaries(Bytes bytes, uint32_t first, uint32_t count, std::string& out) {
  const Entry entry(bytes);
  const size_t before = out.size();
  if (uint64_t(first) + count > entry.count()) return false;
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) out += ',';
    if (addSummary(out, entry, first + i)) continue;
    out.resize(before);
    return false;
  }
  return true;
}

}  // namespace polytorus
