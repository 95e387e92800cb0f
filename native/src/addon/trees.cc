/** The process's state trees: src/native/state-tree.ts. A handle is what `treeAttach` or `treeLoad` answered. */
#include <cstring>

#include "../early_tree.h"
#include "../tree_registry.h"
#include "exposed.h"

namespace polytorus {
namespace {

TreeRegistry& trees() { return TreeRegistry::ofProcess(); }

/** Calls `use(tree)` with the tree of argument 0. */
template <typename Use>
auto withTree(const Info& info, Use use) {
  return trees().with(numberAt(info, 0), use);
}

/** (name) → handle */
Napi::Value treeAttach(const Info& info) { return Napi::Number::New(info.Env(), trees().attach(textAt(info, 0))); }

/** (name) → whether there was one */
Napi::Value treeRelease(const Info& info) { return Napi::Boolean::New(info.Env(), trees().release(textAt(info, 0))); }

/** (handle, deltas, isBackward, root out) */
void treeApply(const Info& info) {
  const std::vector<Bytes> deltas = listOfBytesAt(info, 1);
  const Direction direction = flagAt(info, 2) ? Direction::kBackward : Direction::kForward;
  uint8_t* out = elementsAt<uint8_t>(info, 3, kHashBytes).data;
  withTree(info, [&](StateTree& tree) {
    tree.applyAll(deltas, direction);
    std::memcpy(out, tree.root(), kHashBytes);
  });
}

/** (handle, root out) */
void treeRoot(const Info& info) {
  uint8_t* out = elementsAt<uint8_t>(info, 1, kHashBytes).data;
  withTree(info, [&](StateTree& tree) { std::memcpy(out, tree.root(), kHashBytes); });
}

/** (handle) */
Napi::Value treeLeafCount(const Info& info) {
  return Napi::Number::New(info.Env(), double(withTree(info, [](StateTree& tree) { return tree.leafCount(); })));
}

/** (handle) */
Napi::Value treeByteLength(const Info& info) {
  return Napi::Number::New(info.Env(), double(withTree(info, [](StateTree& tree) { return tree.byteLength(); })));
}

/** (handle, key) → { leaf?: keyHash and valueHash of the leaf at the end of the path, siblings: 32 bytes each } */
Napi::Value treeProve(const Info& info) {
  const Bytes key = bytesAt(info, 1);
  const StateTreeProof proof = withTree(info, [&](StateTree& tree) { return tree.prove(key); });
  Napi::Object result = Napi::Object::New(info.Env());
  if (!proof.isEmpty) result["leaf"] = copyOf(info.Env(), {proof.leaf, kLeafBytes});
  result["siblings"] = copyOf(info.Env(), {proof.siblings.data(), proof.siblings.size()});
  return result;
}

/** (handle, key, isAbsent, value) → whether there is no such key, or it has the value */
Napi::Value treeMatches(const Info& info) {
  const Bytes key = bytesAt(info, 1);
  const bool isAbsent = flagAt(info, 2);
  const Bytes value = bytesAt(info, 3);
  const bool matches = withTree(info, [&](StateTree& tree) { return tree.matches(key, isAbsent ? nullptr : &value); });
  return Napi::Boolean::New(info.Env(), matches);
}

/** (handle, path, meta) */
void treeSave(const Info& info) {
  const std::string path = textAt(info, 1);
  const Bytes meta = bytesAt(info, 2);
  withTree(info, [&](StateTree& tree) { saveStateTree(tree, path, meta); });
}

const char* nameOf(TreeFileFailure failure) {
  switch (failure) {
    case TreeFileFailure::kMissing:
      return "missing";
    case TreeFileFailure::kVersion:
      return "version";
    default:
      return "corrupt";
  }
}

/** (path) */
void treeReadAhead(const Info& info) { EarlyTree::ofProcess().begin(textAt(info, 0)); }

/** (name, path) → { handle, meta } or { failure, reason }; the tree of that name is replaced only by a good one. */
Napi::Value treeLoad(const Info& info) {
  const std::string name = textAt(info, 0);
  LoadedTree loaded = EarlyTree::ofProcess().load(textAt(info, 1));
  const TreeFileResult& file = loaded.file;
  Napi::Object result = Napi::Object::New(info.Env());
  if (file.failure != TreeFileFailure::kNone) {
    result["failure"] = nameOf(file.failure);
    result["reason"] = file.reason;
    return result;
  }
  result["handle"] = trees().replace(name, std::move(loaded.tree));
  result["meta"] = copyOf(info.Env(), {file.meta.data(), file.meta.size()});
  return result;
}

}  // namespace

void exposeTrees(Napi::Object exports) {
  expose<treeAttach>(exports, "treeAttach");
  expose<treeRelease>(exports, "treeRelease");
  expose<treeApply>(exports, "treeApply");
  expose<treeRoot>(exports, "treeRoot");
  expose<treeLeafCount>(exports, "treeLeafCount");
  expose<treeByteLength>(exports, "treeByteLength");
  expose<treeProve>(exports, "treeProve");
  expose<treeMatches>(exports, "treeMatches");
  expose<treeSave>(exports, "treeSave");
  expose<treeReadAhead>(exports, "treeReadAhead");
  expose<treeLoad>(exports, "treeLoad");
}

}  // namespace polytorus
