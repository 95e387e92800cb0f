/** What a subscriber wants to hear of: checked once, then matched against blocks. */
import { createHash } from "node:crypto";
import type { EventSelectionJson, EventType } from "../../client/methods.ts";
import type { BlockEntry } from "../../encoding/block-entry.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import { fromHex, toHex } from "../../encoding/hex.ts";
import { requireAddress } from "../method.ts";
import type { EventLog, EventMatcher } from "../services.ts";
import { parseTopics } from "../topics.ts";
import { invalid } from "../validate.ts";

/** One event of a block, by what it is of: the block itself, a transaction's receipt, or one of its logs. */
export interface SelectedEvent {
  readonly type: Exclude<EventType, "jobs">;
  /** Its place among all events of the block: the block, then each receipt with its logs behind it. */
  readonly event: number;
  readonly transaction: number;
  readonly log: number;
}

export class Selection {
  /** Equal for equal selections: what is made for one serves all. */
  readonly key: string;
  /** Address of the contract whose jobs are wanted; undefined for all. */
  readonly contract: string | undefined;
  readonly #types: ReadonlySet<EventType>;
  readonly #matcher: EventMatcher;
  readonly #transactionHash: Uint8Array | undefined;
  readonly #isFiltered: boolean;

  /** @throws RejectedError VALIDATION_ERROR for a filter that fits none of the types, INVALID_ADDRESS. */
  constructor({ types, address, topics, transactionHash }: EventSelectionJson, log: EventLog) {
    this.#types = new Set(types);
    const bytes = address === undefined ? undefined : requireAddress(address, "address");
    this.#refuseUseless("topics", topics, ["logs"]);
    this.#refuseUseless("address", address, ["logs", "receipts", "jobs"]);
    this.#refuseUseless("transactionHash", transactionHash, ["logs", "receipts"]);
    this.contract = bytes && toHex(bytes);
    this.#matcher = log.matcher({ address: bytes, topics: topics && parseTopics(topics) });
    this.#transactionHash = transactionHash === undefined ? undefined : fromHex(transactionHash)!;
    this.#isFiltered = address !== undefined || (topics?.length ?? 0) > 0;
    const canonical = JSON.stringify([[...this.#types].sort(), this.contract, topics, transactionHash?.toLowerCase()]);
    this.key = createHash("sha256").update(canonical).digest("base64url");
  }

  #refuseUseless(name: string, value: unknown, types: readonly EventType[]): void {
    if (value === undefined || types.some((type) => this.#types.has(type))) return;
    throw invalid(name, `no ${name} without the type ${types.join(" or ")}`, value);
  }

  has(type: EventType): boolean {
    return this.#types.has(type);
  }

  /** Whether anything of the log is wanted. */
  get hasChain(): boolean {
    return this.has("newBlocks") || this.needsBody;
  }

  /** Whether a block's header does not say it all. */
  get needsBody(): boolean {
    return this.has("logs") || this.has("receipts");
  }

  /** The events of a block that match, in their order. */
  select(block: BlockEntry): SelectedEvent[] {
    const found: SelectedEvent[] = [];
    if (this.has("newBlocks")) found.push({ type: "newBlocks", event: 0, transaction: -1, log: -1 });
    if (!this.needsBody) return found;
    let event = 1;
    for (let transaction = 0; transaction < block.transactionCount; transaction++) {
      if (this.#wants(block, transaction)) this.#selectOf(block, transaction, event, found);
      event += 1 + logCount(block, transaction);
    }
    return found;
  }

  #wants(block: BlockEntry, transaction: number): boolean {
    return this.#transactionHash === undefined || equalBytes(block.transactionHash(transaction), this.#transactionHash);
  }

  #selectOf(block: BlockEntry, transaction: number, event: number, found: SelectedEvent[]): void {
    if (this.has("receipts") && this.#matcher.touches(block, transaction))
      found.push({ type: "receipts", event, transaction, log: -1 });
    if (!this.has("logs")) return;
    if (this.#isFiltered)
      for (const log of this.#matcher.logs(block, transaction))
        found.push({ type: "logs", event: event + 1 + log, transaction, log });
    else
      for (let log = 0; log < logCount(block, transaction); log++)
        found.push({ type: "logs", event: event + 1 + log, transaction, log });
  }
}

/** How many events a block has in all. */
export function eventCount(block: BlockEntry): number {
  let count = 1 + block.transactionCount;
  for (let transaction = 0; transaction < block.transactionCount; transaction++) count += logCount(block, transaction);
  return count;
}

function logCount(block: BlockEntry, transaction: number): number {
  const at = block.receiptAt(transaction) + 4;
  const { bytes } = block;
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
