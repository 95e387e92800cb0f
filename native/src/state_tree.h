/**
 * StateTree: the hash of the whole state, kept up to date block by block.
 * A binary trie on SHA-256(key), first bit at the root, 0 to the left. A subtree with one key is that leaf, a subtree with
 * none is empty, so the shape follows from the set of keys and from nothing else.
 *   leaf  = SHA-256(0x00 || keyHash || valueHash)      inner = SHA-256(0x01 || left || right)      empty = 32 zero bytes
 * (prefixes as in RFC 6962, section 2.1; leaves as in the Jellyfish Merkle tree)
 *
 * In memory, built so that one block costs few cache misses and every one of them is foreseen:
 *   children_  u32[2] a node   what the walk down reads: eight nodes a cache line
 *   hashes_    64 bytes a node both children's hashes: just the body that hashing the node reads
 *   leaves_    64 bytes a leaf keyHash and valueHash: just the body that hashing the leaf reads
 * A *slot* is one child position: slot 2n is node n's left, 2n+1 its right. Node 0 stands above the root: its left child
 * is the root, so that the root needs no special case.
 *
 * An update sorts the block's changes by key hash and goes down level by level, a range of changes with each node, fetching
 * the next level while this one is worked on; then it hashes the nodes it met from the deepest level up, four at a time.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "arena.h"
#include "delta.h"
#include "sha256.h"

namespace polytorus {

constexpr size_t kLeafBytes = 2 * kHashBytes;
constexpr size_t kMaxLeaves = size_t(1) << 28;
constexpr size_t kMaxNodes = size_t(1) << 29;  // A random trie has 1.44 nodes a leaf.

/** One changed leaf. Its keyHash and valueHash stand at `index` in the array of bodies that goes with it. */
struct LeafChange {
  uint64_t keyTop;  // The first 64 bits of keyHash, so that sorting and walking rarely look at the body.
  uint32_t index;
  bool isDelete;
};

/** The first 64 bits of a key hash. */
inline uint64_t keyTopOf(const uint8_t* keyHash) {
  uint64_t top = 0;
  for (int i = 0; i < 8; i++) top = top << 8 | keyHash[i];
  return top;
}

struct StateTreeProof {
  bool isEmpty = true;               // The path ends in nothing; otherwise in the leaf below.
  uint8_t leaf[kLeafBytes] = {};     // keyHash, valueHash
  std::vector<uint8_t> siblings;     // 32 bytes each, deepest first
};

/** Not thread-safe. */
class StateTree {
 public:
  StateTree();

  /** @throws MalformedDelta, tree unchanged, also when a key occurs twice. The side not applied is not compared with the tree. */
  void apply(Bytes delta, Direction direction) { applyAll({delta}, direction); }

  /** The same for deltas one after the other, hashed once: of a key that several have, the last one's value stays. */
  void applyAll(const std::vector<Bytes>& deltas, Direction direction);

  /**
   * The same for leaves that are hashed already. `bodies` holds 64 bytes a change; `changes` ascend strictly by keyHash.
   * @throws std::system_error when memory runs out; the tree is then of no use, and every later call says so.
   */
  void update(const uint8_t* bodies, const std::vector<LeafChange>& changes);

  const uint8_t* root() const { return hashes_.data()->bytes; }
  size_t leafCount() const { return leafCount_; }
  /** Memory taken, in bytes. */
  size_t byteLength() const;
  StateTreeProof prove(Bytes key) const;
  /** Whether the key has this value; without one, whether there is no such key. */
  bool matches(Bytes key, const Bytes* value) const;

  /** Calls `visit(body)` for every leaf in key-hash order. */
  template <typename Visit>
  void forEachLeaf(Visit visit) const;

 private:
  friend class SortedBuild;

  using Ref = uint32_t;   // 0 empty; top bit set: leaf; else inner node
  using Slot = uint32_t;
  using Hash = uint8_t[kHashBytes];
  struct Children {
    Ref ref[2];
  };
  struct Body {
    uint8_t bytes[kLeafBytes];
  };
  /** Changes [first, last) all belong under `slot`, which holds `ref`. */
  struct Task {
    Slot slot;
    Ref ref;
    uint32_t first;
    uint32_t last;
  };
  struct DirtyNode {
    uint32_t node;
    Slot slot;
  };

  static constexpr Ref kEmpty = 0;
  static constexpr Ref kLeafFlag = 0x80000000u;

  static bool isLeaf(Ref ref) { return (ref & kLeafFlag) != 0; }
  static bool isInner(Ref ref) { return ref != kEmpty && !isLeaf(ref); }

  Ref& refAt(Slot slot) { return children_.data()[slot >> 1].ref[slot & 1]; }
  uint8_t* hashAt(Slot slot) { return hashes_.data()->bytes + size_t(slot) * kHashBytes; }
  uint8_t* leafBody(Ref ref) { return leaves_.data()[ref & ~kLeafFlag].bytes; }
  const uint8_t* leafBody(Ref ref) const { return leaves_.data()[ref & ~kLeafFlag].bytes; }

  void readDeltas(const std::vector<Bytes>& deltas, Direction direction);
  void sortChanges();
  void sortRun(LeafChange* first, LeafChange* last);
  void keepLast(const std::vector<Bytes>& deltas);
  bool isSameChange(const LeafChange& a, const LeafChange& b) const;
  [[noreturn]] void refuseRepeated(const std::vector<Bytes>& deltas, uint32_t index) const;
  void walkDown(const uint8_t* bodies, const std::vector<LeafChange>& changes);
  void hashUp();

  void visit(Slot slot, uint32_t first, uint32_t last);
  uint32_t placeInEmpty(const Task& task);
  uint32_t placeAtLeaf(const Task& task, int depth);
  void putNewLeaf(Slot slot, const LeafChange& change);
  void putLeaf(Slot slot, Ref leaf, const LeafChange& change);
  void removeLeaf(Slot slot);
  bool collapse(const DirtyNode& dirty);

  bool isSide(const LeafChange& change, int depth) const;
  uint32_t split(uint32_t first, uint32_t last, int depth) const;

  uint32_t takeNode();
  void freeNode(uint32_t node);
  Ref takeLeaf();
  void requireSound() const;
  void trimScratch(size_t changes);
  size_t scratchBytes() const;

  Arena<Children> children_{kMaxNodes};
  Arena<Body> hashes_{kMaxNodes};
  Arena<Body> leaves_{kMaxLeaves};
  uint32_t freeNodes_ = 0;  // Chained through ref[0]; 0 ends the chain.
  Ref freeLeaves_ = kEmpty;  // Chained through the first four bytes of the body.
  size_t leafCount_ = 0;
  bool isHalfUpdated_ = false;

  // Scratch of one update, kept so that a block allocates nothing.
  std::vector<uint8_t> deltaBodies_;
  std::vector<uint32_t> deltaEnds_;  // By delta, the index after its last change.
  std::vector<LeafChange> deltaChanges_, sorted_;
  const uint8_t* bodies_ = nullptr;
  const LeafChange* changes_ = nullptr;
  std::vector<Task> level_, nextLevel_;
  std::vector<DirtyNode> dirty_;
  std::vector<size_t> levelStarts_;
  TaggedBatch leafHashes_{0x00};
  TaggedBatch nodeHashes_{0x01};
  bool hasRemoved_ = false;
};

template <typename Visit>
void StateTree::forEachLeaf(Visit visit) const {
  requireSound();
  // Leaves are met in key order but lie in the order of their creation: fetch a batch of them before the first is read.
  constexpr size_t kBatch = 64;
  Ref batch[kBatch];
  size_t waiting = 0;
  auto flush = [&] {
    for (size_t i = 0; i < waiting; i++) visit(leafBody(batch[i]));
    waiting = 0;
  };
  std::vector<Ref> path{children_.data()[0].ref[0]};
  while (!path.empty()) {
    const Ref ref = path.back();
    path.pop_back();
    if (isInner(ref)) {
      const Children& children = children_.data()[ref];
      if (isInner(children.ref[1])) __builtin_prefetch(&children_.data()[children.ref[1]]);
      path.push_back(children.ref[1]);
      path.push_back(children.ref[0]);
    } else if (isLeaf(ref)) {
      __builtin_prefetch(leafBody(ref));
      batch[waiting++] = ref;
      if (waiting == kBatch) flush();
    }
  }
  flush();
}

}  // namespace polytorus
