/** tx_*: submitting transactions in mode auto, trying them out, and looking them up. */
import { fromHex } from "../encoding/hex.ts";
import { EngineError } from "../errors.ts";
import type { ContractAbis } from "./contract-abis.ts";
import { ALICE, BLOCK_HASH, TRANSFER, TRANSFER_HASH, TRANSFER_RECEIPT, TRANSFER_TRACE } from "./examples.ts";
import { keptFrom, ofThoseKept } from "./kept.ts";
import { checkBatchSize, pageSize } from "./limits.ts";
import { define, type MethodContext, type MethodTable, requireAddress } from "./method.ts";
import { describeRevert } from "./receipt-text.ts";
import {
  Accepted,
  Address,
  Anything,
  Bytes,
  Cursor,
  closed,
  Decimal,
  Hash,
  historyPage,
  Limit,
  list,
  nullable,
  optional,
  Receipt,
  ReceiptDetail,
  ReceiptSummary,
  Rejection,
  someOf,
  Transaction,
  TransactionLine,
  UnlimitedTransaction,
  WaitFor,
  Whole,
  withNames,
} from "./schemas.ts";
import type { Located } from "./services.ts";
import { Trace } from "./trace-schema.ts";
import { traceView } from "./trace-view.ts";
import { requireTransactionObject } from "./transaction-batch.ts";
import { listBlock, listExecutions, listTransactions } from "./transaction-list.ts";
import { invalid } from "./validate.ts";
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
    async handle({ transaction }, { service, abis }) {
      requireTransactionObject(transaction, "transaction");
      const { to } = transaction as { to?: string };
      const { gasLimit, breakdown } = await service
        .estimateGas({ ...transaction, gasLimit: 0 })
        .catch((thrown: unknown) => raiseDescribed(thrown, to, abis));
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

  tx_list: define("tx_list", {
    description:
      "Transactions newest first, one line each: of the chain, or of a contract (as contract_executions has them); of one block in its order.",
    role: "reader",
    params: closed({
      address: optional(Address),
      blockHeight: optional(Whole),
      cursor: optional(Cursor),
      limit: optional(Limit),
    }),
    result: historyPage(TransactionLine),
    example: {
      params: { limit: 1 },
      result: {
        items: [
          {
            transactionHash: TRANSFER_HASH,
            blockHeight: 2,
            transactionIndex: 0,
            timestampMs: 1_767_225_600_000,
            kind: "call",
            sender: ALICE,
            to: TRANSFER_RECEIPT.to,
            contractAddress: null,
            entrypoint: "transfer",
            status: "success",
            gasUsed: "51234",
            gasLimit: "100000",
          },
        ],
        nextCursor: "1-last",
      },
    },
    async handle({ address, blockHeight, cursor, limit: asked }, context) {
      const limit = pageSize({ limit: asked }, context.limits);
      if (blockHeight !== undefined) {
        if (address !== undefined) throw invalid("blockHeight", "nothing where address is given", blockHeight);
        return await listBlock(context, { height: blockHeight, cursor, limit });
      }
      if (address === undefined) return await listTransactions(context, { cursor, limit });
      return await listExecutions(context, { contract: requireAddress(address, "address"), cursor, limit });
    },
  }),
} satisfies Partial<MethodTable>;

async function requireTransaction(transactionHash: string, { service }: MethodContext): Promise<Located> {
  const located = await service.transaction(fromHex(transactionHash)!);
  if (located !== undefined) return located;
  const problem = `no durable block has the transaction ${transactionHash}${ofThoseKept(service.events)}`;
  throw new EngineError("TRANSACTION_NOT_FOUND", problem, { transactionHash, ...keptFrom(service.events) });
}

/** The same, and what the data of a revert says by the ABI of the contract that was called. */
async function raiseDescribed(thrown: unknown, to: string | undefined, abis: ContractAbis): Promise<never> {
  if (!(thrown instanceof EngineError) || thrown.code !== "REVERTED") throw thrown;
  const address = to?.slice(2).toLowerCase();
  if (address !== undefined) await abis.load([address]);
  const meaning = address === undefined ? undefined : abis.of(address);
  const revert = describeRevert(fromHex(thrown.facts["data"] as string)!, meaning);
  throw new EngineError("REVERTED", revert.message, { ...thrown.facts, revert });
}
