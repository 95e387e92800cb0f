#include "change_table.h"

#include <algorithm>
#include <cstring>

namespace polytorus {
namespace {

/** A record, in words of 4 bytes: hash, key length, value length, room for the value, where the value is; then the key. */
enum : uint32_t { kHash, kKeyLength, kValueLength, kRoom, kValueAt, kRecordWords };
constexpr uint32_t kKeyOffset = 4 * kRecordWords;
/** The value length of a key that is to be deleted. */
constexpr uint32_t kAbsent = 0xffffffff;
/** Records whose memory is on its way: more than a core has misses outstanding. */
constexpr size_t kAhead = 16;

/** FNV-1a from a given state on, so that a group's prefix is hashed once. */
uint32_t hashOf(uint32_t state, Bytes bytes) {
  for (size_t i = 0; i < bytes.size; i++) state = (state ^ bytes.data[i]) * 0x01000193u;
  return state;
}

/** FNV leaves its low bits weak; murmur3's finaliser spreads them over the slots. */
uint32_t mix(uint32_t h) {
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}

size_t alignUp(size_t bytes) { return (bytes + 3) & ~size_t(3); }

struct Pending {
  Bytes prefix;
  Bytes suffix;
  DeltaValue value;
  /** The longer of both sides: the room that a new record gets. */
  size_t room;
  uint32_t hash;
};

uint32_t* wordsOf(ChangeTable& table, uint32_t record) { return reinterpret_cast<uint32_t*>(table.arena.data) + record; }

bool hasKey(const uint8_t* key, const Pending& change) {
  return std::memcmp(key, change.prefix.data, change.prefix.size) == 0 &&
         std::memcmp(key + change.prefix.size, change.suffix.data, change.suffix.size) == 0;
}

uint32_t insert(ChangeTable& table, size_t slot, const Pending& change) {
  const uint32_t at = table.used;
  const uint32_t keyLength = uint32_t(change.prefix.size + change.suffix.size);
  table.used += uint32_t(alignUp(kKeyOffset + keyLength + change.room));
  const uint32_t record = at / 4;
  table.slots[slot] = record;
  table.records[table.count++] = record;
  uint32_t* words = wordsOf(table, record);
  words[kHash] = change.hash;
  words[kKeyLength] = keyLength;
  words[kRoom] = uint32_t(change.room);
  words[kValueAt] = at + kKeyOffset + keyLength;
  uint8_t* key = table.arena.data + at + kKeyOffset;
  std::memcpy(key, change.prefix.data, change.prefix.size);
  std::memcpy(key + change.prefix.size, change.suffix.data, change.suffix.size);
  return record;
}

size_t slotOf(const ChangeTable& table, uint32_t hash) { return mix(hash) & (table.slots.size - 1); }

uint32_t upsert(ChangeTable& table, const Pending& change) {
  const size_t keyLength = change.prefix.size + change.suffix.size;
  for (size_t slot = slotOf(table, change.hash);; slot = (slot + 1) & (table.slots.size - 1)) {
    const uint32_t record = table.slots[slot];
    if (record == 0) return insert(table, slot, change);
    const uint32_t* words = wordsOf(table, record);
    if (words[kHash] == change.hash && words[kKeyLength] == keyLength &&
        hasKey(table.arena.data + 4 * size_t(record) + kKeyOffset, change)) {
      return record;
    }
  }
}

void set(ChangeTable& table, const Pending& change) {
  uint32_t* words = wordsOf(table, upsert(table, change));
  if (change.value.isAbsent) {
    words[kValueLength] = kAbsent;
    return;
  }
  const uint32_t length = uint32_t(change.value.bytes.size);
  if (length > words[kRoom]) {
    words[kValueAt] = table.used;
    words[kRoom] = length;
    table.used += uint32_t(alignUp(length));
  }
  words[kValueLength] = length;
  std::memcpy(table.arena.data + words[kValueAt], change.value.bytes.data, length);
}

}  // namespace

bool isSound(const ChangeTable& table) {
  const size_t slots = table.slots.size;
  const bool isAligned = reinterpret_cast<uintptr_t>(table.arena.data) % alignof(uint32_t) == 0;
  return isAligned && table.arena.size <= UINT32_MAX && table.used % 4 == 0 && table.used >= 4 &&
         table.used <= table.arena.size && table.count <= table.records.size && slots > table.records.size &&
         (slots & (slots - 1)) == 0;
}

ChangeRoom neededFor(Bytes delta) {
  size_t records = 0, arenaBytes = 0;
  DeltaRecord record;
  for (DeltaReader reader(delta); reader.next(record);) {
    const Bytes& first = record.prefix.size > 0 ? record.prefix : record.suffix;
    if (first.size == 0 || first.data[0] == 0) throw MalformedDelta(record.offset, "a key is empty or begins with 0x00");
    records++;
    const size_t valueBytes = std::max(record.after.bytes.size, record.before.bytes.size);
    arenaBytes += alignUp(kKeyOffset + record.prefix.size + record.suffix.size + valueBytes);
  }
  if (arenaBytes > UINT32_MAX) {
    throw std::length_error("a delta needs " + std::to_string(arenaBytes) + " bytes of a change table, which has 4 GiB at most");
  }
  return {uint32_t(records), uint32_t(arenaBytes)};
}

bool hasRoom(const ChangeTable& table, const ChangeRoom& room) {
  return size_t(table.count) + room.records <= table.records.size && size_t(table.used) + room.arenaBytes <= table.arena.size;
}

void applyDelta(ChangeTable& table, Bytes delta, Direction direction) {
  Pending pending[kAhead];
  DeltaReader reader(delta);
  DeltaRecord record;
  const uint8_t* prefix = nullptr;
  uint32_t prefixHash = table.seed;
  bool isMore = true;
  while (isMore) {
    size_t count = 0;
    for (; count < kAhead && (isMore = reader.next(record)); count++) {
      if (record.prefix.data != prefix) {
        prefix = record.prefix.data;
        prefixHash = hashOf(table.seed, record.prefix);
      }
      const size_t room = std::max(record.after.bytes.size, record.before.bytes.size);
      const DeltaValue& value = direction == Direction::kForward ? record.after : record.before;
      pending[count] = {record.prefix, record.suffix, value, room, hashOf(prefixHash, record.suffix)};
      __builtin_prefetch(&table.slots[slotOf(table, pending[count].hash)]);
    }
    for (size_t i = 0; i < count; i++) {
      const uint32_t found = table.slots[slotOf(table, pending[i].hash)];
      if (found == 0) continue;
      __builtin_prefetch(wordsOf(table, found));
      __builtin_prefetch(table.arena.data + 4 * size_t(found) + 64);
    }
    for (size_t i = 0; i < count; i++) set(table, pending[i]);
  }
}

}  // namespace polytorus
