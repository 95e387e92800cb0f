/**
 * What the wasi ABI costs in gas, on top of instructions and of what the host charges for state, logs and calls. A gas is 13 ns
 * of work (wasm-gas.ts). This way of calling is some hundred times dearer than the polytorus ABI, and priced so.
 */

/** An instance of the library for the call, a system with its files and pipes, taking it down again: 0.6 to 1 ms. */
export const WASI_FRAME_GAS = 70_000;

/** Through the library and back, with its tables and locks: 3 to 4 us. */
export const WASI_CALL_GAS = 300;

/** Walking a path in the file system, making and finding nodes: up to 12 us. */
export const WASI_PATH_GAS = 1_000;

/** Per node that a listing of a directory sorts. */
export const WASI_NODE_GAS = 100;

/** Per entry of a vector of buffers, per byte of a name: 50 ns. */
export const WASI_ITEM_GAS = 4;

/** SHA-256 of 32 bytes of randomness: 1 us. */
export const RANDOM_WORD_GAS = 80;
