/**
 * What the engine gives a contract: the imports of module "polytorus", as they are. Pointers and lengths are i32 of this
 * memory; one that leaves it halts the frame. Contracts use the typed layer above, in the files beside this one.
 */

@external("polytorus", "input_length")
export declare function inputLength(): i32;
@external("polytorus", "input_read")
export declare function inputRead(out: usize, offset: i32, length: i32): void;
@external("polytorus", "return_data")
export declare function returnData(data: usize, length: i32): void;
/** Ends the frame: nothing after it runs. */
@external("polytorus", "revert")
export declare function revertFrame(data: usize, length: i32): void;
/** Writes CONTEXT_BYTES: see context.ts. */
@external("polytorus", "context")
export declare function readContext(out: usize): void;
/** The value's length, or -1; at most `capacity` bytes are written, and the register holds all of it. */
@external("polytorus", "state_get")
export declare function stateGet(key: usize, keyLength: i32, out: usize, capacity: i32): i32;
@external("polytorus", "state_set")
export declare function stateSet(key: usize, keyLength: i32, value: usize, valueLength: i32): void;
@external("polytorus", "state_delete")
export declare function stateDelete(key: usize, keyLength: i32): void;
/** Keys with start ≤ key < end in byte order; at most 16 are open in a frame. */
@external("polytorus", "range_open")
export declare function rangeOpen(start: usize, startLength: i32, end: usize, endLength: i32, reverse: i32): i32;
/** 1 and the register holds u32 key length ‖ key ‖ value; 0 at the end. */
@external("polytorus", "range_next")
export declare function rangeNext(iterator: i32): i32;
/** The register: what the last stateGet, rangeNext or callContract answered. */
@external("polytorus", "result_length")
export declare function resultLength(): i32;
@external("polytorus", "result_read")
export declare function resultRead(out: usize, offset: i32, length: i32): void;
@external("polytorus", "log")
export declare function writeLog(topics: usize, topicCount: i32, data: usize, length: i32): void;
/** 0 success, 1 reverted, 2 halted. `value` is 32 bytes or null; gas limit 0 is all that is left; flag 1 is static. */
@external("polytorus", "call")
export declare function callContract(
  to: usize,
  value: usize,
  input: usize,
  inputLength: i32,
  gasLimit: i64,
  flags: i32,
): i32;
@external("polytorus", "balance")
export declare function readBalance(address: usize, out: usize): void;
@external("polytorus", "keccak256")
export declare function hashKeccak256(data: usize, length: i32, out: usize): void;
@external("polytorus", "sha256")
export declare function hashSha256(data: usize, length: i32, out: usize): void;
@external("polytorus", "recover")
export declare function recoverSigner(hash: usize, signature: usize, out: usize): i32;
@external("polytorus", "gas_remaining")
export declare function gasRemaining(): i64;
