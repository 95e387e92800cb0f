/**
 * What the imports cost in gas beyond the schedule's prices of state, logs and calls, which the host charges itself. Work of
 * the processor is priced by the schedule's signer recovery: 3,000 gas for 50 us, 60 gas a us, measured on the machine of
 * bench/ with Node 20.
 */
export const COSTS = {
  /** Any import: leaving the guest and coming back, reading or allocating a region. 0.3 us. */
  call: 20,
  /** Per 16 bytes copied in or out of the guest: 2 ns in bulk; the price also bounds what the host holds of it. */
  chunk: 1,
  /** Turning an address into text or back: 1.5 us when it is not remembered. */
  address: 100,
  /** Parsing and checking, per byte of a contract's answer or request: 10 ns. */
  jsonByte: 1,
  /** libsecp256k1: 55 us, the schedule's own price. */
  secp256k1: 3_000,
  /** In JavaScript: 2.2 ms. */
  secp256r1: 130_000,
  /** In JavaScript: 1.7 ms. */
  ed25519: 100_000,
  /** Decompressing a point and checking its subgroup: 1.2 and 2.3 ms. */
  pointG1: 75_000,
  pointG2: 140_000,
  /** Hashing to a curve: 2.1 and 9 ms. */
  hashG1: 130_000,
  hashG2: 540_000,
  /** A product of pairings: 10 ms, and 2.5 ms for each. */
  pairingBase: 600_000,
  pairing: 150_000,
  /** Hashing a message of a signature: per byte, 10 ns. */
  hashByte: 1,
} as const;

const CHUNK_BYTES = 16;

/** @returns gas for copying bytes between host and guest. */
export function copyCost(bytes: number): number {
  return COSTS.chunk * Math.ceil(bytes / CHUNK_BYTES);
}

/** A callee gets all gas but this part, as EIP-150 has it: what traps spends all that it was given, and is to be told of. */
const RESERVED_PART = 64;

/** @returns the most that a submessage or a query without a limit of its own may spend. */
export function gasForCallee(remaining: number): number {
  return remaining - Math.floor(remaining / RESERVED_PART);
}
