/**
 * What the state keeps of a handle, in a leaf of its own: where the value comes from, whose it is, and who may do what
 * with it. Little-endian:
 *     0  u8 version = 1 · u8 accesses · u8 inputs · u8 output index
 *     4  u32 references: how many places of contracts' states hold the handle
 *     8  u64 height at which it was made, or last let go of
 *    16  key id (32) · contract (20); zero for a constant
 *    68  what it is: input → owner (20) · constant → value (16) · computed → code hash (32), u8 circuit, input handles
 *     …  accesses: account (20), u8 Permission
 */
import { equalBytes, readU32, readU64, writeU64 } from "../../encoding/bytes.ts";
import { HANDLE_BYTES, type Handle, Origin, originOf } from "../../encoding/encrypted-handle.ts";
import { MalformedBytesError } from "../../errors.ts";

/** Bits: may hand it to a contract as an argument; may be given the ciphertext, to decrypt. */
export const Permission = { use: 1, decrypt: 2 } as const;

export type Source =
  | { readonly origin: typeof Origin.input; readonly owner: Uint8Array }
  /** Little-endian, 16 bytes. */
  | { readonly origin: typeof Origin.constant; readonly value: Uint8Array }
  | {
      readonly origin: typeof Origin.computed;
      readonly codeHash: Uint8Array;
      readonly circuit: number;
      readonly output: number;
      readonly inputs: readonly Handle[];
    };

export interface Access {
  readonly account: Uint8Array;
  permissions: number;
}

export interface HandleRecord {
  references: number;
  height: number;
  readonly keyId: Uint8Array;
  readonly contract: Uint8Array;
  readonly source: Source;
  readonly accesses: Access[];
}

/** Accounts on one handle's list; the contract that made it is not counted. */
export const ACCESSES_MAX = 32;
/** A handle that no state holds can be used for this many blocks: what it refers to is collected later. */
export const UNHELD_BLOCKS_MAX = 100_000;

const VERSION = 1;
const FIXED_BYTES = 68;

/** Where the parts of a record begin. */
export const RECORD_AT = {
  accesses: 1,
  inputs: 2,
  output: 3,
  references: 4,
  height: 8,
  keyId: 16,
  contract: 48,
} as const;
export const ACCESS_BYTES = 21;

/**
 * The record of a handle that is new, with nobody on its list.
 * @param make gives as many bytes, all zero.
 */
export function newHandleRecord(
  height: number,
  keyId: Uint8Array,
  contract: Uint8Array,
  source: Source,
  make: (length: number) => Uint8Array,
): Uint8Array {
  const bytes = make(FIXED_BYTES + sourceBytes(source));
  bytes[0] = VERSION;
  writeU64(bytes, RECORD_AT.height, height);
  bytes.set(keyId, RECORD_AT.keyId);
  bytes.set(contract, RECORD_AT.contract);
  if (source.origin === Origin.input) bytes.set(source.owner, FIXED_BYTES);
  else if (source.origin === Origin.constant) bytes.set(source.value, FIXED_BYTES);
  else {
    bytes[RECORD_AT.inputs] = source.inputs.length;
    bytes[RECORD_AT.output] = source.output;
    bytes.set(source.codeHash, FIXED_BYTES);
    bytes[FIXED_BYTES + 32] = source.circuit;
    let at = FIXED_BYTES + 33;
    for (const input of source.inputs) {
      bytes.set(input, at);
      at += HANDLE_BYTES;
    }
  }
  return bytes;
}

function sourceBytes(source: Source): number {
  if (source.origin === Origin.input) return source.owner.length;
  if (source.origin === Origin.constant) return source.value.length;
  return 33 + HANDLE_BYTES * source.inputs.length;
}

/** @param handle whose record it is: its last byte says which source stands in it. */
export function decodeHandleRecord(handle: Handle, bytes: Uint8Array): HandleRecord {
  if (bytes[0] !== VERSION || bytes.length < FIXED_BYTES)
    throw new MalformedBytesError("handle record", 0, `version ${bytes[0]}`);
  const [, accessCount, inputCount, output] = bytes as unknown as [number, number, number, number];
  let at = FIXED_BYTES;
  const take = (length: number) => {
    at += length;
    if (at > bytes.length) throw new MalformedBytesError("handle record", at, "it ends too soon");
    return bytes.slice(at - length, at);
  };
  let source: Source;
  const origin = originOf(handle);
  if (origin === Origin.input) source = { origin, owner: take(20) };
  else if (origin === Origin.constant) source = { origin, value: take(16) };
  else {
    const codeHash = take(32);
    const circuit = take(1)[0]!;
    const inputs = Array.from({ length: inputCount }, () => take(HANDLE_BYTES));
    source = { origin: Origin.computed, codeHash, circuit, output, inputs };
  }
  const accesses = Array.from({ length: accessCount }, () => ({ account: take(20), permissions: take(1)[0]! }));
  return {
    references: readU32(bytes, 4),
    height: readU64(bytes, 8),
    keyId: bytes.slice(16, 48),
    contract: bytes.slice(48, 68),
    source,
    accesses,
  };
}

/** What an account may do with a handle; its contract, and whoever computes with a constant, may use it. */
export function permissionsOf({ contract, source, accesses }: HandleRecord, account: Uint8Array): number {
  const listed = accesses.find((access) => equalBytes(access.account, account))?.permissions ?? 0;
  if (source.origin === Origin.constant) return listed | Permission.use | Permission.decrypt;
  return equalBytes(contract, account) ? listed | Permission.use : listed;
}

export function isExpired(record: HandleRecord, height: number): boolean {
  return (
    record.references === 0 && record.source.origin !== Origin.constant && height > record.height + UNHELD_BLOCKS_MAX
  );
}
