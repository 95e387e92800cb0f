/**
 * ChainIndex: which entry of the log holds the canonical block of a height. Between rollbacks seq and height grow in
 * step, so a chain of any length is a short list of runs:
 *   seq     0 1 2 3 4 5 6 7       entry 5 rolls back to height 2
 *   height  0 1 2 3 4 ↩ 3 4       runs: seq 0..2 = height 0..2, seq 6..7 = height 3..4
 * Always
 *  - Memory is proportional to the rollbacks that are not themselves rolled back, never to the blocks.
 *  - Runs ascend in seq and in height alike, so that both are found by bisection.
 */
import { readU32, readU64, writeU32, writeU64 } from "../encoding/bytes.ts";
import { MalformedBytesError, StorageError } from "../errors.ts";

/** What the index takes from an entry: a BlockEntry is one. */
export interface EntryHeader {
  readonly seq: number;
  readonly height: number;
  readonly isRollback: boolean;
}

interface Run {
  readonly firstSeq: number;
  readonly firstHeight: number;
  count: number;
}

const HEADER_BYTES = 12;
const RUN_BYTES = 24;
const NOTHING_APPLIED = 2 ** 53 - 1;

export class ChainIndex {
  #runs: Run[] = [];
  #lastSeq = -1;

  /** Seq of the last entry that was added, block or rollback; -1 before the first. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Height of the newest canonical block; -1 when there is none. */
  get headHeight(): number {
    const last = this.#runs.at(-1);
    return last === undefined ? -1 : last.firstHeight + last.count - 1;
  }

  /** Seq of the newest canonical block; -1 when there is none. */
  get headSeq(): number {
    const last = this.#runs.at(-1);
    return last === undefined ? -1 : last.firstSeq + last.count - 1;
  }

  /** Seq of the oldest block known: 0, or where a snapshot began; -1 when there is none. */
  get lowestSeq(): number {
    return this.#runs[0]?.firstSeq ?? -1;
  }

  /** Height of the oldest block known: 0, or where a snapshot began; -1 when there is none. */
  get lowestHeight(): number {
    return this.#runs[0]?.firstHeight ?? -1;
  }

  /**
   * Adds the next entry of the log. The first one may have any seq and height: a log may begin after a snapshot.
   * @throws StorageError when the entry does not continue the chain; the index is then as before.
   */
  add(entry: EntryHeader): void {
    const { seq, height } = entry;
    if (this.#lastSeq >= 0 && seq !== this.#lastSeq + 1) this.#refuse(entry, `seq ${this.#lastSeq + 1} comes next`);
    if (entry.isRollback) this.#rollBack(entry);
    else {
      const last = this.#runs.at(-1);
      if (last === undefined) this.#runs.push({ firstSeq: seq, firstHeight: height, count: 1 });
      else if (height !== this.headHeight + 1) this.#refuse(entry, `height ${this.headHeight + 1} comes next`);
      else if (seq === last.firstSeq + last.count) last.count++;
      else this.#runs.push({ firstSeq: seq, firstHeight: height, count: 1 });
    }
    this.#lastSeq = seq;
  }

  /** Forgets every block below `seq` but the newest: the log is about to lose them, or never had them. */
  beginAt(seq: number): void {
    while (this.#runs.length > 1 && this.#runs[1]!.firstSeq <= seq) this.#runs.shift();
    const first = this.#runs[0];
    if (first === undefined || seq <= first.firstSeq) return;
    const isBehind = seq >= first.firstSeq + first.count;
    // Between two runs lie blocks that were rolled back, and the rollback: the chain goes on behind them.
    if (isBehind && this.#runs.length > 1) this.#runs.shift();
    else this.#runs[0] = shortened(first, Math.min(seq - first.firstSeq, first.count - 1));
  }

  /** Seq of the newest block up to `seq` that stands still; whoever is at `seq` goes back to it at most. */
  standingAt(seq: number): number | undefined {
    const run = this.#find((candidate) => candidate.firstSeq <= seq);
    return run && Math.min(seq, run.firstSeq + run.count - 1);
  }

  /** Seq of the canonical block at `height`, or undefined when there is none. */
  seqOfHeight(height: number): number | undefined {
    const run = this.#find((candidate) => candidate.firstHeight <= height);
    if (run === undefined || height >= run.firstHeight + run.count) return undefined;
    return run.firstSeq + height - run.firstHeight;
  }

  /** Height of the canonical block at `seq`, or undefined when the entry is a rollback, was rolled back, or is unknown. */
  heightOfSeq(seq: number): number | undefined {
    const run = this.#find((candidate) => candidate.firstSeq <= seq);
    if (run === undefined || seq >= run.firstSeq + run.count) return undefined;
    return run.firstHeight + seq - run.firstSeq;
  }

  isCanonical(seq: number): boolean {
    return this.heightOfSeq(seq) !== undefined;
  }

  /** Little-endian: u64 last seq (2^53-1: none), u32 number of runs, then per run u64 first seq, u64 first height, u64 count. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(HEADER_BYTES + RUN_BYTES * this.#runs.length);
    writeU64(bytes, 0, this.#lastSeq < 0 ? NOTHING_APPLIED : this.#lastSeq);
    writeU32(bytes, 8, this.#runs.length);
    this.#runs.forEach((run, i) => {
      writeU64(bytes, HEADER_BYTES + RUN_BYTES * i, run.firstSeq);
      writeU64(bytes, HEADER_BYTES + RUN_BYTES * i + 8, run.firstHeight);
      writeU64(bytes, HEADER_BYTES + RUN_BYTES * i + 16, run.count);
    });
    return bytes;
  }

  static decode(bytes: Uint8Array): ChainIndex {
    const count = bytes.length < HEADER_BYTES ? -1 : readU32(bytes, 8);
    if (bytes.length !== HEADER_BYTES + RUN_BYTES * count) {
      throw new MalformedBytesError("chain index", bytes.length, `${count} runs do not end here`);
    }
    const index = new ChainIndex();
    index.#lastSeq = ChainIndex.lastSeqOf(bytes);
    for (let i = 0; i < count; i++) {
      const at = HEADER_BYTES + RUN_BYTES * i;
      index.#runs.push({
        firstSeq: readU64(bytes, at),
        firstHeight: readU64(bytes, at + 8),
        count: readU64(bytes, at + 16),
      });
    }
    return index;
  }

  /** `lastSeq` of an encoded index, without decoding the rest. */
  static lastSeqOf(bytes: Uint8Array): number {
    const seq = readU64(bytes, 0);
    return seq === NOTHING_APPLIED ? -1 : seq;
  }

  clone(): ChainIndex {
    const copy = new ChainIndex();
    copy.#lastSeq = this.#lastSeq;
    copy.#runs = this.#runs.map((run) => ({ ...run }));
    return copy;
  }

  #rollBack(entry: EntryHeader): void {
    const { height } = entry;
    if (this.#runs.length === 0 || height < this.lowestHeight || height > this.headHeight) {
      this.#refuse(entry, `only heights ${this.lowestHeight} to ${this.headHeight} can be gone back to`);
    }
    while (this.#runs.at(-1)!.firstHeight > height) this.#runs.pop();
    const last = this.#runs.at(-1)!;
    last.count = height - last.firstHeight + 1;
  }

  /** The last run that `isBelow` holds for; it holds for a prefix of the runs. */
  #find(isBelow: (run: Run) => boolean): Run | undefined {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBelow(this.#runs[middle]!)) low = middle + 1;
      else high = middle;
    }
    return this.#runs[low - 1];
  }

  #refuse(entry: EntryHeader, problem: string): never {
    const { seq, height, isRollback } = entry;
    const what = isRollback ? "rollback to" : "block at";
    throw new StorageError(`log entry ${seq} (${what} height ${height}) does not continue the chain: ${problem}`, {
      retryable: false,
      seq,
      height,
      isRollback,
    });
  }
}

/** A run without its first blocks. */
function shortened({ firstSeq, firstHeight, count }: Run, by: number): Run {
  return { firstSeq: firstSeq + by, firstHeight: firstHeight + by, count: count - by };
}
