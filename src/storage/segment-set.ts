/**
 * SegmentSet: the segments of a journal's directory in order, with the few that were read last kept open.
 */
import { join } from "node:path";
import type { DataKeys } from "./encryption/data-keys.ts";
import type { SegmentInfo } from "./entry-source.ts";
import type { Files } from "./files.ts";
import { firstSeqOf, segmentName } from "./journal-format.ts";
import { SegmentReader } from "./segment-reader.ts";

/** Sealed segments kept open: each holds a descriptor and a table of 4 bytes an entry (1 MB for 256 MiB of 1 kB entries). */
const OPEN_MAX = 8;

export class SegmentSet {
  readonly #files: Files;
  readonly #directory: string;
  readonly #keys: DataKeys | undefined;
  /** First seqs, ascending. */
  #firstSeqs: number[];
  /** By first seq, least recently used first. */
  readonly #readers = new Map<number, SegmentReader>();

  constructor(files: Files, directory: string, firstSeqs: number[], keys: DataKeys | undefined) {
    this.#files = files;
    this.#directory = directory;
    this.#firstSeqs = firstSeqs;
    this.#keys = keys;
  }

  /** First seq of the oldest segment; undefined when there is none. */
  get firstSeq(): number | undefined {
    return this.#firstSeqs[0];
  }

  /** Looks at the directory again. */
  refresh(): void {
    this.#firstSeqs = listFirstSeqs(this.#files, this.#directory);
  }

  add(firstSeq: number): void {
    this.#firstSeqs.push(firstSeq);
  }

  /** Forgets the oldest segment. */
  removeFirst(): void {
    const firstSeq = this.#firstSeqs.shift();
    if (firstSeq !== undefined) this.#close(firstSeq);
  }

  /** First seq of the segment that `seq` is in if it is anywhere. */
  firstSeqFor(seq: number): number | undefined {
    return this.#firstSeqs.findLast((firstSeq) => firstSeq <= seq);
  }

  /** First seq of the segment after the one that starts at `firstSeq`. */
  nextFirstSeq(firstSeq: number): number | undefined {
    return this.#firstSeqs[this.#firstSeqs.indexOf(firstSeq) + 1];
  }

  reader(firstSeq: number): SegmentReader {
    const found = this.#readers.get(firstSeq) ?? SegmentReader.open(this.#files, this.#directory, firstSeq, this.#keys);
    this.#readers.delete(firstSeq);
    this.#readers.set(firstSeq, found);
    for (const oldest of this.#readers.keys()) {
      if (this.#readers.size <= OPEN_MAX) break;
      this.#close(oldest);
    }
    return found;
  }

  /** Keeps a reader that is already open. */
  adopt(reader: SegmentReader): void {
    this.#readers.set(reader.header.firstSeq, reader);
  }

  describe(durableSeq: number): SegmentInfo[] {
    return this.#firstSeqs.map((firstSeq, index) => {
      const next = this.#firstSeqs[index + 1];
      const lastSeq = Math.max(Math.min((next ?? Infinity) - 1, durableSeq), firstSeq - 1);
      const path = join(this.#directory, segmentName(firstSeq));
      return { path, firstSeq, lastSeq, sealed: next !== undefined };
    });
  }

  close(): void {
    for (const firstSeq of [...this.#readers.keys()]) this.#close(firstSeq);
  }

  #close(firstSeq: number): void {
    this.#readers.get(firstSeq)?.close();
    this.#readers.delete(firstSeq);
  }
}

export function listFirstSeqs(files: Files, directory: string): number[] {
  return files
    .list(directory)
    .map(firstSeqOf)
    .filter((firstSeq) => firstSeq !== undefined)
    .sort((a, b) => a - b);
}
