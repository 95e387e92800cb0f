/**
 * The core without Node: compared with the definition of the tree, and on the shapes that hashed keys never reach (paths
 * of 256 steps). Built and run by run.sh, also with the address and undefined-behaviour sanitizers.
 */
#include "../src/state_tree.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "../src/delta.h"
#include "../src/early_tree.h"
#include "../src/merkle.h"
#include "../src/state_tree_file.h"
#include "../src/tree_registry.h"

using namespace polytorus;

namespace {

using Digest = std::array<uint8_t, kHashBytes>;
using State = std::map<Digest, Digest>;  // keyHash → valueHash

int failures = 0;

void check(bool isTrue, const char* claim) {
  if (isTrue) return;
  failures++;
  std::fprintf(stderr, "FAILED: %s\n", claim);
}

/** xorshift64*: the same sequence on every run. */
uint64_t nextRandom() {
  static uint64_t state = 88172645463325252ull;
  state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
  return state * 2685821657736338717ull;
}

Digest tagged(uint8_t tag, const Digest& first, const Digest& second) {
  uint8_t message[1 + 2 * kHashBytes] = {tag};
  std::memcpy(message + 1, first.data(), kHashBytes);
  std::memcpy(message + 1 + kHashBytes, second.data(), kHashBytes);
  Digest out;
  sha256(message, sizeof message, nullptr, 0, out.data());
  return out;
}

bool bitOf(const Digest& key, int depth) { return (key[size_t(depth) / 8] >> (7 - depth % 8)) & 1; }

Digest rootByDefinition(State::const_iterator first, State::const_iterator last, int depth) {
  if (first == last) return Digest{};
  if (std::next(first) == last) return tagged(0x00, first->first, first->second);
  const auto middle = std::partition_point(first, last, [depth](const auto& leaf) { return !bitOf(leaf.first, depth); });
  return tagged(0x01, rootByDefinition(first, middle, depth + 1), rootByDefinition(middle, last, depth + 1));
}

bool hasRoot(const StateTree& tree, const State& state) {
  const Digest expected = rootByDefinition(state.begin(), state.end(), 0);
  return std::memcmp(tree.root(), expected.data(), kHashBytes) == 0 && tree.leafCount() == state.size();
}

/** Applies changes by key hash; a value of all zero bytes deletes. */
void update(StateTree& tree, State& state, const State& changes) {
  std::vector<uint8_t> bodies(changes.size() * kLeafBytes);
  std::vector<LeafChange> sorted;
  for (const auto& [key, value] : changes) {
    const uint32_t index = uint32_t(sorted.size());
    std::memcpy(&bodies[index * kLeafBytes], key.data(), kHashBytes);
    std::memcpy(&bodies[index * kLeafBytes + kHashBytes], value.data(), kHashBytes);
    const bool isDelete = value == Digest{};
    sorted.push_back({keyTopOf(key.data()), index, isDelete});
    if (isDelete) {
      state.erase(key);
    } else {
      state[key] = value;
    }
  }
  tree.update(bodies.data(), sorted);
}

Digest randomDigest() {
  Digest digest;
  for (uint8_t& byte : digest) byte = uint8_t(nextRandom() >> 32);
  return digest;
}

void testKnownHashes() {
  Digest out;
  sha256(reinterpret_cast<const uint8_t*>("ab"), 2, reinterpret_cast<const uint8_t*>("c"), 1, out.data());
  const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};  // FIPS 180-2, appendix B.1
  check(std::memcmp(out.data(), abc, sizeof abc) == 0, "SHA-256 of abc is the standard's");
}

void testKernelsAgree() {
  for (const Sha256Kernel* kernel : {shaNiSha256(), avx512Sha256()}) {
    if (!kernel) continue;
    for (int round = 0; round < 300; round++) {
      uint8_t bodies[kLanesMax][4 * kBlockBytes];
      for (auto& body : bodies) {
        for (uint8_t& byte : body) byte = uint8_t(nextRandom() >> 32);
      }
      const uint8_t* in[kLanesMax];
      Digest expected[kLanesMax] = {}, actual[kLanesMax] = {};
      uint8_t *expectedOut[kLanesMax], *actualOut[kLanesMax];
      for (size_t lane = 0; lane < kLanesMax; lane++) {
        in[lane] = bodies[lane] + round % 4;
        expectedOut[lane] = expected[lane].data();
        actualOut[lane] = actual[lane].data();
      }
      // Every count: a digest past it must stay as it was, zero in both.
      const size_t count = 1 + size_t(round) % kLanesMax;
      kPortableSha256.hashTagged(uint8_t(round), in, expectedOut, count);
      kernel->hashTagged(uint8_t(round), in, actualOut, count);
      check(std::equal(expected, expected + kLanesMax, actual), "the kernels hash tagged bodies alike");
      const size_t blocks = 1 + size_t(round) % 3;
      kPortableSha256.hashPadded(in, blocks, expectedOut, count);
      kernel->hashPadded(in, blocks, actualOut, count);
      check(std::equal(expected, expected + kLanesMax, actual), "the kernels hash padded messages alike");
    }
  }
}

void testRandomUpdates() {
  StateTree tree;
  State state;
  std::vector<Digest> keys;
  for (int i = 0; i < 800; i++) keys.push_back(randomDigest());
  for (int round = 0; round < 200; round++) {
    State changes;
    const size_t count = nextRandom() % (round % 10 == 0 ? 800 : 30);
    const uint64_t deletesInFour = nextRandom() % 5;
    for (size_t i = 0; i < count; i++) {
      const bool isDelete = nextRandom() % 4 < deletesInFour;
      changes[keys[nextRandom() % keys.size()]] = isDelete ? Digest{} : randomDigest();
    }
    update(tree, state, changes);
    check(hasRoot(tree, state), "random updates have the root of the definition");
  }
}

void testManyDeltas() {
  // Seventy deltas of up to four records over twenty keys of one byte: nearly every key is in several of them.
  StateTree together, apart;
  std::vector<std::vector<uint8_t>> deltas;
  for (int i = 0; i < 70; i++) {
    std::vector<uint8_t> delta = {1, 0x10, 0, 0, 0, 0};
    uint8_t suffix = uint8_t(nextRandom() % 5);
    for (int record = 0; record < 4; record++, suffix = uint8_t(suffix + 5), delta[2]++) {
      delta.insert(delta.end(), {1, 0, suffix});
      if (nextRandom() % 4 == 0) {
        delta.insert(delta.end(), {255, 255});
      } else {
        delta.insert(delta.end(), {1, uint8_t(nextRandom() >> 40), 255});
      }
    }
    deltas.push_back(delta);
  }
  std::vector<Bytes> all;
  for (const auto& delta : deltas) all.push_back({delta.data(), delta.size()});
  for (const Bytes& delta : all) apart.apply(delta, Direction::kForward);
  together.applyAll(all, Direction::kForward);
  check(std::memcmp(together.root(), apart.root(), kHashBytes) == 0, "many deltas at once have the root of one after the other");
  check(together.leafCount() == apart.leafCount() && apart.leafCount() > 0, "and as many leaves");
}

/** Key hashes that share 255 bits, and every shorter length: leaves as deep as leaves can be. */
void testDeepestPaths() {
  StateTree tree;
  State state, all, odd, everySecond;
  const Digest base = randomDigest();
  all[base] = randomDigest();
  for (int bit = 0; bit < 256; bit++) {
    Digest key = base;
    key[size_t(bit) / 8] ^= uint8_t(0x80 >> (bit % 8));
    all[key] = randomDigest();
    if (bit % 2 == 0) everySecond[key] = Digest{};
  }
  update(tree, state, all);
  check(hasRoot(tree, state), "257 leaves along one path have the root of the definition");
  update(tree, state, everySecond);
  check(hasRoot(tree, state), "the path closes up over the leaves that are gone");
  State rest;
  for (const auto& [key, value] : state) {
    if (key != base) rest[key] = Digest{};
  }
  update(tree, state, rest);
  check(hasRoot(tree, state), "the last leaf rises from depth 256 to the root");
}

void testNodesAreReused() {
  StateTree tree;
  State state, grow, shrink;
  for (int i = 0; i < 20000; i++) grow[randomDigest()] = randomDigest();
  for (const auto& [key, value] : grow) shrink[key] = Digest{};
  update(tree, state, grow);
  const size_t bytes = tree.byteLength();
  for (int round = 0; round < 20; round++) {
    update(tree, state, shrink);
    check(hasRoot(tree, state), "a tree with every key deleted is empty");
    update(tree, state, grow);
  }
  check(hasRoot(tree, state), "the same keys have the same root the twentieth time");
  check(tree.byteLength() <= bytes + bytes / 4, "what is deleted makes room for what comes");
}

void testMalformedDeltas() {
  std::vector<uint8_t> delta = {1, 0x10, 2, 0, 0, 0};
  for (uint8_t suffix : {1, 2}) delta.insert(delta.end(), {1, 0, suffix, 3, 7, 7, 7, 255});
  StateTree tree;
  for (size_t length = 0; length <= delta.size(); length++) {
    std::vector<uint8_t> cut(delta.begin(), delta.begin() + long(length));  // Exact size, so that a sanitizer sees one byte too far.
    bool isRefused = false;
    try {
      tree.apply({cut.data(), cut.size()}, Direction::kForward);
    } catch (const MalformedDelta&) {
      isRefused = true;
    }
    check(isRefused == (length != 0 && length != delta.size()), "a delta that is cut is refused");
  }
  check(tree.leafCount() == 2, "only the whole delta was applied");
  for (int round = 0; round < 20000; round++) {
    std::vector<uint8_t> damaged = delta;
    for (int i = 0; i < 3; i++) damaged[nextRandom() % damaged.size()] = uint8_t(nextRandom() >> 40);
    try {
      tree.apply({damaged.data(), damaged.size()}, nextRandom() % 2 ? Direction::kForward : Direction::kBackward);
    } catch (const MalformedDelta& error) {
      check(error.offset <= damaged.size(), "an offset lies inside the delta");
    }
  }
}

void testFile(const std::string& folder) {
  const std::string path = folder + "/tree";
  StateTree tree;
  State state, changes;
  for (int i = 0; i < 30000; i++) changes[randomDigest()] = randomDigest();
  update(tree, state, changes);
  saveStateTree(tree, path, {reinterpret_cast<const uint8_t*>("note"), 4});
  StateTree loaded;
  const TreeFileResult result = loadStateTree(loaded, path);
  check(result.failure == TreeFileFailure::kNone, "a saved tree loads");
  check(std::string(result.meta.begin(), result.meta.end()) == "note", "what was noted comes back");
  check(hasRoot(loaded, state), "a loaded tree has the root that was saved");
  EarlyTree early;
  early.begin(path);
  early.begin(path);
  for (const char* claim : {"a tree read ahead has the root that was saved", "asked for again, it is read again"}) {
    const LoadedTree ahead = early.load(path);
    check(ahead.file.failure == TreeFileFailure::kNone && hasRoot(*ahead.tree, state), claim);
  }
  early.begin(path);
  update(tree, state, {{randomDigest(), randomDigest()}});
  saveStateTree(tree, path, {});
  check(hasRoot(*early.load(path).tree, state), "a file that was replaced is read anew");
  unlink(path.c_str());
}

/** Trees of every shape, saved and loaded: what a load builds is changed as any other tree is. */
void testShapesOfFiles(const std::string& folder) {
  const std::string path = folder + "/shape";
  std::vector<State> shapes(7);
  for (int i = 0; i < 2; i++) shapes[size_t(1 + i)][Digest{uint8_t(0x80 * i)}] = randomDigest();
  shapes[3] = {{Digest{0x00}, randomDigest()}, {Digest{0x80}, randomDigest()}};
  for (int i = 0; i < 9000; i++) {
    Digest key = randomDigest();
    shapes[4][key] = randomDigest();
    key[0] &= 0x7f;
    shapes[5][key] = randomDigest();
  }
  const Digest base = randomDigest();
  shapes[6][base] = randomDigest();
  for (int bit = 0; bit < 256; bit++) {
    Digest key = base;
    key[size_t(bit) / 8] ^= uint8_t(0x80 >> (bit % 8));
    shapes[6][key] = randomDigest();
  }
  for (const State& shape : shapes) {
    StateTree tree, loaded;
    State state;
    update(tree, state, shape);
    saveStateTree(tree, path, {});
    check(loadStateTree(loaded, path).failure == TreeFileFailure::kNone, "a tree of any shape loads");
    check(hasRoot(loaded, state), "and has its root");
    for (int round = 0; round < 20; round++) {
      State changes;
      for (int i = 0; i < 500; i++) changes[randomDigest()] = randomDigest();
      for (const auto& [key, value] : state) {
        if (nextRandom() % 3 == 0) changes[key] = nextRandom() % 2 ? Digest{} : randomDigest();
      }
      update(loaded, state, changes);
      check(hasRoot(loaded, state), "and has the root of the definition after every update");
    }
  }
  unlink(path.c_str());
}

/** Two leaves in each other's place, near and far: what is out of order is refused, wherever it is. */
void testOrderOfFile(const std::string& folder) {
  const std::string path = folder + "/order";
  StateTree tree;
  State state, leaves;
  for (int i = 0; i < 9000; i++) leaves[randomDigest()] = randomDigest();
  update(tree, state, leaves);
  saveStateTree(tree, path, {});
  std::vector<char> whole;
  FILE* file = std::fopen(path.c_str(), "rb");
  for (int byte; (byte = std::fgetc(file)) != EOF;) whole.push_back(char(byte));
  std::fclose(file);
  const size_t leavesAt = whole.size() - 9000 * kLeafBytes;
  for (int round = 0; round < 60; round++) {
    const size_t a = round < 3 ? 0 : nextRandom() % 8999;
    const size_t b = round < 3 ? 8999 : round % 2 ? a + 1 : (a + 1 + nextRandom() % 8999) % 9000;
    std::vector<char> swapped = whole;
    std::swap_ranges(swapped.begin() + long(leavesAt + a * kLeafBytes), swapped.begin() + long(leavesAt + (a + 1) * kLeafBytes),
                     swapped.begin() + long(leavesAt + b * kLeafBytes));
    file = std::fopen(path.c_str(), "wb");
    std::fwrite(swapped.data(), 1, swapped.size(), file);
    std::fclose(file);
    StateTree loaded;
    const TreeFileResult result = loadStateTree(loaded, path);
    check(result.failure == TreeFileFailure::kCorrupt && result.reason == "its leaves are out of order", "leaves that changed places are refused");
  }
  unlink(path.c_str());
}

void testMerkle() {
  std::vector<uint8_t> entries(9 * kHashBytes);
  for (uint8_t& byte : entries) byte = uint8_t(nextRandom() >> 32);
  Digest root;
  merkleRoot(entries.data(), 0, root.data());
  check(root == Digest{}, "the Merkle root of nothing is zero bytes");
  for (size_t count = 1; count <= 9; count++) merkleRoot(entries.data(), count, root.data());
}

void testWaitingForOneTree() {
  TreeRegistry registry;
  const TreeRegistry::Handle used = registry.attach("used");
  std::promise<void> inUse, mayEnd;
  std::thread user([&] {
    registry.with(used, [&](StateTree&) {
      inUse.set_value();
      mayEnd.get_future().wait();
    });
  });
  inUse.get_future().wait();
  std::atomic<bool> isReplaced{false};
  std::thread replacer([&] {
    registry.replace("used", std::make_unique<StateTree>());
    isReplaced = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // for the replacer to wait
  auto other = std::async(std::launch::async, [&] { return registry.attach("other"); });
  check(other.wait_for(std::chrono::seconds(20)) == std::future_status::ready, "who waits for a tree keeps nobody from another");
  check(!isReplaced, "a tree in use is not replaced");
  mayEnd.set_value();
  user.join();
  replacer.join();
  check(registry.release("used") && !registry.release("used"), "a tree is released once");
  bool isRefused = false;
  try {
    registry.with(used, [](StateTree&) {});
  } catch (const std::runtime_error&) {
    isRefused = true;
  }
  check(isRefused, "a tree that was released has no users");
}

}  // namespace

int main(int, char** argv) {
  testKnownHashes();
  testKernelsAgree();
  testRandomUpdates();
  testManyDeltas();
  testDeepestPaths();
  testNodesAreReused();
  testMalformedDeltas();
  testFile(argv[1]);
  testShapesOfFiles(argv[1]);
  testOrderOfFile(argv[1]);
  testMerkle();
  testWaitingForOneTree();
  std::printf("native core (%s): %s\n", sha256Kernel().name, failures == 0 ? "ok" : "FAILED");
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
