/**
 * The Merkle tree of RFC 6962, section 2.1, over entries that are hashes already: leaf = SHA-256(0x00 || entry),
 * inner = SHA-256(0x01 || left || right), a list splits at the largest power of two below its length. The root of an
 * empty list is 32 zero bytes here (the RFC has the hash of the empty string).
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace polytorus {

void merkleRoot(const uint8_t* entries, size_t count, uint8_t* out);

}  // namespace polytorus
