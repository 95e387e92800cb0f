/**
 * The process's state trees by name. A tree belongs to the process and not to the thread that made it: the executor's
 * worker thread may be killed in the middle of a contract, and the one that takes its place attaches to the same tree.
 * terminate() never interrupts a native call, so a tree is only ever seen between two updates. Whoever waits for one tree
 * keeps nobody from another.
 */
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "state_tree.h"

namespace polytorus {

class TreeRegistry {
 public:
  using Handle = uint32_t;

  static TreeRegistry& ofProcess() {
    static TreeRegistry registry;
    return registry;
  }

  /** The tree of that name, made empty if there is none. */
  Handle attach(const std::string& name) {
    std::lock_guard<std::mutex> lock(mutex_);
    return find(name)->first;
  }

  /** Makes `tree` the one of that name; whoever is attached goes on with it. Waits for who uses the one before. */
  Handle replace(const std::string& name, std::unique_ptr<StateTree> tree) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto [handle, entry] = *find(name);
    lock.unlock();
    std::lock_guard<std::mutex> treeLock(entry->mutex);
    entry->tree.swap(tree);
    return handle;
  }

  /** Frees the tree's memory; handles to it become invalid. False when there is none of that name. */
  bool release(const std::string& name) {
    std::unique_lock<std::mutex> lock(mutex_);
    for (auto at = entries_.begin(); at != entries_.end(); ++at) {
      if (at->second->name != name) continue;
      const std::shared_ptr<Entry> entry = at->second;
      entries_.erase(at);
      lock.unlock();
      std::lock_guard<std::mutex> treeLock(entry->mutex);
      entry->tree.reset();
      return true;
    }
    return false;
  }

  /** Calls `use(tree)` while no other thread can. @throws std::runtime_error when the tree was released. */
  template <typename Use>
  auto with(Handle handle, Use use) {
    const std::shared_ptr<Entry> entry = require(handle);
    std::lock_guard<std::mutex> lock(entry->mutex);
    if (!entry->tree) throw std::runtime_error(kReleased);
    return use(*entry->tree);
  }

 private:
  static constexpr const char* kReleased = "this state tree was released";
  struct Entry {
    std::string name;
    std::mutex mutex;
    std::unique_ptr<StateTree> tree;
  };
  using Entries = std::map<Handle, std::shared_ptr<Entry>>;

  Entries::iterator find(const std::string& name) {
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->second->name == name) return entry;
    }
    auto made = std::make_shared<Entry>();
    made->name = name;
    made->tree = std::make_unique<StateTree>();
    return entries_.emplace(nextHandle_++, std::move(made)).first;
  }

  std::shared_ptr<Entry> require(Handle handle) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto entry = entries_.find(handle);
    if (entry == entries_.end()) throw std::runtime_error(kReleased);
    return entry->second;
  }

  std::mutex mutex_;
  Entries entries_;
  Handle nextHandle_ = 1;
};

}  // namespace polytorus
