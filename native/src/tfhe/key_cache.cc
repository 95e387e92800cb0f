#include "key_cache.h"

#include <optional>

#include "../sha256.h"

namespace polytorus::tfhe {
namespace {

/** A kernel lays the key out its own way. */
std::string entryId(const uint8_t keyId[kKeyIdBytes], const Kernel& kernel) {
  return std::string(reinterpret_cast<const char*>(keyId), kKeyIdBytes) + kernel.name;
}

}  // namespace

KeyCache& KeyCache::ofProcess() {
  static KeyCache cache;
  return cache;
}

KeyCache::Entries::iterator KeyCache::findEntry(const std::string& id) {
  auto entry = entries_.begin();
  while (entry != entries_.end() && entry->id != id) ++entry;
  return entry;
}

size_t KeyCache::residentBytes() const {
  size_t sum = 0;
  for (const Entry& entry : entries_) sum += entry.bytes;
  return sum;
}

void KeyCache::makeRoom(size_t bytes) {
  for (auto entry = entries_.end(); residentBytes() + bytes > maxBytes_ && entry != entries_.begin();) {
    --entry;
    if (entry->key && entry->key.use_count() == 1) entry = entries_.erase(entry);
  }
}

SharedKey KeyCache::load(Bytes file, const Kernel& kernel) {
  uint8_t keyId[kKeyIdBytes];
  sha256(file.data, file.size, nullptr, 0, keyId);
  const std::string id = entryId(keyId, kernel);
  std::optional<File> parsed;
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    const auto known = findEntry(id);
    if (known != entries_.end() && known->key) {
      entries_.splice(entries_.begin(), entries_, known);
      return known->key;
    }
    if (known != entries_.end()) {
      expanded_.wait(lock);
    } else if (parsed) {
      break;
    } else {  // The digest takes a while: others need not wait for it.
      lock.unlock();
      parsed = parseFile(file, FileKind::kEvaluationKey);
      lock.lock();
    }
  }
  const size_t bytes = EvaluationKey::residentBytesOf(*parsed->set);
  makeRoom(bytes);
  if (residentBytes() + bytes > maxBytes_) {
    throw Refused("KEY_CACHE_FULL", "the key needs " + std::to_string(bytes) + " bytes, " + std::to_string(residentBytes()) + " of " +
                                        std::to_string(maxBytes_) + " are held: release a key or raise the limit");
  }
  entries_.push_front({id, bytes, nullptr});
  const auto entry = entries_.begin();
  lock.unlock();
  SharedKey key;
  try {
    key = std::make_shared<const EvaluationKey>(*parsed, keyId, kernel);
  } catch (...) {
    lock.lock();
    entries_.erase(entry);
    expanded_.notify_all();
    throw;
  }
  lock.lock();
  entry->key = key;
  expanded_.notify_all();
  return key;
}

SharedKey KeyCache::find(const uint8_t keyId[kKeyIdBytes], const Kernel& kernel) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto entry = findEntry(entryId(keyId, kernel));
  if (entry == entries_.end() || !entry->key) return nullptr;
  entries_.splice(entries_.begin(), entries_, entry);
  return entry->key;
}

void KeyCache::setMaxBytes(size_t maxBytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  maxBytes_ = maxBytes;
  makeRoom(0);
}

KeyCache::Use KeyCache::use() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return {entries_.size(), residentBytes(), maxBytes_};
}

}  // namespace polytorus::tfhe
