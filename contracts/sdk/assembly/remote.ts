/** Calls to other contracts. A class with @remote gets typed methods over `invoke`; `callRaw` is for all else. */
import { AbiReader } from "./abi-reader";
import { AbiWriter } from "./abi-writer";
import { Address } from "./address";
import { Bytes } from "./bytes";
import { callContract, resultLength, resultRead, revertFrame } from "./host";
import { revert } from "./revert";
import { U256 } from "./u256";

export enum CallStatus {
  SUCCESS = 0,
  REVERTED = 1,
  /** Out of gas, or trapped. */
  HALTED = 2,
}

const STATIC_FLAG = 1;
const VALUE = memory.data(32, 8);

export class CallResult {
  constructor(
    readonly status: CallStatus,
    readonly data: Bytes,
  ) {}
}

/** @param gasLimit 0 is all that is left: a callee that halts then spends it, and this frame halts too. */
export function callRaw(to: Address, input: Bytes, value: U256 = U256.ZERO, gasLimit: i64 = 0, isStatic: bool = false): CallResult {
  const status = enter(to, input.pointer, input.length, value, gasLimit, isStatic);
  return new CallResult(status, takeResult());
}

function enter(to: Address, input: usize, length: i32, value: U256, gasLimit: i64, isStatic: bool): CallStatus {
  let valuePointer: usize = 0;
  if (!value.isZero) {
    value.store(VALUE);
    valuePointer = VALUE;
  }
  return callContract(to.pointer, valuePointer, input, length, gasLimit, isStatic ? STATIC_FLAG : 0);
}

function takeResult(): Bytes {
  const data = Bytes.allocate(resultLength());
  resultRead(data.pointer, 0, data.length);
  return data;
}

/** Another contract. What it reverts with, this frame reverts with; one that halts reverts this frame with Error(string). */
export class Remote {
  /** Native value sent with the calls that are no views. */
  value: U256 = U256.ZERO;
  /** 0 is all that is left: a callee that halts then spends it, and this frame halts too. */
  gasLimit: i64 = 0;

  constructor(readonly address: Address) {}

  protected invoke(input: AbiWriter, isStatic: bool): AbiReader {
    const value = isStatic ? U256.ZERO : this.value;
    const status = enter(this.address, input.pointer, input.length, value, this.gasLimit, isStatic);
    if (status == CallStatus.HALTED) revert("call halted in " + this.address.toString());
    const data = takeResult();
    if (status == CallStatus.REVERTED) {
      revertFrame(data.pointer, data.length);
      unreachable();
    }
    return new AbiReader(data.pointer, data.pointer + data.length);
  }
}
