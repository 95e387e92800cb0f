/**
 * The canonical encoding of a transaction: what is hashed, what travels in binary frames, what the log keeps.
 * Little-endian, 64 bytes of header, so that an executor reads senders and recipients as words.
 *
 *     0  u8   kind: 1 deploy · 2 call · 3 upgrade · 4 setStatus · 5 setAdmin
 *     1  u8   flags: 1 value · 2 salt · 4 id · 8 validUntilHeight · 128 the nonce was left out (admission only)
 *     2  u8   body form: 0 none · 1 calldata · 2 entrypoint and args · 3 JSON
 *     3  u8   0
 *     4  u32  body length in bytes
 *     8  u64  nonce
 *    16  u64  gas limit
 *    24  20   sender
 *    44  20   to; zero for a deployment
 *    64  …    body, then, as the flags say and in this order: value (32, big-endian), salt (32), id (32), validUntilHeight (u64)
 *
 * Body form 2: u8 length and UTF-8 of the entrypoint, u8 count, then each argument as a tag and its bytes:
 *     1 address (20) · 2 whole number (u8 n, n bytes big-endian without leading zeros) · 3 bytes (u32, …) ·
 *     4 string (u32, UTF-8) · 5 true · 6 false · 7 null · 8 other JSON (u32, canonical JSON)
 * The tag follows from the JSON value alone, never from a contract's ABI, so that anyone can hash a transaction:
 * `0x` and 40 digits is an address, other even hex is bytes, a decimal below 2^256 without leading zeros is a whole number.
 *
 * hash = SHA-256("polytorus.tx.1" ‖ u64 chain id ‖ encoding with the flag 128 clear)
 *
 * In a batch each encoding is followed by zero bytes up to a multiple of 4.
 */
import { RejectedError } from "../errors.ts";
import { type ByteWriter, readU32, readU64, writeU32, writeU64 } from "./bytes.ts";
import { canonicalJson } from "./canonical-json.ts";
import { fromHex, HexDigits, parseAddress, toHex, writeHexDigits } from "./hex.ts";

export const TX_HEADER_BYTES = 64;
/** Where nonce, sender and recipient stand in it. */
export const TX_NONCE_AT = 8;
export const TX_SENDER_AT = 24;
export const TX_TO_AT = 44;
export const TX_HASH_DOMAIN = "polytorus.tx.1";

export const TransactionKind = { deploy: 1, call: 2, upgrade: 3, setStatus: 4, setAdmin: 5 } as const;
export type TransactionKindName = keyof typeof TransactionKind;
const KIND_NAMES: (TransactionKindName | undefined)[] = [
  undefined,
  "deploy",
  "call",
  "upgrade",
  "setStatus",
  "setAdmin",
];

export const TxFlag = { value: 1, salt: 2, id: 4, validUntil: 8, nonceLeftOut: 128 } as const;
export const BodyForm = { none: 0, calldata: 1, entrypoint: 2, json: 3 } as const;
export const ArgTag = { address: 1, uint: 2, bytes: 3, string: 4, true: 5, false: 6, null: 7, json: 8 } as const;

/** One argument may be this long; a whole transaction is bounded by the frame that carries it. */
const ENTRYPOINT_BYTES_MAX = 255;
const ARGS_MAX = 255;
const UINT256_LIMIT = 1n << 256n;

/** A transaction as JSON-RPC carries it. */
export interface TransactionJson {
  kind: TransactionKindName;
  sender: string;
  nonce?: number | string | undefined;
  gasLimit: number | string;
  to?: string | undefined;
  value?: string | number | undefined;
  entrypoint?: string | undefined;
  args?: readonly unknown[] | undefined;
  calldata?: string | undefined;
  msg?: unknown;
  contract?: unknown;
  status?: "active" | "paused" | undefined;
  admin?: string | null | undefined;
  salt?: string | undefined;
  id?: string | undefined;
  validUntilHeight?: number | undefined;
}

/** What is wrong with a transaction: where in it, what was expected, what came. */
function reject(
  code: "VALIDATION_ERROR" | "INVALID_ADDRESS" | "INVALID_AMOUNT",
  path: string,
  expected: string,
  received: unknown,
): never {
  const shown =
    typeof received === "string"
      ? JSON.stringify(received.slice(0, 80))
      : received === undefined
        ? "nothing"
        : (JSON.stringify(received)?.slice(0, 80) ?? typeof received);
  throw new RejectedError(code, `${path}: expected ${expected}, received ${shown}`, {
    path,
    expected,
    received: shown,
  });
}

/** Appends the canonical encoding, padded to a multiple of 4. @throws RejectedError naming the path; the writer is then as before. */
export function encodeTransaction(tx: TransactionJson, out: ByteWriter): void {
  const start = out.length;
  try {
    encodeParts(tx, out, start);
  } catch (problem) {
    out.length = start;
    throw problem;
  }
}

function encodeParts(tx: TransactionJson, out: ByteWriter, start: number): void {
  const kind = Object.hasOwn(TransactionKind, tx.kind) ? TransactionKind[tx.kind] : undefined;
  if (kind === undefined)
    reject("VALIDATION_ERROR", "kind", "one of deploy, call, upgrade, setStatus, setAdmin", tx.kind);
  out.ensure(TX_HEADER_BYTES + 256);
  let flags = 0;
  const bytes = out.bytes;
  bytes[start] = kind;
  bytes[start + 3] = 0;
  if (tx.nonce === undefined) {
    flags |= TxFlag.nonceLeftOut;
    writeU64(bytes, start + 8, 0);
  } else {
    writeU64(bytes, start + 8, wholeNumber(tx.nonce, "nonce"));
  }
  writeU64(bytes, start + 16, wholeNumber(tx.gasLimit, "gasLimit"));
  writeAddress(tx.sender, "sender", bytes, start + 24);
  if (tx.to === undefined) {
    if (kind !== TransactionKind.deploy) reject("VALIDATION_ERROR", "to", "an address", undefined);
    bytes.fill(0, start + 44, start + 64);
  } else {
    if (kind === TransactionKind.deploy)
      reject("VALIDATION_ERROR", "to", "nothing: a deployment's address is derived", tx.to);
    writeAddress(tx.to, "to", bytes, start + 44);
  }
  out.length = start + TX_HEADER_BYTES;
  const form = encodeBody(tx, kind, out);
  const bodyLength = out.length - start - TX_HEADER_BYTES;
  if (tx.value !== undefined) {
    flags |= encodeWord(out, tx.value) ? TxFlag.value : 0;
  }
  if (tx.salt !== undefined) flags |= encodeHash(out, tx.salt, "salt", TxFlag.salt);
  if (tx.id !== undefined) flags |= encodeHash(out, tx.id, "id", TxFlag.id);
  if (tx.validUntilHeight !== undefined) {
    out.u64(wholeNumber(tx.validUntilHeight, "validUntilHeight"));
    flags |= TxFlag.validUntil;
  }
  out.bytes[start + 1] = flags;
  out.bytes[start + 2] = form;
  writeU32(out.bytes, start + 4, bodyLength);
  out.align();
}

function encodeBody(tx: TransactionJson, kind: number, out: ByteWriter): number {
  switch (kind) {
    case TransactionKind.call:
      if (tx.entrypoint !== undefined) {
        if (tx.calldata !== undefined || tx.msg !== undefined)
          reject("VALIDATION_ERROR", "calldata", "only one of entrypoint, calldata and msg", "more than one");
        encodeEntrypoint(tx.entrypoint, tx.args ?? [], out);
        return BodyForm.entrypoint;
      }
      if (tx.args !== undefined) reject("VALIDATION_ERROR", "entrypoint", "an entrypoint for the args", undefined);
      if (tx.calldata !== undefined) {
        const data = typeof tx.calldata === "string" ? fromHex(tx.calldata) : undefined;
        if (data === undefined)
          reject("VALIDATION_ERROR", "calldata", "0x and an even number of hex digits", tx.calldata);
        out.raw(data);
        return BodyForm.calldata;
      }
      if (tx.msg !== undefined) return encodeJson(tx.msg, out);
      return BodyForm.none;
    case TransactionKind.deploy:
    case TransactionKind.upgrade:
      if (typeof tx.contract !== "object" || tx.contract === null)
        reject("VALIDATION_ERROR", "contract", "an object with a type", tx.contract);
      return encodeJson(tx.contract, out);
    case TransactionKind.setStatus:
      if (tx.status !== "active" && tx.status !== "paused")
        reject("VALIDATION_ERROR", "status", '"active" or "paused"', tx.status);
      return encodeJson({ status: tx.status }, out);
    default:
      if (tx.admin !== null && (typeof tx.admin !== "string" || parseAddress(tx.admin) === undefined))
        reject("INVALID_ADDRESS", "admin", "an address, or null for none", tx.admin);
      return encodeJson({ admin: tx.admin?.toLowerCase() ?? null }, out);
  }
}

function encodeJson(value: unknown, out: ByteWriter): number {
  out.raw(Buffer.from(canonicalJson(value), "utf8"));
  return BodyForm.json;
}

/** Body form 2. Also how a query travels to the executor. */
export function encodeEntrypoint(entrypoint: string, args: readonly unknown[], out: ByteWriter): void {
  if (typeof entrypoint !== "string" || entrypoint.length === 0)
    reject("VALIDATION_ERROR", "entrypoint", "a name", entrypoint);
  if (!Array.isArray(args)) reject("VALIDATION_ERROR", "args", "an array", args);
  if (args.length > ARGS_MAX) reject("VALIDATION_ERROR", "args", `at most ${ARGS_MAX} arguments`, args.length);
  const at = out.length;
  out.ensure(2 + 3 * entrypoint.length);
  let length = 0;
  for (; length < entrypoint.length; length++) {
    const c = entrypoint.charCodeAt(length);
    if (c > 127) break;
    out.bytes[at + 1 + length] = c;
  }
  if (length < entrypoint.length) {
    const text = Buffer.from(entrypoint, "utf8");
    out.bytes.set(text, at + 1);
    length = text.length;
  }
  if (length > ENTRYPOINT_BYTES_MAX)
    reject("VALIDATION_ERROR", "entrypoint", `at most ${ENTRYPOINT_BYTES_MAX} bytes`, entrypoint);
  out.bytes[at] = length;
  out.length = at + 1 + length;
  out.u8(args.length);
  for (let i = 0; i < args.length; i++) encodeArgument(args[i], i, out);
}

function encodeArgument(arg: unknown, index: number, out: ByteWriter): void {
  if (typeof arg === "string") {
    if (arg.charCodeAt(0) === 48 && arg.charCodeAt(1) === 120) {
      if (arg.length === 42) {
        out.ensure(21);
        out.bytes[out.length] = ArgTag.address;
        writeAddress(arg, `args[${index}]`, out.bytes, out.length + 1);
        out.length += 21;
        return;
      }
      const data = fromHex(arg);
      if (data !== undefined) {
        out.u8(ArgTag.bytes);
        out.u32(data.length);
        out.raw(data);
        return;
      }
    } else if (encodeDecimal(arg, out)) return;
    const text = Buffer.from(arg, "utf8");
    out.u8(ArgTag.string);
    out.u32(text.length);
    out.raw(text);
    return;
  }
  if (typeof arg === "number" && Number.isSafeInteger(arg) && arg >= 0) {
    encodeUint(BigInt(arg), out);
  } else if (typeof arg === "bigint" && arg >= 0n && arg < UINT256_LIMIT) {
    encodeUint(arg, out);
  } else if (typeof arg === "boolean") {
    out.u8(arg ? ArgTag.true : ArgTag.false);
  } else if (arg === null) {
    out.u8(ArgTag.null);
  } else if (typeof arg === "object") {
    const text = Buffer.from(canonicalJson(arg), "utf8");
    out.u8(ArgTag.json);
    out.u32(text.length);
    out.raw(text);
  } else {
    reject(
      "VALIDATION_ERROR",
      `args[${index}]`,
      "JSON, with numbers beyond 2^53 as decimal strings",
      typeof arg === "bigint" ? String(arg) : arg,
    );
  }
}

/** Digits that a double holds exactly. */
const EXACT_DIGITS = 15;

/** Writes the argument if `text` is a decimal below 2^256 without sign and leading zeros. */
function encodeDecimal(text: string, out: ByteWriter): boolean {
  const length = text.length;
  if (length === 0 || length > 78 || (length > 1 && text.charCodeAt(0) === 48)) return false;
  let value = 0;
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return false;
    if (i < EXACT_DIGITS) value = value * 10 + digit;
  }
  if (length > EXACT_DIGITS) {
    const big = BigInt(text);
    if (big >= UINT256_LIMIT) return false;
    encodeUint(big, out);
    return true;
  }
  let size = 0;
  for (let rest = value; rest >= 1; rest /= 256) size++;
  out.ensure(2 + size);
  out.bytes[out.length] = ArgTag.uint;
  out.bytes[out.length + 1] = size;
  for (let i = size; i > 0; i--) {
    out.bytes[out.length + 1 + i] = value % 256;
    value = Math.floor(value / 256);
  }
  out.length += 2 + size;
  return true;
}

function encodeUint(value: bigint, out: ByteWriter): void {
  let digits = value === 0n ? "" : value.toString(16);
  if (digits.length % 2 === 1) digits = `0${digits}`;
  const size = digits.length / 2;
  out.ensure(2 + size);
  out.bytes[out.length] = ArgTag.uint;
  out.bytes[out.length + 1] = size;
  writeHexDigits(digits, 0, size, out.bytes, out.length + 2);
  out.length += 2 + size;
}

function encodeWord(out: ByteWriter, amount: string | number): boolean {
  const isExact = typeof amount === "string" || Number.isSafeInteger(amount);
  const text = isExact ? String(amount) : "";
  if (!/^(0|[1-9][0-9]{0,77})$/.test(text) || BigInt(text) >= UINT256_LIMIT)
    reject("INVALID_AMOUNT", "value", "a decimal from 0 to 2^256-1", amount);
  const value = BigInt(text);
  if (value === 0n) return false;
  out.ensure(32);
  writeHexDigits(value.toString(16).padStart(64, "0"), 0, 32, out.bytes, out.length);
  out.length += 32;
  return true;
}

function encodeHash(out: ByteWriter, text: string, path: string, flag: number): number {
  const data = typeof text === "string" && text.length === 66 ? fromHex(text) : undefined;
  if (data === undefined) reject("VALIDATION_ERROR", path, "32 bytes of hex", text);
  out.raw(data);
  return flag;
}

function wholeNumber(value: number | string, path: string): number {
  const parsed =
    typeof value === "number"
      ? value
      : typeof value === "string" && /^(0|[1-9][0-9]{0,15})$/.test(value)
        ? Number(value)
        : Number.NaN;
  if (!Number.isSafeInteger(parsed) || parsed < 0)
    reject("VALIDATION_ERROR", path, "a whole number from 0 to 2^53-1", value);
  return parsed;
}

function writeAddress(text: unknown, path: string, out: Uint8Array, at: number): void {
  if (typeof text !== "string" || text.length !== 42 || text.charCodeAt(0) !== 48 || text.charCodeAt(1) !== 120)
    reject("INVALID_ADDRESS", path, "0x and 40 hex digits", text);
  const found = writeHexDigits(text, 2, 20, out, at);
  if (found === HexDigits.lowerCase) return;
  if (found === HexDigits.invalid) reject("INVALID_ADDRESS", path, "0x and 40 hex digits", text);
  if (parseAddress(text) === undefined) reject("INVALID_ADDRESS", path, "a right EIP-55 checksum, or lower case", text);
}

/** Length in bytes of the encoding that starts at `at`, without padding. */
export function transactionLength(bytes: Uint8Array, at: number): number {
  const flags = bytes[at + 1]!;
  return (
    TX_HEADER_BYTES +
    readU32(bytes, at + 4) +
    (flags & TxFlag.value ? 32 : 0) +
    (flags & TxFlag.salt ? 32 : 0) +
    (flags & TxFlag.id ? 32 : 0) +
    (flags & TxFlag.validUntil ? 8 : 0)
  );
}

/** Where the optional fields of the encoding at `at` stand; undefined where the flags say that there is none. */
export function optionalFields(
  bytes: Uint8Array,
  at: number,
): { value?: number; salt?: number; id?: number; validUntil?: number } {
  const flags = bytes[at + 1]!;
  let next = at + TX_HEADER_BYTES + readU32(bytes, at + 4);
  const fields: { value?: number; salt?: number; id?: number; validUntil?: number } = {};
  if (flags & TxFlag.value) {
    fields.value = next;
    next += 32;
  }
  if (flags & TxFlag.salt) {
    fields.salt = next;
    next += 32;
  }
  if (flags & TxFlag.id) {
    fields.id = next;
    next += 32;
  }
  if (flags & TxFlag.validUntil) fields.validUntil = next;
  return fields;
}

/**
 * Checks the structure of an encoding that came from outside (a binary frame), whose bytes end at `end`.
 * @returns its length without padding. @throws RejectedError naming what is wrong.
 */
export function checkTransaction(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < TX_HEADER_BYTES)
    reject("VALIDATION_ERROR", "transaction", `at least ${TX_HEADER_BYTES} bytes`, end - at);
  const kind = KIND_NAMES[bytes[at]!];
  if (kind === undefined) reject("VALIDATION_ERROR", "kind", "1 to 5", bytes[at]);
  const form = bytes[at + 2]!;
  const fits = kind === "call" ? form <= BodyForm.json : form === BodyForm.json;
  if (!fits) reject("VALIDATION_ERROR", "bodyForm", kind === "call" ? "0 to 3" : "3", form);
  if ((bytes[at + 1]! & ~(1 | 2 | 4 | 8 | 128)) !== 0 || bytes[at + 3] !== 0)
    reject("VALIDATION_ERROR", "flags", "known flags and a zero byte", bytes[at + 1]);
  const length = transactionLength(bytes, at);
  if (length > end - at)
    reject("VALIDATION_ERROR", "bodyLength", `a body that ends inside the frame`, readU32(bytes, at + 4));
  for (const field of [8, 16]) {
    if (readU32(bytes, at + field + 4) >= 0x200000)
      reject("VALIDATION_ERROR", field === 8 ? "nonce" : "gasLimit", "at most 2^53-1", "more");
  }
  if (form === BodyForm.entrypoint)
    checkArguments(bytes, at + TX_HEADER_BYTES, at + TX_HEADER_BYTES + readU32(bytes, at + 4));
  return length;
}

function checkArguments(bytes: Uint8Array, at: number, end: number): void {
  const overrun = () => reject("VALIDATION_ERROR", "body", "arguments that end with the body", "an overrun");
  if (at + 2 > end) overrun();
  let next = at + 1 + bytes[at]!;
  if (bytes[at] === 0 || next >= end) overrun();
  for (let count = bytes[next++]!; count > 0; count--) {
    if (next >= end) overrun();
    next = skipArgument(bytes, next, end);
  }
  if (next !== end) overrun();
}

function skipArgument(bytes: Uint8Array, at: number, end: number): number {
  const overrun = () => reject("VALIDATION_ERROR", "body", "arguments that end with the body", "an overrun");
  const tag = bytes[at]!;
  let next = at + 1;
  if (tag === ArgTag.address) next += 20;
  else if (tag === ArgTag.uint) {
    const size = bytes[next]!;
    if (size > 32 || (size > 0 && bytes[next + 1] === 0))
      reject("VALIDATION_ERROR", "body", "a whole number of 0 to 32 bytes without leading zeros", size);
    next += 1 + size;
  } else if (tag === ArgTag.bytes || tag === ArgTag.string || tag === ArgTag.json) {
    if (next + 4 > end) overrun();
    next += 4 + readU32(bytes, next);
  } else if (tag !== ArgTag.true && tag !== ArgTag.false && tag !== ArgTag.null) {
    reject("VALIDATION_ERROR", "body", "an argument tag from 1 to 8", tag);
  }
  if (next > end) overrun();
  return next;
}

/** An entrypoint's arguments as JSON values: addresses and bytes as lower-case hex, whole numbers as decimal strings. */
export function decodeArguments(bytes: Uint8Array, at: number): { entrypoint: string; args: unknown[] } {
  const nameLength = bytes[at]!;
  const entrypoint = utf8(bytes, at + 1, at + 1 + nameLength);
  let next = at + 1 + nameLength;
  const args: unknown[] = [];
  for (let count = bytes[next++]!; count > 0; count--) {
    const end = skipArgument(bytes, next, bytes.length);
    args.push(decodeArgument(bytes, next, end));
    next = end;
  }
  return { entrypoint, args };
}

function decodeArgument(bytes: Uint8Array, at: number, end: number): unknown {
  switch (bytes[at]) {
    case ArgTag.address:
      return toHex(bytes, at + 1, end);
    case ArgTag.uint:
      return end === at + 2 ? "0" : BigInt(toHex(bytes, at + 2, end)).toString();
    case ArgTag.bytes:
      return toHex(bytes, at + 5, end);
    case ArgTag.string:
      return utf8(bytes, at + 5, end);
    case ArgTag.json:
      return JSON.parse(utf8(bytes, at + 5, end));
    case ArgTag.true:
      return true;
    case ArgTag.false:
      return false;
    default:
      return null;
  }
}

/** The transaction as JSON-RPC shows it. */
export function decodeTransaction(bytes: Uint8Array, at: number): TransactionJson {
  const kind = KIND_NAMES[bytes[at]!]!;
  const fields = optionalFields(bytes, at);
  const bodyEnd = at + TX_HEADER_BYTES + readU32(bytes, at + 4);
  const tx: TransactionJson = {
    kind,
    sender: toHex(bytes, at + 24, at + 44),
    nonce: readU64(bytes, at + 8),
    gasLimit: String(readU64(bytes, at + 16)),
  };
  if (kind !== "deploy") tx.to = toHex(bytes, at + 44, at + 64);
  switch (bytes[at + 2]) {
    case BodyForm.calldata:
      tx.calldata = toHex(bytes, at + TX_HEADER_BYTES, bodyEnd);
      break;
    case BodyForm.entrypoint:
      Object.assign(tx, decodeArguments(bytes, at + TX_HEADER_BYTES));
      break;
    case BodyForm.json: {
      const body = JSON.parse(utf8(bytes, at + TX_HEADER_BYTES, bodyEnd));
      if (kind === "call") tx.msg = body;
      else if (kind === "deploy" || kind === "upgrade") tx.contract = body;
      else Object.assign(tx, body);
      break;
    }
  }
  if (fields.value !== undefined) tx.value = BigInt(toHex(bytes, fields.value, fields.value + 32)).toString();
  if (fields.salt !== undefined) tx.salt = toHex(bytes, fields.salt, fields.salt + 32);
  if (fields.id !== undefined) tx.id = toHex(bytes, fields.id, fields.id + 32);
  if (fields.validUntil !== undefined) tx.validUntilHeight = readU64(bytes, fields.validUntil);
  return tx;
}

function utf8(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");
}
