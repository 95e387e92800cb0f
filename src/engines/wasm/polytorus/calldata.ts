/**
 * CalldataEncoder: an entrypoint's name and tagged arguments (encoding/transaction.ts, body form 2) become Ethereum
 * calldata, by the contract's ABI. Addresses, whole numbers and booleans, which most calls are made of, are written as
 * they are read; other types go through the codec.
 */
import { type AbiFunction, encodeCall, SELECTOR_BYTES } from "../../../encoding/abi.ts";
import { type AbiType, WORD_BYTES } from "../../../encoding/abi-types.ts";
import { hashSlice, isSlice } from "../../../encoding/bytes.ts";
import { ArgTag, decodeArguments } from "../../../encoding/transaction.ts";
import { RejectedError } from "../../../errors.ts";
import type { CallInput } from "../../../execution/host.ts";
import { nearestNames } from "../../builtin/nearest-names.ts";

const ADDRESS_BYTES = 20;

/** What a plain parameter takes: an address, a boolean, or a whole number of at most so many bytes. */
const PlainKind = { address: -1, bool: -2 } as const;

interface Entry {
  readonly fn: AbiFunction;
  /** By parameter, when every one is an address, an unsigned whole number or a boolean. */
  readonly plain: readonly number[] | undefined;
}

/** `length` bytes of calldata, in a buffer that may be longer. */
export interface Calldata {
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** Room for calls of sixteen arguments. */
const BUFFER_BYTES = 1024;

/** The functions of one name, or of one signature. */
interface Named {
  readonly name: Uint8Array;
  readonly entries: Entry[];
}

export class CalldataEncoder {
  /** By a hash of the name; a signature finds one of several functions of the same name. */
  readonly #named = new Map<number, Named[]>();
  readonly #names: readonly string[];
  /** The call that was admitted last: it is run next, so that it is not encoded twice. */
  #admittedBytes: Uint8Array | undefined;
  #admittedStart = 0;
  #admitted: Calldata | undefined;
  /** Of plain calls; lent to one call at a time: an array of more than 64 bytes costs more than filling it. */
  #buffer: Uint8Array | undefined;

  constructor(functions: readonly AbiFunction[]) {
    this.#names = [...new Set(functions.map(({ name }) => name))];
    for (const fn of functions) {
      const kinds = fn.inputTypes.map(plainKind);
      const plain = kinds.every((kind): kind is number => kind !== undefined) ? kinds : undefined;
      for (const name of [fn.name, fn.signature]) this.#add(Buffer.from(name, "utf8"), { fn, plain });
    }
  }

  #add(name: Uint8Array, entry: Entry): void {
    const hash = hashSlice(name, 0, name.length);
    const known = this.#find(name, 0, name.length);
    if (known !== undefined) known.push(entry);
    else this.#named.set(hash, [...(this.#named.get(hash) ?? []), { name, entries: [entry] }]);
  }

  #find(bytes: Uint8Array, start: number, end: number): Entry[] | undefined {
    const candidates = this.#named.get(hashSlice(bytes, start, end));
    if (candidates === undefined) return undefined;
    for (const { name, entries } of candidates) if (isSlice(name, bytes, start, end)) return entries;
    return undefined;
  }

  /** @throws RejectedError UNKNOWN_ENTRYPOINT, INVALID_CALLDATA, INVALID_AMOUNT, INVALID_ADDRESS. */
  admit(input: CallInput): void {
    this.#admittedBytes = undefined;
    this.#admitted = this.#encode(input);
    this.#admittedBytes = input.bytes;
    this.#admittedStart = input.start;
  }

  /** Calldata of an input of the entrypoint form, until it is given back. @throws RejectedError as `admit`. */
  take(input: CallInput): Calldata {
    const isAdmitted = this.#admittedBytes === input.bytes && this.#admittedStart === input.start;
    const admitted = this.#admitted;
    this.#admittedBytes = undefined;
    this.#admitted = undefined;
    const calldata = isAdmitted && admitted !== undefined ? admitted : this.#encode(input);
    if (calldata.bytes === this.#buffer) this.#buffer = undefined;
    return calldata;
  }

  give(calldata: Calldata): void {
    this.#buffer = calldata.bytes;
  }

  #encode(input: CallInput): Calldata {
    const { bytes, start, end } = input;
    const argumentsAt = start + 1 + bytes[start]!;
    const entries = this.#find(bytes, start + 1, argumentsAt);
    if (entries === undefined) return this.#refuseName(Buffer.from(bytes.subarray(start + 1, argumentsAt)).toString());
    const entry = entries.length === 1 ? entries[0]! : withCount(entries, bytes[argumentsAt]!);
    const plain =
      entry.plain === undefined ? undefined : this.#encodePlain(entry.fn, entry.plain, bytes, argumentsAt, end);
    if (plain !== undefined) return plain;
    const encoded = encodeCall(entry.fn, decodeArguments(bytes.subarray(0, end), start).args);
    return { bytes: encoded, length: encoded.length };
  }

  #encodePlain(
    fn: AbiFunction,
    kinds: readonly number[],
    bytes: Uint8Array,
    at: number,
    end: number,
  ): Calldata | undefined {
    const length = SELECTOR_BYTES + WORD_BYTES * kinds.length;
    let buffer = this.#buffer;
    if (buffer === undefined || buffer.length < length) {
      buffer = new Uint8Array(Math.max(length, BUFFER_BYTES));
      this.#buffer = buffer;
    } else buffer.fill(0, 0, length);
    return writePlain(fn, kinds, bytes, at, end, buffer) ? { bytes: buffer, length } : undefined;
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

function plainKind(type: AbiType): number | undefined {
  if (type.kind === "address" || type.kind === "bool") return PlainKind[type.kind];
  return type.kind === "uint" ? type.bits / 8 : undefined;
}

/** Of functions of one name, the one that takes so many arguments. */
function withCount(entries: readonly Entry[], count: number): Entry {
  return entries.find(({ fn }) => fn.inputs.length === count) ?? entries[0]!;
}

/** @returns false when an argument is not what its parameter takes: the codec then says what is wrong. */
function writePlain(
  fn: AbiFunction,
  kinds: readonly number[],
  bytes: Uint8Array,
  at: number,
  end: number,
  calldata: Uint8Array,
): boolean {
  if (bytes[at] !== kinds.length) return false;
  const { selector } = fn;
  for (let i = 0; i < SELECTOR_BYTES; i++) calldata[i] = selector[i]!;
  let next = at + 1;
  let wordEnd = SELECTOR_BYTES + WORD_BYTES;
  for (let index = 0; index < kinds.length; index++, wordEnd += WORD_BYTES) {
    const kind = kinds[index]!;
    const tag = bytes[next];
    let size = 0;
    if (kind === PlainKind.bool) {
      if (tag !== ArgTag.true && tag !== ArgTag.false) return false;
      calldata[wordEnd - 1] = tag === ArgTag.true ? 1 : 0;
      next++;
      continue;
    }
    if (kind === PlainKind.address) {
      if (tag !== ArgTag.address) return false;
      size = ADDRESS_BYTES;
      next += 1 + size;
    } else {
      size = bytes[next + 1]!;
      if (tag !== ArgTag.uint || size > kind) return false;
      next += 2 + size;
    }
    if (next > end) return false;
    for (let i = 1; i <= size; i++) calldata[wordEnd - i] = bytes[next - i]!;
  }
  return next === end;
}
