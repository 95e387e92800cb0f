/**
 * A saved tree that is read before anybody asks for it: a start would otherwise load its code first, and then wait for the
 * tree, which with a million holders takes as long.
 *   start of the process ── begin(path) … read, hashed … load(path) ──▶ the executor's thread
 */
#pragma once

#include <sys/stat.h>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "state_tree_file.h"

namespace polytorus {

struct LoadedTree {
  std::unique_ptr<StateTree> tree = std::make_unique<StateTree>();
  TreeFileResult file;
};

/** Thread-safe. */
class EarlyTree {
 public:
  static EarlyTree& ofProcess() {
    static EarlyTree early;
    return early;
  }

  /** Begins to read the file, if it is there and no other one waits to be asked for. @throws std::system_error without a thread. */
  void begin(const std::string& path) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (reading_.valid() || !find(path, found_)) return;
    std::packaged_task<LoadedTree()> task([path] { return read(path); });
    std::future<LoadedTree> reading = task.get_future();
    // A process that ends meanwhile does not wait for it.
    std::thread(std::move(task)).detach();
    reading_ = std::move(reading);
    path_ = path;
  }

  /**
   * Loads the file, or waits for the end of what was begun, if that is still the file at `path`.
   * @throws std::system_error as loadStateTree.
   */
  LoadedTree load(const std::string& path) {
    std::future<LoadedTree> begun;
    struct stat before {}, now {};
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (path == path_) {
        begun = std::move(reading_);
        before = found_;
      }
    }
    if (begun.valid() && find(path, now) && isSame(before, now)) return begun.get();
    return read(path);
  }

 private:
  static LoadedTree read(const std::string& path) {
    LoadedTree loaded;
    loaded.file = loadStateTree(*loaded.tree, path);
    return loaded;
  }

  static bool find(const std::string& path, struct stat& found) { return stat(path.c_str(), &found) == 0; }

  /** A file is replaced as a whole, by one with another inode. */
  static bool isSame(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
           a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
  }

  std::mutex mutex_;
  std::future<LoadedTree> reading_;
  std::string path_;
  struct stat found_ {};
};

}  // namespace polytorus
