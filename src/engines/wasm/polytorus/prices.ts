/**
 * What the imports of the polytorus ABI cost in gas, on top of what the host charges for state, logs and calls. A gas is
 * 13 ns of work (wasm-gas.ts). Each is charged before the work is done.
 */

/** Leaving the guest and coming back, checking pointers: 20 to 60 ns. */
export const HOST_CALL_GAS = 4;

/** Copying between guest and host, per 32 bytes: at worst 10 ns. */
const COPY_WORD_GAS = 1;

/** The context's 116 bytes. */
export const CONTEXT_GAS = 12;

/**
 * Per byte that a call answers with: the outermost frame's answer is kept in its receipt, as a log's data is, and costs the
 * same.
 */
export const ANSWER_BYTE_GAS = 8;

/** Keccak-256 of one block of 136 bytes: about 2 us in JavaScript. */
const KECCAK_BLOCK_GAS = 160;
const KECCAK_BLOCK_BYTES = 136;

/** SHA-256 by OpenSSL: 0.8 us to begin, then less than a nanosecond a byte. */
const SHA256_GAS = 60;
const SHA256_WORD_GAS = 2;

/** Recovering a signer: what the schedule charges the built-in token's permit. */
export const RECOVER_GAS = 3_000;

export function copyGas(bytes: number): number {
  return HOST_CALL_GAS + COPY_WORD_GAS * ((bytes + 31) >>> 5);
}

export function keccakGas(bytes: number): number {
  return HOST_CALL_GAS + KECCAK_BLOCK_GAS * (Math.floor(bytes / KECCAK_BLOCK_BYTES) + 1);
}

export function sha256Gas(bytes: number): number {
  return HOST_CALL_GAS + SHA256_GAS + SHA256_WORD_GAS * ((bytes + 31) >>> 5);
}
