/**
 * Receipts of plain token calls as JSON text, from the bytes of a block: those of `transfer`, `transferFrom` and `approve` that
 * succeeded and logged what tokens log. Everything else (a revert, a deployment, another contract's log) is left to the
 * caller, who can write every receipt: src/rpc/receipt-text.ts, whose text this is, byte by byte
 * (test/property/wire-codec.test.ts).
 */
#pragma once

#include <string>

#include "bytes.h"

namespace polytorus {

/**
 * Appends the receipt of transaction `index` of a block's entry (src/encoding/block-entry.ts).
 * @param tokens addresses of built-in tokens, 20 bytes each: only calls of these are written.
 * @returns false, and `out` is as it was, where the receipt is left to the caller.
 */
bool writeReceipt(Bytes entry, uint32_t index, Bytes tokens, std::string& out);

/**
 * Appends the summaries of `count` transactions from `first` on, with commas between them.
 * @returns false, and `out` is as it was, where one of them is left to the caller.
 */
bool writeSummaries(Bytes entry, uint32_t first, uint32_t count, std::string& out);

}  // namespace polytorus
