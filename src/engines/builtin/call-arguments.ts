/**
 * CallArguments: the arguments of one call, read in place from calldata or from tagged arguments
 * (encoding/transaction.ts, body form 2), without allocating.
 *   CallInput ── read ──▶ at[i] (addresses, bytes32: where they stand in `bytes`) · words[i] (whole numbers, as limbs)
 * Always
 *  - Both forms accept the same values: what Solidity's decoder accepts, which is neither short nor out of range.
 *  - Valid until the next read; `bytes` belongs to whoever made the call.
 */
import type { AbiType } from "../../encoding/abi-types.ts";
import { readU32 } from "../../encoding/bytes.ts";
import { ArgTag } from "../../encoding/transaction.ts";
import { type Limbs, newUint256, readBigEndian } from "../../encoding/uint256.ts";

export const ParameterKind = { address: 0, uint256: 1, uint8: 2, bytes32: 3 } as const;
export type ParameterKind = (typeof ParameterKind)[keyof typeof ParameterKind];

const WORD_BYTES = 32;
const ADDRESS_BYTES = 20;
/** Parameters of the longest entrypoint: permit. */
const PARAMETERS_MAX = 7;

/** What `readTagged` answers besides the index of an argument that is not what the parameter wants. */
export const ARGUMENTS_OK = -1;
export const ARGUMENTS_MISCOUNTED = -2;

export class CallArguments {
  bytes: Uint8Array = new Uint8Array(0);
  readonly at = new Int32Array(PARAMETERS_MAX);
  readonly words: readonly Limbs[] = Array.from({ length: PARAMETERS_MAX }, newUint256);

  /** @returns false when the calldata from `start`, which is after the selector, is short or holds a value out of range. */
  readCalldata(kinds: readonly ParameterKind[], bytes: Uint8Array, start: number, end: number): boolean {
    this.bytes = bytes;
    if (end - start < kinds.length * WORD_BYTES) return false;
    for (let i = 0; i < kinds.length; i++) {
      const at = start + i * WORD_BYTES;
      switch (kinds[i]) {
        case ParameterKind.address:
          if (!isClear(bytes, at, WORD_BYTES - ADDRESS_BYTES)) return false;
          this.at[i] = at + WORD_BYTES - ADDRESS_BYTES;
          break;
        case ParameterKind.uint8:
          if (!isClear(bytes, at, WORD_BYTES - 1)) return false;
          readBigEndian(bytes, at, WORD_BYTES, this.words[i]!);
          break;
        case ParameterKind.uint256:
          readBigEndian(bytes, at, WORD_BYTES, this.words[i]!);
          break;
        default:
          this.at[i] = at;
      }
    }
    return true;
  }

  /**
   * @param start where the number of arguments stands, after the entrypoint's name.
   * @returns ARGUMENTS_OK, ARGUMENTS_MISCOUNTED, or the index of the first argument that the parameter does not take.
   */
  readTagged(kinds: readonly ParameterKind[], bytes: Uint8Array, start: number, end: number): number {
    this.bytes = bytes;
    if (start >= end || bytes[start] !== kinds.length) return ARGUMENTS_MISCOUNTED;
    let at = start + 1;
    for (let i = 0; i < kinds.length; i++) {
      const next = this.#readArgument(kinds[i]!, i, bytes, at);
      if (next === 0 || !(next <= end)) return i;
      at = next;
    }
    return at === end ? ARGUMENTS_OK : ARGUMENTS_MISCOUNTED;
  }

  /** Answers where the next argument begins; 0 when this one is of another kind. */
  #readArgument(kind: ParameterKind, index: number, bytes: Uint8Array, at: number): number {
    const tag = bytes[at];
    if (kind === ParameterKind.address) {
      this.at[index] = at + 1;
      return tag === ArgTag.address ? at + 1 + ADDRESS_BYTES : 0;
    }
    if (kind === ParameterKind.bytes32) {
      this.at[index] = at + 5;
      return tag === ArgTag.bytes && readU32(bytes, at + 1) === WORD_BYTES ? at + 5 + WORD_BYTES : 0;
    }
    const size = bytes[at + 1]!;
    if (tag !== ArgTag.uint || size > (kind === ParameterKind.uint8 ? 1 : WORD_BYTES)) return 0;
    readBigEndian(bytes, at + 2, size, this.words[index]!);
    return at + 2 + size;
  }
}

/** @throws TypeError for types that no entrypoint of a built-in takes. */
export function parameterKind(type: AbiType): ParameterKind {
  if (type.kind === "address") return ParameterKind.address;
  if (type.kind === "uint" && type.bits === 256) return ParameterKind.uint256;
  if (type.kind === "uint" && type.bits === 8) return ParameterKind.uint8;
  if (type.kind === "fixedBytes" && type.size === WORD_BYTES) return ParameterKind.bytes32;
  throw new TypeError(`built-in entrypoints take no ${type.kind}`);
}

function isClear(bytes: Uint8Array, start: number, length: number): boolean {
  let bits = 0;
  for (let i = start; i < start + length; i++) bits |= bytes[i]!;
  return bits === 0;
}
