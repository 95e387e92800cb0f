/**
 * Chain parameters: everything that can change a receipt. Fixed at genesis, a leaf of the state tree (name "chain"),
 * and so part of every state root.
 */
import { canonicalJson } from "../encoding/canonical-json.ts";

export interface ChainParameters {
  readonly chainId: number;
  /** Selects gas schedule and revision of the built-ins. */
  readonly protocolVersion: number;
  readonly transactionGasMax: number;
  readonly blockGasMax: number;
  /** Frames of one transaction on top of each other. */
  readonly callDepthMax: number;
  /** Bytes of a contract's own key, and of a value. */
  readonly stateKeyBytesMax: number;
  readonly stateValueBytesMax: number;
  readonly codeBytesMax: number;
  /** Logs of one transaction. */
  readonly logsMax: number;
}

export const DEFAULT_PARAMETERS: ChainParameters = {
  chainId: 1337,
  protocolVersion: 1,
  transactionGasMax: 1_000_000_000_000,
  blockGasMax: 10_000_000_000_000,
  callDepthMax: 64,
  // A delta names a key's length in 16 bits.
  stateKeyBytesMax: 64 * 1024 - 1,
  stateValueBytesMax: 128 * 1024,
  codeBytesMax: 2 * 1024 * 1024,
  logsMax: 65_536,
};

export const PARAMETERS_LEAF = "chain";

export function encodeParameters(parameters: ChainParameters): Uint8Array {
  return Buffer.from(canonicalJson(parameters), "utf8");
}

export function decodeParameters(bytes: Uint8Array): ChainParameters {
  return JSON.parse(Buffer.from(bytes).toString("utf8")) as ChainParameters;
}
