/**
 * WasmAbi: how a module speaks to the host: what it imports and exports, how a call's bytes reach it, how it answers.
 *   code ── claims ──▶ WasmAbi ── open ──▶ AbiProgram ── link, deploy, execute ──▶ InstanceSlot
 * Always
 *  - An AbiProgram belongs to a code and keeps nothing of a call: what a call needs lives in the AbiFrame, one an
 *    instance, set up anew by deploy and execute. One instance runs one call at a time.
 *  - deploy and execute run between the slot's begin and end; they charge for their own work through `slot.host.gas`.
 */
import type { CallInput, ContractAbi, Outcome } from "../../execution/host.ts";
import type { InstanceSlot } from "./instance-slot.ts";
import type { InstrumentedModule, ModulePolicy } from "./module/instrument.ts";

export type WasmAbiName = "polytorus" | "cosmwasm" | "wasi";

/** Imports and exports of a module that nobody has checked. */
export interface ModuleNames {
  readonly imports: readonly { readonly module: string; readonly name: string }[];
  readonly exports: readonly string[];
}

export interface WasmAbi {
  readonly name: WasmAbiName;
  /** Its byte in a code container: append only. */
  readonly id: number;
  readonly policy: ModulePolicy;
  /** Whether a module with these names speaks it. The first ABI that claims a module has it. */
  claims(names: ModuleNames): boolean;
  /**
   * Static checks of a deployment of new code, beyond those of the policy.
   * @returns the interface that is kept with the code: part of its identity. Empty when there is none.
   * @throws RejectedError naming the path in the `contract` object.
   */
  admitCode(contract: Record<string, unknown>, module: InstrumentedModule): ContractAbi;
  /** A code's interface, made ready: called once a code, with what `admitCode` answered. */
  open(abi: ContractAbi): AbiProgram;
}

/** What an ABI keeps for one instance: found again as `slot.frame`. */
export interface AbiFrame {
  /** By module and name, besides what the rewriter added. */
  readonly imports: WebAssembly.Imports;
}

export interface AbiProgram {
  /** For `contract_get`, the command line and typed clients. */
  readonly abi: ContractAbi;
  /**
   * Called once an instance, before it exists. The imported functions act on `slot`; they may throw Halt, GUEST_REVERT
   * (instance-slot.ts), or a fault of ours.
   */
  link(slot: InstanceSlot): AbiFrame;
  /** @throws RejectedError naming the path, when `contract.init` is not what the constructor takes. */
  admitInit(contract: Record<string, unknown>): void;
  /** The constructor. @param contract as admitted. */
  deploy(slot: InstanceSlot, contract: Record<string, unknown>): Outcome;
  /**
   * Runs when a contract gets this code in place of another, inside the contract's frame. Absent: nothing runs.
   * @param message what the upgrade carries, as JSON, or the bytes that a contract wrote.
   */
  upgrade?(slot: InstanceSlot, message: unknown): Outcome;
  /** @throws RejectedError naming the path, when `contract.message` is not what `upgrade` takes. Absent: it takes anything. */
  admitMessage?(message: unknown): void;
  /** @throws RejectedError UNKNOWN_ENTRYPOINT, INVALID_CALLDATA, INVALID_AMOUNT, INVALID_ADDRESS. */
  admitCall(input: CallInput): void;
  execute(slot: InstanceSlot, input: CallInput): Outcome;
}
