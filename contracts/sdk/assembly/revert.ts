/**
 * Ending a frame: its writes and logs are dropped, its caller gets the bytes. Errors of a contract's own are classes
 * with @error (the transform gives them `revert`); these are the two that Solidity has.
 */
import { revertFrame } from "./host";
import { storeWord } from "./words";

/** Panic codes of the Solidity documentation, "Panic via assert and Error via require". */
export namespace PanicCode {
  export const OVERFLOW: u8 = 0x11;
  export const DIVISION_BY_ZERO: u8 = 0x12;
}

const PANIC_SELECTOR: u32 = 0x4e487b71;
const ERROR_SELECTOR: u32 = 0x08c379a0;

/** Calldata that does not decode, an unknown selector: no data, as Solidity answers. */
export function revertEmpty(): void {
  revertFrame(0, 0);
  unreachable();
}

/** Panic(uint256) */
export function panic(code: u8): void {
  const data = heap.alloc(36);
  store<u32>(data, bswap<u32>(PANIC_SELECTOR));
  storeWord(data + 4, code);
  revertFrame(data, 36);
  unreachable();
}

/** Error(string) */
export function revert(message: string): void {
  const length = String.UTF8.byteLength(message);
  const padded = (length + 31) & ~31;
  const data = heap.alloc(68 + padded);
  store<u32>(data, bswap<u32>(ERROR_SELECTOR));
  storeWord(data + 4, 32);
  storeWord(data + 36, length);
  memory.fill(data + 68, 0, padded);
  String.UTF8.encodeUnsafe(changetype<usize>(message), message.length, data + 68);
  revertFrame(data, 68 + padded);
  unreachable();
}

/** Reverts with Error(message) unless the condition holds. */
export function require(condition: bool, message: string): void {
  if (!condition) revert(message);
}
