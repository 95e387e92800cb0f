/**
 * What a query for logs or executions looks for: as fingerprints to find candidate blocks by, and as bytes to verify them.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { TransactionKind } from "../encoding/transaction.ts";
import { addressFingerprint, topicFingerprint } from "./postings.ts";
import { contractAddressAt, hasBytesAt, LogWalker, packedBytes, packedEnd } from "./receipt-logs.ts";

/** Whichever of these; one value, or several of which any will do. */
export type AnyOf = Uint8Array | readonly Uint8Array[];

export interface LogCriteria {
  /** Address of the contract that logged, 20 bytes. */
  address?: AnyOf | undefined;
  /** By position; null, undefined and an empty list let any topic pass. A log with fewer topics does not match. */
  topics?: readonly (AnyOf | null | undefined)[] | undefined;
}

const TO_AT = 44;

export class LogFilter {
  /** A block with a match has at least one fingerprint of every list. */
  readonly fingerprints: readonly (readonly number[])[];
  readonly #addresses: readonly Uint8Array[];
  /** Packed, by position. */
  readonly #topics: readonly (readonly Uint8Array[])[];
  readonly #logs = new LogWalker();

  constructor(criteria: LogCriteria) {
    this.#addresses = listOf(criteria.address);
    this.#topics = (criteria.topics ?? []).map((topic) => listOf(topic).map(packedBytes));
    const ofAddresses = this.#addresses.map((address) => addressFingerprint(address, 0));
    const ofTopics = this.#topics.map((topics, i) =>
      topics.map((topic) => topicFingerprint(i, topic, 0, topic.length)),
    );
    this.fingerprints = [ofAddresses, ...ofTopics].filter((list) => list.length > 0);
  }

  /** Indexes, within their receipt, of the logs that match. */
  matches(entry: BlockEntry, transactionIndex: number): number[] {
    const found: number[] = [];
    this.#logs.open(entry.bytes, entry.receiptAt(transactionIndex));
    for (let i = 0; this.#logs.next(); i++) if (this.#isMatch(entry.bytes)) found.push(i);
    return found;
  }

  #isMatch(bytes: Uint8Array): boolean {
    const { addressAt, topicCount, topicsAt } = this.#logs;
    if (topicCount < this.#topics.length || !hasAny(bytes, addressAt, this.#addresses)) return false;
    let at = topicsAt;
    for (const topics of this.#topics) {
      if (!hasAny(bytes, at, topics)) return false;
      at = packedEnd(bytes, at);
    }
    return true;
  }
}

/**
 * Transactions that called a contract, made it, or in which it logged. A receipt holds no calls between contracts: one that
 * logged nothing is known to its trace alone.
 */
export class ExecutionFilter {
  readonly #contract: Uint8Array;
  readonly #logs = new LogWalker();

  constructor(contract: Uint8Array) {
    this.#contract = contract;
  }

  matches(entry: BlockEntry, transactionIndex: number): boolean {
    const { bytes } = entry;
    const at = entry.transactionAt(transactionIndex);
    if (bytes[at] !== TransactionKind.deploy && hasBytesAt(bytes, at + TO_AT, this.#contract)) return true;
    const receiptAt = entry.receiptAt(transactionIndex);
    const madeAt = contractAddressAt(bytes, receiptAt);
    if (madeAt >= 0 && hasBytesAt(bytes, madeAt, this.#contract)) return true;
    this.#logs.open(bytes, receiptAt);
    while (this.#logs.next()) if (hasBytesAt(bytes, this.#logs.addressAt, this.#contract)) return true;
    return false;
  }
}

/** An empty list lets everything pass. */
function hasAny(bytes: Uint8Array, at: number, values: readonly Uint8Array[]): boolean {
  return values.length === 0 || values.some((value) => hasBytesAt(bytes, at, value));
}

function listOf(any: AnyOf | null | undefined): readonly Uint8Array[] {
  if (any === null || any === undefined) return [];
  return any instanceof Uint8Array ? [any] : any;
}
