/**
 * Prices of the privacy engine. One unit of gas stands for about a nanosecond of work, as elsewhere in the schedule (a
 * state read is 2,100). The symbolic call is cheap; what it orders is paid here, in the block that orders it.
 * The seed documents multiply the base cost of a call by what it does: 2 to evaluate, 3 to take an encrypted input.
 */
import type { CircuitCounts } from "./circuit/levels.ts";

/** One bootstrap: 2.5 ms of one core with the default parameter set in batches, and a tenth of that for spread. */
export const GATE_GAS = 2_750_000;
/** One level: a walk over a key of 81 MB that no wide batch shares, about 1.5 ms. */
export const LEVEL_GAS = 1_500_000;
/** A byte of ciphertext written, synced, and kept while something refers to it: EIP-2028's price of a byte. */
export const CIPHERTEXT_BYTE_GAS = 16;
/** n + 1 words of 32 bits: the larger of the parameter sets. */
export const CIPHERTEXT_BIT_BYTES = 806 * 4;

/** What the multipliers apply to: EIP-2929's cold account, which is `callBase` of the schedule. */
const CALL_BASE_GAS = 2_600;
export const EVALUATE_CALL_GAS = 2 * CALL_BASE_GAS;
export const INPUT_CALL_GAS = 3 * CALL_BASE_GAS;

export function circuitGas({ gates, depth }: CircuitCounts): { gates: number; levels: number } {
  return { gates: gates * GATE_GAS, levels: depth * LEVEL_GAS };
}

export function resultGas(bits: number): number {
  return bits * CIPHERTEXT_BIT_BYTES * CIPHERTEXT_BYTE_GAS;
}
