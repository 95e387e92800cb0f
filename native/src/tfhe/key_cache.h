/**
 * The process's expanded evaluation keys: every worker thread that loads the same key shares one copy.
 * A key stays while somebody holds it; afterwards it stays until room is needed, the longest unused going first.
 */
#pragma once

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "evaluation_key.h"

namespace polytorus::tfhe {

using SharedKey = std::shared_ptr<const EvaluationKey>;

class KeyCache {
 public:
  /** Six keys of the default set. */
  static constexpr size_t kDefaultMaxBytes = size_t(544) << 20;

  struct Use {
    size_t keys;
    size_t residentBytes;
    size_t maxBytes;
  };

  static KeyCache& ofProcess();

  /**
   * The key of that file, expanded unless some thread has done it; a thread that asks meanwhile waits.
   * @throws Refused as EvaluationKey does; KEY_CACHE_FULL when the keys that are held leave no room.
   */
  SharedKey load(Bytes file, const Kernel& kernel);
  /** nullptr when it is not there. */
  SharedKey find(const uint8_t keyId[kKeyIdBytes], const Kernel& kernel);
  /** Takes effect with the next load, or at once for keys that nobody holds. */
  void setMaxBytes(size_t maxBytes);
  Use use();

 private:
  /** Most recently used first; the key is missing while it is being expanded. */
  struct Entry {
    std::string id;
    size_t bytes;
    SharedKey key;
  };
  using Entries = std::list<Entry>;

  Entries::iterator findEntry(const std::string& id);
  size_t residentBytes() const;
  void makeRoom(size_t bytes);

  std::mutex mutex_;
  std::condition_variable expanded_;
  Entries entries_;
  size_t maxBytes_ = kDefaultMaxBytes;
};

}  // namespace polytorus::tfhe
