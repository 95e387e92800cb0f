/**
 * CalldataEncoder: an entrypoint's name and tagged arguments (encoding/transaction.ts, body form 2) become Ethereum
 * calldata, by the contract's ABI. Addresses, whole numbers and booleans, which most calls are made of, are written as
 * they are read; other types go through the codec.
 */
import { type AbiFunction, encodeCall, SELECTOR_BYTES } from "../../../encoding/abi.ts";
import { type AbiType, WORD_BYTES } from "../../../encoding/abi-types.ts";
import { ArgTag, decodeArguments } from "../../../encoding/transaction.ts";
import { RejectedError } from "../../../errors.ts";
import type { CallInput } from "../../../execution/host.ts";
import { nearestNames } from "../../builtin/nearest-names.ts";

const ADDRESS_BYTES = 20;

interface Entry {
  readonly fn: AbiFunction;
  /** Whether every parameter is an address, an unsigned whole number or a boolean. */
  readonly isPlain: boolean;
}

export class CalldataEncoder {
  /** By name, and by signature where a name has several. */
  readonly #entries = new Map<string, Entry[]>();
  readonly #names: readonly string[];
  /** The call that was admitted last: it is run next, so that it is not encoded twice. */
  #admitted: { bytes: Uint8Array; start: number; calldata: Uint8Array } | undefined;

  constructor(functions: readonly AbiFunction[]) {
    this.#names = [...new Set(functions.map(({ name }) => name))];
    for (const fn of functions) {
      const entry = { fn, isPlain: fn.inputTypes.every(isPlain) };
      for (const name of [fn.name, fn.signature]) this.#entries.set(name, [...(this.#entries.get(name) ?? []), entry]);
    }
  }

  /** @throws RejectedError UNKNOWN_ENTRYPOINT, INVALID_CALLDATA, INVALID_AMOUNT, INVALID_ADDRESS. */
  admit(input: CallInput): void {
    this.#admitted = undefined;
    this.#admitted = { bytes: input.bytes, start: input.start, calldata: this.#encode(input) };
  }

  /** Calldata of an input of the entrypoint form. @throws RejectedError as `admit`. */
  take(input: CallInput): Uint8Array {
    const admitted = this.#admitted;
    this.#admitted = undefined;
    if (admitted?.bytes === input.bytes && admitted.start === input.start) return admitted.calldata;
    return this.#encode(input);
  }

  #encode(input: CallInput): Uint8Array {
    const { bytes, start, end } = input;
    const argumentsAt = start + 1 + bytes[start]!;
    const name = Buffer.from(bytes.buffer, bytes.byteOffset + start + 1, bytes[start]!).toString("utf8");
    const entries = this.#entries.get(name);
    if (entries === undefined) return this.#refuseName(name);
    const count = bytes[argumentsAt]!;
    const entry = entries.find(({ fn }) => fn.inputs.length === count) ?? entries[0]!;
    const plain = entry.isPlain ? encodePlain(entry.fn, bytes, argumentsAt, end) : undefined;
    return plain ?? encodeCall(entry.fn, decodeArguments(bytes.subarray(0, end), start).args);
  }

  #refuseName(name: string): never {
    if (this.#names.length === 0) {
      const message = "the contract was deployed without an ABI: it takes calldata, not an entrypoint and args";
      throw new RejectedError("UNKNOWN_ENTRYPOINT", message, {
        path: "entrypoint",
        received: name,
        expected: "calldata",
      });
    }
    throw new RejectedError("UNKNOWN_ENTRYPOINT", `the contract's ABI has no entrypoint ${JSON.stringify(name)}`, {
      path: "entrypoint",
      received: name,
      nearest: nearestNames(name, this.#names),
    });
  }
}

function isPlain(type: AbiType): boolean {
  return type.kind === "address" || type.kind === "uint" || type.kind === "bool";
}

/** @returns undefined when an argument is not what its parameter takes: the codec then says what is wrong. */
function encodePlain(fn: AbiFunction, bytes: Uint8Array, at: number, end: number): Uint8Array | undefined {
  const types = fn.inputTypes;
  if (bytes[at] !== types.length) return undefined;
  const calldata = new Uint8Array(SELECTOR_BYTES + WORD_BYTES * types.length);
  for (let i = 0; i < SELECTOR_BYTES; i++) calldata[i] = fn.selector[i]!;
  let next = at + 1;
  let wordEnd = SELECTOR_BYTES;
  for (const type of types) {
    wordEnd += WORD_BYTES;
    const length = argumentLength(type, bytes, next);
    if (length === 0 || next + length > end) return undefined;
    if (type.kind === "bool") calldata[wordEnd - 1] = bytes[next] === ArgTag.true ? 1 : 0;
    else {
      const size = type.kind === "address" ? ADDRESS_BYTES : bytes[next + 1]!;
      for (let i = 1; i <= size; i++) calldata[wordEnd - i] = bytes[next + length - i]!;
    }
    next += length;
  }
  return next === end ? calldata : undefined;
}

/** Bytes of the tagged argument at `at`; 0 when the parameter does not take it. */
function argumentLength(type: AbiType, bytes: Uint8Array, at: number): number {
  const tag = bytes[at];
  if (type.kind === "address") return tag === ArgTag.address ? 1 + ADDRESS_BYTES : 0;
  if (type.kind === "uint") return tag === ArgTag.uint && bytes[at + 1]! * 8 <= type.bits ? 2 + bytes[at + 1]! : 0;
  return tag === ArgTag.true || tag === ArgTag.false ? 1 : 0;
}
