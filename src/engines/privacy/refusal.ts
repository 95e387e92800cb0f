/** Reverts of privacy contracts: thrown inside a frame, caught where it ends. */
import { type AbiError, encodeError, parseAbiError } from "../../encoding/abi.ts";

export const PRIVACY_ERRORS = {
  HandleUnknown: parseAbiError("error HandleUnknown(bytes32 handle)"),
  HandleExpired: parseAbiError("error HandleExpired(bytes32 handle)"),
  HandleWrongType: parseAbiError("error HandleWrongType(bytes32 handle, string expected, string received)"),
  HandleOtherKey: parseAbiError("error HandleOtherKey(bytes32 handle, bytes32 expected, bytes32 received)"),
  HandleNotAllowed: parseAbiError("error HandleNotAllowed(bytes32 handle, address account)"),
  HandleAccessesFull: parseAbiError("error HandleAccessesFull(bytes32 handle)"),
  CallerNotAllowed: parseAbiError("error CallerNotAllowed(address account)"),
} as const;

export class Refusal extends Error {
  readonly returnData: Uint8Array;

  constructor(error: AbiError, args: readonly (Uint8Array | string)[]) {
    super(error.name);
    this.returnData = encodeError(error, args);
  }
}

/** Reverts without data: calldata that does not decode, value that nobody takes. */
export class EmptyRefusal extends Error {}
