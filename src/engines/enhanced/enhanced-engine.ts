/**
 * EnhancedContractEngine: wraps whatever runs queries, of contracts of any kind, with a result cache.
 *
 *   query ─▶ ResultCache ── hit ──▶ answered at once
 *               │ miss               one run for all who ask the same meanwhile
 *               ▼
 *            QueryRunner (executor's thread) ──▶ answer and its reads ──▶ ResultCache
 *   durable block ── committed ──▶ WriteVersions
 *
 * It stands on the thread of the sockets: a hit there costs a map's lookup and no change of thread, and every durable
 * block passes there before anyone hears of it, so that nobody is answered from before the receipt that they have.
 * Always
 *  - An answer from here, cached or not, is never older than the last entry that was committed when it was asked for, nor
 *    than what its asker has submitted before or has a receipt of, durable or not.
 *  - `bypass` runs the query, whatever is cached or on its way.
 */
import type { BlockEntry } from "../../encoding/block-entry.ts";
import { ByteWriter } from "../../encoding/bytes.ts";
import type { QueryAnswer } from "../../encoding/query-answer.ts";
import { BodyForm, TX_HEADER_BYTES } from "../../encoding/transaction.ts";
import { EngineError } from "../../errors.ts";
import { contractOf, entrypointOf, FORM_AT, type QueryKey, queryKey, setGasLimit, TO_AT } from "./query-key.ts";
import { type QueryCounts, QueryStatistics } from "./query-statistics.ts";
import { type CachedAnswer, ResultCache, type ResultCacheOptions } from "./result-cache.ts";

export type EncodeQuery = (out: ByteWriter) => number;

export interface QuerySink {
  settle(answer: QueryAnswer): void;
  fail(error: EngineError): void;
}

/**
 * What runs queries. @throws from `submit` what `encode` throws, and EngineError BUSY; nothing was queued then.
 * `followsWrites`: the answer has to show what the asker submitted before it, answered or not.
 */
export interface QueryRunner {
  submit(encode: EncodeQuery, sink: QuerySink, followsWrites: boolean): void;
}

export interface EnhancedEngineOptions extends ResultCacheOptions {
  /** Gas that every query gets, whatever limit it states; undefined: its own. */
  gasForced?: number | undefined;
  /** Answers that are hardly ever asked for again are not kept. */
  optimize?: boolean | undefined;
  /** Something was submitted that is not durable yet: a query run now is answered after it, a cached answer would be from before. */
  hasWrites?(): boolean;
  /** Someone has the receipt of a block that is executed and not durable yet. */
  hasEarlyReceipts?(): boolean;
  /** Height of the last durable block. */
  blockHeight(): number;
}

/** A query that is being run, and who else waits for the same answer. */
interface Flight {
  readonly gasLimit: number;
  waiting: { sink: QuerySink; since: number; encoded: Uint8Array }[] | undefined;
}

/** Questions of an entrypoint that were looked up before it is judged; it is hardly hit when fewer than one in HIT_EVERY hit. */
const JUDGED_FROM = 512;
const HIT_EVERY = 100;
/** One question in so many is looked up and kept all the same, so that a change is noticed. */
const LOOKED_UP_ANYWAY = 16;
/** Equal to no query. */
const NO_CALL = new Uint8Array(0);

/** Queries that may wait for an answer which another is fetching. */
const JOINED_MAX = 65_536;

export class EnhancedContractEngine {
  readonly cache: ResultCache;
  readonly statistics = new QueryStatistics();
  readonly #runner: QueryRunner;
  readonly #options: EnhancedEngineOptions;
  readonly #flights = new Map<string, Flight>();
  readonly #scratch = new ByteWriter(4096);
  #joined = 0;
  /** Contract and entrypoint that was counted last, as a query has them, and its counts: most queries are like the one before. */
  #lastCall: Uint8Array = NO_CALL;
  #lastCounts: QueryCounts | undefined;

  constructor(options: EnhancedEngineOptions, runner: QueryRunner) {
    this.#options = options;
    this.#runner = runner;
    this.cache = new ResultCache(options);
  }

  /** The next durable entry of the log, before anyone is told of it. */
  committed(entry: BlockEntry): void {
    this.cache.committed(entry);
  }

  /** One read-only call. @throws what `encode` throws, and EngineError BUSY; `sink` is then not used. */
  query(encode: EncodeQuery, sink: QuerySink, bypass: boolean, followsWrites = true): void {
    const encoded = this.#encoded(encode);
    const { hasWrites, hasEarlyReceipts } = this.#options;
    const follows = followsWrites || hasEarlyReceipts?.() === true;
    if (!bypass && this.#isNotWorthLooking(encoded)) {
      this.#runAlone(encoded, this.#lastCounts!, sink, follows);
      return;
    }
    const key = queryKey(encoded);
    if (!bypass && !(follows && hasWrites?.() === true)) {
      const hit = this.cache.lookup(key);
      if (hit !== undefined) {
        judge(hit.counts, true);
        sink.settle(this.#answered(hit));
        return;
      }
      const flight = this.#flights.get(key.text);
      if (flight !== undefined && flight.gasLimit === key.gasLimit) {
        this.#join(flight, sink, encoded);
        return;
      }
    }
    this.#run(key, Uint8Array.from(encoded), sink, bypass, follows);
  }

  /** The answer of a cached query, by a key made before (`queryKey`); undefined when it must be run. */
  lookup(key: QueryKey): QueryAnswer | undefined {
    const hit = this.cache.lookup(key);
    return hit === undefined ? undefined : this.#answered(hit);
  }

  #encoded(encode: EncodeQuery): Buffer {
    const scratch = this.#scratch;
    scratch.length = 0;
    encode(scratch);
    const { gasForced } = this.#options;
    if (gasForced !== undefined) setGasLimit(scratch.bytes, gasForced);
    return Buffer.from(scratch.bytes.buffer, 0, scratch.length);
  }

  #answered(hit: CachedAnswer): QueryAnswer {
    hit.counts.hits++;
    return {
      status: hit.status,
      haltReason: undefined,
      gasUsed: hit.gasUsed,
      returnData: hit.returnData,
      seq: this.cache.seq,
      blockHeight: this.#options.blockHeight(),
      rejection: undefined,
      reads: undefined,
      cached: true,
      ageMs: this.#options.nowMs() - hit.storedAtMs,
    };
  }

  #join(flight: Flight, sink: QuerySink, encoded: Buffer): void {
    if (this.#joined >= JOINED_MAX)
      throw new EngineError("BUSY", `${this.#joined} queries wait for answers that are on their way`, {
        retryAfterMs: 50,
      });
    this.#joined++;
    flight.waiting ??= [];
    flight.waiting.push({ sink, since: this.cache.seq, encoded: Uint8Array.from(encoded) });
  }

  #run(key: QueryKey, encoded: Uint8Array, sink: QuerySink, bypass: boolean, followsWrites = false): void {
    const startedAt = this.#options.nowMs();
    const flight: Flight = { gasLimit: key.gasLimit, waiting: undefined };
    const isShared = !this.#flights.has(key.text);
    const encode = (out: ByteWriter) => {
      out.copy(encoded, 0, encoded.length);
      return 1;
    };
    // Before it is handed on: its answer may come at once.
    if (isShared) this.#flights.set(key.text, flight);
    try {
      this.#runner.submit(
        encode,
        {
          settle: (answer) => {
            if (isShared) this.#flights.delete(key.text);
            const counts = this.#count(encoded, answer, this.#options.nowMs() - startedAt, bypass);
            if (answer.reads !== undefined && counts !== undefined) this.cache.store(key, answer, answer.reads, counts);
            sink.settle(answer);
            this.#land(flight, answer, counts);
          },
          fail: (problem) => {
            if (isShared) this.#flights.delete(key.text);
            sink.fail(problem);
            for (const waiting of flight.waiting ?? []) {
              this.#joined--;
              waiting.sink.fail(problem);
            }
          },
        },
        followsWrites,
      );
    } catch (problem) {
      if (isShared) this.#flights.delete(key.text);
      throw problem;
    }
  }

  /** Answers who has waited. Who has heard of a later block than the one that answered asks again, alone. */
  #land(flight: Flight, answer: QueryAnswer, counts: QueryCounts | undefined): void {
    for (const { sink, since, encoded } of flight.waiting ?? []) {
      this.#joined--;
      if (answer.seq >= since) {
        if (counts !== undefined) counts.joined++;
        sink.settle(answer);
        continue;
      }
      try {
        this.#run(queryKey(Buffer.from(encoded)), encoded, sink, false);
      } catch (problem) {
        sink.fail(problem as EngineError);
      }
    }
  }

  /** Whether the cache hardly ever has an answer for the contract and entrypoint of a query, and this is not one to try. */
  #isNotWorthLooking(encoded: Buffer): boolean {
    const counts = this.#lastCounts;
    if (this.#options.optimize !== true || counts === undefined || !isHardlyHit(counts)) return false;
    const last = this.#lastCall;
    for (let i = 0; i < last.length; i++) if (encoded[TO_AT + i] !== last[i]) return false;
    return counts.misses % LOOKED_UP_ANYWAY !== 0;
  }

  /** A query whose answer is neither looked for nor kept. */
  #runAlone(encoded: Buffer, counts: QueryCounts, sink: QuerySink, followsWrites: boolean): void {
    const startedAt = this.#options.nowMs();
    const encode = (out: ByteWriter) => {
      out.copy(encoded, 0, encoded.length);
      return 1;
    };
    const settle = (answer: QueryAnswer) => {
      if (answer.rejection === undefined) this.#add(counts, answer, this.#options.nowMs() - startedAt, false);
      sink.settle(answer);
    };
    this.#runner.submit(encode, { settle, fail: (problem) => sink.fail(problem) }, followsWrites);
  }

  /** What `optimize` does now, and why. */
  optimizations(): { what: "answersNotKept"; contract: string; entrypoint: string; hits: number; misses: number }[] {
    if (this.#options.optimize !== true || this.cache.entriesMax === 0) return [];
    return this.statistics
      .all()
      .filter(isHardlyHit)
      .map(({ contract, entrypoint, hits, misses }) => ({
        what: "answersNotKept",
        contract: `0x${Buffer.from(contract, "latin1").toString("hex")}`,
        entrypoint,
        hits,
        misses,
      }));
  }

  /** Of a query that was run. What was refused names no entrypoint that exists, and is not counted. */
  #count(encoded: Uint8Array, answer: QueryAnswer, runMs: number, bypass: boolean): QueryCounts | undefined {
    if (answer.rejection !== undefined) return undefined;
    const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length);
    const counts = this.statistics.of(contractOf(bytes), entrypointOf(bytes));
    if (counts !== this.#lastCounts) {
      const isNamed = bytes[FORM_AT] === BodyForm.entrypoint;
      this.#lastCall = isNamed ? bytes.subarray(TO_AT, TX_HEADER_BYTES + 1 + bytes[TX_HEADER_BYTES]!) : NO_CALL;
      this.#lastCounts = isNamed ? counts : undefined;
    }
    if (!bypass) judge(counts, false);
    this.#add(counts, answer, runMs, bypass);
    return counts;
  }

  #add(counts: QueryCounts, answer: QueryAnswer, runMs: number, bypass: boolean): void {
    if (bypass) counts.bypassed++;
    else counts.misses++;
    if (answer.status === "reverted") counts.reverted++;
    if (answer.status === "halted") counts.halted++;
    counts.gasUsed += answer.gasUsed;
    counts.runMs += runMs;
    if (answer.reads !== undefined) {
      counts.reads += answer.reads.count;
      counts.repeatedReads += answer.reads.repeated;
    }
  }
}

function isHardlyHit({ judged, judgedHits }: QueryCounts): boolean {
  return judged >= JUDGED_FROM && judgedHits * HIT_EVERY < judged;
}

/** Of a question that was looked up. What was long ago counts ever less. */
function judge(counts: QueryCounts, isHit: boolean): void {
  counts.judged++;
  if (isHit) counts.judgedHits++;
  if (counts.judged < 2 * JUDGED_FROM) return;
  counts.judged /= 2;
  counts.judgedHits /= 2;
}
