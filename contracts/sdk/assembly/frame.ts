/** The ends of a frame: its calldata, its result, its errors. What the transform's code for `deploy` and `call` uses. */
import { AbiReader } from "./abi-reader";
import { AbiWriter } from "./abi-writer";
import { Context } from "./context";
import { inputLength, inputRead, returnData, revertFrame } from "./host";
import { revertEmpty } from "./revert";

let input: usize = 0;

/** The arguments after the first `skip` bytes; calldata shorter than that reverts. */
export function openInput(skip: i32): AbiReader {
  const length = inputLength();
  if (length < skip) revertEmpty();
  input = heap.alloc(length);
  inputRead(input, 0, length);
  return new AbiReader(input + skip, input + length);
}

/** Of the calldata that `openInput` read; its first byte the high one. */
export function selector(): u32 {
  return bswap<u32>(load<u32>(input));
}

/** What is not @payable takes no native value: it would be locked in. */
export function refuseValue(): void {
  if (!Context.value().isZero) revertEmpty();
}

export function finish(result: AbiWriter): void {
  returnData(result.pointer, result.length);
}

export function revertWith(error: AbiWriter): void {
  revertFrame(error.pointer, error.length);
  unreachable();
}
