import type { PageParams } from "../client/methods.ts";
import { EngineError } from "../errors.ts";

/** What the front end bounds. Operational: none of it can change a receipt. */
export interface FrontLimits {
  /** Transactions in one tx_submitBatch or tx_simulate, requests in one JSON-RPC array. Others allow 10 to 1,000. */
  readonly batchMax: number;
  /** One line or binary frame. Holds a block_execute of 100,000 transfers; checked while buffering. */
  readonly frameBytesMax: number;
  readonly httpBodyBytesMax: number;
  /** Requests of one connection that are not answered yet; past it the connection is not read. */
  readonly inFlightMax: number;
  /** Their bytes: two frames of the largest size, so that one can be read while another runs. */
  readonly inFlightBytesMax: number;
  /** Answers that a client has not read yet. A connection that stays above it for `unreadGraceMs` is closed. */
  readonly unreadAnswersBytesMax: number;
  /** A client that reads at all takes 64 MiB from a Unix socket in well under a second. */
  readonly unreadGraceMs: number;
  readonly connectionsMax: number;
  /** Subscriptions of one connection, and of all. */
  readonly connectionSubscriptionsMax: number;
  readonly subscriptionsMax: number;
  /** Events that a subscriber was sent and has not read. One that stays above it for `unreadGraceMs` is dropped. */
  readonly subscriberQueueBytesMax: number;
  /** Gas of one query; also what a query gets that states no limit. */
  readonly queryGasMax: number;
  /** Items of one page, and how many come when the request does not say. */
  readonly pageMax: number;
  readonly pageDefault: number;
}

const MiB = 1024 * 1024;

export const DEFAULT_FRONT_LIMITS: FrontLimits = {
  batchMax: 1_000,
  frameBytesMax: 32 * MiB,
  httpBodyBytesMax: 4 * MiB,
  inFlightMax: 256,
  inFlightBytesMax: 64 * MiB,
  unreadAnswersBytesMax: 64 * MiB,
  unreadGraceMs: 10_000,
  connectionsMax: 1_024,
  connectionSubscriptionsMax: 64,
  subscriptionsMax: 4_096,
  subscriberQueueBytesMax: MiB / 2,
  queryGasMax: 10_000_000_000,
  pageMax: 1_000,
  pageDefault: 100,
};

/** @throws EngineError LIMIT_EXCEEDED naming the limit as engine_info publishes it. */
function refuseOver(limit: keyof FrontLimits, max: number, received: number | string, message: string): void {
  if (Number(received) > max) throw new EngineError("LIMIT_EXCEEDED", message, { limit, max, received });
}

export function checkBatchSize(count: number, batchMax: number): void {
  refuseOver("batchMax", batchMax, count, `a batch has at most ${batchMax} entries, this one ${count}`);
}

export function checkQueryGas(gasLimit: number | string, queryGasMax: number): void {
  refuseOver(
    "queryGasMax",
    queryGasMax,
    gasLimit,
    `a query may use at most ${queryGasMax} gas, this one asks for ${gasLimit}`,
  );
}

/** How many items a page has. @throws EngineError LIMIT_EXCEEDED */
export function pageSize({ limit }: PageParams, { pageMax, pageDefault }: FrontLimits): number {
  if (limit !== undefined)
    refuseOver("pageMax", pageMax, limit, `a page has at most ${pageMax} items, ${limit} were asked for`);
  return limit ?? pageDefault;
}
