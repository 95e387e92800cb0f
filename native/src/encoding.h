/**
 * Places and values in the canonical encodings of transactions and receipts, as far as they are read or written here. What
 * they mean, and all the others, stand in src/encoding/transaction.ts and receipt.ts.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace polytorus {

constexpr size_t kAddressBytes = 20;
constexpr size_t kWordBytes = 32;

// ── a transaction's header, then its body, then what its flags say ───────────────
constexpr size_t kTxKindAt = 0;
constexpr size_t kTxFlagsAt = 1;
constexpr size_t kTxFormAt = 2;
constexpr size_t kTxReservedAt = 3;
constexpr size_t kTxBodyBytesAt = 4;
constexpr size_t kTxNonceAt = 8;
constexpr size_t kTxGasLimitAt = 16;
constexpr size_t kTxSenderAt = 24;
constexpr size_t kTxToAt = 44;
constexpr size_t kTxHeaderBytes = 64;
constexpr size_t kTxIdBytes = 32;

constexpr uint8_t kTxCall = 2;
constexpr uint8_t kTxHasId = 4;
constexpr uint8_t kTxNonceLeftOut = 128;
constexpr uint8_t kBodyCalldata = 1;
constexpr uint8_t kBodyEntrypoint = 2;

enum ArgTag : uint8_t { kArgAddress = 1, kArgUint = 2, kArgString = 4, kArgTrue = 5, kArgFalse = 6, kArgNull = 7 };

/** Transactions of a batch begin on such a boundary; zeros stand between them. */
constexpr size_t paddedTxBytes(size_t bytes) { return (bytes + 3) & ~size_t(3); }

// ── a receipt's header; result and logs stand behind it ──────────────────────────
constexpr size_t kReceiptStatusAt = 0;
constexpr size_t kReceiptFlagsAt = 2;
constexpr size_t kReceiptLogsAt = 4;
constexpr size_t kReceiptGasUsedAt = 8;
constexpr size_t kReceiptHeaderBytes = 16;

constexpr uint8_t kReceiptSuccess = 1;
constexpr uint8_t kReceiptHasContractAddress = 1;

}  // namespace polytorus
