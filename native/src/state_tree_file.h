/**
 * A state tree on disk: its leaves in key-hash order, and the root. Inner hashes are not stored: a load computes them
 * again, and the root is the checksum of the leaves. So the file is a third of the tree in memory, it can't be wrong
 * unnoticed, its bytes depend on the state alone, and both implementations read it. Little-endian:
 *   magic "polytree" | u32 version | u32 metaLength | u64 leafCount | root (32) | SHA-256(all before || meta) (32)
 *   meta | leafCount x (keyHash (32) | valueHash (32)), strictly ascending
 * The TypeScript twin is src/execution/state-tree-file.ts.
 */
#pragma once

#include <string>
#include <vector>

#include "state_tree.h"

namespace polytorus {

constexpr uint32_t kTreeFileVersion = 1;
/** What the owner notes beside a tree (height, seq, block hash) is some hundred bytes; a length beyond this is damage. */
constexpr size_t kTreeFileMetaMaxBytes = size_t(1) << 20;

/**
 * Replaces the file at `path` so that a crash leaves the old one or the new one: `path`.tmp is written and synced, renamed,
 * and the directory synced. @throws std::system_error; the file at `path` is then as it was, unless only the directory's
 * sync failed.
 */
void saveStateTree(const StateTree& tree, const std::string& path, Bytes meta);

enum class TreeFileFailure { kNone, kMissing, kVersion, kCorrupt };

struct TreeFileResult {
  TreeFileFailure failure = TreeFileFailure::kNone;
  std::string reason;
  std::vector<uint8_t> meta;
};

/** Reads into `tree`, which must be empty and is of no use after a failure. @throws std::system_error when reading fails. */
TreeFileResult loadStateTree(StateTree& tree, const std::string& path);

}  // namespace polytorus
