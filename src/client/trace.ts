/** What tx_trace answers: a transaction's execution, frame by frame. */
import type { RevertJson } from "./methods.ts";

/** A part of a transaction's execution: one contract, from its call to how it ended. */
export interface TraceFrameJson {
  /** Index of the frame that called it; null for the transaction's own. */
  parent: number | null;
  depth: number;
  kind: "call" | "static" | "deploy" | "upgrade";
  address: string;
  /** Null where no contract ran: plain value, or a call that was refused before it began. */
  contract: { kind: string; type: string; codeHash: string } | null;
  caller: string;
  value: string;
  /** Set where the contract's interface, or the call itself, names it. */
  entrypoint?: string;
  args?: Record<string, unknown> | unknown[];
  /** As the call carried them. */
  calldata?: string;
  msg?: unknown;
  status: "success" | "reverted" | "halted";
  haltReason?: string;
  /** Why it was refused before it began. */
  refusal?: "noContract" | "valueNotCovered" | "callDepth";
  revert?: RevertJson;
  result?: unknown;
  /** Null when the trace has no room for it. */
  returnData: string | null;
  gasLimit: string;
  gasUsed: string;
  /** Without that of the frames that it called. */
  ownGas: string;
  /** The own gas, by item. */
  gas: Record<string, string>;
  /** In the order in which they happened. */
  steps: TraceStepJson[];
  omitted?: TraceOmittedJson;
}

export type TraceStepJson =
  /** `address` is that of another contract whose state it is. */
  | { op: "read"; key: string; value: string | null; address?: string }
  | { op: "write"; key: string; before: string | null; after: string | null }
  | { op: "balance"; address: string; balance: string }
  | {
      op: "log";
      topics: string[];
      data: string;
      /** Its place in the receipt; null when it was dropped with its frame, or the trace is cut. */
      logIndex: number | null;
      event?: string;
      args?: Record<string, unknown>;
    }
  /** Index of the frame that was called. */
  | { op: "call"; frame: number };

/** What a trace has no room for. */
export interface TraceOmittedJson {
  steps: number;
  frames: number;
  /** Used by the frames left out. */
  gas: string;
  /** Inputs and return data. */
  data: number;
}

export interface TraceJson {
  transactionHash: string;
  blockHeight: number;
  transactionIndex: number;
  status: "success" | "reverted" | "halted";
  gasUsed: string;
  gasLimit: string;
  /** What it costs before anything runs, by item. */
  intrinsicGas: Record<string, string>;
  /** Each after the frame that called it; empty for a transaction that runs nothing. */
  frames: TraceFrameJson[];
  /** Null when the trace is whole. */
  omitted: TraceOmittedJson | null;
}
