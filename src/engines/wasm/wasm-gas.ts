/**
 * What WebAssembly costs in gas. The schedule's scale is Ethereum's (execution/gas.ts); of its prices, that of recovering
 * a signer is work of the processor alone: 3,000 gas for about 40 us, 13 ns a gas.
 */
import { STACK_HEIGHT_MAX } from "./module/gas-schedule.ts";

/**
 * Instructions (units of the rewriter) to a gas. Freshly compiled code, by V8's first tier, takes 1 to 1.5 ns for one:
 * ten of them cost what a gas buys elsewhere.
 */
export const WASM_GAS_RATIO = 10;

/** Stack height that all frames of one transaction share: what an instance of the rewriter's begins with. */
export const STACK_HEIGHT = STACK_HEIGHT_MAX;

/**
 * Height that a call from a contract to another takes besides the guest's own: the host's frames between two instances
 * are about as large as those of twenty small functions.
 */
export const STACK_HEIGHT_NESTED = 200;

/** Taking an instance and restoring it afterwards: 1 to 2 us with its share of making one. */
export const FRAME_GAS = 200;

/** Per page of declared memory, which a trap makes the host restore: 0.6 us. */
export const FRAME_PAGE_GAS = 40;

/** Per byte of code at admission: parsed, rewritten, compiled by the first tier, about 50 ns. */
export const ADMISSION_BYTE_GAS = 4;

/**
 * What a start function may use, in units of the rewriter: about a millisecond. Compilers put there what sets globals and
 * tables; the rest belongs into the contract's entry points.
 */
export const START_UNITS_MAX = 1_000_000;
