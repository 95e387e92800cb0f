#include "sorted_build.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <future>

namespace polytorus {
namespace {

/** Leaves read and hashed at a time: with the nodes they make, this many stay in the second-level cache. */
constexpr size_t kBatchLeaves = 4096;
/** Handed out to a thread at a time; what is left of its last block stays free for later. */
constexpr uint32_t kBlockNodes = 8192;
constexpr int kKeyBits = 8 * int(kHashBytes);
constexpr int kUnordered = -1;

/** How many leading bits two keys share; kUnordered unless `next` is above. */
int sharedBits(const uint8_t* key, const uint8_t* next) {
  for (int byte = 0; byte < int(kHashBytes); byte += 8) {
    const uint64_t a = keyTopOf(key + byte), b = keyTopOf(next + byte);
    if (a != b) return a < b ? 8 * byte + __builtin_clzll(a ^ b) : kUnordered;
  }
  return kUnordered;
}

uint32_t bitAt(const uint8_t* key, int depth) { return (key[depth >> 3] >> (7 - (depth & 7))) & 1; }

}  // namespace

/**
 * The subtree of consecutive leaves under one slot. A leaf hangs from the node where its path parts from those of its
 * neighbours, so that it is placed when the leaf after it is known. Nodes that no later leaf can reach are hashed batch by
 * batch, the deepest first.
 */
class SortedBuild::Half {
 public:
  Half(SortedBuild& build, StateTree::Slot slot, int depth) : build_(build), tree_(build.tree_), slot_(slot), top_(depth) {}

  Outcome run(size_t first, size_t last) {
    const uint8_t* key = nullptr;
    for (size_t at = first; at < last; at += kBatchLeaves) {
      const size_t count = std::min(kBatchLeaves, last - at);
      uint8_t* bodies = tree_.leaves_.data()[at].bytes;
      if (!build_.read_(at, count, bodies)) return Outcome::kShort;
      for (size_t i = 0; i < count; i++) {
        const uint8_t* next = bodies + i * kLeafBytes;
        if (key) {
          const int shared = sharedBits(key, next);
          if (shared < top_) return Outcome::kUnordered;
          place(key, at + i - 1, shared);
        }
        key = next;
      }
      hash();
    }
    if (key) place(key, last - 1, top_ - 1);
    hash();
    giveBack();
    return Outcome::kBuilt;
  }

 private:
  /** @param shared bits that its key has in common with the next one; with none to come, fewer than lead here. */
  void place(const uint8_t* key, size_t leaf, int shared) {
    while (deepest_ < shared) open(key);
    const StateTree::Slot slot = slotBelow(key);
    tree_.refAt(slot) = uint32_t(leaf) | StateTree::kLeafFlag;
    leafHashes_.add(key, tree_.hashAt(slot));
    for (; deepest_ > shared; deepest_--) closed_[size_t(deepest_)].push_back(path_[size_t(deepest_)]);
  }

  /** The slot that the key's path leaves the deepest open node by. */
  StateTree::Slot slotBelow(const uint8_t* key) const {
    return deepest_ < top_ ? slot_ : 2 * path_[size_t(deepest_)].node + bitAt(key, deepest_);
  }

  void open(const uint8_t* key) {
    if (nextNode_ == endNode_) {
      nextNode_ = build_.takeNodes(kBlockNodes);
      endNode_ = nextNode_ + kBlockNodes;
    }
    const StateTree::Slot slot = slotBelow(key);
    tree_.refAt(slot) = nextNode_;
    path_[size_t(++deepest_)] = {nextNode_++, slot};
  }

  void hash() {
    leafHashes_.flush();
    for (size_t depth = closed_.size(); depth-- > 0;) {
      for (const StateTree::DirtyNode& closed : closed_[depth]) {
        nodeHashes_.add(tree_.hashAt(2 * closed.node), tree_.hashAt(closed.slot));
      }
      nodeHashes_.flush();
      closed_[depth].clear();
    }
  }

  void giveBack() {
    std::lock_guard<std::mutex> lock(build_.nodes_);
    while (endNode_ > nextNode_) tree_.freeNode(--endNode_);
  }

  SortedBuild& build_;
  StateTree& tree_;
  const StateTree::Slot slot_;
  /** Depth of the subtree's first node, and of its deepest one that is open: below it while there is none. */
  const int top_;
  int deepest_ = top_ - 1;
  uint32_t nextNode_ = 0, endNode_ = 0;
  std::array<StateTree::DirtyNode, size_t(kKeyBits)> path_;
  std::array<std::vector<StateTree::DirtyNode>, size_t(kKeyBits)> closed_;
  TaggedBatch leafHashes_{0x00};
  TaggedBatch nodeHashes_{0x01};
};

SortedBuild::Outcome SortedBuild::build(size_t leafCount) {
  tree_.leaves_.push(leafCount);
  tree_.leafCount_ = leafCount;
  if (leafCount < 2) return buildHalf(0, 0, 0, leafCount);
  size_t middle = 0;
  if (!findMiddle(leafCount, middle)) return Outcome::kShort;
  const uint32_t root = takeNodes(1);
  tree_.refAt(0) = root;
  auto left = std::async(std::launch::async, [&] { return buildHalf(2 * root, 1, 0, middle); });
  const Outcome right = buildHalf(2 * root + 1, 1, middle, leafCount);
  const Outcome both = std::max(left.get(), right);
  if (both != Outcome::kBuilt) return both;
  // In order each by itself: they are so together if each is on its side.
  const auto isRight = [this](size_t leaf) { return bitAt(tree_.leaves_.data()[leaf].bytes, 0) == 1; };
  if ((middle > 0 && isRight(middle - 1)) || (middle < leafCount && !isRight(middle))) return Outcome::kUnordered;
  TaggedBatch hashes{0x01};
  hashes.add(tree_.hashAt(2 * root), tree_.hashAt(0));
  hashes.flush();
  return Outcome::kBuilt;
}

SortedBuild::Outcome SortedBuild::buildHalf(StateTree::Slot slot, int depth, size_t first, size_t last) {
  return Half(*this, slot, depth).run(first, last);
}

/** The first leaf on the right of the root, if leaves are in order. */
bool SortedBuild::findMiddle(size_t leafCount, size_t& middle) const {
  uint8_t body[kLeafBytes];
  size_t last = leafCount;
  middle = 0;
  while (middle < last) {
    const size_t between = middle + (last - middle) / 2;
    if (!read_(between, 1, body)) return false;
    if (bitAt(body, 0)) {
      last = between;
    } else {
      middle = between + 1;
    }
  }
  return true;
}

uint32_t SortedBuild::takeNodes(uint32_t count) {
  std::lock_guard<std::mutex> lock(nodes_);
  tree_.hashes_.push(count);
  return tree_.children_.push(count);
}

}  // namespace polytorus
