#include "file_format.h"

#include <cstring>

#include "../sha256.h"

namespace polytorus::tfhe {
namespace {

constexpr size_t kHeaderBytes = 16;
constexpr uint8_t kVersion = 1;
constexpr char kMagic[5] = "PTFH";

void storeWord(uint8_t* at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = uint8_t(value >> (8 * i));
}

[[noreturn]] void refuseLength(size_t expected, size_t received) {
  throw Refused("FILE_MALFORMED",
                "expected " + std::to_string(expected) + " bytes, received " + std::to_string(received) + ": is the file truncated?");
}

File parseAnyFile(ByteView bytes) {
  if (bytes.size < kHeaderBytes + kHashBytes) refuseLength(kHeaderBytes + kHashBytes, bytes.size);
  const uint8_t* at = bytes.data;
  if (std::memcmp(at, kMagic, 4) != 0) throw Refused("FILE_MALFORMED", "expected the file to start with PTFH: it is not TFHE's");
  if (at[5] != kVersion) {
    throw Refused("FILE_MALFORMED", "expected format version 1, received " + std::to_string(at[5]));
  }
  const uint64_t payloadBytes = readWord(at + 8) | uint64_t(readWord(at + 12)) << 32;
  const size_t room = bytes.size - kHeaderBytes - kHashBytes;
  if (payloadBytes != room) {
    throw Refused("FILE_MALFORMED", "the header announces a payload of " + std::to_string(payloadBytes) + " bytes, received " +
                                        std::to_string(room) + ": is the file truncated?");
  }
  const ParameterSet& set = requireParameterSet(uint32_t(at[6]) | uint32_t(at[7]) << 8);
  return {FileKind(at[4]), &set, {at + kHeaderBytes, room}};
}

void requireDigest(ByteView bytes) {
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

FileWriter::FileWriter(FileKind kind, const ParameterSet& set, size_t payloadBytes) {
  out_.reserve(kHeaderBytes + payloadBytes + kHashBytes);
  const uint8_t fields[8] = {uint8_t(kMagic[0]), uint8_t(kMagic[1]), uint8_t(kMagic[2]),    uint8_t(kMagic[3]),
                             uint8_t(kind),      kVersion,           uint8_t(set.id & 255), uint8_t(set.id >> 8)};
  bytes(fields, sizeof fields);
  word(uint32_t(payloadBytes));
  word(uint32_t(uint64_t(payloadBytes) >> 32));
}

void FileWriter::bytes(const void* data, size_t count) {
  const auto* from = static_cast<const uint8_t*>(data);
  out_.insert(out_.end(), from, from + count);
}

void FileWriter::word(uint32_t value) {
  uint8_t four[4];
  storeWord(four, value);
  bytes(four, 4);
}

void FileWriter::words(const uint32_t* values, size_t count) {
  for (size_t i = 0; i < count; i++) word(values[i]);
}

ByteVector FileWriter::finish() {
  uint8_t digest[kHashBytes];
  sha256(out_.data(), out_.size(), nullptr, 0, digest);
  bytes(digest, kHashBytes);
  return std::move(out_);
}

File parseFile(ByteView bytes, FileKind expected) {
  static const char* const names[] = {"", "a secret key", "an evaluation key", "ciphertexts", "seeded ciphertexts"};
  const File file = parseAnyFile(bytes);
  if (file.kind != expected) refuseKind(names[size_t(expected)], file.kind);
  requireDigest(bytes);
  return file;
}

File parseCiphertextFile(ByteView bytes) {
  const File file = parseAnyFile(bytes);
  if (file.kind != FileKind::kCiphertexts && file.kind != FileKind::kSeededCiphertexts) refuseKind("ciphertexts", file.kind);
  requireDigest(bytes);
  return file;
}

void requirePayload(const File& file, size_t bytes) {
  if (file.payload.size != bytes) refuseLength(bytes, file.payload.size);
}

uint32_t readWord(const uint8_t* at) {
  return uint32_t(at[0]) | uint32_t(at[1]) << 8 | uint32_t(at[2]) << 16 | uint32_t(at[3]) << 24;
}

void readWords(const uint8_t* at, uint32_t* out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = readWord(at + 4 * i);
}

std::string hex(const uint8_t* bytes, size_t count) {
  static const char digits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < count; i++) text += digits[bytes[i] >> 4], text += digits[bytes[i] & 15];
  return text;
}

}  // namespace polytorus::tfhe
