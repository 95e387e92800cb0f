/** tx_*: submitting transactions in mode auto, trying them out, and looking them up. */
import { fromHex } from "../encoding/hex.ts";
import { EngineError } from "../errors.ts";
import { ALICE, BLOCK_HASH, TRANSFER, TRANSFER_HASH, TRANSFER_RECEIPT, TRANSFER_TRACE } from "./examples.ts";
import { checkBatchSize } from "./limits.ts";
import { define, type MethodContext, type MethodTable } from "./method.ts";
import {
  Accepted,
  Anything,
  Bytes,
  closed,
  Decimal,
  Hash,
  list,
  nullable,
  optional,
  Receipt,
  ReceiptDetail,
  ReceiptSummary,
  Rejection,
  someOf,
  Transaction,
  UnlimitedTransaction,
  WaitFor,
  Whole,
  withNames,
} from "./schemas.ts";
import type { Located } from "./services.ts";
import { Trace } from "./trace-schema.ts";
import { traceView } from "./trace-view.ts";
import { requireTransactionObject } from "./transaction-batch.ts";
import { receiptView, simulationView, transactionView } from "./views.ts";

const byHash = closed({ transactionHash: Hash });

export const TRANSACTION_METHODS = {
  tx_submit: define("tx_submit", {
    description:
      'Executes a transaction and answers its receipt, whatever its status. With wait "accepted", which needs a nonce or an id, answers the hash before it ran.',
    role: "submitter",
    blockMode: "auto",
    params: closed({ transaction: Transaction, wait: optional(WaitFor) }),
    result: someOf(Receipt, Accepted),
    example: { params: { transaction: TRANSFER }, result: TRANSFER_RECEIPT },
  }),

  tx_submitBatch: define("tx_submitBatch", {
    description:
      "Executes transactions in order in one block. The batch is not atomic: one that is rejected stands in its place as {error} and leaves its neighbours alone.",
    role: "submitter",
    blockMode: "auto",
    params: closed({
      transactions: list(Transaction, "an array of transactions", 1),
      wait: optional(WaitFor),
      receipts: optional(ReceiptDetail),
    }),
    result: closed({
      blockHeight: nullable(Whole),
      receipts: list(someOf(Receipt, ReceiptSummary, Accepted, Rejection)),
    }),
    example: {
      params: { transactions: [TRANSFER], receipts: "summary" },
      result: {
        blockHeight: 2,
        receipts: [{ transactionHash: TRANSFER_HASH, status: "success", gasUsed: "51234" }],
      },
    },
  }),

  tx_simulate: define("tx_simulate", {
    description:
      "Runs transactions on top of the latest state, or of the state at a height, and keeps nothing. Later ones see what earlier ones did.",
    role: "reader",
    params: closed({ transactions: list(Transaction, "an array of transactions", 1), at: optional(Whole) }),
    envelope: closed({ transactions: list(Anything, "an array of transactions", 1), at: optional(Whole) }),
    result: closed({
      receipts: list(someOf(Receipt, Rejection)),
      stateDiff: list(closed({ key: Bytes, before: nullable(Bytes), after: nullable(Bytes) })),
      blockHeight: Whole,
    }),
    example: {
      params: { transactions: [TRANSFER] },
      result: {
        receipts: [TRANSFER_RECEIPT],
        stateDiff: [{ key: `0x10${ALICE.slice(2)}`, before: "0x0101", after: "0x0102" }],
        blockHeight: 2,
      },
    },
    async handle({ transactions, at }, { service, limits, abis }) {
      checkBatchSize(transactions.length, limits.batchMax);
      for (const [index, transaction] of transactions.entries()) {
        requireTransactionObject(transaction, `transactions[${index}]`);
      }
      return await simulationView(await service.simulate(transactions, at), abis);
    },
  }),

  tx_estimateGas: define("tx_estimateGas", {
    description:
      "Runs a transaction without keeping it and answers a gas limit that is enough for it to succeed, and what its gas goes to, by item. A gasLimit in the transaction is not looked at.",
    role: "reader",
    params: closed({ transaction: UnlimitedTransaction }),
    envelope: closed({ transaction: Anything }),
    result: closed({ gasLimit: Decimal, breakdown: withNames(Decimal) }),
    example: {
      params: { transaction: TRANSFER },
      result: { gasLimit: "51234", breakdown: { transactionBase: "21000", bodyByte: "832", stateRead: "4200" } },
    },
    async handle({ transaction }, { service }) {
      requireTransactionObject(transaction, "transaction");
      const { gasLimit, breakdown } = await service.estimateGas({ ...transaction, gasLimit: 0 });
      const items = Object.entries(breakdown).map(([item, gas]) => [item, String(gas)]);
      return { gasLimit: String(gasLimit), breakdown: Object.fromEntries(items) as Record<string, string> };
    },
  }),

  tx_get: define("tx_get", {
    description: "A transaction of a durable block, and where it stands.",
    role: "reader",
    params: byHash,
    result: closed({
      transactionHash: Hash,
      blockHeight: Whole,
      blockHash: Hash,
      transactionIndex: Whole,
      transaction: Transaction,
    }),
    example: {
      params: { transactionHash: TRANSFER_HASH },
      result: {
        transactionHash: TRANSFER_HASH,
        blockHeight: 2,
        blockHash: BLOCK_HASH,
        transactionIndex: 0,
        transaction: TRANSFER,
      },
    },
    async handle({ transactionHash }, context) {
      return transactionView(await requireTransaction(transactionHash, context));
    },
  }),

  tx_receipt: define("tx_receipt", {
    description: "The receipt of a transaction of a durable block.",
    role: "reader",
    params: byHash,
    result: Receipt,
    example: { params: { transactionHash: TRANSFER_HASH }, result: TRANSFER_RECEIPT },
    async handle({ transactionHash }, context) {
      return await receiptView(await requireTransaction(transactionHash, context), context.abis);
    },
  }),

  tx_trace: define("tx_trace", {
    description:
      "What a transaction of a durable block did, frame by frame, had by running it once more on the state before its block: calls with their own gas, state and balances read and written, logs, and errors as their contracts raised them. Within the retained window.",
    role: "reader",
    params: byHash,
    result: Trace,
    example: { params: { transactionHash: TRANSFER_HASH }, result: TRANSFER_TRACE },
    async handle({ transactionHash }, context) {
      const located = await requireTransaction(transactionHash, context);
      return traceView(located, await context.service.trace(located));
    },
  }),
} satisfies Partial<MethodTable>;

async function requireTransaction(transactionHash: string, { service }: MethodContext): Promise<Located> {
  const located = await service.transaction(fromHex(transactionHash)!);
  if (located !== undefined) return located;
  throw new EngineError("TRANSACTION_NOT_FOUND", `no durable block has the transaction ${transactionHash}`, {
    transactionHash,
  });
}
