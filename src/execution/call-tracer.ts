/**
 * CallTracer: what one transaction did, frame by frame: who called whom with what, the state and balances that each frame
 * read and wrote, its logs, how it ended, and what its own gas went to.
 * Always
 *  - Frames stand in the order in which they began, each after the frame that called it.
 *  - Intrinsic gas, the own gas of all frames and the gas of frames left out add up to the receipt's gas used.
 *  - It is bounded: what does not fit is left out and counted, where it happened and in total.
 */
import type { ContractAbi } from "../encoding/abi.ts";
import { toLatin1 } from "../encoding/bytes.ts";
import type { HaltReason } from "../encoding/receipt.ts";
import type { CallOutcome, ContractKind } from "./host.ts";
import type { EnteredFrame, ExecutionObserver, FrameKind, Refusal } from "./observer.ts";

export type TraceStep =
  /** `value` undefined: absent. `address` of another contract whose state it is. */
  | { op: "read"; key: Uint8Array; value: Uint8Array | undefined; address: Uint8Array | undefined }
  | { op: "write"; key: Uint8Array; before: Uint8Array | undefined; after: Uint8Array | undefined }
  | { op: "balance"; address: Uint8Array; balance: bigint }
  | { op: "log"; topics: Uint8Array[]; data: Uint8Array }
  /** Index of the frame that was called. */
  | { op: "call"; frame: number };

/** What a trace has no room for. */
export interface Omitted {
  steps: number;
  frames: number;
  /** Used by the frames left out. */
  gas: number;
  /** Inputs, messages and return data. */
  data: number;
}

export interface TracedFrame {
  /** Index of the frame that called it. */
  parent: number | undefined;
  depth: number;
  kind: FrameKind;
  address: Uint8Array;
  /** What ran; `abi` is its index in the trace. */
  contract: { kind: ContractKind; type: string; codeHash: Uint8Array; abi: number } | undefined;
  caller: Uint8Array;
  value: bigint;
  /** Of a call; `form` is BodyForm. */
  input: { form: number; bytes: Uint8Array } | undefined;
  /** The `contract` object of a deployment or upgrade, without its code. */
  message: Record<string, unknown> | undefined;
  status: CallOutcome["status"];
  haltReason: HaltReason | undefined;
  refusal: Refusal | undefined;
  returnData: Uint8Array | undefined;
  gasLimit: number;
  gasUsed: number;
  /** What the frames that it called did not use, by item. */
  ownGas: number;
  items: Record<string, number>;
  steps: TraceStep[];
  omitted: Omitted | undefined;
}

export interface Trace {
  /** Gas that the transaction costs before anything runs, by item. */
  intrinsic: Record<string, number>;
  frames: TracedFrame[];
  abis: ContractAbi[];
  omitted: Omitted | undefined;
}

export interface TraceLimits {
  framesMax: number;
  stepsMax: number;
  /** Of keys, values, data, inputs: all that is copied from the execution. */
  bytesMax: number;
}

/** As JSON about 16 MiB at most: hex doubles the bytes, a step takes some 100 bytes and a frame 700 besides. */
const LIMITS: TraceLimits = { framesMax: 4_096, stepsMax: 20_000, bytesMax: 4 * 1024 * 1024 };
/** A code's name for what it has no item for, and for what a halt takes beyond the work done. */
const OTHER = "other";
const HALTED = "halted";

/** A frame that runs. */
interface Running {
  /** Undefined: left out, and all below it. */
  frame: TracedFrame | undefined;
  index: number;
  told: number;
  callees: number;
}

export class CallTracer implements ExecutionObserver {
  readonly #limits: TraceLimits;
  readonly #intrinsic: Record<string, number> = {};
  readonly #frames: TracedFrame[] = [];
  readonly #abis: ContractAbi[] = [];
  readonly #abiByCode = new Map<string, number>();
  readonly #running: Running[] = [];
  readonly #omitted = nothingOmitted();
  #steps = 0;
  #bytes = 0;

  constructor(limits: Partial<TraceLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
  }

  /** To be asked for when the transaction has ended. */
  trace(): Trace {
    const omitted = this.#omitted;
    const isWhole = omitted.steps + omitted.frames + omitted.data === 0;
    return {
      intrinsic: this.#intrinsic,
      frames: this.#frames,
      abis: this.#abis,
      omitted: isWhole ? undefined : omitted,
    };
  }

  charged(item: string, amount: number): void {
    const running = this.#running.at(-1);
    if (running !== undefined) running.told += amount;
    const items = running === undefined ? this.#intrinsic : running.frame?.items;
    if (items !== undefined && amount > 0) items[item] = (items[item] ?? 0) + amount;
  }

  entered(entered: EnteredFrame): void {
    const caller = this.#running.at(-1);
    const isRoom = this.#frames.length < this.#limits.framesMax && (caller === undefined || caller.frame !== undefined);
    const index = this.#frames.length;
    const frame = isRoom ? this.#begun(entered, caller) : undefined;
    if (frame === undefined) {
      this.#omitted.frames++;
      if (caller?.frame !== undefined) omittedOf(caller.frame).frames++;
    } else {
      caller?.frame?.steps.push({ op: "call", frame: index });
      this.#frames.push(frame);
    }
    this.#running.push({ frame, index, told: 0, callees: 0 });
  }

  #begun(entered: EnteredFrame, caller: Running | undefined): TracedFrame {
    const { kind, address, contract, value, gasLimit, input, message } = entered;
    const frame: TracedFrame = {
      parent: caller?.index,
      depth: this.#running.length,
      kind,
      address: copied(address),
      contract: contract && {
        kind: contract.info.kind,
        type: contract.info.type,
        codeHash: contract.info.codeHash,
        abi: this.#abiOf(contract),
      },
      caller: copied(entered.caller),
      value,
      input: undefined,
      message: undefined,
      status: "success",
      haltReason: undefined,
      refusal: undefined,
      returnData: undefined,
      gasLimit,
      gasUsed: 0,
      ownGas: 0,
      items: {},
      steps: [],
      omitted: undefined,
    };
    if (message !== undefined) {
      const shown = messageShown(message);
      if (this.#hasRoom(JSON.stringify(shown).length, frame)) frame.message = shown;
    } else if (input !== undefined && this.#hasRoom(input.end - input.start, frame)) {
      frame.input = { form: input.form, bytes: copied(input.bytes.subarray(input.start, input.end)) };
    }
    return frame;
  }

  #abiOf({ info, engine, code }: NonNullable<EnteredFrame["contract"]>): number {
    const key = toLatin1(info.codeHash);
    let index = this.#abiByCode.get(key);
    if (index === undefined) {
      index = this.#abis.push(engine.describe(code)) - 1;
      this.#abiByCode.set(key, index);
    }
    return index;
  }

  left({ status, returnData, gasUsed }: CallOutcome, haltReason: HaltReason | undefined, refusal: Refusal | undefined) {
    const { frame, told, callees } = this.#running.pop()!;
    const caller = this.#running.at(-1);
    if (caller !== undefined) caller.callees += gasUsed;
    if (frame === undefined) {
      // Of frames left out, those that called one another are in what the outermost used.
      if (caller !== undefined && caller.frame === undefined) return;
      if (caller?.frame !== undefined) omittedOf(caller.frame).gas += gasUsed;
      this.#omitted.gas += gasUsed;
      return;
    }
    const rest = gasUsed - callees - told;
    const item = status === "halted" ? HALTED : OTHER;
    if (rest > 0) frame.items[item] = (frame.items[item] ?? 0) + rest;
    Object.assign(frame, { status, haltReason, refusal, gasUsed, ownGas: gasUsed - callees });
    if (this.#hasRoom(returnData.length, frame)) frame.returnData = copied(returnData);
  }

  read(key: Uint8Array, value: Uint8Array | undefined, address?: Uint8Array): void {
    const size = key.length + (value?.length ?? 0) + (address?.length ?? 0);
    this.#step(size, () => ({
      op: "read",
      key: copied(key),
      value: value && copied(value),
      address: address && copied(address),
    }));
  }

  wrote(key: Uint8Array, before: Uint8Array | undefined, after: Uint8Array | undefined): void {
    const size = key.length + (before?.length ?? 0) + (after?.length ?? 0);
    this.#step(size, () => ({
      op: "write",
      key: copied(key),
      before: before && copied(before),
      after: after && copied(after),
    }));
  }

  balanceRead(address: Uint8Array, balance: bigint): void {
    this.#step(address.length, () => ({ op: "balance", address: copied(address), balance }));
  }

  logged(topics: readonly Uint8Array[], data: Uint8Array): void {
    const size = topics.reduce((sum, topic) => sum + topic.length, data.length);
    this.#step(size, () => ({ op: "log", topics: topics.map(copied), data: copied(data) }));
  }

  #step(size: number, make: () => TraceStep): void {
    const frame = this.#running.at(-1)?.frame;
    if (frame !== undefined && this.#steps < this.#limits.stepsMax && this.#bytes + size <= this.#limits.bytesMax) {
      this.#steps++;
      this.#bytes += size;
      frame.steps.push(make());
      return;
    }
    this.#omitted.steps++;
    if (frame !== undefined) omittedOf(frame).steps++;
  }

  #hasRoom(size: number, frame: TracedFrame): boolean {
    if (this.#bytes + size <= this.#limits.bytesMax) {
      this.#bytes += size;
      return true;
    }
    this.#omitted.data++;
    omittedOf(frame).data++;
    return false;
  }
}

/** Not `slice`, which of a Buffer is a view. */
function copied(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function nothingOmitted(): Omitted {
  return { steps: 0, frames: 0, gas: 0, data: 0 };
}

function omittedOf(frame: TracedFrame): Omitted {
  frame.omitted ??= nothingOmitted();
  return frame.omitted;
}

/** A deployment or an upgrade without its code. What another contract says with it is the JSON that it wrote, in bytes. */
function messageShown({ code: _, ...message }: Record<string, unknown>): Record<string, unknown> {
  const shown = (value: unknown) => {
    if (!(value instanceof Uint8Array)) return value;
    const text = Buffer.from(value).toString("utf8");
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return text;
    }
  };
  return Object.fromEntries(Object.entries(message).map(([name, value]) => [name, shown(value)]));
}
