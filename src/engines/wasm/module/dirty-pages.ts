/**
 * What a bit of `$dirty` means. After a call that returned, every byte that the module's code changed lies in a dirty range:
 * bit n stands for the pages n, n + 64, n + 128, … and for the first DIRTY_OVERHANG_BYTES behind each. A store's static
 * offset below that is not added to its address, and a store may straddle two pages: the overhang pays for both.
 * After a trap or a halt the bits are incomplete: everything may have changed.
 */

/** log2 of the bytes of a page. */
export const DIRTY_PAGE_SHIFT = 16;

/** A page's mark covers as much of what follows it. */
export const DIRTY_OVERHANG_BYTES = 1_024;
