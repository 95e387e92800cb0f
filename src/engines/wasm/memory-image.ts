/**
 * MemoryImage: what a memory holds before anything runs, and how it is put back. Every instance of a module begins with
 * the same bytes, so that one image serves them all.
 * Always
 *  - A page that is not in the image is zero.
 */
import { DIRTY_BLOCK_SHIFT, DIRTY_OVERHANG_BYTES, DIRTY_PAGE_SHIFT } from "./module/dirty-pages.ts";

export const PAGE_BYTES = 1 << DIRTY_PAGE_SHIFT;
const BLOCK_BYTES = 1 << DIRTY_BLOCK_SHIFT;
/** Pages that the mask of pages tells apart, and blocks that make a page (module/dirty-pages.ts). */
const MASK_BITS = 64;
/** Blocks that a block's mark covers. */
const COVERED_BLOCKS = 1 + DIRTY_OVERHANG_BYTES / BLOCK_BYTES;

interface ImagePage {
  /** From the first byte that is not zero to the last: where they stand in memory. */
  readonly at: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

export class MemoryImage {
  /** By number; pages that are zero are not there. */
  readonly #pages = new Map<number, ImagePage>();
  /** Of the mask of blocks that was restored last: where each run of blocks begins and ends, in bytes of a page. */
  readonly #runs = new Int32Array(MASK_BITS + 1);
  #runsEnd = 0;
  #runsLow = 0;
  #runsHigh = 0;

  /** @param memory of an instance that has not run. */
  constructor(memory: Uint8Array) {
    for (let page = 0; page * PAGE_BYTES < memory.length; page++) {
      const bytes = memory.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      const start = bytes.findIndex((byte) => byte !== 0);
      if (start < 0) continue;
      let end = PAGE_BYTES;
      while (bytes[end - 1] === 0) end--;
      const base = page * PAGE_BYTES;
      this.#pages.set(page, { at: base + start, end: base + end, bytes: bytes.slice(start, end) });
    }
  }

  get byteLength(): number {
    let sum = 0;
    for (const { bytes } of this.#pages.values()) sum += bytes.length;
    return sum;
  }

  restoreAll(memory: Uint8Array): void {
    memory.fill(0);
    for (const { at, bytes } of this.#pages.values()) memory.set(bytes, at);
  }

  /** Restores the marked blocks of the marked pages: of each mask bits 0 to 31, and 32 to 63. */
  restore(memory: Uint8Array, pagesLow: number, pagesHigh: number, blocksLow: number, blocksHigh: number): void {
    if (blocksLow !== this.#runsLow || blocksHigh !== this.#runsHigh) this.#findRuns(blocksLow, blocksHigh);
    this.#restorePages(memory, pagesLow, 0);
    this.#restorePages(memory, pagesHigh, 32);
  }

  #findRuns(low: number, high: number): void {
    const runs = this.#runs;
    let count = 0;
    let end = -1;
    for (let block = 0; block < MASK_BITS; block++) {
      if ((((block < 32 ? low : high) >>> (block & 31)) & 1) === 0) continue;
      if (block > end) {
        runs[count] = block * BLOCK_BYTES;
        count += 2;
      }
      end = block + COVERED_BLOCKS;
      runs[count - 1] = end * BLOCK_BYTES;
    }
    this.#runsEnd = count;
    this.#runsLow = low;
    this.#runsHigh = high;
  }

  #restorePages(memory: Uint8Array, mask: number, firstBit: number): void {
    for (let rest = mask; rest !== 0; rest &= rest - 1) {
      const bit = firstBit + 31 - Math.clz32(rest & -rest);
      for (let page = bit; page * PAGE_BYTES < memory.length; page += MASK_BITS) this.#restorePage(memory, page);
    }
  }

  #restorePage(memory: Uint8Array, page: number): void {
    const base = page * PAGE_BYTES;
    const kept = this.#pages.get(page);
    for (let run = 0; run < this.#runsEnd; run += 2) {
      const end = this.#runs[run + 1]!;
      restoreRange(memory, base + this.#runs[run]!, base + Math.min(end, PAGE_BYTES), kept);
      // What the last block's mark covers stands in the page behind.
      if (end > PAGE_BYTES) restoreRange(memory, base + PAGE_BYTES, base + end, this.#pages.get(page + 1));
    }
  }
}

/** @param kept of the page in which the range lies. A range behind the memory is empty. */
function restoreRange(memory: Uint8Array, start: number, end: number, kept: ImagePage | undefined): void {
  if (kept === undefined || kept.end <= start || kept.at >= end) {
    memory.fill(0, start, end);
    return;
  }
  if (start < kept.at) memory.fill(0, start, kept.at);
  const from = Math.max(start, kept.at);
  const to = Math.min(end, kept.end);
  memory.set(kept.bytes.subarray(from - kept.at, to - kept.at), from);
  if (to < end) memory.fill(0, to, end);
}
