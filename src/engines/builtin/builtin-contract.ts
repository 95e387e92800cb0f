/** What the built-in engine asks of each type of contract that is part of the daemon. */
import type { CallInput, ContractAbi, HostContext, Outcome, PlainTransfer } from "../../execution/host.ts";

export interface BuiltinContract {
  /** What `contract.type` of a deployment says. */
  readonly type: string;
  /**
   * Checks a deployment.
   * @returns the code: everything about the contract that never changes, so that `compile` needs nothing else.
   * @throws RejectedError naming the path.
   */
  admitDeploy(contract: Record<string, unknown>): Uint8Array;
  /** @throws EngineError FORMAT_UNSUPPORTED for code of a revision that this version does not know. */
  compile(code: Uint8Array): BuiltinProgram;
}

/** One contract's code, ready to run. It keeps nothing between calls: state belongs to the host. */
export interface BuiltinProgram {
  readonly abi: ContractAbi;
  /** See ContractEngine.plainTransfer. */
  readonly plainTransfer: PlainTransfer | undefined;
  /** The constructor. */
  deploy(host: HostContext, contract: Record<string, unknown>): Outcome;
  /** @throws RejectedError when an entrypoint is unknown or its arguments do not decode. */
  admitCall(input: CallInput): void;
  execute(host: HostContext, input: CallInput): Outcome;
}
