/**
 * The writer of deltas without Node, on arrays of exactly the bytes that they need: random rows and what they held before,
 * held against an encoder that goes byte by byte. Built and run by run.sh, with the address and undefined-behaviour
 * sanitizers. test/property/delta-writer.test.ts holds it against TypeScript's.
 */
#include "../src/row_changes.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "../src/state_rows.h"

using namespace polytorus;

namespace {

int failures = 0;

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

uint64_t below(uint64_t n) { return nextRandom() % n; }

using Out = std::vector<uint8_t>;

/** Of a number in little-endian words, the highest byte that is not zero first. */
Out shortest(const std::vector<uint32_t>& words) {
  Out bytes;
  for (size_t i = 4 * words.size(); i-- > 0;) {
    const uint8_t byte = uint8_t(words[i / 4] >> (8 * (i % 4)));
    if (byte != 0 || !bytes.empty()) bytes.push_back(byte);
  }
  return bytes;
}

void append(Out& out, const Out& more) { out.insert(out.end(), more.begin(), more.end()); }

void appendValue(Out& out, uint32_t form, const std::vector<uint32_t>& nonce, const std::vector<uint32_t>& limbs) {
  if (form == kAbsent) return out.push_back(255);
  Out value;
  if (form == kAccount) {
    value.push_back(uint8_t(shortest(nonce).size()));
    append(value, shortest(nonce));
  }
  append(value, shortest(limbs));
  out.push_back(uint8_t(value.size()));
  append(out, value);
}

/** An array of its own, so that the sanitizer sees its end. */
template <typename T>
std::unique_ptr<T[]> exactly(const std::vector<T>& values) {
  std::unique_ptr<T[]> copy(new T[values.size()]);
  if (!values.empty()) std::memcpy(copy.get(), values.data(), sizeof(T) * values.size());
  return copy;
}

void round(size_t count) {
  std::vector<uint32_t> rows, undo;
  std::vector<uint8_t> longKeys;
  Out expected;
  uint32_t changed = 0, stop = kNoRecord;
  for (uint32_t slot = 0; slot < count; slot++) {
    const uint32_t forms[] = {kAbsent, kWord, kAccount};
    const bool isElsewhere = below(40) == 0;
    const uint32_t form = isElsewhere && below(2) == 0 ? kBytes : forms[below(3)];
    const uint32_t before = isElsewhere && form != kBytes && below(2) == 0 ? kBytes : forms[below(3)];
    const bool isWide = isElsewhere && form != kBytes && before != kBytes;
    std::vector<uint32_t> row(kRowWords), record(kUndoWords);
    const size_t keyLength = below(4) == 0 ? 25 + below(600) : below(25);
    Out key(keyLength);
    for (uint8_t& byte : key) byte = uint8_t(nextRandom());
    row[kFormAt] = form | (isWide ? kWide : 0) | (keyLength > 24 ? kLongKey : uint32_t(keyLength)) << 8;
    if (keyLength > 24) {
      row[kLongKeyAt] = uint32_t(longKeys.size());
      row[kLongKeyLengthAt] = uint32_t(keyLength);
      append(longKeys, key);
    } else if (keyLength > 0) {
      std::memcpy(&row[kKeyAt], key.data(), keyLength);
    }
    for (size_t i = below(kLimbs + 1); i-- > 0;) row[kLimbsAt + i] = uint32_t(nextRandom() >> below(48));
    for (size_t i = below(kUndoLimbs + 1); i-- > 0;) record[kUndoLimbsAt + i] = uint32_t(nextRandom() >> below(48));
    if (form == kAccount) row[kNonceAt] = uint32_t(nextRandom() >> below(48)), row[kFormAt] |= uint32_t(below(3)) << 16;
    if (before == kAccount) record[kUndoNonceAt] = uint32_t(below(300)), record[kUndoNonceAt + 1] = uint32_t(below(65536));
    record[0] = slot;
    record[kUndoFormAt] = before | (below(2) == 0 ? kFirstInBlock : 0);
    const bool isSame = form == before && below(3) == 0;
    if (isSame) {
      for (size_t i = 0; i < kUndoLimbs; i++) record[kUndoLimbsAt + i] = i < kLimbs ? row[kLimbsAt + i] : 0;
      record[kUndoNonceAt] = row[kNonceAt];
      record[kUndoNonceAt + 1] = row[kFormAt] >> 16;
    }
    record[kUndoNextAt] = slot + 1 < count ? slot + 1 : kNoRecord;
    if (isElsewhere && stop == kNoRecord) stop = slot;
    const bool differs = form != before || std::memcmp(&row[kLimbsAt], &record[kUndoLimbsAt], 4 * kLimbs) != 0 ||
                         record[kUndoLimbsAt + 6] != 0 || record[kUndoLimbsAt + 7] != 0 ||
                         record[kUndoNonceAt] != row[kNonceAt] || record[kUndoNonceAt + 1] != row[kFormAt] >> 16;
    if (stop == kNoRecord && differs) {
      expected.push_back(uint8_t(keyLength));
      expected.push_back(uint8_t(keyLength >> 8));
      append(expected, key);
      appendValue(expected, form, {row[kNonceAt], row[kFormAt] >> 16}, {&row[kLimbsAt], &row[kLimbsAt] + kLimbs});
      appendValue(expected, before, {record[kUndoNonceAt], record[kUndoNonceAt + 1]},
                  {&record[kUndoLimbsAt], &record[kUndoLimbsAt] + kUndoLimbs});
      changed++;
    }
    rows.insert(rows.end(), row.begin(), row.end());
    undo.insert(undo.end(), record.begin(), record.end());
  }
  const auto rowArray = exactly(rows), undoArray = exactly(undo);
  const auto keyArray = exactly(longKeys);
  const bool isShort = below(3) == 0;
  const size_t room = isShort ? below(expected.size() + 1) : expected.size() + 1000;
  std::unique_ptr<uint8_t[]> out(new uint8_t[room]);
  RowChanges changes{{rowArray.get(), rows.size()}, {undoArray.get(), undo.size()}, {keyArray.get(), longKeys.size()},
                     {out.get(), room},             count == 0 ? kNoRecord : 0,     0, 0};
  check(isSound(changes), "what is right is taken");
  writeRowChanges(changes);
  check(changes.length <= room && changes.length <= expected.size(), "no more is written than there is");
  check(changes.length == 0 || std::memcmp(out.get(), expected.data(), changes.length) == 0, "changes are written byte for byte");
  if (isShort) return;
  check(changes.record == stop, "it ends at the end, or at the first row that is the caller's");
  check(changes.length == expected.size() && changes.count == changed, "all before it is written");
}

}  // namespace

int main() {
  size_t rowsSeen = 0;
  for (int i = 0; i < 3000; i++) {
    const size_t count = below(60);
    rowsSeen += count;
    round(count);
  }
  std::printf("native changes: %s (%zu rows)\n", failures == 0 ? "ok" : "FAILED", rowsSeen);
  return failures == 0 ? 0 : 1;
}
