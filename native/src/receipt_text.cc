#include "receipt_text.h"

#include <cstring>

#include "block_entry.h"

namespace polytorus {
namespace {

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
  do {
    unsigned __int128 rest = 0;
    for (size_t i = 4; i-- > 0;) {
      rest = rest << 64 | limbs[i];
      limbs[i] = uint64_t(rest / kStep);
      rest %= kStep;
    }
    parts[count++] = uint64_t(rest);
  } while ((limbs[0] | limbs[1] | limbs[2] | limbs[3]) != 0);
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
  explicit Parts(Bytes receipt) : next_(receipt.data + kReceiptHeaderBytes), end_(receipt.data + receipt.size) {}

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
bool answersBool(Bytes transaction) {
  if (transaction.data[kTxKindAt] != kTxCall || transaction.data[kTxFormAt] != kBodyEntrypoint) return false;
  const uint8_t* body = transaction.data + kTxHeaderBytes;
  const size_t room = transaction.size - kTxHeaderBytes;
  const auto is = [&](const char* name) {
    const size_t bytes = std::strlen(name);
    return room > bytes && body[0] == bytes && std::memcmp(body + 1, name, bytes) == 0;
  };
  return is("transfer") || is("transferFrom") || is("approve");
}

bool succeeded(Bytes receipt) {
  return receipt.size > 0 && receipt.data[kReceiptStatusAt] == kReceiptSuccess &&
         (receipt.data[kReceiptFlagsAt] & kReceiptHasContractAddress) == 0;
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

bool addReceipt(std::string& out, const BlockEntry& entry, uint32_t index, Bytes tokens) {
  const Bytes transaction = entry.transaction(index), receipt = entry.receipt(index);
  if (transaction.size == 0 || !succeeded(receipt) || !answersBool(transaction)) return false;
  const uint8_t* sender = transaction.data + kTxSenderAt;
  const uint8_t* token = transaction.data + kTxToAt;
  if (!isListed(token, tokens)) return false;
  Parts parts(receipt);
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
  addNumber(out, readU64(receipt.data + kReceiptGasUsedAt));
  add(out, "\",\"gasLimit\":\"");
  addNumber(out, readU64(transaction.data + kTxGasLimitAt));
  add(out, "\",\"returnData\":\"0x");
  addPadded(out, result, kWordBytes);
  out += result.size == 1 ? "\",\"result\":true,\"logs\":[" : "\",\"result\":false,\"logs\":[";
  const uint32_t logs = readU32(receipt.data + kReceiptLogsAt);
  for (uint32_t i = 0; i < logs; i++) {
    if (i > 0) out += ',';
    if (!addLog(out, parts, token, i)) return false;
  }
  add(out, "]}");
  return true;
}

bool addSummary(std::string& out, const BlockEntry& entry, uint32_t index) {
  const Bytes receipt = entry.receipt(index);
  if (!succeeded(receipt)) return false;
  add(out, "{\"transactionHash\":\"0x");
  addHex(out, entry.hash(index), kHashBytes);
  add(out, "\",\"status\":\"success\",\"gasUsed\":\"");
  addNumber(out, readU64(receipt.data + kReceiptGasUsedAt));
  add(out, "\"}");
  return true;
}

}  // namespace

bool writeReceipt(Bytes bytes, uint32_t index, Bytes tokens, std::string& out) {
  const BlockEntry entry(bytes);
  const size_t before = out.size();
  if (index < entry.count() && addReceipt(out, entry, index, tokens)) return true;
  out.resize(before);
  return false;
}

bool writeSummaries(Bytes bytes, uint32_t first, uint32_t count, std::string& out) {
  const BlockEntry entry(bytes);
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
