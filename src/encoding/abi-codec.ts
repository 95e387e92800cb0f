/**
 * Values of the Ethereum ABI to bytes and back, with JSON on our side: addresses and bytes are lower-case hex, whole
 * numbers are decimal strings, arrays are arrays.
 * Always
 *  - Encoding refuses what the type cannot hold, naming where it stands (`args[1][0]`).
 *  - Decoding accepts what Solidity's decoder accepts and no more, except that parts which overlap are refused: no byte
 *    is read twice, so that the work is linear in the data whatever the offsets say.
 */
import { type ErrorCode, RejectedError } from "../errors.ts";
import { type AbiType, abiHeadBytes, abiTypeName, isDynamicAbiType, WORD_BYTES } from "./abi-types.ts";
import { ByteWriter } from "./bytes.ts";
import { fromHex, parseAddress, toHex } from "./hex.ts";

/** An encoding of parameters is at most this long: as much as an HTTP body carries. */
export const ABI_ENCODED_BYTES_MAX = 4 * 1024 * 1024;

const ADDRESS_BYTES = 20;

/**
 * @param values JSON as above; bytes and addresses also as Uint8Array, whole numbers also as bigint or safe integer.
 * @throws RejectedError INVALID_ADDRESS, INVALID_AMOUNT or INVALID_CALLDATA, with the path of the value.
 */
export function encodeParameters(types: readonly AbiType[], values: readonly unknown[], path = "args"): Uint8Array {
  const out = new ByteWriter(WORD_BYTES * 8);
  encodeSequence(types, values, path, out);
  return out.take();
}

function refuse(code: ErrorCode, path: string, expected: string, received: unknown): never {
  const shown = received === undefined ? "nothing" : String(received).slice(0, 80);
  throw new RejectedError(code, `${path}: expected ${expected}, received ${shown}`, {
    path,
    expected,
    received: shown,
  });
}

function encodeSequence(types: readonly AbiType[], values: unknown, path: string, out: ByteWriter): void {
  if (!Array.isArray(values) || values.length !== types.length) {
    const received = Array.isArray(values) ? values.length : typeof values;
    refuse("INVALID_CALLDATA", path, `an array of ${types.length}`, received);
  }
  const base = out.length;
  let head = base;
  reserve(
    out,
    types.reduce((sum, type) => sum + abiHeadBytes(type), 0),
  );
  types.forEach((type, index) => {
    const at = `${path}[${index}]`;
    if (isDynamicAbiType(type)) {
      writeSize(out, head, out.length - base);
      encodeTail(type, values[index], at, out);
    } else {
      encodeInPlace(type, values[index], at, out, head);
    }
    head += abiHeadBytes(type);
  });
}

function encodeTail(type: AbiType, value: unknown, path: string, out: ByteWriter): void {
  if (type.kind === "array") {
    if (!Array.isArray(value)) refuse("INVALID_CALLDATA", path, "an array", value);
    if (type.length === undefined) writeSize(out, reserve(out, WORD_BYTES), value.length);
    if (value.length > ABI_ENCODED_BYTES_MAX / WORD_BYTES)
      refuse("INVALID_CALLDATA", path, "a shorter array", value.length);
    encodeSequence(new Array<AbiType>(type.length ?? value.length).fill(type.item), value, path, out);
    return;
  }
  const data = type.kind === "string" ? textBytes(value, path) : dataBytes(value, undefined, path);
  writeSize(out, reserve(out, WORD_BYTES), data.length);
  const at = reserve(out, Math.ceil(data.length / WORD_BYTES) * WORD_BYTES);
  out.bytes.set(data, at);
}

function encodeInPlace(type: AbiType, value: unknown, path: string, out: ByteWriter, at: number): void {
  switch (type.kind) {
    case "array": {
      const count = type.length ?? 0;
      if (!Array.isArray(value) || value.length !== count)
        refuse("INVALID_CALLDATA", path, `an array of ${count}`, value);
      for (let i = 0; i < count; i++) {
        encodeInPlace(type.item, value[i], `${path}[${i}]`, out, at + i * abiHeadBytes(type.item));
      }
      return;
    }
    case "address":
      out.bytes.set(addressBytes(value, path), at + WORD_BYTES - ADDRESS_BYTES);
      return;
    case "bool":
      if (typeof value !== "boolean") refuse("INVALID_CALLDATA", path, "true or false", value);
      out.bytes[at + WORD_BYTES - 1] = value ? 1 : 0;
      return;
    case "fixedBytes":
      out.bytes.set(dataBytes(value, type.size, path), at);
      return;
    case "uint":
    case "int": {
      const digits = BigInt.asUintN(256, wholeNumber(type, value, path))
        .toString(16)
        .padStart(2 * WORD_BYTES, "0");
      out.bytes.set(Buffer.from(digits, "hex"), at);
      return;
    }
    default:
      throw new TypeError(`${abiTypeName(type)} does not stand in the head`);
  }
}

/** Appends `count` zero bytes; answers where they start. */
function reserve(out: ByteWriter, count: number): number {
  const at = out.length;
  if (at + count > ABI_ENCODED_BYTES_MAX) {
    refuse("INVALID_CALLDATA", "args", `at most ${ABI_ENCODED_BYTES_MAX} bytes encoded`, at + count);
  }
  out.ensure(count);
  out.bytes.fill(0, at, at + count);
  out.length += count;
  return at;
}

function writeSize(out: ByteWriter, at: number, size: number): void {
  new DataView(out.bytes.buffer).setUint32(at + WORD_BYTES - 4, size);
}

function addressBytes(value: unknown, path: string): Uint8Array {
  if (value instanceof Uint8Array && value.length === ADDRESS_BYTES) return value;
  const bytes = typeof value === "string" ? parseAddress(value) : undefined;
  return bytes ?? refuse("INVALID_ADDRESS", path, "an address: 0x and 40 hex digits", value);
}

function dataBytes(value: unknown, size: number | undefined, path: string): Uint8Array {
  const bytes = value instanceof Uint8Array ? value : typeof value === "string" ? fromHex(value) : undefined;
  if (bytes !== undefined && (size === undefined || bytes.length === size)) return bytes;
  return refuse("INVALID_CALLDATA", path, `${size === undefined ? "" : `${size} `}bytes of hex, 0x first`, value);
}

function textBytes(value: unknown, path: string): Uint8Array {
  if (typeof value !== "string") refuse("INVALID_CALLDATA", path, "a string", value);
  return Buffer.from(value, "utf8");
}

function wholeNumber(type: { kind: "uint" | "int"; bits: number }, value: unknown, path: string): bigint {
  const isDecimal = typeof value === "string" && /^(0|-?[1-9][0-9]{0,77})$/.test(value);
  const isWhole = isDecimal || typeof value === "bigint" || Number.isSafeInteger(value);
  const number = isWhole ? BigInt(value as string | bigint | number) : undefined;
  const limit = 1n << BigInt(type.kind === "uint" ? type.bits : type.bits - 1);
  const lowest = type.kind === "uint" ? 0n : -limit;
  if (number === undefined || number < lowest || number >= limit) {
    refuse("INVALID_AMOUNT", path, `a whole number that fits ${abiTypeName(type)}`, value);
  }
  return number;
}

/** What is being decoded. `unread` falls by every byte taken, so that parts which overlap run out of it. */
interface Input {
  readonly data: Uint8Array;
  unread: number;
}

/**
 * Values of `types` from `start` to the end of `data`, as JSON; bytes after the last are ignored.
 * @returns undefined when the data is no encoding of the types: too short, an offset out of it, bits set where the type
 *          has none. Strings that are not UTF-8 read with U+FFFD in place of what is wrong.
 */
export function decodeParameters(types: readonly AbiType[], data: Uint8Array, start = 0): unknown[] | undefined {
  return decodeSequence(types, { data, unread: data.length - start }, start);
}

function decodeSequence(types: readonly AbiType[], input: Input, base: number): unknown[] | undefined {
  const values: unknown[] = [];
  let head = base;
  for (const type of types) {
    const value = decodeValue(type, input, base, head);
    if (value === undefined) return undefined;
    values.push(value);
    head += abiHeadBytes(type);
  }
  return values;
}

function decodeValue(type: AbiType, input: Input, base: number, head: number): unknown {
  if (!isDynamicAbiType(type)) return decodeInPlace(type, input, head);
  const offset = readSize(input, head);
  if (offset === undefined) return undefined;
  let tail = base + offset;
  if (type.kind === "array" && type.length !== undefined) return decodeItems(type.item, type.length, input, tail);
  const count = readSize(input, tail);
  if (count === undefined) return undefined;
  tail += WORD_BYTES;
  if (type.kind === "array") return decodeItems(type.item, count, input, tail);
  if (!take(input, tail, count)) return undefined;
  if (type.kind === "bytes") return toHex(input.data, tail, tail + count);
  return Buffer.from(input.data.buffer, input.data.byteOffset + tail, count).toString("utf8");
}

function decodeItems(item: AbiType, count: number, input: Input, base: number): unknown[] | undefined {
  if (count * abiHeadBytes(item) > input.unread) return undefined;
  return decodeSequence(new Array<AbiType>(count).fill(item), input, base);
}

function decodeInPlace(type: AbiType, input: Input, at: number): unknown {
  if (type.kind === "array") return decodeItems(type.item, type.length ?? 0, input, at);
  if (!take(input, at, WORD_BYTES)) return undefined;
  const { data } = input;
  const end = at + WORD_BYTES;
  switch (type.kind) {
    case "address":
      return isClear(data, at, end - ADDRESS_BYTES) ? toHex(data, end - ADDRESS_BYTES, end) : undefined;
    case "bool":
      return isClear(data, at, end - 1) && data[end - 1]! <= 1 ? data[end - 1] === 1 : undefined;
    case "fixedBytes":
      return isClear(data, at + type.size, end) ? toHex(data, at, at + type.size) : undefined;
    case "uint":
      return isClear(data, at, end - type.bits / 8) ? BigInt(toHex(data, at, end)).toString() : undefined;
    case "int": {
      const value = BigInt.asIntN(256, BigInt(toHex(data, at, end)));
      return BigInt.asIntN(type.bits, value) === value ? value.toString() : undefined;
    }
    default:
      throw new TypeError(`${abiTypeName(type)} does not stand in the head`);
  }
}

/** An offset or a length: a word whose value is at most what is left of the data. */
function readSize(input: Input, at: number): number | undefined {
  if (!take(input, at, WORD_BYTES) || !isClear(input.data, at, at + WORD_BYTES - 4)) return undefined;
  const { buffer, byteOffset } = input.data;
  const size = new DataView(buffer, byteOffset).getUint32(at + WORD_BYTES - 4);
  return size <= input.data.length ? size : undefined;
}

function take(input: Input, at: number, count: number): boolean {
  input.unread -= count;
  return input.unread >= 0 && at + count <= input.data.length;
}

function isClear(data: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (data[i] !== 0) return false;
  return true;
}
