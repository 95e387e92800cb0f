/**
 * The shortcut for transfers without Node, on arrays of exactly the bytes that it asks for: random transactions, plain and
 * not, held against a model of balances and nonces, byte by byte of what a block keeps. Built and run by run.sh, also with
 * the address and undefined-behaviour sanitizers. test/property/plain-transfers.test.ts holds it against the dispatcher.
 */
#include "../src/state_rows.h"
#include "../src/transfers.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace polytorus;

namespace {

using Address = std::array<uint8_t, 20>;
using Amount = unsigned __int128;
using Row = std::array<uint32_t, 16>;

constexpr uint32_t kAccountSpace = 0, kBalanceSpace = 3;
constexpr uint32_t kPrefix = 0x3a6c6162;  // "bal:"
constexpr uint32_t kSeed = 0x12345678;
constexpr uint32_t kSerial = 9;
constexpr size_t kIndexPlaces = 256;
constexpr TransferPrices kPrices = {21000, 16, 2100, 2900, 20000, 1756, 1e12};
constexpr uint8_t kFlagValue = 1, kFlagId = 4, kFlagNonceLeftOut = 128;

int failures = 0;
size_t transfersRun = 0;

void check(bool isTrue, const char* claim) {
  if (isTrue) return;
  failures++;
  if (failures < 20) std::fprintf(stderr, "FAILED: %s\n", claim);
}

/** xorshift64*: the same sequence on every run. */
uint64_t nextRandom() {
  static uint64_t state = 88172645463325252ull;
  state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
  return (state * 2685821657736338717ull) >> 16;
}

bool oneIn(uint64_t n) { return nextRandom() % n == 0; }

/** Every other round is mostly plain, so that runs get long; the others try what is rare. */
bool isCalm = false;

bool rarely(uint64_t n) { return oneIn(isCalm ? 50 * n : n); }

Address addressOf(uint8_t number) {
  Address address{};
  for (size_t i = 0; i < address.size(); i++) address[i] = uint8_t(number * 37 + i * number);
  return address;
}

const Address kToken = addressOf(200);
const Address kZero{};

// ── rows, as src/execution/state-rows.ts lays them out ───────────────────────

uint32_t hashOf(uint32_t space, const uint32_t* key) {
  const uint32_t factors[6] = {0x9e3779b1, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x165667b1, 0x9e3779b1};
  uint32_t h = (kSeed ^ space ^ key[0]) * factors[0];
  for (int i = 1; i < 6; i++) h = ((h << 15 | h >> 17) ^ key[i]) * factors[i];
  h ^= h >> 15;
  h *= 0x85ebca6b;
  return h ^ h >> 13;
}

struct Table {
  std::vector<Row> rows;
  std::vector<uint32_t> index = std::vector<uint32_t>(kIndexPlaces);

  uint32_t add(uint32_t space, const Address& address, uint32_t form) {
    Row row{};
    row[0] = space;
    const bool isAccount = space == kAccountSpace;
    if (!isAccount) row[1] = kPrefix;
    std::memcpy(&row[isAccount ? 1 : 2], address.data(), address.size());
    row[7] = form | (isAccount ? 20u : 24u) << 8;
    const uint32_t hash = hashOf(space, &row[1]);
    size_t at = hash % kIndexPlaces;
    while (index[at] != 0) at = (at + 1) % kIndexPlaces;
    index[at] = (hash >> 24 << 24) | uint32_t(rows.size() + 1);
    rows.push_back(row);
    return uint32_t(rows.size() - 1);
  }
};

uint32_t formOf(const Row& row) { return row[7] & 7; }

uint64_t nonceOf(const Row& row) { return row[14] | uint64_t(row[7] >> 16) << 32; }

/** A row's six limbs; amounts that are sent have four at most. */
struct Balance {
  Amount low;
  uint64_t high;
};

Balance balanceOf(const Row& row) {
  Amount low = 0;
  for (size_t i = 4; i-- > 0;) low = low << 32 | row[8 + i];
  return {low, row[12] | uint64_t(row[13]) << 32};
}

void setBalance(Row& row, Balance balance) {
  for (size_t i = 0; i < 4; i++) row[8 + i] = uint32_t(balance.low >> 32 * i);
  row[12] = uint32_t(balance.high);
  row[13] = uint32_t(balance.high >> 32);
}

Balance minus(Balance a, Amount b) { return {a.low - b, a.high - (a.low < b)}; }
Balance plus(Balance a, Amount b) { return {a.low + b, a.high + (a.low + b < b)}; }

// ── transactions ──────────────────────────────────────────────────────────────

struct Sent {
  Address sender, recipient, to;
  uint64_t nonce, gasLimit;
  std::vector<uint8_t> amount;  // big-endian, shortest
  uint8_t flags;
  std::string name;
  uint32_t at = 0, length = 0;

  size_t bodyBytes() const { return 1 + name.size() + 1 + 21 + 2 + amount.size(); }
};

std::vector<uint8_t> bigEndian(Amount amount) {
  std::vector<uint8_t> bytes;
  for (; amount != 0; amount >>= 8) bytes.insert(bytes.begin(), uint8_t(amount));
  return bytes;
}

Amount amountOf(const Sent& tx) {
  Amount amount = 0;
  for (const uint8_t byte : tx.amount) amount = amount << 8 | byte;
  return amount;
}

void put(std::vector<uint8_t>& out, const void* bytes, size_t count) {
  const auto* first = static_cast<const uint8_t*>(bytes);
  out.insert(out.end(), first, first + count);
}

void encode(Sent& tx, std::vector<uint8_t>& out) {
  tx.at = uint32_t(out.size());
  const uint8_t head[4] = {2, tx.flags, 2, 0};
  const uint32_t body = uint32_t(tx.bodyBytes());
  const uint64_t nonce = (tx.flags & kFlagNonceLeftOut) != 0 ? 0 : tx.nonce;
  put(out, head, 4);
  put(out, &body, 4);
  put(out, &nonce, 8);
  put(out, &tx.gasLimit, 8);
  put(out, tx.sender.data(), 20);
  put(out, tx.to.data(), 20);
  out.push_back(uint8_t(tx.name.size()));
  put(out, tx.name.data(), tx.name.size());
  out.push_back(2);
  out.push_back(1);
  put(out, tx.recipient.data(), 20);
  out.push_back(2);
  out.push_back(uint8_t(tx.amount.size()));
  put(out, tx.amount.data(), tx.amount.size());
  if ((tx.flags & kFlagValue) != 0) out.insert(out.end(), 32, 0);
  if ((tx.flags & kFlagId) != 0) out.insert(out.end(), 32, 0xab);
  tx.length = uint32_t(out.size()) - tx.at;
  while (out.size() % 4 != 0) out.push_back(0);
}

// ── the model ─────────────────────────────────────────────────────────────────

/** Accounts and balances by address, as rows; what has none is unknown. */
struct World {
  Table table;
  std::map<Address, uint32_t> accounts, balances;

  Row* account(const Address& a) { return row(accounts, a); }
  Row* balance(const Address& a) { return row(balances, a); }
  Row* row(const std::map<Address, uint32_t>& slots, const Address& a) {
    const auto found = slots.find(a);
    return found == slots.end() ? nullptr : &table.rows[found->second];
  }
};

double gasOf(const Sent& tx, bool isNew) {
  return kPrices.transactionBase + kPrices.bodyByte * double(tx.bodyBytes()) + 2 * kPrices.stateRead + kPrices.stateWrite +
         (isNew ? kPrices.stateCreate : kPrices.stateWrite) + kPrices.log;
}

bool isNarrow(const Row* row, uint32_t form) { return row != nullptr && formOf(*row) == form && (row[0][7] & kWide) == 0; }

/** What the shortcut may run, by the rules that the dispatcher has. */
bool isPlain(World& world, const Sent& tx) {
  if ((tx.flags & kFlagValue) != 0 || tx.to != kToken || tx.name != "transfer" || tx.amount.size() > 24) return false;
  const Row* account = world.account(tx.sender);
  const Row* from = world.balance(tx.sender);
  const Row* to = world.balance(tx.recipient);
  const bool isKnown = account != nullptr && (formOf(*account) == kAbsent || isNarrow(account, kAccount));
  const bool isNew = to != nullptr && formOf(*to) == kAbsent;
  if (!isKnown || !isNarrow(from, kWord) || !(isNew || isNarrow(to, kWord))) return false;
  if ((tx.flags & kFlagNonceLeftOut) == 0 && tx.nonce != nonceOf(*account)) return false;
  if (nonceOf(*account) >= (uint64_t(1) << 48) - 1) return false;
  const double gas = gasOf(tx, isNew);
  if (double(tx.gasLimit) < gas || double(tx.gasLimit) > kPrices.transactionGasMax) return false;
  if (tx.sender == kZero || tx.recipient == kZero || tx.sender == tx.recipient || tx.amount.empty()) return false;
  const Balance balance = balanceOf(*from);
  // A sum that may need a seventh limb is somebody else's.
  return (balance.high > 0 || amountOf(tx) <= balance.low) && (*to)[13] >> 31 == 0;
}

void putWord(std::vector<uint8_t>& out, const uint8_t* bytes, size_t count) {
  while (count > 0 && *bytes == 0) bytes++, count--;
  out.push_back(uint8_t(count));
  put(out, bytes, count);
}

std::vector<uint8_t> receiptOf(const Sent& tx, const uint8_t* topic, double gas) {
  std::vector<uint8_t> out = {1, 0, 0, 0, 1, 0, 0, 0};
  const uint64_t gasUsed = uint64_t(gas);
  put(out, &gasUsed, 8);
  out.insert(out.end(), {1, 1});
  put(out, kToken.data(), 20);
  out.push_back(3);
  putWord(out, topic, 32);
  putWord(out, tx.sender.data(), 20);
  putWord(out, tx.recipient.data(), 20);
  putWord(out, tx.amount.data(), tx.amount.size());
  return out;
}

// ── a run ─────────────────────────────────────────────────────────────────────

World randomWorld() {
  World world;
  for (uint8_t i = 0; i < 24; i++) {
    const Address address = i == 0 ? kZero : addressOf(i);
    if (!rarely(16)) {
      const uint32_t form = rarely(12) ? kAbsent : rarely(12) ? kAccount | kWide : kAccount;
      const uint32_t slot = world.table.add(kAccountSpace, address, form);
      world.accounts[address] = slot;
      if (form == kAccount) {
        Row& row = world.table.rows[slot];
        const uint64_t nonce = oneIn(8) ? (uint64_t(1) << 32) - 1 : oneIn(8) ? (uint64_t(1) << 48) - 2 : nextRandom() % 5;
        row[14] = uint32_t(nonce);
        row[7] |= uint32_t(nonce >> 32) << 16;
        setBalance(row, {nextRandom(), 0});
      }
    }
    if (rarely(16)) continue;
    const uint32_t form = rarely(5) ? kAbsent : rarely(14) ? kBytes : rarely(14) ? kWord | kWide : rarely(20) ? 0 : kWord;
    const uint32_t slot = world.table.add(kBalanceSpace, address, form);
    world.balances[address] = slot;
    Row& row = world.table.rows[slot];
    if ((form & 7) != kWord) continue;
    setBalance(row, {oneIn(6) ? Amount(nextRandom()) << 70 : 1 + nextRandom() % (isCalm ? 400 : 40), oneIn(20) ? uint64_t(1) << 63 : 0});
    if (oneIn(4)) row[15] = kSerial;
  }
  return world;
}

std::vector<Sent> randomTransactions(World& world, size_t count) {
  std::vector<Sent> sent;
  std::map<Address, uint64_t> nonces;
  for (size_t i = 0; i < count; i++) {
    Sent tx;
    const auto who = [] { return rarely(40) ? kZero : addressOf(uint8_t(1 + nextRandom() % 23)); };
    tx.sender = who();
    tx.recipient = rarely(30) ? tx.sender : who();
    tx.to = rarely(60) ? addressOf(7) : kToken;
    const Row* account = world.account(tx.sender);
    if (nonces.count(tx.sender) == 0) nonces[tx.sender] = account == nullptr ? 0 : nonceOf(*account);
    tx.nonce = rarely(40) ? 77 : nonces[tx.sender]++;
    tx.gasLimit = rarely(40) ? 30000 : rarely(60) ? uint64_t(2e12) : 100000;
    tx.amount = bigEndian(rarely(12) ? Amount(0) : rarely(20) ? Amount(nextRandom()) << 60 : Amount(1 + nextRandom() % 9));
    if (rarely(60)) tx.amount.assign(25 + nextRandom() % 8, 1);
    tx.flags = uint8_t((oneIn(3) ? kFlagId : 0) | (oneIn(3) ? kFlagNonceLeftOut : 0) | (rarely(60) ? kFlagValue : 0));
    tx.name = rarely(60) ? "transfez" : rarely(60) ? "mint" : "transfer";
    sent.push_back(tx);
  }
  return sent;
}

/** Exactly as long as the caller must make it: a byte more is caught by the sanitizer. */
template <typename T>
std::unique_ptr<T[]> exactly(size_t count) {
  return std::make_unique<T[]>(count);
}

struct Arrays {
  std::unique_ptr<uint32_t[]> rows, undo;
  std::unique_ptr<uint8_t[]> receipts;
  std::unique_ptr<uint32_t[]> ranges, receiptAt;
  size_t count;
};

Arrays arraysFor(const Table& table, size_t count) {
  Arrays arrays{exactly<uint32_t>(table.rows.size() * 16), exactly<uint32_t>(count * kTransferUndoRecords * 16),
                exactly<uint8_t>(count * kTransferReceiptBytesMax), exactly<uint32_t>(2 * count), exactly<uint32_t>(count), count};
  std::memcpy(arrays.rows.get(), table.rows.data(), table.rows.size() * sizeof(Row));
  return arrays;
}

TransferRun runOver(const Table& table, const Arrays& arrays, const std::vector<uint32_t>& submissionEnds) {
  TransferRun run{};
  const size_t count = arrays.count;
  run.rows = {arrays.rows.get(), table.rows.size() * 16};
  // Read only, as are the submissions' ends.
  run.index = {const_cast<uint32_t*>(table.index.data()), kIndexPlaces};
  run.indexSeed = kSeed;
  run.undo = {arrays.undo.get(), count * kTransferUndoRecords * 16};
  run.receipts = {arrays.receipts.get(), count * kTransferReceiptBytesMax};
  run.ranges = {arrays.ranges.get(), 2 * count};
  run.receiptAt = {arrays.receiptAt.get(), count};
  run.submissionEnds = {const_cast<uint32_t*>(submissionEnds.data()), submissionEnds.size()};
  run.token = kToken.data();
  run.balancePrefix = kPrefix;
  run.prices = kPrices;
  run.serial = kSerial;
  run.end = submissionEnds.back();
  run.accounts = {kAccountSpace, kNoRecord, kNoRecord};
  run.balances = {kBalanceSpace, kNoRecord, kNoRecord};
  return run;
}

template <typename T>
bool beginsWith(const T* array, const std::vector<T>& expected) {
  return std::equal(expected.begin(), expected.end(), array);
}

void runOnce() {
  World world = randomWorld();
  const std::vector<Row> before = world.table.rows;
  const size_t count = 1 + nextRandom() % 60;
  std::vector<Sent> sent = randomTransactions(world, count);
  std::vector<uint8_t> encoded;
  for (Sent& tx : sent) encode(tx, encoded);
  // Without the zero bytes after the last: they may be missing.
  const size_t size = sent.back().at + sent.back().length;
  auto transactions = exactly<uint8_t>(size);
  std::memcpy(transactions.get(), encoded.data(), size);
  std::vector<uint32_t> submissionEnds;
  while (submissionEnds.empty() || submissionEnds.back() < count) {
    const size_t begin = submissionEnds.empty() ? 0 : submissionEnds.back();
    submissionEnds.push_back(uint32_t(std::min<size_t>(count, begin + 1 + nextRandom() % 7)));
  }

  uint8_t topic[32];
  for (uint8_t& byte : topic) byte = uint8_t(nextRandom());
  if (oneIn(2)) topic[0] = 0;
  const Arrays arrays = arraysFor(world.table, count);
  const auto& [rows, undo, receipts, ranges, receiptAt, room] = arrays;
  TransferRun run = runOver(world.table, arrays, submissionEnds);
  run.transactions = {transactions.get(), size};
  run.topic = topic;
  check(room == count && hasRoom(run), "there is room for all");

  std::vector<uint8_t> expectedReceipts;
  std::vector<uint32_t> expectedRanges, expectedReceiptAt;
  std::map<uint32_t, std::vector<uint32_t>> firstChanges;  // space → slots, in order of first change
  double gasUsed = 0;
  bool hasIds = false;
  uint32_t included = 0;
  while (run.next < run.end) {
    const uint32_t from = run.next;
    runTransfers(run);
    for (uint32_t i = from; i < run.next; i++) {
      const Sent& tx = sent[i];
      check(isPlain(world, tx), "only plain transfers run");
      if (!isPlain(world, tx)) return;
      Row& account = *world.account(tx.sender);
      Row& payer = *world.balance(tx.sender);
      Row& payee = *world.balance(tx.recipient);
      const bool isNew = formOf(payee) == kAbsent;
      const double gas = gasOf(tx, isNew);
      const uint64_t nonce = nonceOf(account);
      uint64_t written;
      std::memcpy(&written, transactions.get() + tx.at + 8, 8);
      check(written == nonce, "a nonce that was left out is filled in");
      check((transactions[tx.at + 1] & kFlagNonceLeftOut) == 0, "and its flag is gone");
      for (const auto& [space, slot] : {std::pair{kAccountSpace, world.accounts[tx.sender]},
                                        std::pair{kBalanceSpace, world.balances[tx.sender]},
                                        std::pair{kBalanceSpace, world.balances[tx.recipient]}}) {
        Row& row = world.table.rows[slot];
        if (row[15] != kSerial) firstChanges[space].push_back(slot);
        row[15] = kSerial;
      }
      account[14] = uint32_t(nonce + 1);
      account[7] = (account[7] & 0xfff8) | kAccount | uint32_t((nonce + 1) >> 32) << 16;
      const Balance rest = minus(balanceOf(payer), amountOf(tx));
      setBalance(payer, rest);
      if (rest.low == 0 && rest.high == 0) payer[7] = (payer[7] & ~7u) | kAbsent;
      setBalance(payee, plus(balanceOf(payee), amountOf(tx)));
      payee[7] = (payee[7] & ~7u) | kWord;
      expectedReceiptAt.push_back(uint32_t(expectedReceipts.size()));
      const std::vector<uint8_t> receipt = receiptOf(tx, topic, gas);
      put(expectedReceipts, receipt.data(), receipt.size());
      expectedRanges.insert(expectedRanges.end(), {tx.at, tx.at + tx.length});
      gasUsed += gas;
      hasIds |= (tx.flags & kFlagId) != 0;
      included++;
      transfersRun++;
    }
    if (run.next == run.end) break;
    check(!isPlain(world, sent[run.next]), "what is plain is not left to others");
    check(run.at == sent[run.next].at, "it stops at the transaction that is not plain");
    // The submission of that transaction is known: a block may be cut there.
    uint32_t begin = 0;
    for (const uint32_t end : submissionEnds)
      if (end <= run.next) begin = end;
    if (begin > 0) check(run.start.index == begin && run.start.at == sent[begin].at, "it knows where the submission began");
    check(submissionEnds[run.submission] > run.next, "and which one it is");
    // Somebody else runs it; here it is left out.
    run.next++;
    if (run.next < run.end) run.at = sent[run.next].at;
  }

  check(std::memcmp(rows.get(), world.table.rows.data(), world.table.rows.size() * sizeof(Row)) == 0, "rows hold what the model has");
  check(run.included == included && run.gasUsed == gasUsed && run.hasIds == hasIds, "what was included is counted");
  check(run.receiptsLength == expectedReceipts.size() && beginsWith(receipts.get(), expectedReceipts),
        "receipts are the bytes that the dispatcher writes");
  check(beginsWith(ranges.get(), expectedRanges), "what was included is found again");
  check(beginsWith(receiptAt.get(), expectedReceiptAt), "and its receipts");

  for (const UndoChain& chain : {run.accounts, run.balances}) {
    std::vector<uint32_t> slots;
    uint32_t previous = kNoRecord;
    for (uint32_t at = chain.head; at != kNoRecord; at = undo[at * 16 + 13]) {
      check(undo[at * 16 + 14] == previous, "first changes know the one before");
      previous = at;
      slots.push_back(undo[at * 16]);
    }
    check(previous == chain.tail, "a chain ends with its tail");
    check(slots == firstChanges[chain.space], "first changes are chained in their order");
  }
  for (uint32_t number = run.undoCount; number-- > 0;) {
    const uint32_t* record = undo.get() + number * 16;
    uint32_t* row = rows.get() + record[0] * 16;
    row[7] = (row[7] & 0xfff8) | (record[1] & 7) | record[3] << 16;
    std::memcpy(row + 8, record + 4, 24);
    row[14] = record[2];
    row[15] = record[12];
  }
  check(std::memcmp(rows.get(), before.data(), before.size() * sizeof(Row)) == 0, "taking back every record leaves the rows as they were");
}

/** A transaction that its array ends inside of, at whatever byte, is not plain; the sanitizer sees a read past the end. */
void testCutShort() {
  World world;
  const Address alice = addressOf(1), bob = addressOf(2);
  world.table.add(kAccountSpace, alice, kAccount);
  world.table.add(kBalanceSpace, bob, kAbsent);
  setBalance(world.table.rows[world.table.add(kBalanceSpace, alice, kWord)], {9, 0});
  Sent tx{alice, bob, kToken, 0, 100000, bigEndian(5), kFlagId, "transfer"};
  std::vector<uint8_t> encoded;
  encode(tx, encoded);
  const std::vector<uint32_t> submissionEnds = {1};
  const uint8_t topic[32] = {};
  for (size_t size = 0; size <= tx.length; size++) {
    auto transactions = exactly<uint8_t>(size);
    std::copy_n(encoded.begin(), size, transactions.get());
    const Arrays arrays = arraysFor(world.table, 1);
    TransferRun run = runOver(world.table, arrays, submissionEnds);
    run.transactions = {transactions.get(), size};
    run.topic = topic;
    runTransfers(run);
    check(run.included == (size == tx.length ? 1u : 0u), "a transfer runs when all of it is there");
  }
}

/** More transactions than there are bytes of, where the next would begin behind the end. */
void testPromisedTooMany() {
  World world;
  const Address alice = addressOf(1), bob = addressOf(2);
  world.table.add(kAccountSpace, alice, kAccount);
  setBalance(world.table.rows[world.table.add(kBalanceSpace, bob, kWord)], {1, 0});
  setBalance(world.table.rows[world.table.add(kBalanceSpace, alice, kWord)], {9, 0});
  Sent tx{alice, bob, kToken, 0, 100000, bigEndian(5), 0, "transfer"};
  std::vector<uint8_t> encoded;
  encode(tx, encoded);
  check(tx.length % 4 != 0, "the transfer ends before its padding");
  auto transactions = exactly<uint8_t>(tx.length);
  std::copy_n(encoded.begin(), tx.length, transactions.get());
  const std::vector<uint32_t> submissionEnds = {9};
  const uint8_t topic[32] = {};
  const Arrays arrays = arraysFor(world.table, 9);
  TransferRun run = runOver(world.table, arrays, submissionEnds);
  run.transactions = {transactions.get(), tx.length};
  run.topic = topic;
  runTransfers(run);
  check(run.next == 1 && run.included == 1, "it ends where the bytes do");
}

void testRoom() {
  World world;
  world.table.add(kAccountSpace, addressOf(1), kAccount);
  const std::vector<uint32_t> submissionEnds = {2, 3};
  const Arrays arrays = arraysFor(world.table, 3);
  const TransferRun whole = runOver(world.table, arrays, submissionEnds);
  check(hasRoom(whole), "exactly enough is enough");
  const auto isRefused = [&](auto change, const char* claim) {
    TransferRun run = whole;
    change(run);
    check(!hasRoom(run), claim);
  };
  isRefused([](TransferRun& run) { run.undo.size--; }, "a word of undo too few");
  isRefused([](TransferRun& run) { run.receipts.size--; }, "a byte of receipts too few");
  isRefused([](TransferRun& run) { run.ranges.size--; }, "half a range too few");
  isRefused([](TransferRun& run) { run.receiptAt.size--; }, "a place in the receipts too few");
  isRefused([](TransferRun& run) { run.submissionEnds.size--; }, "submissions that end before the run");
  isRefused([](TransferRun& run) { run.submission = 2; }, "a submission that is not there");
  isRefused([](TransferRun& run) { run.index.size = 0; }, "no index");
  isRefused([](TransferRun& run) { run.index.size--; }, "an index that is no power of two");
  isRefused([](TransferRun& run) { run.accounts.tail = 0; }, "accounts whose chain ends in no record");
  isRefused([](TransferRun& run) { run.balances.tail = 7; }, "balances whose chain ends in no record");
  isRefused([](TransferRun& run) { run.included = 0xffffffff; }, "more included than there is room for");
}

}  // namespace

int main() {
  testCutShort();
  testPromisedTooMany();
  testRoom();
  for (int round = 0; round < 4000; round++) {
    isCalm = round % 2 == 0;
    runOnce();
  }
  check(transfersRun > 40000, "most of what was tried is plain");
  std::printf("native transfers: %s (%zu run)\n", failures == 0 ? "ok" : "FAILED", transfersRun);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
