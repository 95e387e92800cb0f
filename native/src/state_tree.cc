#include "state_tree.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

namespace polytorus {
namespace {

/** A hash of four bodies takes about 140 ns; a miss to memory about 100: so far ahead is a line asked for. */
constexpr size_t kFetchAhead = 8;
/** Scratch beyond this is given back by the first small update: the batches of a bulk load share theirs, then it goes. */
constexpr size_t kScratchMaxBytes = size_t(8) << 20;
/** About what one change needs: a body, two entries to sort, two tasks, and ten dirty nodes on its way. */
constexpr size_t kScratchBytesPerChange = 208;

bool bitAt(const uint8_t* keyHash, int depth) { return (keyHash[depth >> 3] >> (7 - (depth & 7))) & 1; }

bool isSameKey(const uint8_t* a, const uint8_t* b) { return std::memcmp(a, b, kHashBytes) == 0; }

template <typename T>
size_t capacityBytes(const std::vector<T>& v) {
  return v.capacity() * sizeof(T);
}

template <typename T>
void release(std::vector<T>& v) {
  std::vector<T>().swap(v);
}

}  // namespace

StateTree::StateTree() {
  children_.push();  // Node 0, above the root.
  hashes_.push();
}

size_t StateTree::byteLength() const {
  return children_.bytes() + hashes_.bytes() + leaves_.bytes() + scratchBytes();
}

void StateTree::requireSound() const {
  if (isHalfUpdated_) throw std::runtime_error("the state tree ran out of memory inside an update; load it again");
}

// ---- From a delta to changes in key order -----------------------------------------------------------------------------

void StateTree::applyAll(const std::vector<Bytes>& deltas, Direction direction) {
  requireSound();
  readDeltas(deltas, direction);
  sortChanges();
  keepLast(deltas);
  update(deltaBodies_.data(), deltaChanges_);
}

void StateTree::readDeltas(const std::vector<Bytes>& deltas, Direction direction) {
  // The first pass checks every length, and counts: hashes are written into the bodies later, so those must not move.
  size_t records = 0;
  DeltaRecord record;
  deltaEnds_.clear();
  for (const Bytes& delta : deltas) {
    for (DeltaReader reader(delta); reader.next(record);) records++;
    if (records > kMaxLeaves) throw MalformedDelta(0, "it changes more keys than a tree may have");
    deltaEnds_.push_back(uint32_t(records));
  }
  trimScratch(records);
  deltaBodies_.resize(records * kLeafBytes);
  deltaChanges_.resize(records);

  Sha256Batch hashes;
  uint8_t* body = deltaBodies_.data();
  uint32_t index = 0;
  for (const Bytes& delta : deltas) {
    for (DeltaReader reader(delta); reader.next(record); index++, body += kLeafBytes) {
      const DeltaValue& value = direction == Direction::kForward ? record.after : record.before;
      hashes.add(record.prefix.data, record.prefix.size, record.suffix.data, record.suffix.size, body);
      if (!value.isAbsent) hashes.add(value.bytes.data, value.bytes.size, nullptr, 0, body + kHashBytes);
      deltaChanges_[index] = {0, index, value.isAbsent};
    }
  }
  hashes.flush();
  for (LeafChange& change : deltaChanges_) change.keyTop = keyTopOf(&deltaBodies_[size_t(change.index) * kLeafBytes]);
}

void StateTree::sortChanges() {
  // Key hashes are uniform: two radix passes on the leading 22 bits leave few neighbours for the comparing sort, which
  // keeps the cost down when someone has searched for keys that share those bits.
  constexpr int kDigitBits = 11;
  constexpr size_t kDigits = size_t(1) << kDigitBits;
  constexpr int kSortedShift = 64 - 2 * kDigitBits;
  sorted_.resize(deltaChanges_.size());
  for (int shift : {kSortedShift, 64 - kDigitBits}) {
    std::array<uint32_t, kDigits + 1> starts{};
    for (const LeafChange& change : deltaChanges_) starts[((change.keyTop >> shift) & (kDigits - 1)) + 1]++;
    for (size_t i = 1; i <= kDigits; i++) starts[i] += starts[i - 1];
    for (const LeafChange& change : deltaChanges_) sorted_[starts[(change.keyTop >> shift) & (kDigits - 1)]++] = change;
    deltaChanges_.swap(sorted_);
  }
  const auto end = deltaChanges_.end();
  for (auto run = deltaChanges_.begin(); run != end;) {
    auto runEnd = run + 1;
    while (runEnd != end && runEnd->keyTop >> kSortedShift == run->keyTop >> kSortedShift) ++runEnd;
    if (runEnd - run > 1) sortRun(&*run, &*run + (runEnd - run));
    run = runEnd;
  }
}

void StateTree::sortRun(LeafChange* first, LeafChange* last) {
  const uint8_t* bodies = deltaBodies_.data();
  std::sort(first, last, [bodies](const LeafChange& a, const LeafChange& b) {
    if (a.keyTop != b.keyTop) return a.keyTop < b.keyTop;
    const int order = std::memcmp(bodies + size_t(a.index) * kLeafBytes, bodies + size_t(b.index) * kLeafBytes, kHashBytes);
    return order != 0 ? order < 0 : a.index < b.index;
  });
}

void StateTree::keepLast(const std::vector<Bytes>& deltas) {
  const auto deltaOf = [this](const LeafChange& change) {
    return std::upper_bound(deltaEnds_.begin(), deltaEnds_.end(), change.index);
  };
  size_t kept = 0;
  for (const LeafChange& change : deltaChanges_) {
    if (kept > 0 && isSameChange(deltaChanges_[kept - 1], change)) {
      if (deltaOf(deltaChanges_[kept - 1]) == deltaOf(change)) refuseRepeated(deltas, change.index);
      kept--;
    }
    deltaChanges_[kept++] = change;
  }
  deltaChanges_.resize(kept);
}

bool StateTree::isSameChange(const LeafChange& a, const LeafChange& b) const {
  const uint8_t* bodies = deltaBodies_.data();
  return a.keyTop == b.keyTop && isSameKey(bodies + size_t(a.index) * kLeafBytes, bodies + size_t(b.index) * kLeafBytes);
}

void StateTree::refuseRepeated(const std::vector<Bytes>& deltas, uint32_t index) const {
  size_t delta = 0;
  while (deltaEnds_[delta] <= index) delta++;
  DeltaReader reader(deltas[delta]);
  DeltaRecord record;
  for (uint32_t i = delta == 0 ? 0 : deltaEnds_[delta - 1]; i <= index; i++) reader.next(record);
  throw MalformedDelta(record.offset, "this record's key occurs before");
}

void StateTree::trimScratch(size_t changes) {
  const bool isBulk = changes * kScratchBytesPerChange > kScratchMaxBytes;
  if (isBulk || scratchBytes() <= kScratchMaxBytes) return;
  release(deltaBodies_), release(deltaChanges_), release(sorted_);
  release(level_), release(nextLevel_), release(dirty_);
}

size_t StateTree::scratchBytes() const {
  return capacityBytes(deltaBodies_) + capacityBytes(deltaChanges_) + capacityBytes(sorted_) + capacityBytes(level_) +
         capacityBytes(nextLevel_) + capacityBytes(dirty_);
}

// ---- The update ---------------------------------------------------------------------------------------------------------

void StateTree::update(const uint8_t* bodies, const std::vector<LeafChange>& changes) {
  requireSound();
  if (changes.empty()) return;
  isHalfUpdated_ = true;
  walkDown(bodies, changes);
  hashUp();
  isHalfUpdated_ = false;
}

void StateTree::walkDown(const uint8_t* bodies, const std::vector<LeafChange>& changes) {
  bodies_ = bodies;
  changes_ = changes.data();
  hasRemoved_ = false;
  dirty_.clear();
  levelStarts_.clear();
  nextLevel_.clear();
  visit(0, 0, uint32_t(changes.size()));
  for (int depth = 0; !nextLevel_.empty(); depth++) {
    level_.swap(nextLevel_);
    nextLevel_.clear();
    levelStarts_.push_back(dirty_.size());
    for (const Task& task : level_) {
      uint32_t node = task.ref;
      if (!isInner(task.ref)) {
        node = task.ref == kEmpty ? placeInEmpty(task) : placeAtLeaf(task, depth);
        if (node == 0) continue;
      }
      dirty_.push_back({node, task.slot});
      if (task.last - task.first == 1) {
        // Most ranges hold one change, and its side is a coin toss: no branch to mispredict.
        visit(2 * node + isSide(changes_[task.first], depth), task.first, task.last);
        continue;
      }
      const uint32_t middle = split(task.first, task.last, depth);
      if (task.first < middle) visit(2 * node, task.first, middle);
      if (middle < task.last) visit(2 * node + 1, middle, task.last);
    }
  }
  leafHashes_.flush();
}

/** Puts a slot on the next level's list, and asks memory for what that level will read there. */
void StateTree::visit(Slot slot, uint32_t first, uint32_t last) {
  const Ref ref = refAt(slot);
  if (isInner(ref)) {
    __builtin_prefetch(&children_.data()[ref]);
  } else if (ref != kEmpty) {
    __builtin_prefetch(leafBody(ref), 1);
    __builtin_prefetch(hashAt(slot), 1);
  }
  nextLevel_.push_back({slot, ref, first, last});
}

bool StateTree::isSide(const LeafChange& change, int depth) const {
  if (depth < 64) return (change.keyTop >> (63 - depth)) & 1;
  return bitAt(bodies_ + size_t(change.index) * kLeafBytes, depth);
}

/** The first change in the range that goes right at this depth. */
uint32_t StateTree::split(uint32_t first, uint32_t last, int depth) const {
  while (first < last) {
    const uint32_t middle = first + (last - first) / 2;
    if (isSide(changes_[middle], depth)) {
      last = middle;
    } else {
      first = middle + 1;
    }
  }
  return first;
}

/** Returns the node under which two or more keys go on, or 0 when the slot is settled. */
uint32_t StateTree::placeInEmpty(const Task& task) {
  const LeafChange* only = nullptr;
  for (uint32_t i = task.first; i < task.last; i++) {
    if (changes_[i].isDelete) continue;  // Deleting what is not there changes nothing.
    if (only) return refAt(task.slot) = takeNode();
    only = &changes_[i];
  }
  if (only) putNewLeaf(task.slot, *only);
  return 0;
}

/** As placeInEmpty, where one leaf is already: it is changed, deleted, or pushed down beside the new ones. */
uint32_t StateTree::placeAtLeaf(const Task& task, int depth) {
  const uint8_t* leaf = leafBody(task.ref);
  const uint64_t leafTop = keyTopOf(leaf);
  const LeafChange* own = nullptr;
  const LeafChange* other = nullptr;
  bool isCrowded = false;
  for (uint32_t i = task.first; i < task.last && !isCrowded; i++) {
    const LeafChange& change = changes_[i];
    if (change.keyTop == leafTop && isSameKey(leaf, bodies_ + size_t(change.index) * kLeafBytes)) {
      own = &change;
    } else if (!change.isDelete) {
      isCrowded = other != nullptr;
      other = &change;
    }
  }
  const bool isLeafKept = !own || !own->isDelete;
  if (isCrowded || (other && isLeafKept)) {
    const uint32_t node = takeNode();
    const Slot down = 2 * node + (bitAt(leaf, depth) ? 1 : 0);
    refAt(down) = task.ref;
    std::memcpy(hashAt(down), hashAt(task.slot), kHashBytes);
    return refAt(task.slot) = node;
  }
  if (other) {
    putLeaf(task.slot, task.ref, *other);
  } else if (!isLeafKept) {
    removeLeaf(task.slot);
  } else if (own) {
    putLeaf(task.slot, task.ref, *own);
  }
  return 0;
}

void StateTree::putNewLeaf(Slot slot, const LeafChange& change) {
  refAt(slot) = takeLeaf();
  leafCount_++;
  putLeaf(slot, refAt(slot), change);
}

void StateTree::putLeaf(Slot slot, Ref leaf, const LeafChange& change) {
  uint8_t* body = leafBody(leaf);
  std::memcpy(body, bodies_ + size_t(change.index) * kLeafBytes, kLeafBytes);
  leafHashes_.add(body, hashAt(slot));
}

void StateTree::removeLeaf(Slot slot) {
  const Ref leaf = refAt(slot);
  std::memcpy(leafBody(leaf), &freeLeaves_, sizeof freeLeaves_);
  freeLeaves_ = leaf;
  leafCount_--;
  refAt(slot) = kEmpty;
  std::memset(hashAt(slot), 0, kHashBytes);
  hasRemoved_ = true;
}

void StateTree::hashUp() {
  size_t end = dirty_.size();
  for (size_t level = levelStarts_.size(); level-- > 0;) {
    const size_t start = levelStarts_[level];
    for (size_t i = start; i < end; i++) {
      if (i + kFetchAhead < dirty_.size()) {
        const DirtyNode& ahead = dirty_[i + kFetchAhead];
        __builtin_prefetch(hashAt(2 * ahead.node), 1);
        __builtin_prefetch(hashAt(ahead.slot), 1);
      }
      const DirtyNode& dirty = dirty_[i];
      if (hasRemoved_ && collapse(dirty)) continue;
      nodeHashes_.add(hashAt(2 * dirty.node), hashAt(dirty.slot));
    }
    nodeHashes_.flush();
    end = start;
  }
}

/** A node left with one leaf becomes that leaf, one left with nothing becomes empty: its parent decides in its turn. */
bool StateTree::collapse(const DirtyNode& dirty) {
  const Slot left = 2 * dirty.node;
  const Ref a = refAt(left), b = refAt(left + 1);
  if ((a != kEmpty && b != kEmpty) || isInner(a) || isInner(b)) return false;
  refAt(dirty.slot) = a | b;  // One of them is empty, which is 0.
  std::memcpy(hashAt(dirty.slot), hashAt(a != kEmpty ? left : left + 1), kHashBytes);
  freeNode(dirty.node);
  return true;
}

// ---- Nodes and leaves -----------------------------------------------------------------------------------------------------

uint32_t StateTree::takeNode() {
  if (freeNodes_ == 0) {
    hashes_.push();
    return children_.push();
  }
  const uint32_t node = freeNodes_;
  Children& children = children_.data()[node];
  freeNodes_ = children.ref[0];
  children = {{kEmpty, kEmpty}};
  std::memset(hashAt(2 * node), 0, 2 * kHashBytes);
  return node;
}

void StateTree::freeNode(uint32_t node) {
  children_.data()[node].ref[0] = freeNodes_;
  freeNodes_ = node;
}

StateTree::Ref StateTree::takeLeaf() {
  if (freeLeaves_ == kEmpty) return leaves_.push() | kLeafFlag;
  const Ref leaf = freeLeaves_;
  std::memcpy(&freeLeaves_, leafBody(leaf), sizeof freeLeaves_);
  return leaf;
}

// ---- Proofs ---------------------------------------------------------------------------------------------------------------

StateTreeProof StateTree::prove(Bytes key) const {
  requireSound();
  uint8_t keyHash[kHashBytes];
  sha256(key.data, key.size, nullptr, 0, keyHash);
  const uint8_t* hashes = hashes_.data()->bytes;
  StateTreeProof proof;
  std::vector<const uint8_t*> siblings;
  Ref ref = children_.data()[0].ref[0];
  for (int depth = 0; isInner(ref); depth++) {
    const Slot slot = 2 * ref + (bitAt(keyHash, depth) ? 1 : 0);
    siblings.push_back(hashes + size_t(slot ^ 1) * kHashBytes);
    ref = children_.data()[slot >> 1].ref[slot & 1];
  }
  proof.isEmpty = ref == kEmpty;
  if (!proof.isEmpty) std::memcpy(proof.leaf, leafBody(ref), kLeafBytes);
  for (size_t i = siblings.size(); i-- > 0;) {
    proof.siblings.insert(proof.siblings.end(), siblings[i], siblings[i] + kHashBytes);
  }
  return proof;
}

bool StateTree::matches(Bytes key, const Bytes* value) const {
  requireSound();
  uint8_t hash[kHashBytes];
  sha256(key.data, key.size, nullptr, 0, hash);
  Ref ref = children_.data()[0].ref[0];
  for (int depth = 0; isInner(ref); depth++) ref = children_.data()[ref].ref[bitAt(hash, depth) ? 1 : 0];
  const bool isThere = ref != kEmpty && std::memcmp(leafBody(ref), hash, kHashBytes) == 0;
  if (value == nullptr || !isThere) return isThere == (value != nullptr);
  sha256(value->data, value->size, nullptr, 0, hash);
  return std::memcmp(leafBody(ref) + kHashBytes, hash, kHashBytes) == 0;
}

}  // namespace polytorus
