/**
 * Coalescing of deltas without Node, on arrays of exactly the size that they are said to have: random deltas, either way,
 * held against a map; and tables whose parts do not fit together. Built and run by run.sh under the sanitizers;
 * test/storage/follower.test.ts holds it against its twin.
 */
#include "../src/change_table.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace polytorus;

namespace {

using Value = std::optional<std::string>;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::exit(1);
}

void putValue(std::vector<uint8_t>& delta, const Value& value) {
  if (!value) {
    delta.push_back(255);
    return;
  }
  const size_t bytes = value->size();
  delta.push_back(bytes <= 252 ? uint8_t(bytes) : 253);
  for (int i = 0; bytes > 252 && i < 4; i++) delta.push_back(uint8_t(bytes >> (8 * i)));
  delta.insert(delta.end(), value->begin(), value->end());
}

/** One group of some keys that begin with "p", each once. */
std::vector<uint8_t> randomDelta(std::mt19937& random, std::map<std::string, std::pair<Value, Value>>& records) {
  const auto value = [&]() -> Value {
    if (random() % 4 == 0) return std::nullopt;
    return std::string(random() % (random() % 20 == 0 ? 400 : 40), char(random()));
  };
  for (size_t count = random() % 60; count > 0; count--) {
    records["p" + std::string(random() % 9, 'k') + std::to_string(random() % 200)] = {value(), value()};
  }
  std::vector<uint8_t> delta = {1, 'p'};
  for (int i = 0; i < 4; i++) delta.push_back(uint8_t(records.size() >> (8 * i)));
  for (const auto& [key, values] : records) {
    delta.push_back(uint8_t(key.size() - 1));
    delta.push_back(0);
    delta.insert(delta.end(), key.begin() + 1, key.end());
    putValue(delta, values.first);
    putValue(delta, values.second);
  }
  delta.shrink_to_fit();
  return delta;
}

/** Memory of a table; a larger one takes over what this one holds. */
struct Memory {
  Memory(size_t words, size_t records) : arena(new uint32_t[words]), records(new uint32_t[records]) {
    size_t slotCount = 2;
    while (slotCount <= records) slotCount *= 2;
    slots.reset(new uint32_t[slotCount]());
    table = {{reinterpret_cast<uint8_t*>(arena.get()), 4 * words}, {this->records.get(), records}, {slots.get(), slotCount}, 77, 4, 0};
  }

  std::unique_ptr<uint32_t[]> arena, records, slots;
  ChangeTable table;
};

std::map<std::string, Value> contentOf(const ChangeTable& table) {
  std::map<std::string, Value> content;
  for (uint32_t i = 0; i < table.count; i++) {
    const uint8_t* record = table.arena.data + 4 * size_t(table.records[i]);
    const uint32_t keyBytes = readU32(record + 4), valueBytes = readU32(record + 8), valueAt = readU32(record + 16);
    const std::string key(reinterpret_cast<const char*>(record + 20), keyBytes);
    expect(content.count(key) == 0, "each key has one record");
    if (valueBytes == 0xffffffff) content[key] = std::nullopt;
    else content[key] = std::string(reinterpret_cast<const char*>(table.arena.data + valueAt), valueBytes);
  }
  return content;
}

void keepsTheLastValues(std::mt19937& random) {
  std::vector<std::pair<std::vector<uint8_t>, Direction>> deltas;
  std::map<std::string, Value> last;
  size_t words = 1, records = 1;
  for (int i = 0; i < 20; i++) {
    std::map<std::string, std::pair<Value, Value>> changes;
    const Direction direction = random() % 2 == 0 ? Direction::kForward : Direction::kBackward;
    deltas.emplace_back(randomDelta(random, changes), direction);
    for (const auto& [key, values] : changes) last[key] = direction == Direction::kForward ? values.first : values.second;
    const ChangeRoom room = neededFor({deltas.back().first.data(), deltas.back().first.size()});
    expect(room.records == changes.size(), "a delta needs a record for each of its own");
    words += room.arenaBytes / 4;
    records += room.records;
  }
  Memory memory(words, records);
  for (const auto& [delta, direction] : deltas) {
    const Bytes bytes{delta.data(), delta.size()};
    expect(isSound(memory.table) && hasRoom(memory.table, neededFor(bytes)), "the room asked for is enough");
    applyDelta(memory.table, bytes, direction);
  }
  expect(contentOf(memory.table) == last, "the table holds what the last delta said of each key");
}

void refusesDamage(std::mt19937& random) {
  for (int round = 0; round < 20'000; round++) {
    std::map<std::string, std::pair<Value, Value>> changes;
    std::vector<uint8_t> delta = randomDelta(random, changes);
    for (unsigned damages = 1 + random() % 3; damages > 0; damages--) delta[random() % delta.size()] = uint8_t(random());
    if (random() % 3 == 0) delta.resize(random() % (delta.size() + 1));
    delta.shrink_to_fit();
    const Bytes bytes{delta.data(), delta.size()};
    try {
      const ChangeRoom room = neededFor(bytes);
      Memory memory(1 + room.arenaBytes / 4, room.records);
      applyDelta(memory.table, bytes, Direction::kForward);
    } catch (const MalformedDelta& refused) {
      expect(refused.offset <= delta.size(), "where it is damaged lies within it");
    }
  }
}

void knowsWhatFits() {
  const Memory memory(8, 3);
  expect(isSound(memory.table), "a table of these parts is sound");
  const auto isRefused = [&](auto change, const char* what) {
    ChangeTable table = memory.table;
    change(table);
    expect(!isSound(table), what);
  };
  isRefused([](ChangeTable& table) { table.arena.data++, table.arena.size--; }, "an arena between words");
  isRefused([](ChangeTable& table) { table.arena.size = size_t(1) << 32; }, "an arena beyond 32 bits");
  isRefused([](ChangeTable& table) { table.used = 0; }, "a first record that is none");
  isRefused([](ChangeTable& table) { table.used = 6; }, "a record between words");
  isRefused([](ChangeTable& table) { table.used = 36; }, "more in use than there is");
  isRefused([](ChangeTable& table) { table.count = 4; }, "more records than there is room for");
  isRefused([](ChangeTable& table) { table.slots.size = 3; }, "slots that are no power of two");
  isRefused([](ChangeTable& table) { table.slots.size = 2; }, "no slot that is always free");
  isRefused([](ChangeTable& table) { table.slots.size = 0; }, "no slots");
  expect(hasRoom(memory.table, {3, 28}), "exactly enough is enough");
  expect(!hasRoom(memory.table, {4, 28}) && !hasRoom(memory.table, {3, 29}), "one more is too much");
  expect(!hasRoom(memory.table, {0xffffffff, 4}) && !hasRoom(memory.table, {1, 0xffffffff}), "however much more");
}

}  // namespace

int main() {
  std::mt19937 random(1);
  for (int round = 0; round < 300; round++) keepsTheLastValues(random);
  refusesDamage(random);
  knowsWhatFits();
  std::puts("change table: keeps the last values, within its bytes");
}
