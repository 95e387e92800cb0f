/**
 * GrowingWords: an array of words that grows in place. WebAssembly's memory is the one that JavaScript can enlarge without a copy:
 * address space is reserved for all that it may become, and pages are taken as they are written. An array that doubled left
 * its smaller ones to the collector, which a thread that makes little garbage does not call for minutes: half as much again.
 *   new GrowingWords(count) ── words ── grow(count) ── words, others
 * Always
 *  - What was written stays; new words are zero; views from before growing are empty.
 */
const PAGE_WORDS = 16_384;
/** All that 32 bits address. */
const PAGES_MAX = 65_536;

export class GrowingWords {
  readonly #memory: WebAssembly.Memory;
  /** Replaced when it grows. */
  words: Uint32Array<ArrayBuffer>;

  /** @throws RangeError when address space is limited (ulimit -v). */
  constructor(count: number) {
    this.#memory = new WebAssembly.Memory({ initial: pagesFor(count), maximum: PAGES_MAX });
    this.words = new Uint32Array(this.#memory.buffer, 0, count);
  }

  /** Makes it `count` words long. @throws RangeError beyond 4 GiB, or when memory runs out; nothing has changed then. */
  grow(count: number): void {
    const more = pagesFor(count) - this.#memory.buffer.byteLength / (4 * PAGE_WORDS);
    if (more > 0) this.#memory.grow(more);
    this.words = new Uint32Array(this.#memory.buffer, 0, count);
  }
}

function pagesFor(words: number): number {
  return Math.ceil(words / PAGE_WORDS);
}
