/**
 * The spans of a traced request. What they say is noted while the request is in hand, as numbers and words; they are
 * written when they are sent, hundreds at a time: alone between other work each would cost several times as much.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { toHex } from "../encoding/hex.ts";
import { microsecondsAfter, microsecondsAt, microsecondsOf } from "../encoding/laps.ts";
import { type ReceiptStatusName, readReceiptHeader } from "../encoding/receipt.ts";
import { ADDRESS_BYTES } from "../encoding/state-key.ts";
import { BodyForm, TX_HEADER_BYTES, TX_TO_AT } from "../encoding/transaction.ts";
import type { ErrorCode } from "../errors.ts";
import type { QueryOutcome } from "../rpc/services.ts";
import {
  type Attributes,
  claimAttribute,
  countAttribute,
  nanoseconds,
  numberAttribute,
  type SpanKind,
  spanText,
  textAttribute,
  wordAttribute,
} from "./span.ts";
import { newSpanId, newTraceId, type TraceContext } from "./trace-context.ts";

/** Times are on the clock of `performance.now`. */
export interface TracedRequest {
  readonly method: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Of its caller. */
  readonly parent: TraceContext | undefined;
  readonly error: ErrorCode | undefined;
  readonly query: TracedQuery | undefined;
  readonly transaction: TracedTransaction | undefined;
}

export interface TracedQuery {
  readonly gasUsed: number;
  readonly isCached: boolean;
  readonly status: string;
  readonly blockHeight: number;
  readonly settledAtMs: number;
}

/** The first transaction of a request, and its block; nothing of the block's bytes is held. */
export interface TracedTransaction {
  readonly address: string;
  readonly entrypoint: string;
  readonly hash: string;
  readonly gasUsed: number;
  readonly status: ReceiptStatusName;
  readonly microseconds: number;
  /** Of those behind it in the block. */
  readonly microsecondsAfter: number;
  /** When the block was. */
  readonly executedAtMs: number;
  /** Undefined: it was answered before it was durable. */
  readonly durableAtMs: number | undefined;
  readonly blockHeight: number;
  readonly blockTransactions: number;
  readonly blockMicroseconds: number;
  readonly blockGasUsed: number;
  readonly blockBytes: number;
}

export function noteQuery({ gasUsed, cached, status, blockHeight }: QueryOutcome): TracedQuery {
  return { gasUsed, isCached: cached === true, status, blockHeight, settledAtMs: performance.now() };
}

/** @param executedAtMs of the block. */
export function noteTransaction(block: BlockEntry, position: number, executedAtMs: number): TracedTransaction {
  const { bytes, laps = [] } = block;
  const at = block.transactionAt(position);
  const body = at + TX_HEADER_BYTES;
  const receipt = readReceiptHeader(bytes, block.receiptAt(position));
  const isNamed = bytes[at + 2] === BodyForm.entrypoint;
  return {
    address: toHex(receipt.contractAddress ?? bytes.subarray(at + TX_TO_AT, at + TX_TO_AT + ADDRESS_BYTES)),
    entrypoint: isNamed ? Buffer.from(bytes.subarray(body + 1, body + 1 + bytes[body]!)).toString("utf8") : "",
    hash: toHex(block.transactionHash(position)),
    gasUsed: receipt.gasUsed,
    status: receipt.status,
    microseconds: microsecondsAt(laps, position),
    microsecondsAfter: microsecondsAfter(laps, position),
    executedAtMs,
    durableAtMs: block.durableAtMs,
    blockHeight: block.height,
    blockTransactions: block.transactionCount,
    blockMicroseconds: microsecondsOf(laps),
    blockGasUsed: block.gasUsed,
    blockBytes: bytes.length,
  };
}

export function spanCountOf({ query, transaction }: Pick<TracedRequest, "query" | "transaction">): number {
  if (transaction !== undefined) return transaction.durableAtMs === undefined ? 3 : 4;
  return query === undefined ? 1 : 2;
}

/** Joined by commas. @param logSystem the db.system.name of what makes blocks durable. */
export function spansText(request: TracedRequest, logSystem: string): string {
  const { method, parent, error, query, transaction } = request;
  const root = { traceId: parent?.traceId ?? newTraceId(), spanId: newSpanId() };
  const start = nanoseconds(request.startedAtMs);
  const attributes =
    wordAttribute("rpc.system.name", rpcSystem(method)) +
    textAttribute("rpc.method", method) +
    (error === undefined ? "" : wordAttribute("error.type", error));
  const whole = spanText(
    root,
    parent?.spanId,
    method,
    "server",
    start,
    nanoseconds(request.endedAtMs),
    attributes,
    error,
  );
  if (transaction !== undefined)
    return `${transactionSpans(transaction, root, request.startedAtMs, logSystem)},${whole}`;
  if (query !== undefined) return `${querySpan(query, root, start)},${whole}`;
  return whole;
}

/** The rpc.system.name of a method, or of a frame of the binary socket: a system of our own. */
export function rpcSystem(method: string): string {
  return method.startsWith("binary.") ? "polytorus.binary" : "jsonrpc";
}

type Parent = Pick<TraceContext, "traceId" | "spanId">;

function querySpan(query: TracedQuery, parent: Parent, start: string): string {
  const attributes =
    countAttribute("contract.gas.used", query.gasUsed) +
    claimAttribute("contract.cache.hit", query.isCached) +
    wordAttribute("contract.status", query.status) +
    countAttribute("contract.block.height", query.blockHeight);
  return child(parent, newSpanId(), "contract.query", "internal", start, nanoseconds(query.settledAtMs), attributes);
}

function transactionSpans(
  transaction: TracedTransaction,
  root: Parent,
  startedAtMs: number,
  logSystem: string,
): string {
  const { traceId } = root;
  const { executedAtMs, durableAtMs, blockTransactions } = transaction;
  const start = nanoseconds(startedAtMs);
  const executed = nanoseconds(executedAtMs);
  const blockId = newSpanId();
  const block =
    countAttribute("contract.block.height", transaction.blockHeight) +
    countAttribute("contract.block.transactions", blockTransactions) +
    // More than the block took where helpers ran some of them beside others.
    numberAttribute("contract.block.transactions_ms", transaction.blockMicroseconds / 1000) +
    countAttribute("contract.gas.used", transaction.blockGasUsed);
  // Addresses stand here, on spans, and on no metric.
  const own =
    wordAttribute("contract.address", transaction.address) +
    textAttribute("contract.function", transaction.entrypoint) +
    wordAttribute("contract.transaction.hash", transaction.hash) +
    countAttribute("contract.gas.used", transaction.gasUsed) +
    wordAttribute("contract.status", transaction.status);
  const { began, ended } = executionOf(transaction, startedAtMs);
  const execution =
    `${child(root, blockId, "contract.block", "internal", start, executed, block)},` +
    child({ traceId, spanId: blockId }, newSpanId(), "contract.execute", "internal", began, ended, own);
  if (durableAtMs === undefined) return execution;
  const append =
    wordAttribute("db.system.name", logSystem) +
    wordAttribute("db.operation.name", "append") +
    countAttribute("contract.log.entry_bytes", transaction.blockBytes);
  const durable = nanoseconds(durableAtMs);
  return `${execution},${child(root, newSpanId(), "log.append", "client", executed, durable, append)}`;
}

/**
 * When the transaction ran, by the laps of its block: before those behind it. Helpers run some beside others, whose times
 * add up to more than the block took: it is not put before its request.
 */
function executionOf(transaction: TracedTransaction, startedAtMs: number): { began: string; ended: string } {
  const { executedAtMs, microseconds, microsecondsAfter } = transaction;
  const ownMs = microseconds / 1000;
  const endedAtMs = Math.min(executedAtMs, Math.max(executedAtMs - microsecondsAfter / 1000, startedAtMs + ownMs));
  return { began: nanoseconds(endedAtMs - ownMs), ended: nanoseconds(endedAtMs) };
}

function child(
  parent: Parent,
  spanId: string,
  name: string,
  kind: SpanKind,
  start: string,
  end: string,
  attributes: Attributes,
): string {
  return spanText({ traceId: parent.traceId, spanId }, parent.spanId, name, kind, start, end, attributes);
}
