/**
 * Reads JSON-RPC requests that submit transactions straight into the canonical encoding: what a node sends most of, without
 * a string or an object being made of it. It reads what is plain and right, and nothing else: a line with an escape, a key
 * that it does not know, a value that is refused or needs more than these lines is left to JSON.parse, the schema and the
 * encoder, which read everything and say what is wrong. So this is a shortcut and never a second opinion.
 *
 * The encoding is that of src/encoding/transaction.ts; test/property/wire-codec.test.ts holds the two against each other.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace polytorus {

enum class Submitted : uint32_t { kNothing = 0, kOne = 1, kBatch = 2 };

struct Submission {
  /** kNothing: it is left to the caller, and no other member says anything. */
  Submitted kind = Submitted::kNothing;
  uint32_t count = 0;
  /** Of the encodings in `out`, each padded to a multiple of 4. */
  uint32_t bytes = 0;
  /** The request's id as it stands in the text. */
  uint32_t idAt = 0;
  uint32_t idBytes = 0;
  bool isSummary = false;
};

/** Longer requests are left to the caller. */
constexpr size_t kSubmissionTextMax = 0x3fffffff;
/** The room that `out` needs: a whole number of one digit takes two bytes of text and three of the encoding. */
constexpr size_t submissionBytesMax(size_t textBytes) { return 2 * textBytes + 128; }

Submission readSubmission(const uint8_t* text, size_t size, uint8_t* out);

}  // namespace polytorus
