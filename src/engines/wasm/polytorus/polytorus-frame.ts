/** PolytorusFrame: what the imports of the polytorus ABI share during one call: its input, its answer, and the registers. */

import { encodeError } from "../../../encoding/abi.ts";
import { SOLIDITY_ERRORS } from "../../../encoding/erc20-abi.ts";
import { Halt } from "../../../execution/gas.ts";
import type { Outcome } from "../../../execution/host.ts";
import type { AbiFrame } from "../abi.ts";
import { GUEST_REVERT, type InstanceSlot } from "../instance-slot.ts";
import { HostRegisters } from "./host-registers.ts";
import { polytorusImports } from "./imports.ts";
import { ANSWER_BYTE_GAS, copyGas } from "./prices.ts";

const EMPTY = new Uint8Array(0);
/** A call's answer, result or revert. A contract with more to say writes state or logs. */
export const ANSWER_BYTES_MAX = 128 * 1024;

export class PolytorusFrame extends HostRegisters implements AbiFrame {
  readonly imports: WebAssembly.Imports;
  readonly #slot: InstanceSlot;
  /** Belongs to whoever made the call. */
  input: Uint8Array = EMPTY;
  inputStart = 0;
  inputEnd = 0;
  #answer: Uint8Array = EMPTY;

  constructor(slot: InstanceSlot) {
    super();
    this.#slot = slot;
    this.imports = polytorusImports(slot, this);
  }

  /** Runs the exported function with input in place. @throws Halt */
  run(name: string, input: Uint8Array, start: number, end: number): Outcome {
    this.input = input;
    this.inputStart = start;
    this.inputEnd = end;
    this.#answer = EMPTY;
    try {
      this.#slot.call(name);
      return { status: "success", returnData: this.#answer };
    } catch (thrown) {
      if (thrown !== GUEST_REVERT) throw thrown;
      return { status: "reverted", returnData: this.#answer };
    } finally {
      this.input = EMPTY;
      this.#answer = EMPTY;
      this.clearRegisters();
    }
  }

  setAnswer(pointer: number, length: number): void {
    const bytes = length >>> 0;
    if (bytes > ANSWER_BYTES_MAX) throw new Halt("InvalidOutput");
    this.#slot.host.charge("answer", copyGas(bytes) + ANSWER_BYTE_GAS * bytes);
    this.#answer = this.#slot.read(pointer, bytes);
  }

  revert(pointer: number, length: number): never {
    this.setAnswer(pointer, length);
    throw GUEST_REVERT;
  }

  /** Reverts with Solidity's Error(string). */
  revertWithText(text: string): never {
    const answer = encodeError(SOLIDITY_ERRORS.Error, [text]);
    this.#slot.host.charge("answer", copyGas(answer.length) + ANSWER_BYTE_GAS * answer.length);
    this.#answer = answer;
    throw GUEST_REVERT;
  }
}
