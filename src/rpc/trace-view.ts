/**
 * A trace as the JSON of the interface: what each contract's own interface names is named, the rest stays bytes.
 *   Trace ── frame ── ContractDecoder of the code that ran ──▶ entrypoint, args, result, events, errors
 */
import type { TraceFrameJson, TraceJson, TraceOmittedJson, TraceStepJson } from "../client/methods.ts";
import { type AbiFunction, decodeResult, namedArguments } from "../encoding/abi.ts";
import { ContractDecoder } from "../encoding/contract-decoder.ts";
import { toHex } from "../encoding/hex.ts";
import { decodeReceipt } from "../encoding/receipt.ts";
import { BodyForm, decodeArguments, decodeTransaction } from "../encoding/transaction.ts";
import type { Omitted, Trace, TracedFrame, TraceStep } from "../execution/call-tracer.ts";
import { describeRevert, viewOf } from "./receipt-text.ts";
import type { Located } from "./services.ts";

export function traceView({ block, index }: Located, trace: Trace): TraceJson {
  const { status, gasUsed } = decodeReceipt(block.bytes, block.receiptAt(index));
  const view = new TraceView(trace);
  return {
    transactionHash: toHex(block.transactionHash(index)),
    blockHeight: block.height,
    transactionIndex: index,
    status,
    gasUsed: String(gasUsed),
    gasLimit: String(decodeTransaction(block.bytes, block.transactionAt(index)).gasLimit),
    intrinsicGas: decimals(trace.intrinsic),
    frames: trace.frames.map((frame) => view.frame(frame)),
    omitted: trace.omitted === undefined ? null : omittedView(trace.omitted),
  };
}

interface Named {
  fn: AbiFunction | undefined;
  shown: Pick<TraceFrameJson, "entrypoint" | "args" | "calldata" | "msg">;
}

class TraceView {
  readonly #decoders: readonly ContractDecoder[];
  /** The logs that stand in the receipt, in its order. */
  readonly #logs: ReadonlyMap<TraceStep, number>;

  constructor(trace: Trace) {
    this.#decoders = trace.abis.map((abi) => new ContractDecoder(abi));
    this.#logs = new Map(trace.omitted === undefined ? keptLogs(trace, 0).map((log, index) => [log, index]) : []);
  }

  frame(frame: TracedFrame): TraceFrameJson {
    const decoder = frame.contract && this.#decoders[frame.contract.abi];
    const { fn, shown } = this.#input(frame, decoder);
    const { contract, returnData } = frame;
    const isAnswer = frame.status === "success" && fn !== undefined && returnData !== undefined;
    const result = isAnswer ? decodeResult(fn, returnData) : undefined;
    return {
      parent: frame.parent ?? null,
      depth: frame.depth,
      kind: frame.kind,
      address: toHex(frame.address),
      contract: contract === undefined ? null : contractView(contract),
      caller: toHex(frame.caller),
      value: String(frame.value),
      ...shown,
      status: frame.status,
      ...(frame.haltReason === undefined ? {} : { haltReason: frame.haltReason }),
      ...(frame.refusal === undefined ? {} : { refusal: frame.refusal }),
      ...(frame.status === "reverted" && frame.refusal === undefined && returnData !== undefined
        ? { revert: this.#revert(returnData, decoder) }
        : {}),
      ...(result === undefined ? {} : { result }),
      returnData: returnData === undefined ? null : toHex(returnData),
      gasLimit: String(frame.gasLimit),
      gasUsed: String(frame.gasUsed),
      ownGas: String(frame.ownGas),
      gas: decimals(frame.items),
      steps: frame.steps.map((step) => this.#step(step, decoder)),
      ...(frame.omitted === undefined ? {} : { omitted: omittedView(frame.omitted) }),
    };
  }

  #input({ input, message }: TracedFrame, decoder: ContractDecoder | undefined): Named {
    if (message !== undefined) return { fn: undefined, shown: { msg: message } };
    if (input === undefined) return { fn: undefined, shown: {} };
    const { bytes } = input;
    switch (input.form) {
      case BodyForm.entrypoint: {
        const { entrypoint, args } = decodeArguments(bytes, 0);
        const fn = decoder?.functionNamed(entrypoint, args.length);
        return { fn, shown: { entrypoint, args: fn === undefined ? args : namedArguments(fn.inputs, args) } };
      }
      case BodyForm.calldata: {
        const calldata = toHex(bytes);
        const call = decoder?.call(bytes);
        if (call === undefined) return { fn: undefined, shown: { calldata } };
        const { fn, args } = call;
        return { fn, shown: { entrypoint: fn.name, ...(args === undefined ? {} : { args }), calldata } };
      }
      case BodyForm.json: {
        const msg = parsed(bytes);
        const keys = typeof msg === "object" && msg !== null ? Object.keys(msg) : [];
        return { fn: undefined, shown: { ...(keys.length === 1 ? { entrypoint: keys[0]! } : {}), msg } };
      }
      default:
        return { fn: undefined, shown: {} };
    }
  }

  /** By the contract's own interface, then by those of the others: errors are passed on as they were raised. */
  #revert(data: Uint8Array, own: ContractDecoder | undefined) {
    for (const decoder of own === undefined ? this.#decoders : [own, ...this.#decoders]) {
      const error = decoder.error(data);
      if (error !== undefined) return { ...error, data: toHex(data) };
    }
    return describeRevert(data);
  }

  #step(step: TraceStep, decoder: ContractDecoder | undefined): TraceStepJson {
    switch (step.op) {
      case "read":
        return {
          op: "read",
          key: toHex(step.key),
          value: hexOrNull(step.value),
          ...(step.address === undefined ? {} : { address: toHex(step.address) }),
        };
      case "write":
        return { op: "write", key: toHex(step.key), before: hexOrNull(step.before), after: hexOrNull(step.after) };
      case "balance":
        return { op: "balance", address: toHex(step.address), balance: String(step.balance) };
      case "call":
        return step;
      case "log":
        return {
          op: "log",
          topics: step.topics.map((topic) => toHex(topic)),
          data: toHex(step.data),
          logIndex: this.#logs.get(step) ?? null,
          ...decoder?.log(step.topics, step.data),
        };
    }
  }
}

/** The logs of a frame and of those below it, in order, without what was dropped. */
function keptLogs(trace: Trace, index: number): TraceStep[] {
  const frame = trace.frames[index];
  if (frame?.status !== "success") return [];
  return frame.steps.flatMap((step) =>
    step.op === "log" ? [step] : step.op === "call" ? keptLogs(trace, step.frame) : [],
  );
}

/** A message as it was sent; the text itself when it is no JSON. */
function parsed(bytes: Uint8Array): unknown {
  const text = viewOf(bytes).toString("utf8");
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function contractView({ kind, type, codeHash }: NonNullable<TracedFrame["contract"]>) {
  return { kind, type, codeHash: toHex(codeHash) };
}

function hexOrNull(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : toHex(bytes);
}

function decimals(items: Record<string, number>): Record<string, string> {
  return Object.fromEntries(Object.entries(items).map(([item, gas]) => [item, String(gas)]));
}

function omittedView({ gas, ...counts }: Omitted): TraceOmittedJson {
  return { ...counts, gas: String(gas) };
}
