/** What CosmWasm contracts need of the host besides state, logs and calls: balances, records and code of others. */
import type { HaltReason } from "../../../encoding/receipt.ts";
import type { CallOutcome, ContractInfo, HostContext } from "../../../execution/host.ts";

export interface FrameOutcome extends CallOutcome {
  /** Why it halted, where the host says. */
  readonly haltReason?: HaltReason | undefined;
}

export interface CosmWasmHost extends HostContext {
  call(request: Parameters<HostContext["call"]>[0]): FrameOutcome;
  /** All native value that there is. */
  nativeSupply(): bigint;
  /** Takes native value of this contract out of existence. The balance covers it. */
  burn(value: bigint): void;
  contractInfo(address: Uint8Array): ContractInfo | undefined;
  /** A value of another contract's state. */
  rawState(address: Uint8Array, key: Uint8Array): Uint8Array | undefined;
  /** The number that stands for a code, from 1 in the order of first deployment. */
  codeId(codeHash: Uint8Array): number;
  codeHashOf(codeId: number): Uint8Array | undefined;
  /** Deploys code that is on the chain. Never throws for what the new contract does. */
  deploy(request: DeployRequest): FrameOutcome & { readonly address: Uint8Array };
  /** Gives a contract other code, in this contract's name: it must be the admin. */
  upgrade(request: UpgradeRequest): FrameOutcome;
  /** @param admin undefined for nobody. */
  setAdmin(to: Uint8Array, admin: Uint8Array | undefined): FrameOutcome;
}

export interface DeployRequest {
  readonly codeHash: Uint8Array;
  /** The message of the constructor: JSON, as the deploying contract wrote it. */
  readonly init: Uint8Array;
  readonly admin: Uint8Array | undefined;
  /** Where the contract is to stand; undefined: derived from this contract and a count. */
  readonly address: Uint8Array | undefined;
  readonly value: bigint;
  readonly gasLimit: number;
}

export interface UpgradeRequest {
  readonly to: Uint8Array;
  readonly codeHash: Uint8Array;
  readonly message: Uint8Array;
  readonly gasLimit: number;
}
