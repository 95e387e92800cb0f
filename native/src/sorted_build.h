/**
 * SortedBuild: fills an empty state tree with leaves that come in key order, each node made and hashed once. Both halves of
 * the tree are built at a time, on two threads: they share nothing but the places of nodes, which are handed out in blocks.
 */
#pragma once

#include <functional>
#include <mutex>

#include "state_tree.h"

namespace polytorus {

class SortedBuild {
 public:
  enum class Outcome { kBuilt, kUnordered, kShort };
  /** Reads the bodies of leaves [first, first + count) to `out`; false when there are not as many. Called by two threads. */
  using ReadLeaves = std::function<bool(size_t first, size_t count, uint8_t* out)>;

  /** @param tree is empty, and of no use unless the outcome is kBuilt. */
  SortedBuild(StateTree& tree, ReadLeaves read) : tree_(tree), read_(std::move(read)) {}

  /** @throws std::system_error when memory runs out, or what `read` throws. */
  Outcome build(size_t leafCount);

 private:
  class Half;

  bool findMiddle(size_t leafCount, size_t& middle) const;
  Outcome buildHalf(StateTree::Slot slot, int depth, size_t first, size_t last);
  uint32_t takeNodes(uint32_t count);

  StateTree& tree_;
  ReadLeaves read_;
  std::mutex nodes_;
};

}  // namespace polytorus
