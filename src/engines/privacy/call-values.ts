/**
 * The arguments of a call to a privacy contract. Encrypted ones are handles, bytes32 in the ABI; public ones whole
 * numbers; accounts addresses.
 *   CallInput ── entrypoint and args, or calldata ──▶ CallTable ──▶ which entrypoint, and its arguments
 */
import { type AbiFunction, abiFunctionOf, SELECTOR_BYTES, selectorKey } from "../../encoding/abi.ts";
import { decodeParameters } from "../../encoding/abi-codec.ts";
import { HANDLE_BYTES, type Handle } from "../../encoding/encrypted-handle.ts";
import { fromHex } from "../../encoding/hex.ts";
import { BodyForm, decodeArguments } from "../../encoding/transaction.ts";
import { RejectedError } from "../../errors.ts";
import type { CallInput } from "../../execution/host.ts";
import type { InputType, ManifestInput } from "./manifest.ts";
import type { AdmittedEntrypoint, SentHandle } from "./privacy-program.ts";

export type CallValue = Handle | Uint8Array | bigint;

export interface CallShape {
  readonly name: string;
  readonly inputs: readonly ManifestInput[];
  /** ABI types of the results; a handle is bytes32. */
  readonly returns: readonly string[];
  readonly isView: boolean;
}

export interface ReadCall<T extends CallShape> {
  readonly entry: T;
  readonly values: readonly CallValue[];
}

export class CallTable<T extends CallShape> {
  readonly functions: readonly AbiFunction[];
  readonly #byName: ReadonlyMap<string, T>;
  readonly #bySelector: ReadonlyMap<number, { entry: T; fn: AbiFunction }>;
  /** What `admit` has just read, so that `read` need not do it again. */
  #admitted: { bytes: Uint8Array; start: number; call: ReadCall<T> } | undefined;

  constructor(entries: readonly T[]) {
    this.functions = entries.map(functionOf);
    this.#byName = new Map(entries.map((entry) => [entry.name, entry]));
    this.#bySelector = new Map(
      entries.map((entry, index) => [
        selectorKey(this.functions[index]!.selector),
        { entry, fn: this.functions[index]! },
      ]),
    );
  }

  /** @throws RejectedError UNKNOWN_ENTRYPOINT, INVALID_CALLDATA, INVALID_ADDRESS, INVALID_AMOUNT. */
  admit(input: CallInput): AdmittedEntrypoint {
    this.#admitted = undefined;
    if (input.form === BodyForm.json)
      throw new RejectedError(
        "INVALID_CALLDATA",
        "a privacy contract takes an entrypoint and args, or calldata, not msg",
        {
          path: "msg",
          expected: "entrypoint and args, or calldata",
        },
      );
    if (input.form !== BodyForm.entrypoint) return { sent: [], isView: false };
    const call = this.#readNamed(input);
    this.#admitted = { bytes: input.bytes, start: input.start, call };
    const sent: SentHandle[] = [];
    call.entry.inputs.forEach(({ type }, index) => {
      if (type.kind === "encrypted" || type.kind === "handle")
        sent.push({ handle: call.values[index] as Handle, path: `args[${index}]` });
    });
    return { sent, isView: call.entry.isView };
  }

  /** Undefined when the call means nothing to this contract. */
  read(input: CallInput): ReadCall<T> | undefined {
    const admitted = this.#admitted;
    this.#admitted = undefined;
    if (admitted !== undefined && admitted.bytes === input.bytes && admitted.start === input.start)
      return admitted.call;
    if (input.form === BodyForm.calldata) return this.#readCalldata(input);
    if (input.form !== BodyForm.entrypoint) return undefined;
    try {
      return this.#readNamed(input);
    } catch (problem) {
      if (problem instanceof RejectedError) return undefined;
      throw problem;
    }
  }

  #readNamed({ bytes, start, end }: CallInput): ReadCall<T> {
    const { entrypoint, args } = decodeArguments(bytes.subarray(0, end), start);
    const entry = this.#byName.get(entrypoint);
    if (entry === undefined)
      throw new RejectedError("UNKNOWN_ENTRYPOINT", `the contract has no entrypoint ${JSON.stringify(entrypoint)}`, {
        path: "entrypoint",
        received: entrypoint,
        expected: [...this.#byName.keys()],
      });
    if (args.length !== entry.inputs.length)
      throw refusal("INVALID_CALLDATA", "args", `${entry.inputs.length} arguments`, args.length);
    return { entry, values: entry.inputs.map(({ type }, index) => callValue(type, args[index], `args[${index}]`)) };
  }

  #readCalldata({ bytes, start, end }: CallInput): ReadCall<T> | undefined {
    const found = end - start < SELECTOR_BYTES ? undefined : this.#bySelector.get(selectorKey(bytes, start));
    const values = found && decodeParameters(found.fn.inputTypes, bytes.subarray(0, end), start + SELECTOR_BYTES);
    if (found === undefined || values === undefined) return undefined;
    const { entry } = found;
    return { entry, values: entry.inputs.map(({ type }, index) => callValue(type, values[index], `args[${index}]`)) };
  }
}

function functionOf(shape: CallShape): AbiFunction {
  return abiFunctionOf({
    type: "function",
    name: shape.name,
    inputs: shape.inputs.map(({ name, type }) => ({ name, type: abiType(type) })),
    outputs: shape.returns.map((type) => ({ name: "", type })),
    stateMutability: shape.isView ? "view" : "nonpayable",
  });
}

function abiType(type: InputType): string {
  if (type.kind === "encrypted" || type.kind === "handle") return "bytes32";
  if (type.kind === "number") return `uint${type.bits}`;
  return type.kind === "address" ? "address" : type.type.name.slice(1);
}

function callValue(type: InputType, value: unknown, path: string): CallValue {
  if (type.kind === "public" || type.kind === "number") {
    const bits = type.kind === "number" ? type.bits : type.type.bits;
    const isBool = bits === 1 && typeof value === "boolean";
    const isNumber = typeof value === "number" || (typeof value === "string" && /^(0|[1-9][0-9]{0,38})$/.test(value));
    const number = isBool ? BigInt(value) : isNumber && Number(value) >= 0 ? BigInt(value as string) : undefined;
    if (number === undefined || number >> BigInt(bits) !== 0n)
      throw refusal("INVALID_AMOUNT", path, `a whole number of ${bits} bits`, value);
    return number;
  }
  const bytes = typeof value === "string" ? fromHex(value) : undefined;
  const wanted = type.kind === "address" ? 20 : HANDLE_BYTES;
  if (bytes?.length === wanted) return bytes;
  if (type.kind === "address") throw refusal("INVALID_ADDRESS", path, "an address", value);
  throw refusal(
    "INVALID_CALLDATA",
    path,
    `a handle${type.kind === "encrypted" ? ` of type ${type.type.name}` : ""}, 0x and 64 hex digits`,
    value,
  );
}

function refusal(
  code: "INVALID_CALLDATA" | "INVALID_AMOUNT" | "INVALID_ADDRESS",
  path: string,
  expected: string,
  value: unknown,
) {
  const received = JSON.stringify(value)?.slice(0, 80) ?? "nothing";
  return new RejectedError(code, `${path}: expected ${expected}, received ${received}`, { path, expected, received });
}
