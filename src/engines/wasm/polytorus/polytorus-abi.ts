/**
 * The polytorus ABI: bytes in, bytes out. A module exports `deploy` and `call`, both () → (); calldata, results, logs and
 * reverts are Ethereum's ABI encoding, so that wallets and decoders work as they do with the built-ins. The imports are
 * described in imports.ts; contracts/sdk wraps them for AssemblyScript.
 *   deploy: the encoded constructor arguments · call: calldata, a selector first
 */
import { abiFunctionOf } from "../../../encoding/abi.ts";
import { encodeParameters } from "../../../encoding/abi-codec.ts";
import type { AbiType } from "../../../encoding/abi-types.ts";
import { fromHex } from "../../../encoding/hex.ts";
import { BodyForm } from "../../../encoding/transaction.ts";
import { RejectedError } from "../../../errors.ts";
import type { CallInput, ContractAbi, Outcome } from "../../../execution/host.ts";
import type { AbiFrame, AbiProgram, ModuleNames, WasmAbi } from "../abi.ts";
import type { InstanceSlot } from "../instance-slot.ts";
import type { InstrumentedModule, ModulePolicy } from "../module/instrument.ts";
import { type Calldata, CalldataEncoder } from "./calldata.ts";
import { POLYTORUS_IMPORTS } from "./imports.ts";
import { admitInterface, constructorTypes, refuse } from "./interface.ts";
import { PolytorusFrame } from "./polytorus-frame.ts";

const PREVIEW1 = "wasi_snapshot_preview1";
const ENTRY = { params: [], results: [] } as const;
/** 32 MiB, as CosmWasm: protocol constant. */
const MEMORY_PAGES_MAX = 512;
const REVERT_EMPTY: Outcome = { status: "reverted", returnData: new Uint8Array(0) };

export class PolytorusAbi implements WasmAbi {
  readonly name = "polytorus";
  readonly id = 1;
  readonly policy: ModulePolicy = {
    imports: POLYTORUS_IMPORTS,
    exports: new Map([
      ["deploy", ENTRY],
      ["call", ENTRY],
    ]),
    floats: "refuse",
    memoryPagesMax: MEMORY_PAGES_MAX,
  };

  claims({ imports, exports }: ModuleNames): boolean {
    const importsFrom = (name: string) => imports.some(({ module }) => module === name);
    // A WASI program may import the host's functions too.
    if (importsFrom(PREVIEW1)) return false;
    return importsFrom("polytorus") || (exports.includes("deploy") && exports.includes("call"));
  }

  admitCode(contract: Record<string, unknown>, module: InstrumentedModule): ContractAbi {
    return admitInterface(contract, module);
  }

  open(abi: ContractAbi): AbiProgram {
    return new PolytorusProgram(abi);
  }
}

class PolytorusProgram implements AbiProgram {
  readonly abi: ContractAbi;
  readonly #encoder: CalldataEncoder;
  readonly #init: { types: AbiType[]; names: string[] };

  constructor(abi: ContractAbi) {
    this.abi = abi;
    this.#encoder = new CalldataEncoder(abi.filter(({ type }) => type === "function").map(abiFunctionOf));
    const item = abi.find(({ type }) => type === "constructor");
    this.#init = {
      types: item === undefined ? [] : constructorTypes(item),
      names: item === undefined ? [] : item.inputs.map(({ name }) => name),
    };
  }

  link(slot: InstanceSlot): AbiFrame {
    return new PolytorusFrame(slot);
  }

  admitInit(contract: Record<string, unknown>): void {
    this.#encodeInit(contract["init"]);
  }

  deploy(slot: InstanceSlot, contract: Record<string, unknown>): Outcome {
    const input = this.#encodeInit(contract["init"]);
    return (slot.frame as PolytorusFrame).run("deploy", input, 0, input.length);
  }

  /** Encoded already, as hex; an array, in order; or an object, by name. @throws RejectedError */
  #encodeInit(init: unknown): Uint8Array {
    const { types, names } = this.#init;
    const path = "contract.init";
    if (typeof init === "string")
      return fromHex(init) ?? refuse("INVALID_CALLDATA", path, "0x and an even number of hex digits", init);
    if (init === undefined || Array.isArray(init)) return encodeParameters(types, init ?? [], path);
    if (typeof init !== "object" || init === null)
      return refuse("INVALID_CALLDATA", path, "an array, an object or hex", init);
    const members = init as Record<string, unknown>;
    const unknown = Object.keys(members).find((name) => !names.includes(name));
    if (unknown !== undefined)
      refuse("INVALID_CALLDATA", `${path}.${unknown}`, `one of ${names.join(", ") || "no arguments"}`, unknown);
    return encodeParameters(
      types,
      names.map((name) => members[name]),
      path,
    );
  }

  admitCall(input: CallInput): void {
    if (input.form === BodyForm.entrypoint) this.#encoder.admit(input);
    else if (input.form === BodyForm.json)
      refuse("INVALID_CALLDATA", "msg", "entrypoint and args, or calldata: the contract's ABI is polytorus", "msg");
  }

  execute(slot: InstanceSlot, input: CallInput): Outcome {
    const frame = slot.frame as PolytorusFrame;
    switch (input.form) {
      case BodyForm.entrypoint: {
        const calldata = this.#calldataOf(input);
        if (calldata === undefined) return REVERT_EMPTY;
        try {
          return frame.run("call", calldata.bytes, 0, calldata.length);
        } finally {
          this.#encoder.give(calldata);
        }
      }
      case BodyForm.json:
        return REVERT_EMPTY;
      case BodyForm.calldata:
        return frame.run("call", input.bytes, input.start, input.end);
      default:
        return frame.run("call", NO_INPUT, 0, 0);
    }
  }

  /** A call that was admitted encodes. One that another contract makes may not: it reverts, as bad calldata does. */
  #calldataOf(input: CallInput): Calldata | undefined {
    try {
      return this.#encoder.take(input);
    } catch (problem) {
      if (problem instanceof RejectedError) return undefined;
      throw problem;
    }
  }
}

const NO_INPUT = new Uint8Array(0);
