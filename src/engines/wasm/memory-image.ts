/**
 * MemoryImage: what a memory holds before anything runs, and how it is put back. Every instance of a module begins with
 * the same bytes, so that one image serves them all.
 * Always
 *  - A page that is not in the image is zero.
 */
import { DIRTY_OVERHANG_BYTES } from "./module/dirty-pages.ts";

export const PAGE_BYTES = 65_536;
/** Pages that a dirty mask tells apart: page n has bit n mod 64 (module/dirty-pages.ts). */
const MASK_PAGES = 64;

interface ImagePage {
  readonly page: number;
  /** From the first byte that is not zero to the last. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

export class MemoryImage {
  readonly #pages: readonly ImagePage[];
  readonly #byPage = new Map<number, ImagePage>();

  /** @param memory of an instance that has not run. */
  constructor(memory: Uint8Array) {
    const pages: ImagePage[] = [];
    for (let page = 0; page * PAGE_BYTES < memory.length; page++) {
      const bytes = memory.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      const start = bytes.findIndex((byte) => byte !== 0);
      if (start < 0) continue;
      let end = PAGE_BYTES;
      while (bytes[end - 1] === 0) end--;
      pages.push({ page, at: page * PAGE_BYTES + start, bytes: bytes.slice(start, end) });
    }
    this.#pages = pages;
    for (const page of pages) this.#byPage.set(page.page, page);
  }

  get byteLength(): number {
    return this.#pages.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  restoreAll(memory: Uint8Array): void {
    memory.fill(0);
    for (const { at, bytes } of this.#pages) memory.set(bytes, at);
  }

  /** Restores every page whose bit is set: bits 0 to 31 of the mask, and 32 to 63. */
  restore(memory: Uint8Array, low: number, high: number): void {
    this.#restoreHalf(memory, low, 0);
    this.#restoreHalf(memory, high, 32);
  }

  #restoreHalf(memory: Uint8Array, mask: number, firstBit: number): void {
    for (let rest = mask; rest !== 0; rest &= rest - 1) {
      const bit = firstBit + 31 - Math.clz32(rest & -rest);
      for (let page = bit; page * PAGE_BYTES < memory.length; page += MASK_PAGES) this.#restorePage(memory, page);
    }
  }

  /** A page, and what a mark covers behind it. */
  #restorePage(memory: Uint8Array, page: number): void {
    const end = (page + 1) * PAGE_BYTES;
    memory.fill(0, page * PAGE_BYTES, end + DIRTY_OVERHANG_BYTES);
    const kept = this.#byPage.get(page);
    if (kept !== undefined) memory.set(kept.bytes, kept.at);
    const next = this.#byPage.get(page + 1);
    if (next !== undefined && next.at < end + DIRTY_OVERHANG_BYTES)
      memory.set(next.bytes.subarray(0, end + DIRTY_OVERHANG_BYTES - next.at), next.at);
  }
}
