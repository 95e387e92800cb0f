/**
 * What `$dirty` and `$blocks` mean. After a call that returned, every byte that the module's code changed lies in a dirty block
 * of a dirty page: bit n of `$dirty` stands for the pages n, n + 64, n + 128, …; bit n of `$blocks` for the block n of every
 * page. A block's mark covers the first DIRTY_OVERHANG_BYTES behind it too: a store's static offset below that is not added to
 * its address, and a store may straddle two blocks. After a trap or a halt the bits are incomplete: everything may have changed.
 *
 * A contract mostly writes a few hundred bytes in each of three or four pages: of its stack, its heap, its statics. Two masks
 * say so at twice the price of one, and putting back a few kilobytes costs less than whole pages.
 */

/** log2 of the bytes of a page. */
export const DIRTY_PAGE_SHIFT = 16;

/** log2 of the bytes of a block: 64 of them are a page. */
export const DIRTY_BLOCK_SHIFT = 10;

/** A block's mark covers as much of what follows it. */
export const DIRTY_OVERHANG_BYTES = 1_024;
