/**
 * Chain parameters: everything that can change a receipt. Fixed at genesis, a leaf of the state tree (name "chain"),
 * and so part of every state root.
 */
import { equalBytes } from "../encoding/bytes.ts";
import { canonicalJson } from "../encoding/canonical-json.ts";
import { readDelta } from "../encoding/delta.ts";
import { parameterKey } from "../encoding/state-key.ts";
import { StorageError } from "../errors.ts";

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
  /** What addresses begin with in Bech32, as CosmWasm contracts see them. */
  readonly addressPrefix: string;
  /** Name of the native denomination, for CosmWasm contracts. */
  readonly denom: string;
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
  addressPrefix: "poly",
  denom: "upoly",
};

export const PARAMETERS_LEAF = "chain";

export function encodeParameters(parameters: ChainParameters): Uint8Array {
  return Buffer.from(canonicalJson(parameters), "utf8");
}

/** From the leaf's value. A chain may be older than a parameter: it then has what was so before. */
export function decodeParameters(value: Uint8Array): ChainParameters {
  return { ...DEFAULT_PARAMETERS, ...(JSON.parse(Buffer.from(value).toString("utf8")) as ChainParameters) };
}

/** What a chain's genesis block sets. @throws StorageError when the delta is not that of a genesis block. */
export function parametersIn(genesisDelta: Uint8Array): ChainParameters {
  const wanted = parameterKey(PARAMETERS_LEAF);
  for (const { key, newValue } of readDelta(genesisDelta)) {
    if (newValue !== undefined && equalBytes(key, wanted)) return decodeParameters(newValue);
  }
  throw new StorageError("the log's first entry is no genesis block", { retryable: false });
}
