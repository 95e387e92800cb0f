/**
 * Runs plain token transfers: the transactions of which a block is mostly made, on the very rows, undo records and receipts
 * that execution uses, in the very bytes. Everything that is not plain (an unknown account, a refusal, a value with the call)
 * is left to the caller, who runs it and comes back; so this is a shortcut and never a second opinion.
 *
 * The layouts, field by field, are those of src/execution/state-rows.ts (rows, index), src/execution/undo-log.ts (undo),
 * src/encoding/transaction.ts and src/encoding/receipt.ts; the rules are those of src/execution/admission.ts, frame.ts and
 * src/engines/builtin/erc20-ledger.ts, which are the oracle: test/property/plain-transfers.test.ts holds the two against each other.
 */
#pragma once

#include "bytes.h"

namespace polytorus {

/** Undo records of one space: keys of accounts, or of one token. */
struct UndoChain {
  uint32_t space;
  uint32_t head;
  uint32_t tail;
};

struct TransferPrices {
  double transactionBase;
  double bodyByte;
  double stateRead;
  double stateWrite;
  double stateCreate;
  double log;
  double transactionGasMax;
};

/** Where the submission begins that a transaction belongs to: a block whose gas ends is cut there. */
struct SubmissionStart {
  uint32_t index;
  uint32_t at;
  uint32_t included;
  uint32_t undoCount;
  uint32_t receiptsLength;
  double gasUsed;
};

/** All arrays belong to the caller. What the index says of rows, and rows of themselves, is believed. */
struct TransferRun {
  Span<uint8_t> transactions;
  Span<uint32_t> rows;
  /** A power of two, with free places. */
  Span<uint32_t> index;
  uint32_t indexSeed;
  Span<uint32_t> undo;
  Span<uint8_t> receipts;
  /** By included transaction: start and end in the transactions, start in the receipts. */
  Span<uint32_t> ranges;
  Span<uint32_t> receiptAt;
  Span<uint32_t> submissionEnds;

  /** 20 bytes of the token, and 32 of its log's first topic. */
  const uint8_t* token;
  const uint8_t* topic;
  uint32_t balancePrefix;
  TransferPrices prices;
  uint32_t serial;

  /** Index of the next transaction, and after the last to run; `submission` is that of the next. All from here on change. */
  uint32_t next;
  uint32_t end;
  uint32_t at;
  uint32_t included;
  uint32_t undoCount;
  uint32_t receiptsLength;
  uint32_t submission;
  UndoChain accounts;
  UndoChain balances;
  double gasUsed;
  bool hasIds;
  SubmissionStart start;
};

/** What a transfer appends at most: header, result, address, topic, two addresses, a word, each with its length. */
constexpr size_t kTransferReceiptBytesMax = 16 + 2 + 20 + 1 + 33 + 21 + 21 + 33;
constexpr size_t kTransferUndoRecords = 3;

/** Whether the arrays have room for transfers from `next` to `end`, and the undo chains end in records that are there. */
bool hasRoom(const TransferRun& run);

/** Runs transfers from `next` on until one is not plain, or `end`. The run has room. */
void runTransfers(TransferRun& run);

}  // namespace polytorus
