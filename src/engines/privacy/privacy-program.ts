/** A privacy contract's code, compiled: what the engine runs, and what the evaluation of its results needs. */

import type { Handle } from "../../encoding/encrypted-handle.ts";
import type { EncryptedType } from "../../encoding/encrypted-type.ts";
import type { CallInput, ContractAbi, HostContext, Outcome } from "../../execution/host.ts";
import type { Circuit } from "./circuit/circuit.ts";
import type { CircuitCounts } from "./circuit/levels.ts";

/** A circuit of a contract, with the types of its values: each has as many bits as its value in the circuit. */
export interface PlacedCircuit {
  /** Its place among the contract's circuits: part of the handles of its results. */
  readonly index: number;
  readonly circuit: Circuit;
  readonly inputs: readonly EncryptedType[];
  readonly outputs: readonly EncryptedType[];
  readonly counts: CircuitCounts;
}

/** An encrypted argument of a call by entrypoint, as it was sent. */
export interface SentHandle {
  readonly handle: Handle;
  readonly path: string;
}

export interface AdmittedEntrypoint {
  readonly sent: readonly SentHandle[];
  /** It orders no evaluation. */
  readonly isView: boolean;
}

export interface PrivacyProgram {
  readonly abi: ContractAbi;
  readonly keyId: Uint8Array;
  readonly parameterSet: string;
  readonly circuits: readonly PlacedCircuit[];
  /** The constructor. */
  deploy(host: HostContext, contract: Record<string, unknown>): Outcome;
  /** @throws RejectedError when an entrypoint is unknown or its arguments do not decode. @returns the encrypted ones. */
  admitCall(input: CallInput): AdmittedEntrypoint;
  execute(host: HostContext, codeHash: Uint8Array, input: CallInput): Outcome;
}

/** What a type of privacy contract is: how it is admitted, and how its code becomes a program. */
export interface PrivacyContract {
  /** What `contract.type` of a deployment says, and `type` of the code. */
  readonly type: string;
  /** @returns the code as JSON: everything about the contract that never changes. @throws RejectedError naming the path. */
  admitDeploy(contract: Record<string, unknown>): Record<string, unknown>;
  compile(code: Record<string, unknown>): PrivacyProgram;
}
