#include "transfers.h"

#include <algorithm>
#include <cstring>

#include "encoding.h"
#include "state_rows.h"

namespace polytorus {
namespace {

/** u8 length and name, u8 count, tag and address, tag and length of the amount. */
constexpr char kName[] = "transfer";
constexpr size_t kNameBytes = 8;
constexpr size_t kArgumentsAt = 1 + kNameBytes;
constexpr size_t kRecipientAt = kArgumentsAt + 2;
constexpr size_t kAmountAt = kRecipientAt + kAddressBytes;
constexpr size_t kFixedBodyBytes = kAmountAt + 2;

// src/execution/state-rows.ts
constexpr uint32_t kSlotBits = 24;
constexpr uint32_t kSlotMask = (1u << kSlotBits) - 1;
constexpr uint64_t kNonceMax = (uint64_t(1) << 48) - 1;

/** Looked at together, so that the cache misses of their rows overlap: 3 rows and 3 places in the index each. */
constexpr size_t kWindow = 8;
constexpr uint32_t kNotFound = 0xffffffff;

uint32_t rotated(uint32_t h) { return h << 15 | h >> 17; }

struct Key {
  uint32_t space;
  uint32_t words[kKeyWords];
  uint32_t length;
  uint32_t hash;
};

void hashKey(uint32_t seed, Key& key) {
  static constexpr uint32_t kFactors[kKeyWords] = {0x9e3779b1, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x165667b1, 0x9e3779b1};
  uint32_t h = (seed ^ key.space ^ key.words[0]) * kFactors[0];
  for (size_t i = 1; i < kKeyWords; i++) h = (rotated(h) ^ key.words[i]) * kFactors[i];
  h ^= h >> 15;
  h *= 0x85ebca6b;
  key.hash = h ^ h >> 13;
}

/** One transfer of the window: where it stands, and its three rows. */
struct Transfer {
  const uint8_t* header;
  const uint8_t* body;
  size_t length;
  size_t bodyBytes;
  Key account;
  Key from;
  Key to;
};

bool isPlain(const TransferRun& run, size_t at, Transfer& transfer) {
  if (at + kTxHeaderBytes + kFixedBodyBytes > run.transactions.size) return false;
  const uint8_t* header = run.transactions.data + at;
  const uint8_t flags = header[kTxFlagsAt];
  if (header[kTxKindAt] != kTxCall || header[kTxFormAt] != kBodyEntrypoint || header[kTxReservedAt] != 0) return false;
  if ((flags & ~(kTxHasId | kTxNonceLeftOut)) != 0) return false;
  if (std::memcmp(header + kTxToAt, run.token, kAddressBytes) != 0) return false;
  const uint8_t* body = header + kTxHeaderBytes;
  const size_t bodyBytes = readU32(header + kTxBodyBytesAt);
  const bool isCall = body[0] == kNameBytes && std::memcmp(body + 1, kName, kNameBytes) == 0 && body[kArgumentsAt] == 2 &&
                      body[kArgumentsAt + 1] == kArgAddress && body[kAmountAt] == kArgUint;
  if (!isCall) return false;
  const size_t amountBytes = body[kAmountAt + 1];
  if (amountBytes > 4 * kLimbs || bodyBytes != kFixedBodyBytes + amountBytes) return false;
  transfer.length = kTxHeaderBytes + bodyBytes + ((flags & kTxHasId) != 0 ? kTxIdBytes : 0);
  if (at + transfer.length > run.transactions.size) return false;
  transfer.header = header;
  transfer.body = body;
  transfer.bodyBytes = bodyBytes;
  return true;
}

size_t placeOf(const TransferRun& run, const Key& key) { return key.hash & (run.index.size - 1); }

void setKeys(const TransferRun& run, Transfer& transfer) {
  transfer.account.space = run.accounts.space;
  std::memcpy(transfer.account.words, transfer.header + kTxSenderAt, kAddressBytes);
  transfer.account.words[5] = 0;
  transfer.account.length = kAddressBytes;
  transfer.from.space = transfer.to.space = run.balances.space;
  transfer.from.words[0] = transfer.to.words[0] = run.balancePrefix;
  std::memcpy(transfer.from.words + 1, transfer.header + kTxSenderAt, kAddressBytes);
  std::memcpy(transfer.to.words + 1, transfer.body + kRecipientAt, kAddressBytes);
  transfer.from.length = transfer.to.length = 4 + kAddressBytes;
  for (Key* key : {&transfer.account, &transfer.from, &transfer.to}) {
    hashKey(run.indexSeed, *key);
    __builtin_prefetch(&run.index[placeOf(run, *key)]);
  }
}

uint32_t* rowAt(const TransferRun& run, uint32_t slot) { return run.rows.data + size_t(slot) * kRowWords; }

void prefetchRows(const TransferRun& run, const Transfer& transfer) {
  for (const Key* key : {&transfer.account, &transfer.from, &transfer.to}) {
    const uint32_t entry = run.index[placeOf(run, *key)];
    if (entry != 0) __builtin_prefetch(rowAt(run, (entry & kSlotMask) - 1), 1);
  }
}

uint32_t find(const TransferRun& run, const Key& key) {
  const uint32_t mark = key.hash >> kSlotBits;
  for (size_t at = placeOf(run, key);; at = (at + 1) & (run.index.size - 1)) {
    const uint32_t entry = run.index[at];
    if (entry == 0) return kNotFound;
    if (entry >> kSlotBits != mark) continue;
    const uint32_t slot = (entry & kSlotMask) - 1;
    const uint32_t* row = rowAt(run, slot);
    if (row[0] == key.space && std::memcmp(row + kKeyAt, key.words, sizeof key.words) == 0 &&
        (row[kFormAt] >> 8 & 255) == key.length)
      return slot;
  }
}

/** Keeps what a row holds (UndoLog.push). */
void record(TransferRun& run, UndoChain& chain, uint32_t slot, uint32_t* row) {
  const uint32_t number = run.undoCount++;
  uint32_t* undo = run.undo.data + size_t(number) * kUndoWords;
  const uint32_t form = row[kFormAt] & kFormMask;
  undo[0] = slot;
  undo[2] = row[kNonceAt];
  undo[3] = row[kFormAt] >> 16;
  std::memcpy(undo + kUndoLimbsAt, row + kLimbsAt, 4 * kLimbs);
  undo[kUndoLimbsAt + 6] = undo[kUndoLimbsAt + 7] = 0;
  undo[kUndoSerialAt] = row[kSerialAt];
  if (row[kSerialAt] == run.serial) {
    undo[1] = form;
    return;
  }
  undo[1] = form | kFirstInBlock;
  row[kSerialAt] = run.serial;
  undo[kUndoNextAt] = kNoRecord;
  undo[kUndoPreviousAt] = chain.tail;
  if (chain.tail == kNoRecord) chain.head = number;
  else run.undo[size_t(chain.tail) * kUndoWords + kUndoNextAt] = number;
  chain.tail = number;
}

void setForm(uint32_t* row, uint32_t form) { row[kFormAt] = (row[kFormAt] & ~kFormMask) | form; }

bool isNarrow(const uint32_t* row, uint32_t form) {
  return (row[kFormAt] & kFormMask) == form && (row[kFormAt] & kWide) == 0;
}

/** a < b, as whole numbers of six limbs. */
bool isLess(const uint32_t* a, const uint32_t* b) {
  for (size_t i = kLimbs; i-- > 0;)
    if (a[i] != b[i]) return a[i] < b[i];
  return false;
}

bool isZero(const uint32_t* limbs) {
  return std::all_of(limbs, limbs + kLimbs, [](uint32_t limb) { return limb == 0; });
}

void subtract(uint32_t* a, const uint32_t* b) {
  int64_t borrow = 0;
  for (size_t i = 0; i < kLimbs; i++) {
    borrow += int64_t(a[i]) - int64_t(b[i]);
    a[i] = uint32_t(borrow);
    borrow >>= 32;
  }
}

void add(uint32_t* a, const uint32_t* b) {
  uint64_t carry = 0;
  for (size_t i = 0; i < kLimbs; i++) {
    carry += uint64_t(a[i]) + b[i];
    a[i] = uint32_t(carry);
    carry >>= 32;
  }
}

/** Whether the sum may need a seventh limb, which a row does not have. */
bool mayCarryOut(const uint32_t* a, const uint32_t* b) { return ((a[kLimbs - 1] | b[kLimbs - 1]) & 0x80000000) != 0; }

void readAmount(const uint8_t* bytes, size_t count, uint32_t* limbs) {
  std::fill(limbs, limbs + kLimbs, 0);
  for (size_t i = 0; i < count; i++) limbs[i / 4] |= uint32_t(bytes[count - 1 - i]) << 8 * (i % 4);
}

uint8_t* writeShortestWord(uint8_t* out, const uint8_t* bytes, size_t count) {
  while (count > 0 && *bytes == 0) bytes++, count--;
  *out++ = uint8_t(count);
  std::memcpy(out, bytes, count);
  return out + count;
}

/** Status success, one log, the word 1 as result, then Transfer(from, to, amount) of the token. */
void writeReceipt(TransferRun& run, const Transfer& transfer, double gasUsed) {
  uint8_t* out = run.receipts.data + run.receiptsLength;
  writeU32(out, kReceiptSuccess);
  writeU32(out + kReceiptLogsAt, 1);
  writeU64(out + kReceiptGasUsedAt, uint64_t(gasUsed));
  out += kReceiptHeaderBytes;
  *out++ = 1;
  *out++ = 1;
  std::memcpy(out, run.token, kAddressBytes);
  out += kAddressBytes;
  *out++ = 3;
  out = writeShortestWord(out, run.topic, kWordBytes);
  out = writeShortestWord(out, transfer.header + kTxSenderAt, kAddressBytes);
  out = writeShortestWord(out, transfer.body + kRecipientAt, kAddressBytes);
  out = writeShortestWord(out, transfer.body + kFixedBodyBytes, transfer.bodyBytes - kFixedBodyBytes);
  run.receiptsLength = uint32_t(out - run.receipts.data);
}

/** Runs one transfer, or leaves everything as it was and answers false. */
bool runOne(TransferRun& run, const Transfer& transfer) {
  const uint32_t accountSlot = find(run, transfer.account);
  const uint32_t fromSlot = find(run, transfer.from);
  const uint32_t toSlot = find(run, transfer.to);
  if (accountSlot == kNotFound || fromSlot == kNotFound || toSlot == kNotFound) return false;
  uint32_t* account = rowAt(run, accountSlot);
  uint32_t* from = rowAt(run, fromSlot);
  uint32_t* to = rowAt(run, toSlot);
  const bool isNew = (to[kFormAt] & kFormMask) == kAbsent;
  const bool isKnown = (account[kFormAt] & kFormMask) == kAbsent || isNarrow(account, kAccount);
  if (!isKnown || !isNarrow(from, kWord) || (!isNew && !isNarrow(to, kWord))) return false;

  const uint64_t nonce = uint64_t(account[kNonceAt]) | uint64_t(account[kFormAt] >> 16) << 32;
  const bool isNonceLeftOut = (transfer.header[kTxFlagsAt] & kTxNonceLeftOut) != 0;
  if (nonce >= kNonceMax || (!isNonceLeftOut && readU64(transfer.header + kTxNonceAt) != nonce)) return false;
  uint32_t amount[kLimbs];
  readAmount(transfer.body + kFixedBodyBytes, transfer.bodyBytes - kFixedBodyBytes, amount);
  const TransferPrices& prices = run.prices;
  const double gasUsed = prices.transactionBase + prices.bodyByte * double(transfer.bodyBytes) + 2 * prices.stateRead +
                         prices.stateWrite + (isNew ? prices.stateCreate : prices.stateWrite) + prices.log;
  const double gasLimit = double(readU64(transfer.header + kTxGasLimitAt));
  if (gasLimit > prices.transactionGasMax || gasLimit < gasUsed) return false;
  static constexpr uint8_t kZeroAddress[kAddressBytes] = {};
  if (std::memcmp(transfer.header + kTxSenderAt, kZeroAddress, kAddressBytes) == 0) return false;
  if (std::memcmp(transfer.body + kRecipientAt, kZeroAddress, kAddressBytes) == 0) return false;
  if (isLess(from + kLimbsAt, amount) || mayCarryOut(to + kLimbsAt, amount)) return false;
  // Writing nothing to what is not there has a price of its own; sending to oneself all that one has makes a row come and go.
  if (isZero(amount) || fromSlot == toSlot) return false;

  if (isNonceLeftOut) {
    uint8_t* header = const_cast<uint8_t*>(transfer.header);
    header[kTxFlagsAt] &= uint8_t(~kTxNonceLeftOut);
    writeU64(header + kTxNonceAt, nonce);
  }
  record(run, run.accounts, accountSlot, account);
  account[kNonceAt] = uint32_t(nonce + 1);
  account[kFormAt] = (account[kFormAt] & 0xffff) | uint32_t((nonce + 1) >> 32) << 16;
  setForm(account, kAccount);
  record(run, run.balances, fromSlot, from);
  subtract(from + kLimbsAt, amount);
  if (isZero(from + kLimbsAt)) setForm(from, kAbsent);
  record(run, run.balances, toSlot, to);
  add(to + kLimbsAt, amount);
  setForm(to, kWord);

  const size_t at = size_t(transfer.header - run.transactions.data);
  run.ranges[2 * size_t(run.included)] = uint32_t(at);
  run.ranges[2 * size_t(run.included) + 1] = uint32_t(at + transfer.length);
  run.receiptAt[run.included] = run.receiptsLength;
  writeReceipt(run, transfer, gasUsed);
  run.included++;
  run.gasUsed += gasUsed;
  run.hasIds |= (transfer.header[kTxFlagsAt] & kTxHasId) != 0;
  return true;
}

/** Remembers where the submission of the next transaction begins. */
void enterSubmission(TransferRun& run) {
  if (run.next != run.submissionEnds[run.submission]) return;
  while (run.next == run.submissionEnds[run.submission]) run.submission++;
  run.start = {run.next, run.at, run.included, run.undoCount, run.receiptsLength, run.gasUsed};
}

}  // namespace

bool hasRoom(const TransferRun& run) {
  const size_t count = run.end > run.next ? run.end - run.next : 0, included = run.included + count;
  const auto isChain = [&](const UndoChain& chain) { return chain.tail == kNoRecord || chain.tail < run.undoCount; };
  const bool isPowerOfTwo = run.index.size > 0 && (run.index.size & (run.index.size - 1)) == 0;
  return isPowerOfTwo && (run.undoCount + count * kTransferUndoRecords) * kUndoWords <= run.undo.size &&
         isChain(run.accounts) && isChain(run.balances) &&
         run.receiptsLength + count * kTransferReceiptBytesMax <= run.receipts.size && 2 * included <= run.ranges.size &&
         included <= run.receiptAt.size && run.submission < run.submissionEnds.size &&
         run.submissionEnds[run.submissionEnds.size - 1] >= run.end;
}

void runTransfers(TransferRun& run) {
  Transfer window[kWindow];
  while (run.next < run.end) {
    size_t plain = 0;
    const size_t wanted = std::min<size_t>(kWindow, run.end - run.next);
    for (size_t at = run.at; plain < wanted && isPlain(run, at, window[plain]); plain++) {
      setKeys(run, window[plain]);
      at += paddedTxBytes(window[plain].length);
    }
    for (size_t i = 0; i < plain; i++) prefetchRows(run, window[i]);
    for (size_t i = 0; i < plain; i++) {
      enterSubmission(run);
      if (!runOne(run, window[i])) return;
      run.next++;
      run.at += uint32_t(paddedTxBytes(window[i].length));
    }
    if (plain < wanted) {
      enterSubmission(run);
      return;
    }
  }
}

}  // namespace polytorus
