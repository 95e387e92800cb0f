/** How the values of typed rows look as bytes: in the state tree, in deltas, in the store. */
import type { ByteWriter } from "../encoding/bytes.ts";
import { byteLength, readBigEndian, writeShortest } from "../encoding/uint256.ts";
import { MalformedBytesError } from "../errors.ts";
import { Form } from "./state-rows.ts";

/** A value of a delta that is not there (encoding/delta.ts). */
const ABSENT = 255;

export type RowValue = Uint8Array | undefined;

/** Reads u8 n, nonce, balance into limbs; answers the nonce. */
export function readAccount(bytes: Uint8Array, at: number, length: number, limbs: Uint32Array): number {
  const nonceLength = bytes[at]!;
  if (!(nonceLength <= 7 && length >= 1 + nonceLength && length <= 33 + nonceLength))
    throw new MalformedBytesError("account", 0, "lengths");
  let nonce = 0;
  for (let i = 0; i < nonceLength; i++) nonce = nonce * 256 + bytes[at + 1 + i]!;
  readBigEndian(bytes, at + 1 + nonceLength, length - 1 - nonceLength, limbs);
  return nonce;
}

export function wordValue(limbs: Uint32Array, at: number): Uint8Array {
  const bytes = new Uint8Array(byteLength(limbs, at));
  writeShortest(limbs, at, bytes.length, bytes, 0);
  return bytes;
}

/** What a row, or an undo record, holds, as a value of a delta. */
export function writeRowValue(
  out: ByteWriter,
  form: number,
  limbs: Uint32Array,
  at: number,
  nonce: number,
  blob: Uint8Array | undefined,
): void {
  switch (form) {
    case Form.absent:
      out.u8(ABSENT);
      return;
    case Form.bytes:
      writeDeltaBytes(out, blob!);
      return;
    case Form.account:
      writeAccountValue(out, nonce, limbs, at);
      return;
    default: {
      const length = byteLength(limbs, at);
      out.ensure(1 + length);
      out.bytes[out.length] = length;
      writeShortest(limbs, at, length, out.bytes, out.length + 1);
      out.length += 1 + length;
    }
  }
}

export function accountValue(nonce: number, limbs: Uint32Array, at: number): Uint8Array {
  const nonceLength = nonceBytes(nonce);
  const balanceLength = byteLength(limbs, at);
  const value = new Uint8Array(1 + nonceLength + balanceLength);
  putAccount(value, 0, nonce, nonceLength, limbs, at, balanceLength);
  return value;
}

/** As a value of a delta: length, then the account. */
function writeAccountValue(out: ByteWriter, nonce: number, limbs: Uint32Array, at: number): void {
  const nonceLength = nonceBytes(nonce);
  const balanceLength = byteLength(limbs, at);
  const length = 1 + nonceLength + balanceLength;
  out.ensure(1 + length);
  out.bytes[out.length] = length;
  putAccount(out.bytes, out.length + 1, nonce, nonceLength, limbs, at, balanceLength);
  out.length += 1 + length;
}

/** Bytes as a value of a delta. */
function writeDeltaBytes(out: ByteWriter, value: Uint8Array): void {
  if (value.length <= 252) {
    out.u8(value.length);
  } else {
    out.u8(253);
    out.u32(value.length);
  }
  out.raw(value);
}

function putAccount(
  out: Uint8Array,
  to: number,
  nonce: number,
  nonceLength: number,
  limbs: Uint32Array,
  at: number,
  balanceLength: number,
): void {
  out[to] = nonceLength;
  for (let i = nonceLength; i > 0; i--) {
    out[to + i] = nonce % 256;
    nonce = Math.floor(nonce / 256);
  }
  writeShortest(limbs, at, balanceLength, out, to + 1 + nonceLength);
}

function nonceBytes(nonce: number): number {
  let length = 0;
  for (let rest = nonce; rest >= 1; rest /= 256) length++;
  return length;
}
