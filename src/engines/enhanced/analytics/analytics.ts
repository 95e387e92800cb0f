/**
 * Analytics: who executed what, how it went and what it cost, by contract, entrypoint and caller. Another follower of the
 * log: everything but the times follows from it, so that what a crash takes is counted again from the journal.
 *
 *   log entry, times of its transactions ── add ──▶ Track a contract, an entrypoint, a caller; Series a contract
 *   record ──▶ a file, with the seq that it is as of        (analytics-follower.ts)
 * Always
 *  - Each entry of the log counts once. What a rollback took back was executed, and stays counted; the state that it had
 *    made is there no more, and is not.
 *  - Bounded: CONTRACTS_MAX contracts, of which the one executed longest ago is forgotten first.
 */
import { LRUCache } from "lru-cache";
import { type BlockEntry, ENTRY_HEADER_BYTES } from "../../../encoding/block-entry.ts";
import { readU32, readU64 } from "../../../encoding/bytes.ts";
import type { Laps } from "../../../encoding/laps.ts";
import { RECEIPT_HEADER_BYTES } from "../../../encoding/receipt.ts";
import { ADDRESS_BYTES } from "../../../encoding/state-key.ts";
import { BodyForm, TransactionKind, TX_HEADER_BYTES } from "../../../encoding/transaction.ts";
import { entrypointOf } from "../query-key.ts";
import { Callers } from "./callers.ts";
import { ContractAnalytics, type ContractFile, DEPLOYMENT, UPGRADE } from "./contract-record.ts";
import { COUNT_NUMBERS, CountNumber, type ExecutionCounter } from "./execution-counter.ts";
import { failureReason } from "./failure-reason.ts";
import { Series } from "./series.ts";
import { GROWTH_NUMBERS, stateGrowth } from "./state-growth.ts";
import { type Execution, Track, type TrackRecord } from "./track.ts";

/** Up to 170 KB each, mostly a tenth of it. */
const CONTRACTS_MAX = 1_000;
const HASH_BYTES = 32;
const HAS_ADDRESS = 1;
const SENDER_AT = 24;
const TO_AT = 44;
const STATUSES = [undefined, "success", "reverted", "halted"] as const;
/** Equal to no call. */
const NO_CALL = new Uint8Array(0);
const GROWTHS = 64;

export interface AnalyticsFile {
  seq: number;
  headTimeMs: number;
  /** Counted from genesis on, and no contract was forgotten. */
  isWhole?: boolean;
  /** Of contracts that were forgotten. */
  forgotten: TrackRecord;
  series: ReturnType<Series["record"]>;
  contracts: ContractFile[];
  callers: ReturnType<Callers["record"]>;
  rollbacks: number;
}

export class Analytics {
  /** Of contracts that were forgotten. */
  readonly #forgotten: Track;
  readonly series: Series;
  readonly callers: Callers;
  readonly #contracts: LRUCache<string, ContractAnalytics>;
  #seq: number;
  /** Counted from genesis on, and no contract was forgotten: then the state of each is known from its beginning. */
  #isWhole: boolean;
  /** Time of the newest block. */
  headTimeMs: number;
  /** How many rollbacks there were. */
  rollbacks: number;
  /** What the transaction before called. */
  #lastCall: Uint8Array = NO_CALL;
  #lastContract: ContractAnalytics | undefined;
  #lastTrack: Track | undefined;
  #lastTouched: ContractAnalytics | undefined;
  /** Contracts that the running entry ran or changed. */
  readonly #touched = new Set<ContractAnalytics>();
  readonly #counter: ExecutionCounter | undefined;
  /** Where in the running entry counting is (CountNumber). */
  readonly #progress = new Float64Array(COUNT_NUMBERS);
  #laps = new Float64Array(64);
  #growth = new Float64Array(GROWTHS * GROWTH_NUMBERS);
  readonly #execution: Execution = { status: "success", gasUsed: 0, gasLimit: 0, timeUs: undefined };

  /**
   * @param afterSeq where counting begins without a file: -1, or before the first entry that the log has.
   * @param counter counts natively.
   */
  constructor(file?: AnalyticsFile, afterSeq = -1, counter?: ExecutionCounter) {
    this.#counter = counter;
    this.#seq = file?.seq ?? afterSeq;
    this.#isWhole = file === undefined ? afterSeq === -1 : file.isWhole === true;
    this.headTimeMs = file?.headTimeMs ?? 0;
    this.rollbacks = file?.rollbacks ?? 0;
    this.#forgotten = file === undefined ? new Track() : Track.from(file.forgotten);
    this.series = new Series(file?.series);
    this.callers = new Callers(file?.callers);
    this.#contracts = new LRUCache({
      max: CONTRACTS_MAX,
      dispose: (contract) => {
        this.#isWhole = false;
        this.#forgotten.include(contract.track(this.headTimeMs), this.headTimeMs);
        if (contract === this.#lastContract) this.#lastContract = undefined;
      },
    });
    for (const contract of file?.contracts ?? []) {
      const address = Buffer.from(contract.address, "hex").toString("latin1");
      this.#contracts.set(address, ContractAnalytics.from(address, contract));
    }
  }

  record(): AnalyticsFile {
    return {
      seq: this.#seq,
      headTimeMs: this.headTimeMs,
      isWhole: this.#isWhole,
      forgotten: this.#forgotten.record(),
      series: this.series.record(),
      // From the one executed longest ago on, as the cache wants them back.
      contracts: this.contracts()
        .reverse()
        .map((contract) => contract.record()),
      callers: this.callers.record(),
      rollbacks: this.rollbacks,
    };
  }

  /** Of all executions of contracts, deployments among them. */
  track(): Track {
    const tracks = this.contracts().map((contract) => contract.track(this.headTimeMs));
    return Track.sum([this.#forgotten, ...tracks], this.headTimeMs);
  }

  /** The last entry that is counted. */
  get seq(): number {
    return this.#seq;
  }

  contract(address: Uint8Array): ContractAnalytics | undefined {
    return this.#contracts.peek(Buffer.from(address).toString("latin1"));
  }

  contracts(): ContractAnalytics[] {
    return [...this.#contracts.values()];
  }

  /** The next entry, a rollback: `undone` is what it takes back, as far as it was counted. */
  rollBack(entry: BlockEntry, undone: readonly BlockEntry[]): void {
    this.#seq = entry.seq;
    this.rollbacks++;
    this.headTimeMs = entry.timestampMs;
    for (const { delta } of undone) this.#addGrowth(delta, -1);
    this.#endEntry(this.headTimeMs);
  }

  /** The next entry, a block. @param laps none: its transactions were not timed. */
  add(entry: BlockEntry, laps: Laps = []): void {
    this.#seq = entry.seq;
    const { transactionCount, timestampMs } = entry;
    this.headTimeMs = Math.max(this.headTimeMs, timestampMs);
    const bytes = Buffer.from(entry.bytes.buffer, entry.bytes.byteOffset, entry.bytes.length);
    const offsetsAt = ENTRY_HEADER_BYTES + HASH_BYTES * transactionCount;
    const transactionsAt = offsetsAt + 8 * transactionCount;
    const receiptsAt = transactionCount === 0 ? 0 : entry.receiptAt(0);
    const progress = this.#progress;
    progress[CountNumber.next] = 0;
    progress[CountNumber.lap] = 0;
    progress[CountNumber.lapNumbers] = laps.length;
    progress[CountNumber.atMs] = timestampMs;
    if (laps.length > this.#laps.length) this.#laps = new Float64Array(2 * laps.length);
    for (let i = 0; i < laps.length; i++) this.#laps[i] = laps[i]!;
    for (let i = 0; i < transactionCount; i = progress[CountNumber.next]! | 0) {
      const at = transactionsAt + readU32(bytes, offsetsAt + 4 * i);
      const receiptAt = receiptsAt + readU32(bytes, offsetsAt + 4 * (transactionCount + i));
      const isLast = this.#isLast(bytes, at);
      if (isLast && this.#countRun(entry.bytes, i)) continue;
      if (isLast || this.#find(bytes, at, receiptAt))
        this.#addTransaction(bytes, at, receiptAt, timestampMs, this.#timeOf(laps, i));
      progress[CountNumber.next] = i + 1;
    }
    this.#addGrowth(entry.delta, 1);
    this.#endEntry(timestampMs);
  }

  #endEntry(atMs: number): void {
    for (const contract of this.#touched) contract.endEntry(atMs, this.series);
    this.#touched.clear();
    this.#lastTouched = undefined;
  }

  /** @param laps that end before the transaction at `index` are passed. Undefined when it was not timed. */
  #timeOf(laps: Laps, index: number): number | undefined {
    const progress = this.#progress;
    let lap = progress[CountNumber.lap]!;
    while (lap < laps.length && index >= laps[lap]!) lap += 2;
    progress[CountNumber.lap] = lap;
    return laps[lap + 1];
  }

  /** Counts what it can from the transaction at `from` on, which is like the one before. Answers false when that was nothing. */
  #countRun(entry: Uint8Array, from: number): boolean {
    const progress = this.#progress;
    const track = this.#lastTrack!;
    const { numbers, bins } = track.memory;
    if (this.#counter === undefined || bins === undefined) return false;
    const atMs = progress[CountNumber.atMs]!;
    track.advance(atMs);
    this.#counter.countRun(entry, this.#lastCall, this.#laps, progress, { numbers, bins }, this.callers.memory);
    const counted = progress[CountNumber.next]! - from;
    if (counted === 0) return false;
    this.#touch(this.#lastContract!);
    this.#lastContract!.counted(counted, progress[CountNumber.gasUsed]!, atMs);
    return true;
  }

  #addTransaction(bytes: Buffer, at: number, receiptAt: number, atMs: number, timeUs: number | undefined): void {
    const contract = this.#lastContract!;
    const execution = this.#execution;
    execution.status = STATUSES[bytes[receiptAt]!]!;
    execution.gasUsed = readU64(bytes, receiptAt + 8);
    execution.gasLimit = readU64(bytes, at + 16);
    execution.timeUs = timeUs;
    contract.executed(this.#lastTrack!, execution, atMs);
    this.#touch(contract);
    if (execution.status !== "success") contract.failed(failureReason(bytes, receiptAt));
    this.callers.add(bytes, at + SENDER_AT, execution, atMs);
  }

  /** It is executed: the last to be forgotten. */
  #touch(contract: ContractAnalytics): void {
    if (this.#lastTouched === contract) return;
    this.#lastTouched = contract;
    this.#touched.add(contract);
    this.#contracts.get(contract.address);
  }

  /** Whether this call is of the contract and entrypoint of the one before: most are, and need not be looked up. */
  #isLast(bytes: Buffer, at: number): boolean {
    const last = this.#lastCall;
    if (last.length === 0 || this.#lastContract === undefined || bytes[at] !== TransactionKind.call) return false;
    if (bytes[at + 2] !== BodyForm.entrypoint) return false;
    for (let i = 0; i < last.length; i++) if (last[i] !== bytes[at + TO_AT + i]) return false;
    return true;
  }

  /** Finds contract and entrypoint; false where there is none. */
  #find(bytes: Buffer, at: number, receiptAt: number): boolean {
    const contract = this.#contractOf(bytes, at, receiptAt);
    if (contract === undefined) return false;
    this.#lastContract = contract;
    this.#lastTrack = contract.entrypoint(nameOf(bytes, at));
    // Address, and the name with its length: the body of a call by entrypoint begins with them.
    const isNamed = bytes[at] === TransactionKind.call && bytes[at + 2] === BodyForm.entrypoint;
    const end = at + TX_HEADER_BYTES + 1 + bytes[at + TX_HEADER_BYTES]!;
    this.#lastCall = isNamed ? new Uint8Array(bytes.subarray(at + TO_AT, end)) : NO_CALL;
    return true;
  }

  /** The contract that a transaction ran or made; undefined for native value, and for changes of a contract's record. */
  #contractOf(bytes: Buffer, at: number, receiptAt: number): ContractAnalytics | undefined {
    switch (bytes[at]) {
      case TransactionKind.deploy:
        return (bytes[receiptAt + 2]! & HAS_ADDRESS) !== 0
          ? this.#contract(bytes, receiptAt + RECEIPT_HEADER_BYTES, true)
          : undefined;
      case TransactionKind.call:
        if (bytes[at + 2] === BodyForm.none && !this.#isKnown(bytes, at + TO_AT)) return undefined;
        return this.#contract(bytes, at + TO_AT);
      case TransactionKind.upgrade:
        return this.#contract(bytes, at + TO_AT);
      default:
        return undefined;
    }
  }

  #isKnown(bytes: Buffer, at: number): boolean {
    return this.#contracts.has(bytes.toString("latin1", at, at + ADDRESS_BYTES));
  }

  /** @param isNew it has no state from before. */
  #contract(bytes: Buffer, at: number, isNew = false): ContractAnalytics {
    const address = bytes.toString("latin1", at, at + ADDRESS_BYTES);
    let contract = this.#contracts.peek(address);
    if (contract === undefined) {
      contract = new ContractAnalytics(address, isNew || this.#isWhole);
      this.#contracts.set(address, contract);
    }
    return contract;
  }

  /** What a block made of each contract's state, those that others call or make among them. @param sign -1: it is taken back. */
  #addGrowth(delta: Uint8Array, sign: 1 | -1): void {
    const bytes = Buffer.from(delta.buffer, delta.byteOffset, delta.length);
    const growth = this.#counter?.stateGrowth ?? stateGrowth;
    const count = growth(delta, this.#growth);
    if (count * GROWTH_NUMBERS > this.#growth.length) {
      this.#growth = new Float64Array(count * GROWTH_NUMBERS);
      growth(delta, this.#growth);
    }
    for (let i = 0; i < count; i++) {
      const [prefixAt, stateBytes, stateKeys] = this.#growth.subarray(GROWTH_NUMBERS * i);
      const contract = this.#contract(bytes, prefixAt! + 1);
      contract.grew(sign * stateBytes!, sign * stateKeys!);
      this.#touched.add(contract);
    }
  }
}

function nameOf(bytes: Buffer, at: number): string {
  if (bytes[at] === TransactionKind.deploy) return DEPLOYMENT;
  if (bytes[at] === TransactionKind.upgrade) return UPGRADE;
  return bytes[at + 2] === BodyForm.none ? "(value)" : entrypointOf(bytes, at);
}
