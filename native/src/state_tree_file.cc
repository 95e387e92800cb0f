#include "state_tree_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "sorted_build.h"

namespace polytorus {
namespace {

constexpr char kMagic[] = "polytree";
constexpr size_t kMagicBytes = sizeof kMagic - 1;
constexpr size_t kVersionAt = kMagicBytes;
constexpr size_t kMetaLengthAt = kVersionAt + 4;
constexpr size_t kLeafCountAt = kMetaLengthAt + 4;
constexpr size_t kRootAt = kLeafCountAt + 8;
constexpr size_t kChecksumAt = kRootAt + kHashBytes;
constexpr size_t kHeaderBytes = kChecksumAt + kHashBytes;

/** Leaves written at a time. */
constexpr size_t kBatchLeaves = 4096;

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

/** Closes on every way out. */
class File {
 public:
  File(const std::string& path, int flags) : path_(path), fd_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool isOpen() const { return fd_ >= 0; }

  void write(const uint8_t* data, size_t bytes) {
    while (bytes > 0) {
      const ssize_t written = ::write(fd_, data, bytes);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("write " + path_);
      data += written, bytes -= size_t(written);
    }
  }

  /** Bytes read: fewer than asked only at the end of the file. Any thread. */
  size_t readAt(uint64_t offset, uint8_t* data, size_t bytes) const {
    size_t total = 0;
    while (total < bytes) {
      const ssize_t got = ::pread(fd_, data + total, bytes - total, off_t(offset + total));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("read " + path_);
      if (got == 0) break;
      total += size_t(got);
    }
    return total;
  }

  uint64_t size() const {
    struct stat status;
    if (fstat(fd_, &status) != 0) fail("stat " + path_);
    return uint64_t(status.st_size);
  }

  void sync() {
    if (fsync(fd_) != 0) fail("sync " + path_);
  }

  void close() {
    const int fd = fd_;
    fd_ = -1;
    if (::close(fd) != 0) fail("close " + path_);
  }

 private:
  std::string path_;
  int fd_;
};

void headerChecksum(const uint8_t* header, Bytes meta, uint8_t* out) {
  sha256(header, kChecksumAt, meta.data, meta.size, out);
}

void writeTree(File& file, const StateTree& tree, Bytes meta) {
  uint8_t header[kHeaderBytes];
  std::memcpy(header, kMagic, kMagicBytes);
  writeU32(header + kVersionAt, kTreeFileVersion);
  writeU32(header + kMetaLengthAt, uint32_t(meta.size));
  writeU64(header + kLeafCountAt, tree.leafCount());
  std::memcpy(header + kRootAt, tree.root(), kHashBytes);
  headerChecksum(header, meta, header + kChecksumAt);
  file.write(header, kHeaderBytes);
  file.write(meta.data, meta.size);

  std::vector<uint8_t> batch(kBatchLeaves * kLeafBytes);
  size_t filled = 0;
  tree.forEachLeaf([&](const uint8_t* body) {
    std::memcpy(batch.data() + filled, body, kLeafBytes);
    filled += kLeafBytes;
    if (filled < batch.size()) return;
    file.write(batch.data(), filled);
    filled = 0;
  });
  file.write(batch.data(), filled);
}

TreeFileResult failed(TreeFileFailure failure, const std::string& reason) { return {failure, reason, {}}; }

}  // namespace

void saveStateTree(const StateTree& tree, const std::string& path, Bytes meta) {
  if (meta.size > kTreeFileMetaMaxBytes) throw std::length_error("the note beside a saved state tree is over 1 MiB");
  const std::string temporary = path + ".tmp";
  File file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.isOpen()) fail("create " + temporary);
  try {
    writeTree(file, tree, meta);
    file.sync();
    file.close();
    if (rename(temporary.c_str(), path.c_str()) != 0) fail("rename " + temporary);
  } catch (...) {
    unlink(temporary.c_str());
    throw;
  }
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  File directory(folder, O_RDONLY | O_DIRECTORY);
  if (!directory.isOpen()) fail("open " + folder);
  directory.sync();
}

TreeFileResult loadStateTree(StateTree& tree, const std::string& path) {
  File file(path, O_RDONLY);
  if (!file.isOpen()) {
    if (errno == ENOENT) return failed(TreeFileFailure::kMissing, "there is no such file");
    fail("open " + path);
  }
  uint8_t header[kHeaderBytes];
  const bool isWhole = file.readAt(0, header, kHeaderBytes) == kHeaderBytes;
  if (!isWhole || std::memcmp(header, kMagic, kMagicBytes) != 0) {
    return failed(TreeFileFailure::kCorrupt, "it does not begin like a state tree");
  }
  const uint32_t version = readU32(header + kVersionAt);
  if (version != kTreeFileVersion) {
    return failed(TreeFileFailure::kVersion, "it has version " + std::to_string(version) + ", not " +
                                                 std::to_string(kTreeFileVersion));
  }
  const size_t metaBytes = readU32(header + kMetaLengthAt);
  const uint64_t leafCount = readU64(header + kLeafCountAt);
  if (metaBytes > kTreeFileMetaMaxBytes || leafCount > kMaxLeaves ||
      file.size() != kHeaderBytes + metaBytes + leafCount * kLeafBytes) {
    return failed(TreeFileFailure::kCorrupt, "its length is not what its header says");
  }
  TreeFileResult result;
  result.meta.resize(metaBytes);
  uint8_t checksum[kHashBytes];
  if (file.readAt(kHeaderBytes, result.meta.data(), metaBytes) != metaBytes) return failed(TreeFileFailure::kCorrupt, "it ends early");
  headerChecksum(header, {result.meta.data(), metaBytes}, checksum);
  if (std::memcmp(checksum, header + kChecksumAt, kHashBytes) != 0) {
    return failed(TreeFileFailure::kCorrupt, "the checksum of its header is wrong");
  }

  SortedBuild leaves(tree, [&](size_t first, size_t count, uint8_t* out) {
    return file.readAt(kHeaderBytes + metaBytes + first * kLeafBytes, out, count * kLeafBytes) == count * kLeafBytes;
  });
  switch (leaves.build(size_t(leafCount))) {
    case SortedBuild::Outcome::kBuilt:
      break;
    case SortedBuild::Outcome::kUnordered:
      return failed(TreeFileFailure::kCorrupt, "its leaves are out of order");
    case SortedBuild::Outcome::kShort:
      return failed(TreeFileFailure::kCorrupt, "it ends early");
  }
  if (std::memcmp(tree.root(), header + kRootAt, kHashBytes) != 0) {
    return failed(TreeFileFailure::kCorrupt, "its leaves do not hash to its root");
  }
  return result;
}

}  // namespace polytorus
