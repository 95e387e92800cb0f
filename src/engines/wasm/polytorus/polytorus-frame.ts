/**
 * PolytorusFrame: what the imports of the polytorus ABI share during one call: its input, its answer, the result register
 * (the last value, entry or call's answer, of any length), and open iterators.
 */

import { encodeError } from "../../../encoding/abi.ts";
import { SOLIDITY_ERRORS } from "../../../encoding/erc20-abi.ts";
import { Halt } from "../../../execution/gas.ts";
import type { Outcome } from "../../../execution/host.ts";
import type { AbiFrame } from "../abi.ts";
import { GUEST_REVERT, type InstanceSlot } from "../instance-slot.ts";
import { polytorusImports } from "./imports.ts";
import { ANSWER_BYTE_GAS, copyGas } from "./prices.ts";

const EMPTY = new Uint8Array(0);
/** A call's answer, result or revert. A contract with more to say writes state or logs. */
const ANSWER_BYTES_MAX = 128 * 1024;
const ITERATORS_MAX = 16;

type Entries = Iterator<{ key: Uint8Array; value: Uint8Array }>;

export class PolytorusFrame implements AbiFrame {
  readonly imports: WebAssembly.Imports;
  readonly #slot: InstanceSlot;
  /** Belongs to whoever made the call. */
  input: Uint8Array = EMPTY;
  inputStart = 0;
  inputEnd = 0;
  register: Uint8Array = EMPTY;
  #answer: Uint8Array = EMPTY;
  #iterators: Entries[] = [];

  constructor(slot: InstanceSlot) {
    this.#slot = slot;
    this.imports = polytorusImports(slot, this);
  }

  /** Runs the exported function with input in place. @throws Halt */
  run(name: string, input: Uint8Array, start: number, end: number): Outcome {
    this.input = input;
    this.inputStart = start;
    this.inputEnd = end;
    this.register = EMPTY;
    this.#answer = EMPTY;
    try {
      this.#slot.call(name);
      return { status: "success", returnData: this.#answer };
    } catch (thrown) {
      if (thrown !== GUEST_REVERT) throw thrown;
      return { status: "reverted", returnData: this.#answer };
    } finally {
      this.input = EMPTY;
      this.register = EMPTY;
      this.#answer = EMPTY;
      if (this.#iterators.length > 0) this.#closeIterators();
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

  openIterator(entries: Iterable<{ key: Uint8Array; value: Uint8Array }>): number {
    if (this.#iterators.length >= ITERATORS_MAX) throw new Halt("StateLimit");
    return this.#iterators.push(entries[Symbol.iterator]()) - 1;
  }

  /** @throws Halt Unreachable for an iterator that was not opened. */
  iterator(id: number): Entries {
    const entries = this.#iterators[id];
    if (entries === undefined) throw new Halt("Unreachable");
    return entries;
  }

  /** An iterator that did not reach its end holds a cursor of the store. */
  #closeIterators(): void {
    for (const entries of this.#iterators) entries.return?.();
    this.#iterators = [];
  }
}
