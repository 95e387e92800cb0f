/**
 * EntrypointTable: finds what a call means, by selector or by name, without building a string.
 *   CallInput ── calldata ──▶ selector ──┐
 *             └─ entrypoint ──▶ name ────┴──▶ Entrypoint; its arguments stand in `args` until the next call
 */
import { type AbiFunction, SELECTOR_BYTES, selectorKey } from "../../encoding/abi.ts";
import { abiTypeName } from "../../encoding/abi-types.ts";
import { hashSlice, isSlice } from "../../encoding/bytes.ts";
import { BodyForm, decodeArguments } from "../../encoding/transaction.ts";
import { type ErrorCode, RejectedError } from "../../errors.ts";
import type { CallInput } from "../../execution/host.ts";
import {
  ARGUMENTS_MISCOUNTED,
  ARGUMENTS_OK,
  CallArguments,
  type ParameterKind,
  parameterKind,
} from "./call-arguments.ts";
import { nearestNames } from "./nearest-names.ts";

export interface Entrypoint<Handler> {
  readonly fn: AbiFunction;
  readonly run: Handler;
}

interface Entry<Handler> extends Entrypoint<Handler> {
  readonly kinds: readonly ParameterKind[];
  readonly nameBytes: Uint8Array;
}

export class EntrypointTable<Handler> {
  readonly args = new CallArguments();
  readonly #bySelector = new Map<number, Entry<Handler>>();
  readonly #byNameHash = new Map<number, Entry<Handler>>();
  readonly #absent: ReadonlyMap<string, string>;
  /** The call that `admit` has just read: its arguments stand in `args`, so that `find` need not read them again. */
  readonly #admitted: { bytes: Uint8Array | undefined; start: number; run: Handler | undefined } = {
    bytes: undefined,
    start: 0,
    run: undefined,
  };

  /** @param absent names of entrypoints that the contract could have had, and the option that gives them. */
  constructor(entrypoints: readonly Entrypoint<Handler>[], absent: ReadonlyMap<string, string>) {
    this.#absent = absent;
    for (const { fn, run } of entrypoints) {
      const nameBytes = Buffer.from(fn.name, "utf8");
      const entry = { fn, run, kinds: fn.inputTypes.map(parameterKind), nameBytes };
      this.#bySelector.set(selectorKey(fn.selector), entry);
      this.#byNameHash.set(hashSlice(nameBytes, 0, nameBytes.length), entry);
    }
    if (this.#bySelector.size !== entrypoints.length || this.#byNameHash.size !== entrypoints.length) {
      throw new TypeError("two entrypoints share a selector, or a hash of their names");
    }
  }

  /** What runs the call, its arguments in `args`; undefined when it is unknown or its arguments do not decode. */
  find(input: CallInput): Handler | undefined {
    const { bytes, start, end } = input;
    const admitted = this.#admitted;
    if (admitted.bytes === bytes && admitted.start === start) {
      admitted.bytes = undefined;
      return admitted.run;
    }
    admitted.bytes = undefined;
    if (input.form === BodyForm.calldata) {
      const entry = end - start < SELECTOR_BYTES ? undefined : this.#bySelector.get(selectorKey(bytes, start));
      if (entry === undefined) return undefined;
      return this.args.readCalldata(entry.kinds, bytes, start + SELECTOR_BYTES, end) ? entry.run : undefined;
    }
    if (input.form !== BodyForm.entrypoint) return undefined;
    const entry = this.#findByName(bytes, start, end);
    if (entry === undefined) return undefined;
    const outcome = this.args.readTagged(entry.kinds, bytes, start + 1 + entry.nameBytes.length, end);
    return outcome === ARGUMENTS_OK ? entry.run : undefined;
  }

  /** @throws RejectedError UNKNOWN_ENTRYPOINT, INVALID_CALLDATA, INVALID_AMOUNT or INVALID_ADDRESS; calldata passes. */
  admit(input: CallInput): void {
    const admitted = this.#admitted;
    admitted.bytes = undefined;
    if (input.form === BodyForm.json) {
      throw new RejectedError(
        "INVALID_CALLDATA",
        "a built-in contract takes an entrypoint and args, or calldata, not msg",
        {
          path: "msg",
          expected: "entrypoint and args, or calldata",
        },
      );
    }
    if (input.form !== BodyForm.entrypoint) return;
    const { bytes, start, end } = input;
    const entry = this.#findByName(bytes, start, end);
    if (entry === undefined) this.#refuseName(input);
    const problem = this.args.readTagged(entry.kinds, bytes, start + 1 + entry.nameBytes.length, end);
    if (problem !== ARGUMENTS_OK) refuseArguments(entry.fn, problem, input);
    admitted.bytes = bytes;
    admitted.start = start;
    admitted.run = entry.run;
  }

  #findByName(bytes: Uint8Array, start: number, end: number): Entry<Handler> | undefined {
    const nameStart = start + 1;
    const nameEnd = nameStart + bytes[start]!;
    if (!(nameEnd <= end)) return undefined;
    const entry = this.#byNameHash.get(hashSlice(bytes, nameStart, nameEnd));
    return entry !== undefined && isSlice(entry.nameBytes, bytes, nameStart, nameEnd) ? entry : undefined;
  }

  #refuseName(input: CallInput): never {
    const { entrypoint } = decodeArguments(input.bytes.subarray(0, input.end), input.start);
    const known = [...this.#bySelector.values()].map(({ fn }) => fn.name);
    const option = this.#absent.get(entrypoint);
    const why = option === undefined ? "" : `: it was deployed without ${option}`;
    throw new RejectedError(
      "UNKNOWN_ENTRYPOINT",
      `the contract has no entrypoint ${JSON.stringify(entrypoint)}${why}`,
      {
        path: "entrypoint",
        received: entrypoint,
        nearest: nearestNames(entrypoint, known),
        ...(option === undefined ? {} : { deployedWithout: option }),
      },
    );
  }
}

/** Names the argument that does not fit. Admission only: it may allocate. */
function refuseArguments(fn: AbiFunction, problem: number, input: CallInput): never {
  const { args } = decodeArguments(input.bytes.subarray(0, input.end), input.start);
  if (problem === ARGUMENTS_MISCOUNTED) {
    throw refusal("INVALID_CALLDATA", "args", `${fn.inputs.length} arguments, ${fn.signature}`, args.length);
  }
  const type = fn.inputTypes[problem]!;
  const path = `args[${problem}]`;
  const { name } = fn.inputs[problem]!;
  if (type.kind === "address") throw refusal("INVALID_ADDRESS", path, `an address (${name})`, args[problem]);
  if (type.kind === "uint" && type.bits === 256) {
    throw refusal("INVALID_AMOUNT", path, `a whole number from 0 to 2^256-1 (${name})`, args[problem]);
  }
  throw refusal("INVALID_CALLDATA", path, `${abiTypeName(type)} (${name})`, args[problem]);
}

function refusal(code: ErrorCode, path: string, expected: string, value: unknown): RejectedError {
  const received = JSON.stringify(value).slice(0, 80);
  return new RejectedError(code, `${path}: expected ${expected}, received ${received}`, { path, expected, received });
}
