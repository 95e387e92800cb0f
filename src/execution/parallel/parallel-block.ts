/**
 * ParallelBlock: runs transactions of a block on helpers ahead of the executor, and gives it their outcomes in order.
 *   block ── planBlock ──▶ shares ──▶ helpers ── records ──▶ Lane.adopt, in the order of the block ──▶ receipts, delta
 *                            └─ the rest ──▶ the executor, meanwhile
 * Where it is known what the next block will be made of, helpers begin with it while the executor seals the one before.
 * Always
 *  - Receipts, delta and root are those of running everything here, in order: what a helper did counts only where it saw the
 *    values that the order gives. Clocks and helpers decide how long a block takes, and nothing else.
 *  - Where helpers were of little use, some blocks are made without them: twice as many each time.
 *  - Who was done earlier gets more of the next block.
 *  - A contract is divided among threads as long as its calls seldom meet.
 */
import type { ParallelCounts } from "../../encoding/block-entry.ts";
import type { ByteWriter } from "../../encoding/bytes.ts";
import type { Contracts } from "../contracts.ts";
import type { BlockContext } from "../host.ts";
import type { StateTable } from "../state-table.ts";
import { Lane, type Missed } from "./lane.ts";
import { type Plan, type PlannedContract, planBlock } from "./plan.ts";
import type { Speculation, TaskTimes } from "./speculation.ts";

/** Below it, what helpers did was not worth asking them. */
const ADOPTED_SHARE_MIN = 0.5;
const PAUSE_BLOCKS_MAX = 256;
/** Of a call whose contract was not executed in parallel before. */
const GAS_ASSUMED = 30_000;
const CONTRACTS_KNOWN_MAX = 4096;
/**
 * Where more of a divided contract's calls have met, its calls stay together for some blocks: twice as many each time. A call
 * that met costs the executor what it would have cost undivided, and a look; and the helper what it could have done instead.
 */
const CONFLICT_SHARE_MAX = 0.25;
/** Long enough for helpers to rest meanwhile, if that is all that there is for them. */
const TOGETHER_BLOCKS_MAX = 4096;
/** Of what a block says about how the next should be shared out, so much is believed: it may have been disturbed. */
const BELIEVED = 1 / 8;
/** The executor's share is at least this, and at most what is left of a whole by it, of an equal one. */
const SHARE_MIN = 0.5;

/** What earlier blocks have told of a contract. */
interface Known {
  /** Of a call. */
  gas: number;
  /** For so many blocks more its calls stay together. */
  together: number;
  nextTogether: number;
}

/** What helpers were asked for. */
interface Asked {
  readonly batch: Uint8Array;
  readonly parentSeq: number;
  readonly block: BlockContext;
  readonly plan: Plan;
}

export class ParallelBlock {
  readonly #contracts: Contracts;
  readonly #helpers: readonly Speculation[];
  readonly #lanes: readonly Lane[];
  readonly #known = new Map<number, Known>();
  #asked: Asked | undefined;
  /** For the block that comes next. */
  #ahead: Asked | undefined;
  #counts: ParallelCounts = NOTHING;
  /** Blocks after entries before this one are made without helpers. */
  #pausedUntil = 0;
  #nextPause = 1;
  /** Of the gas that is shared out, what the executor keeps. */
  #ownShare: number;
  /** Of the transaction adopted last, as its helper took it. */
  microseconds = 0;

  constructor(modules: { table: StateTable; contracts: Contracts; helpers: readonly Speculation[] }) {
    this.#contracts = modules.contracts;
    this.#helpers = modules.helpers;
    this.#lanes = modules.helpers.map((helper) => new Lane(modules.table, helper));
    this.#ownShare = 1 / (this.#lanes.length + 1);
  }

  /**
   * Shares out a block's transactions, if it is worth it, unless `prepare` did.
   * @param batch canonical encodings, as `prepare` got them if it did; nothing changes them.
   * @returns whether there will be something to adopt.
   */
  begin(batch: Uint8Array, total: number, parentSeq: number, block: BlockContext): boolean {
    const ahead = this.#ahead;
    if (ahead !== undefined && this.#isOf(ahead, batch, parentSeq, block)) {
      this.#ahead = undefined;
      this.#asked = ahead;
    } else {
      this.#giveUpAhead();
      this.#asked = this.#ask(batch, total, parentSeq, block);
    }
    this.#counts = { ...NOTHING };
    return this.#asked !== undefined;
  }

  /** Between `end` of a block and `begin` of the next: has helpers begin with that. */
  prepare(batch: Uint8Array, total: number, parentSeq: number, block: BlockContext): void {
    this.#giveUpAhead();
    this.#ahead = this.#ask(batch, total, parentSeq, block);
  }

  #ask(batch: Uint8Array, total: number, parentSeq: number, block: BlockContext): Asked | undefined {
    if (parentSeq < this.#pausedUntil) return undefined;
    const plan = planBlock(batch, total, {
      contracts: this.#contracts,
      expectedOf: (space) => {
        const { gas, together } = this.#knownOf(space);
        return { gas, isDivisible: together === 0 };
      },
      lanes: this.#lanes.length,
      ownShare: this.#ownShare,
    });
    if (plan === undefined) return undefined;
    let isReady = true;
    for (const lane of this.#lanes) if (!lane.isReady(parentSeq)) isReady = false;
    if (!isReady) return undefined;
    plan.shares.forEach((share, i) => {
      if (share.length > 0) this.#lanes[i]!.begin({ block, transactions: batch, share, parentSeq });
    });
    return { batch, parentSeq, block, plan };
  }

  #isOf(asked: Asked, batch: Uint8Array, parentSeq: number, { height, timestampMs }: BlockContext): boolean {
    return (
      asked.batch === batch &&
      asked.parentSeq === parentSeq &&
      asked.block.height === height &&
      asked.block.timestampMs === timestampMs &&
      this.#lanes.every((lane, i) => asked.plan.shares[i]!.length === 0 || lane.hasItsSlots)
    );
  }

  #giveUpAhead(): void {
    if (this.#ahead === undefined) return;
    for (const [i, lane] of this.#lanes.entries()) if (this.#ahead.plan.shares[i]!.length > 0) lane.end();
    this.#ahead = undefined;
  }

  /**
   * Takes over what a helper made of transaction `index`, whose encoding, its nonce filled in, stands at `at`.
   * @returns the gas it used; below 0: the executor is to run it.
   */
  adopt(index: number, transactions: Uint8Array, at: number, receipts: ByteWriter): number {
    const { laneOf, contractOf, contracts } = this.#asked!.plan;
    const lane = laneOf[index]!;
    if (lane === 0) return -1;
    const from = this.#lanes[lane - 1]!;
    const contract = contracts[contractOf[index]!]!;
    const missed: Missed | undefined = from.adopt(index, transactions, at, receipts);
    if (missed !== undefined) {
      this.#counts[missed]++;
      if (missed === "conflict") contract.conflicts++;
      return -1;
    }
    this.#counts.adopted++;
    contract.adopted++;
    this.microseconds = from.microseconds;
    return from.gasUsed;
  }

  /** A transaction has run, here or there. */
  ran(index: number, gasUsed: number): void {
    const { contractOf, contracts } = this.#asked!.plan;
    const number = contractOf[index]!;
    if (number >= 0) contracts[number]!.gasUsed += gasUsed;
  }

  /** The block has all its transactions, or has come to nothing. */
  end(): ParallelCounts {
    const { plan, parentSeq } = this.#asked!;
    this.#asked = undefined;
    for (const [i, lane] of this.#lanes.entries())
      if (plan.shares[i]!.length > 0) this.#weigh(plan.ownShare, lane.end());
    if (this.#known.size > CONTRACTS_KNOWN_MAX) this.#known.clear();
    for (const contract of plan.contracts) this.#learn(contract);
    const { adopted, conflict, left, late } = this.#counts;
    const missed = conflict + left + late;
    if (adopted < ADOPTED_SHARE_MIN * (adopted + missed)) {
      this.#pausedUntil = parentSeq + 1 + this.#nextPause;
      this.#nextPause = Math.min(2 * this.#nextPause, PAUSE_BLOCKS_MAX);
    } else {
      this.#nextPause = 1;
    }
    return this.#counts;
  }

  #knownOf(space: number): Known {
    return this.#known.get(space) ?? { gas: GAS_ASSUMED, together: 0, nextTogether: 1 };
  }

  #learn({ space, count, gasUsed, isDivided, adopted, conflicts }: PlannedContract): void {
    const known = this.#knownOf(space);
    this.#known.set(space, known);
    if (gasUsed > 0) known.gas = gasUsed / count;
    if (!isDivided) {
      known.together = Math.max(0, known.together - 1);
    } else if (conflicts > CONFLICT_SHARE_MAX * (adopted + conflicts)) {
      known.together = known.nextTogether;
      known.nextTogether = Math.min(2 * known.nextTogether, TOGETHER_BLOCKS_MAX);
    } else {
      known.nextTogether = 1;
    }
  }

  /** @param times undefined: the helper has not come to the end of its share. */
  #weigh(ownShare: number, times: TaskTimes | undefined): void {
    const others = this.#lanes.length;
    const own = times === undefined ? 1 : times.ownMs / ownShare;
    const helper = times === undefined ? 1 : (times.helperMs * others) / (1 - ownShare);
    // The executor is as long at its own share, with what it takes over, as helpers are at theirs.
    const balanced = helper / (helper + others * own);
    const equal = 1 / (others + 1);
    const [least, most] = [SHARE_MIN * equal, 1 - SHARE_MIN * (1 - equal)];
    this.#ownShare += BELIEVED * (Math.min(most, Math.max(least, balanced)) - this.#ownShare);
  }

  /** A block stands. */
  followed(delta: Uint8Array, seq: number): void {
    for (const helper of this.#helpers) helper.followed(delta, seq);
  }

  /** The state was changed in another way than by a block. */
  reset(): void {
    this.#giveUpAhead();
    for (const helper of this.#helpers) helper.reset();
  }
}

const NOTHING: ParallelCounts = { adopted: 0, conflict: 0, left: 0, late: 0 };
