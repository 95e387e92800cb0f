#include "file_format.h"

#include <cstring>

#include "../sha256.h"

namespace polytorus::tfhe {
namespace {

constexpr size_t kHeaderBytes = 16;
constexpr uint8_t kVersion = 1;
constexpr char kMagic[5] = "PTFH";

[[noreturn]] void refuseLength(size_t expected, size_t received) {
  throw Refused("FILE_MALFORMED",
                "expected " + std::to_string(expected) + " bytes, received " + std::to_string(received) + ": is the file truncated?");
}

File parseAnyFile(Bytes bytes) {
  if (bytes.size < kHeaderBytes + kHashBytes) refuseLength(kHeaderBytes + kHashBytes, bytes.size);
  const uint8_t* at = bytes.data;
  if (std::memcmp(at, kMagic, 4) != 0) throw Refused("FILE_MALFORMED", "expected the file to start with PTFH: it is not TFHE's");
  if (at[5] != kVersion) {
    throw Refused("FILE_MALFORMED", "expected format version 1, received " + std::to_string(at[5]));
  }
  const uint64_t payloadBytes = readU64(at + 8);
  const size_t room = bytes.size - kHeaderBytes - kHashBytes;
  if (payloadBytes != room) {
    throw Refused("FILE_MALFORMED", "the header announces a payload of " + std::to_string(payloadBytes) + " bytes, received " +
                                        std::to_string(room) + ": is the file truncated?");
  }
  const ParameterSet& set = requireParameterSet(uint32_t(at[6]) | uint32_t(at[7]) << 8);
  return {FileKind(at[4]), &set, {at + kHeaderBytes, room}};
}

void requireDigest(Bytes bytes) {
  uint8_t digest[kHashBytes];
  sha256(bytes.data, bytes.size - kHashBytes, nullptr, 0, digest);
  if (std::memcmp(digest, bytes.data + bytes.size - kHashBytes, kHashBytes) != 0) {
    throw Refused("FILE_CORRUPT", "the file's bytes do not have the SHA-256 at its end: copy it again from its source");
  }
}

[[noreturn]] void refuseKind(const char* expected, FileKind received) {
  throw Refused("FILE_KIND_MISMATCH", std::string("expected ") + expected + ", received a file of kind " +
                                          std::to_string(unsigned(received)) +
                                          " (1 secret key, 2 evaluation key, 3 ciphertexts, 4 seeded ciphertexts)");
}

}  // namespace

FileWriter::FileWriter(FileKind kind, const ParameterSet& set, size_t payloadBytes)
    : out_(kHeaderBytes + payloadBytes + kHashBytes) {
  const uint8_t fields[8] = {uint8_t(kMagic[0]), uint8_t(kMagic[1]), uint8_t(kMagic[2]),    uint8_t(kMagic[3]),
                             uint8_t(kind),      kVersion,           uint8_t(set.id & 255), uint8_t(set.id >> 8)};
  bytes(fields, sizeof fields);
  const uint64_t length = payloadBytes;
  bytes(&length, sizeof length);
}

void FileWriter::bytes(const void* data, size_t count) {
  if (count > out_.size() - written_) throw std::length_error("a file of TFHE's is longer than it was said to be");
  if (count > 0) std::memcpy(out_.data() + written_, data, count);
  written_ += count;
}

void FileWriter::word(uint32_t value) { bytes(&value, sizeof value); }

void FileWriter::words(const uint32_t* values, size_t count) { bytes(values, count * sizeof *values); }

ByteVector FileWriter::finish() {
  uint8_t digest[kHashBytes];
  sha256(out_.data(), written_, nullptr, 0, digest);
  bytes(digest, kHashBytes);
  return std::move(out_);
}

File parseFile(Bytes bytes, FileKind expected) {
  static const char* const names[] = {"", "a secret key", "an evaluation key", "ciphertexts", "seeded ciphertexts"};
  const File file = parseAnyFile(bytes);
  if (file.kind != expected) refuseKind(names[size_t(expected)], file.kind);
  requireDigest(bytes);
  return file;
}

File parseCiphertextFile(Bytes bytes) {
  const File file = parseAnyFile(bytes);
  if (file.kind != FileKind::kCiphertexts && file.kind != FileKind::kSeededCiphertexts) refuseKind("ciphertexts", file.kind);
  requireDigest(bytes);
  return file;
}

void requirePayload(const File& file, size_t bytes) {
  if (file.payload.size != bytes) refuseLength(bytes, file.payload.size);
}

}  // namespace polytorus::tfhe
