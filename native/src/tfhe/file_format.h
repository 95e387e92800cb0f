/**
 * TFHE's files, byte by byte in README.md: a header, a payload, and the SHA-256 of all before it. Parsing checks every
 * length before it reads, and the digest before anybody sees the payload.
 */
#pragma once

#include <vector>

#include "../bytes.h"
#include "parameters.h"

namespace polytorus::tfhe {

using ByteVector = std::vector<uint8_t>;

enum class FileKind : uint8_t { kSecretKey = 1, kEvaluationKey = 2, kCiphertexts = 3, kSeededCiphertexts = 4 };

/** Writes one file front to back; the payload's size is known beforehand, so that nothing is moved. */
class FileWriter {
 public:
  FileWriter(FileKind kind, const ParameterSet& set, size_t payloadBytes);
  void bytes(const void* data, size_t count);
  void word(uint32_t value);
  void words(const uint32_t* values, size_t count);
  /** Appends the digest. */
  ByteVector finish();

 private:
  ByteVector out_;
  size_t written_ = 0;
};

struct File {
  FileKind kind;
  const ParameterSet* set;
  Bytes payload;
};

/**
 * @throws Refused FILE_MALFORMED (length, magic, version), FILE_KIND_MISMATCH, PARAMETER_SET_UNKNOWN, FILE_CORRUPT (digest)
 */
File parseFile(Bytes bytes, FileKind expected);
/** Ciphertexts of either kind. */
File parseCiphertextFile(Bytes bytes);

/** @throws Refused FILE_MALFORMED unless the payload has exactly so many bytes. */
void requirePayload(const File& file, size_t bytes);

}  // namespace polytorus::tfhe
