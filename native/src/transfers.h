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

#include <cstddef>
#include <cstdint>

namespace polytorus {

constexpr uint32_t kNoRecord = 0xffffffff;

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

/** All arrays belong to the caller, who has made them large enough for `count` transfers. */
struct TransferRun {
  uint8_t* transactions;
  size_t transactionsSize;
  uint32_t* rows;
  const uint32_t* index;
  uint32_t indexMask;
  uint32_t indexSeed;
  uint32_t* undo;
  uint8_t* receipts;
  /** By included transaction: start and end in the transactions, start in the receipts. */
  uint32_t* ranges;
  uint32_t* receiptAt;
  const uint32_t* submissionEnds;

  /** The token, and its log's first topic. */
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

/** Runs transfers from `next` on until one is not plain, or `end`. */
void runTransfers(TransferRun& run);

}  // namespace polytorus
