/** block_*: a node brings the blocks (mode driven), and everyone may read them. */
import type { BlockParams, ResultOf } from "../client/methods.ts";
import type { BlockEntry } from "../encoding/block-entry.ts";
import { fromHex, toHex } from "../encoding/hex.ts";
import { EngineError } from "../errors.ts";
import { StagedAbis } from "./contract-abis.ts";
import { BLOCK, BLOCK_HASH, BLOCK_HEADER, PARENT_HASH, STATE_ROOT, TRANSFER, TRANSFER_RECEIPT } from "./examples.ts";
import { historyPageText, JsonText } from "./json-text.ts";
import { keptFrom, ofThoseKept } from "./kept.ts";
import { pageSize } from "./limits.ts";
import { define, type MethodContext, type MethodTable } from "./method.ts";
import {
  Anything,
  Block,
  BlockHeader,
  Cursor,
  closed,
  Decimal,
  Hash,
  historyPage,
  Limit,
  list,
  optional,
  Receipt,
  Rejection,
  someOf,
  Transaction,
  Whole,
  words,
} from "./schemas.ts";
import type { BlockReference, EventLog } from "./services.ts";
import { refusePruned } from "./streams/event-cursor.ts";
import { TransactionBatch } from "./transaction-batch.ts";
import { invalid } from "./validate.ts";
import { blockHeaderText, blockView } from "./views.ts";

const DRIVEN = { role: "admin", blockMode: "driven", isOrdered: true } as const;

const blockFields = { height: Whole, parentHash: Hash, timestampMs: Whole };
/** A block may hold as many transactions as a frame has room for. */
const blockParams = closed({ ...blockFields, transactions: list(Transaction, "an array of transactions") });
const envelope = closed({ ...blockFields, transactions: list(Anything, "an array of transactions") });
const executed = { height: Whole, stateRoot: Hash, gasUsed: Decimal, receipts: list(someOf(Receipt, Rejection)) };

const EXAMPLE_BLOCK = { height: 2, parentHash: PARENT_HASH, timestampMs: BLOCK.timestampMs, transactions: [TRANSFER] };
const EXAMPLE_EXECUTED = { height: 2, stateRoot: STATE_ROOT, gasUsed: "51234", receipts: [TRANSFER_RECEIPT] };

export const BLOCK_METHODS = {
  block_execute: define("block_execute", {
    ...DRIVEN,
    description:
      "Executes the next block and stages it: nothing of it is durable before block_commit. A rejected transaction stands as {error} at its index.",
    params: blockParams,
    envelope,
    result: closed(executed),
    example: { params: EXAMPLE_BLOCK, result: EXAMPLE_EXECUTED },
    async handle(params, context) {
      const { members } = await executeBlock(params, context);
      return new JsonText(`{${members}}`);
    },
  }),

  block_commit: define("block_commit", {
    ...DRIVEN,
    description:
      "Makes the staged block durable. Refuses a root that was not computed; answers the same again for a block that is committed already.",
    params: closed({ height: Whole, stateRoot: Hash }),
    result: closed({ height: Whole, stateRoot: Hash, blockHash: Hash }),
    example: {
      params: { height: 2, stateRoot: STATE_ROOT },
      result: { height: 2, stateRoot: STATE_ROOT, blockHash: BLOCK_HASH },
    },
    async handle({ height, stateRoot }, { service }) {
      const block = await service.blockCommit(height, fromHex(stateRoot)!);
      return { height: block.height, stateRoot: toHex(block.stateRoot), blockHash: toHex(block.blockHash) };
    },
  }),

  block_discard: define("block_discard", {
    ...DRIVEN,
    description: "Drops the staged block.",
    params: closed({}),
    result: closed({}),
    example: { params: {}, result: {} },
    async handle(_params, { service }) {
      await service.blockDiscard();
      return {};
    },
  }),

  block_apply: define("block_apply", {
    ...DRIVEN,
    description: "Executes the next block and makes it durable in one step.",
    params: blockParams,
    envelope,
    result: closed({ ...executed, blockHash: Hash }),
    example: { params: EXAMPLE_BLOCK, result: { ...EXAMPLE_EXECUTED, blockHash: BLOCK_HASH } },
    async handle(params, context) {
      const { block, members } = await executeBlock(params, context);
      const committed = await context.service.blockCommit(block.height, block.stateRoot);
      return new JsonText(`{${members},"blockHash":"${toHex(committed.blockHash)}"}`);
    },
  }),

  block_rollback: define("block_rollback", {
    ...DRIVEN,
    isAudited: true,
    description: "Goes back to an earlier height within the retained window; what came after it is undone.",
    params: closed({ toHeight: Whole }),
    result: closed({ height: Whole, stateRoot: Hash }),
    example: { params: { toHeight: 2 }, result: { height: 2, stateRoot: STATE_ROOT } },
    async handle({ toHeight }, { service }) {
      const { height, stateRoot } = await service.blockRollback(toHeight);
      return { height, stateRoot: toHex(stateRoot) };
    },
  }),

  block_get: define("block_get", {
    description: "The header of a durable block and the hashes of its transactions, by height, by hash, or the latest.",
    role: "reader",
    params: closed({ height: optional(someOf(Whole, words("latest"))), blockHash: optional(Hash) }),
    result: Block,
    example: { params: { height: 2 }, result: BLOCK },
    async handle({ height, blockHash }, { service }) {
      const reference: BlockReference = blockHash === undefined ? (height ?? "latest") : fromHex(blockHash)!;
      const block = await service.block(reference);
      if (block !== undefined && (height === undefined || height === "latest" || height === block.height))
        return blockView(block);
      throw new EngineError(
        "BLOCK_NOT_FOUND",
        `there is no block ${blockHash ?? height}${ofThoseKept(service.events)}`,
        {
          ...(height === undefined ? {} : { height }),
          ...(blockHash === undefined ? {} : { blockHash }),
          ...keptFrom(service.events),
        },
      );
    },
  }),

  block_list: define("block_list", {
    description: "The headers of durable blocks, newest first.",
    role: "reader",
    params: closed({ cursor: optional(Cursor), limit: optional(Limit) }),
    result: historyPage(BlockHeader),
    example: { params: { limit: 1 }, result: { items: [BLOCK_HEADER], nextCursor: null } },
    async handle({ cursor, limit }, { service, limits }) {
      return blockPage(service.events, cursor, pageSize({ limit }, limits));
    },
  }),
} satisfies Partial<MethodTable>;

const BLOCK_CURSOR = /^\d{1,15}$/;

/** Goes on below the block whose seq the cursor is. */
function blockPage(log: EventLog, cursor: string | undefined, limit: number): JsonText<ResultOf<"block_list">> {
  const after = cursor === undefined ? undefined : BLOCK_CURSOR.test(cursor) ? log.header(Number(cursor)) : undefined;
  if (after === undefined && Number(cursor) < log.lowestSeq) refusePruned(Number(cursor), log);
  if (cursor !== undefined && after === undefined) throw invalid("cursor", "a nextCursor of an earlier page", cursor);
  let height = after === undefined ? log.headHeight : after.height - 1;
  const items: string[] = [];
  let last: BlockEntry | undefined;
  for (; height >= 0 && items.length < limit; height--) {
    const seq = log.seqOfHeight(height);
    const block = seq === undefined ? undefined : log.header(seq);
    if (block === undefined) break;
    items.push(blockHeaderText(block));
    last = block;
  }
  const hasMore = last !== undefined && last.height > log.lowestHeight && items.length === limit;
  return historyPageText(items, hasMore ? String(last!.seq) : undefined, log);
}

/** The staged block, and the members of the answer as JSON text. */
async function executeBlock(
  params: BlockParams,
  { service, caller, abis }: MethodContext,
): Promise<{ block: BlockEntry; members: string }> {
  const batch = new TransactionBatch(params.transactions, "durable", caller);
  await abis.load(batch.targets());
  const { block, outcome } = await service.blockExecute({
    height: params.height,
    parentHash: fromHex(params.parentHash)!,
    timestampMs: params.timestampMs,
    encode: (out) => batch.encode(out),
  });
  const staged = await StagedAbis.load(batch.receipts.contracts(outcome, abis), abis, (address) =>
    service.stagedContract(address),
  );
  const { text } = batch.receipts.text(outcome, "full", staged);
  const members = `"height":${block.height},"stateRoot":"${toHex(block.stateRoot)}","gasUsed":"${block.gasUsed}","receipts":[${text}]`;
  return { block, members };
}
