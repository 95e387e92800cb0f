/**
 * ExecutionObserver: who wants to know what a transaction does while it runs: for a trace (call-tracer.ts), for a
 * breakdown of gas (gas-breakdown.ts). Nobody does while blocks are made; then it costs one comparison a host function.
 *
 *   dispatcher, Frame ── entered, charged, read, wrote, logged, left ──▶ ExecutionObserver
 *
 * Always
 *  - What is told was done and paid for: a charge that ran out of gas is not told, what `left` says was spent includes it.
 *  - Calls nest: what is told between `entered` and its `left` belongs to that frame; outside any, to the transaction.
 *  - Bytes are valid during the call only: an observer copies what it keeps, and it throws nothing.
 */
import type { HaltReason } from "../encoding/receipt.ts";
import type { CallInput, CallOutcome, ContractEngine, ContractInfo, LoadedCode } from "./host.ts";

export type FrameKind = "call" | "static" | "deploy" | "upgrade";

export interface EnteredFrame {
  readonly kind: FrameKind;
  readonly address: Uint8Array;
  /** What runs; absent where nothing does: plain value, or a call that is refused before it begins. */
  readonly contract?:
    | { readonly info: ContractInfo; readonly engine: ContractEngine; readonly code: LoadedCode }
    | undefined;
  readonly caller: Uint8Array;
  readonly value: bigint;
  readonly gasLimit: number;
  /** Of a call. */
  readonly input: CallInput | undefined;
  /** The `contract` object of a deployment or upgrade. */
  readonly message?: Record<string, unknown> | undefined;
}

/** Why a call was refused before it began. */
export type Refusal = "noContract" | "valueNotCovered" | "callDepth";

export interface ExecutionObserver {
  /** @param item of the gas schedule, or an engine's own word for its work. */
  charged(item: string, amount: number): void;
  entered(frame: EnteredFrame): void;
  /** @param refusal set when nothing ran. */
  left(outcome: CallOutcome, haltReason: HaltReason | undefined, refusal: Refusal | undefined): void;
  /** A value, or an entry that an iteration yielded. @param address of the contract whose it is; left out: the frame's own. */
  read(key: Uint8Array, value: Uint8Array | undefined, address?: Uint8Array): void;
  wrote(key: Uint8Array, before: Uint8Array | undefined, after: Uint8Array | undefined): void;
  balanceRead(address: Uint8Array, balance: bigint): void;
  logged(topics: readonly Uint8Array[], data: Uint8Array): void;
}
