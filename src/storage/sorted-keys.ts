/**
 * SortedKeys: a set of byte strings (one char a byte, so that `<` is the order of bytes) that can be walked in order from
 * anywhere, both ways. Pages of bounded size instead of one array: an insertion moves at most a page.
 */
const PAGE_KEYS_MAX = 512;

export class SortedKeys {
  #pages: string[][] = [];

  /** Adds a key that is not there yet. */
  add(key: string): void {
    const number = Math.max(0, this.#pageBefore(key));
    const page = this.#pages[number];
    if (page === undefined) {
      this.#pages.push([key]);
      return;
    }
    page.splice(lowerBound(page, key), 0, key);
    if (page.length > PAGE_KEYS_MAX) this.#pages.splice(number + 1, 0, page.splice(PAGE_KEYS_MAX / 2));
  }

  /** Takes out a key that is there. */
  delete(key: string): void {
    const number = this.#pageBefore(key);
    const page = this.#pages[number]!;
    page.splice(lowerBound(page, key), 1);
    if (page.length === 0) this.#pages.splice(number, 1);
  }

  /** Keys with `start` ≤ key < `end`, ascending or descending. The set must not change meanwhile. */
  *between(start: string, end: string, reverse: boolean): IterableIterator<string> {
    const step = reverse ? -1 : 1;
    const from = Math.max(0, this.#pageBefore(reverse ? end : start));
    for (let number = from; number >= 0 && number < this.#pages.length; number += step) {
      const page = this.#pages[number]!;
      const low = lowerBound(page, start);
      const high = lowerBound(page, end);
      if (reverse) for (let i = high - 1; i >= low; i--) yield page[i]!;
      else for (let i = low; i < high; i++) yield page[i]!;
      if (reverse ? low > 0 : high < page.length) return;
    }
  }

  /** The last page whose first key is at or below `key`; -1 when none is. */
  #pageBefore(key: string): number {
    let low = 0;
    let high = this.#pages.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#pages[middle]![0]! <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
