/**
 * Transactions newest first, one line each: of the whole chain, of a contract, or of a block. A page reads the blocks that it
 * shows and no others, so that it costs the same at the head and a million transactions below it.
 * Cursors are places: what comes to the head while somebody pages moves nothing below it.
 */
import type { HistoryPageJson, TransactionLineJson } from "../client/methods.ts";
import { readU32, readU64 } from "../encoding/bytes.ts";
import { toHex } from "../encoding/hex.ts";
import { decodeReceipt } from "../encoding/receipt.ts";
import {
  BodyForm,
  TransactionKind,
  type TransactionKindName,
  TX_HEADER_BYTES,
  TX_TO_AT,
} from "../encoding/transaction.ts";
import { EngineError } from "../errors.ts";
import type { ContractAbis, ContractMeaning } from "./contract-abis.ts";
import { keptFrom } from "./kept.ts";
import { functionOf, viewOf } from "./receipt-text.ts";
import type { EngineService, Located } from "./services.ts";
import { invalid } from "./validate.ts";

/** Driven mode has empty blocks: a page that met this many ends short of its limit, with a cursor. */
const BLOCKS_READ_MAX = 1_000;
/** Enough of a JSON message to hold its first key. */
const MESSAGE_START_BYTES = 80;
const TX_SENDER_AT = 24;
const KIND_NAMES = new Map<number, TransactionKindName>(
  Object.entries(TransactionKind).map(([name, kind]) => [kind, name as TransactionKindName]),
);

interface ListModules {
  readonly service: EngineService;
  readonly abis: ContractAbis;
}

/** Of the whole chain. @throws EngineError VALIDATION_ERROR for a cursor that was not given out. */
export async function listTransactions(
  { service, abis }: ListModules,
  { cursor, limit }: { cursor?: string | undefined; limit: number },
): Promise<HistoryPageJson<TransactionLineJson>> {
  const place = cursor === undefined ? undefined : parsePlace(cursor);
  let block = await service.block(place?.height ?? "latest");
  // A rollback took the block of the cursor: its place is the head.
  if (block === undefined && place !== undefined) block = await service.block("latest");
  const kept = keptFrom(service.events);
  const lowest = kept.lowestHeight ?? 0;
  const found: Located[] = [];
  let index = block !== undefined && block.height === place?.height ? place.index : Number.POSITIVE_INFINITY;
  for (let read = 0; block !== undefined; read++) {
    for (index = Math.min(index, block.transactionCount - 1); index >= 0 && found.length < limit; index--)
      found.push({ block, index });
    const hasMore = index >= 0 || block.height > lowest;
    if (found.length === limit || read === BLOCKS_READ_MAX) {
      const next = index >= 0 ? `${block.height}-${index}` : `${block.height - 1}-last`;
      return { items: await lines(found, abis), nextCursor: hasMore ? next : null, ...kept };
    }
    index = Number.POSITIVE_INFINITY;
    block = block.height > lowest ? await service.block(block.height - 1) : undefined;
  }
  return { items: await lines(found, abis), nextCursor: null, ...kept };
}

/** Of one block, in its order. @throws EngineError BLOCK_NOT_FOUND */
export async function listBlock(
  { service, abis }: ListModules,
  { height, cursor, limit }: { height: number; cursor?: string | undefined; limit: number },
): Promise<HistoryPageJson<TransactionLineJson>> {
  const block = await service.block(height);
  if (block === undefined) throw new EngineError("BLOCK_NOT_FOUND", `there is no block ${height}`, { height });
  const first = cursor === undefined ? 0 : parsePlace(cursor).index;
  const end = Math.min(first + limit, block.transactionCount);
  const found = Array.from({ length: Math.max(0, end - first) }, (_, i) => ({ block, index: first + i }));
  return { items: await lines(found, abis), nextCursor: end < block.transactionCount ? `${height}-${end}` : null };
}

/** Of one contract. */
export async function listExecutions(
  { service, abis }: ListModules,
  query: { contract: Uint8Array; cursor?: string | undefined; limit: number },
): Promise<HistoryPageJson<TransactionLineJson>> {
  const { items, nextCursor } = await service.executions(query);
  return { items: await lines(items, abis), nextCursor: nextCursor ?? null, ...keptFrom(service.events) };
}

function parsePlace(cursor: string): { height: number; index: number } {
  const [, height, index] = /^(\d{1,15})-(\d{1,9}|last)$/.exec(cursor) ?? [];
  if (height === undefined) throw invalid("cursor", "the nextCursor of an earlier page", cursor);
  return { height: Number(height), index: index === "last" ? Number.POSITIVE_INFINITY : Number(index) };
}

async function lines(found: readonly Located[], abis: ContractAbis): Promise<TransactionLineJson[]> {
  await abis.load(found.flatMap(calledContract));
  return found.map((located) => lineOf(located, abis));
}

/** The contract of a call by calldata, whose function only an ABI names; as hex without 0x. */
function calledContract({ block, index }: Located): string[] {
  const at = block.transactionAt(index);
  if (block.bytes[at + 2] !== BodyForm.calldata) return [];
  return [viewOf(block.bytes).toString("hex", at + TX_TO_AT, at + TX_HEADER_BYTES)];
}

function lineOf({ block, index }: Located, abis: ContractAbis): TransactionLineJson {
  const at = block.transactionAt(index);
  const bytes = viewOf(block.bytes);
  const kind = KIND_NAMES.get(bytes[at]!)!;
  const to = bytes.toString("hex", at + TX_TO_AT, at + TX_HEADER_BYTES);
  const { status, gasUsed, contractAddress } = decodeReceipt(block.bytes, block.receiptAt(index));
  return {
    transactionHash: toHex(block.transactionHash(index)),
    blockHeight: block.height,
    transactionIndex: index,
    timestampMs: block.timestampMs,
    kind,
    sender: `0x${bytes.toString("hex", at + TX_SENDER_AT, at + TX_TO_AT)}`,
    to: kind === "deploy" ? null : `0x${to}`,
    contractAddress: contractAddress === undefined ? null : toHex(contractAddress),
    entrypoint: kind === "call" ? entrypointOf(bytes, at, abis.of(to)) : null,
    status,
    gasUsed: String(gasUsed),
    gasLimit: String(readU64(bytes, at + 16)),
  };
}

/** As the call names it, or as the contract's ABI knows the selector; of a JSON message its first key. */
function entrypointOf(bytes: Buffer, at: number, meaning: ContractMeaning | undefined): string | null {
  const body = at + TX_HEADER_BYTES;
  switch (bytes[at + 2]) {
    case BodyForm.entrypoint:
      return bytes.toString("utf8", body + 1, body + 1 + bytes[body]!);
    case BodyForm.calldata:
      return functionOf(bytes, at, meaning)?.name ?? null;
    case BodyForm.json: {
      const start = bytes.toString("utf8", body, body + Math.min(MESSAGE_START_BYTES, readU32(bytes, at + 4)));
      return /^\{"(\w+)"/.exec(start)?.[1] ?? null;
    }
    default:
      return null;
  }
}
