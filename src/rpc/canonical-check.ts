/**
 * Whether an encoding that came from outside is the one that its transaction has. Structure alone (checkTransaction) lets
 * through JSON that does not parse, and a second encoding, with another hash, of the same transaction.
 */
import { ByteWriter, equalBytes, readU32 } from "../encoding/bytes.ts";
import {
  ArgTag,
  BodyForm,
  decodeTransaction,
  encodeTransaction,
  TX_HEADER_BYTES,
  TxFlag,
} from "../encoding/transaction.ts";
import { toEngineError } from "../errors.ts";
import { invalid } from "./validate.ts";

const EXPECTED = "the canonical encoding of the transaction";
const NONCE_AT = 8;

/**
 * @param bytes holds at `at` an encoding of `length` bytes that passed checkTransaction.
 * @throws RejectedError when encoding what it decodes to gives other bytes.
 */
export function checkCanonical(bytes: Uint8Array, at: number, length: number): void {
  if (isCanonicalBySight(bytes, at)) return;
  const out = new ByteWriter(length);
  const isNonceLeftOut = (bytes[at + 1]! & TxFlag.nonceLeftOut) !== 0;
  try {
    const transaction = decodeTransaction(bytes, at);
    if (isNonceLeftOut) transaction.nonce = undefined;
    encodeTransaction(transaction, out);
  } catch (thrown) {
    throw invalid("transaction", EXPECTED, toEngineError(thrown).message);
  }
  if (!equalBytes(out.bytes.subarray(0, length), bytes.subarray(at, at + length))) {
    throw invalid("transaction", EXPECTED, "another encoding of it");
  }
}

/**
 * A call by entrypoint with addresses, whole numbers, booleans and nulls alone has one encoding, which its structure
 * shows: what a node sends most of is not decoded.
 */
function isCanonicalBySight(bytes: Uint8Array, at: number): boolean {
  const flags = bytes[at + 1]!;
  if (bytes[at + 2] !== BodyForm.entrypoint || (flags & TxFlag.value) !== 0) return false;
  if ((flags & TxFlag.nonceLeftOut) !== 0 && readU32(bytes, at + NONCE_AT) + readU32(bytes, at + NONCE_AT + 4) > 0)
    return false;
  const nameEnd = at + TX_HEADER_BYTES + 1 + bytes[at + TX_HEADER_BYTES]!;
  for (let i = at + TX_HEADER_BYTES + 1; i < nameEnd; i++) if (bytes[i]! > 127) return false;
  let next = nameEnd + 1;
  for (let count = bytes[nameEnd]!; count > 0; count--) {
    const tag = bytes[next]!;
    if (tag === ArgTag.address) next += 21;
    else if (tag === ArgTag.uint) next += 2 + bytes[next + 1]!;
    else if (tag === ArgTag.true || tag === ArgTag.false || tag === ArgTag.null) next += 1;
    else return false;
  }
  return true;
}
