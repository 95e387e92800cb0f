/**
 * The key holder's side: generate, encrypt, decrypt. Nothing of it runs in a daemon.
 * Always
 *  - Branches and addresses do not depend on key bits, plaintexts or noise; memory that held them is wiped.
 */
#pragma once

#include <memory>

#include "file_format.h"
#include "random.h"

namespace polytorus::tfhe {

class SecretKey {
 public:
  struct Pair;
  /** Draws a key and writes its evaluation key; both as files. */
  static Pair generate(const ParameterSet& set);
  /** @throws Refused as parseFile does, and KEY_INCONSISTENT when the bits break the parameter set's rules. */
  static SecretKey parse(Bytes file);

  SecretKey(SecretKey&&) = default;
  SecretKey& operator=(SecretKey&&) = default;
  ~SecretKey();

  const ParameterSet& set() const { return *set_; }
  const uint8_t* keyId() const { return keyId_; }

  /** A file of seeded ciphertexts, one a bit; a bit is any byte's lowest. */
  ByteVector encrypt(const uint8_t* bits, size_t count, const uint8_t context[kContextBytes]) const;
  /** One ciphertext of set().words() words each. */
  void decrypt(const uint32_t* ciphertexts, size_t count, uint8_t* bits) const;
  /** Phases as signed words, for measuring noise. */
  void phases(const uint32_t* ciphertexts, size_t count, int32_t* out) const;

 private:
  explicit SecretKey(const ParameterSet& set) : set_(&set) {}
  void drawBits();
  ByteVector makeEvaluationKey() const;
  ByteVector toFile() const;
  uint32_t dotLwe(const uint32_t* mask) const;

  const ParameterSet* set_;
  uint8_t keyId_[kKeyIdBytes] = {};
  /** All ones for a 1, all zeros for a 0. */
  std::vector<uint32_t> lwe_;
  std::vector<uint32_t> glwe_;
};

struct SecretKey::Pair {
  ~Pair() { wipe(secretKey.data(), secretKey.size()); }

  ByteVector secretKey;
  ByteVector evaluationKey;
};

/** In one file: 48 MB once expanded, whatever a stranger's header says. */
constexpr uint32_t kCiphertextsMax = 16384;

/** A file of ciphertexts, expanded to words. */
struct Ciphertexts {
  const ParameterSet* set;
  uint8_t keyId[kKeyIdBytes];
  uint8_t context[kContextBytes];
  std::vector<uint32_t> words;
};

/** @throws Refused as parseFile does. */
Ciphertexts expandCiphertexts(Bytes file);
ByteVector writeCiphertexts(const ParameterSet& set, const uint8_t keyId[kKeyIdBytes], const uint8_t context[kContextBytes],
                            const uint32_t* words, size_t count);

/** Domains of the mask streams. */
enum MaskDomain : uint32_t { kBootstrapMasks = 1, kSwitchMasks = 2, kCiphertextMasks = 3 };

}  // namespace polytorus::tfhe
