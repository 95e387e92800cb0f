/**
 * WasiAbi: programs for wasm32-wasip1, as Rust, C, Go or Zig compile them, run as contracts. A call is standard input, its
 * answer standard output; exit code 0 succeeds, another reverts with what is on standard error.
 *   call, query ──▶ _start with arguments "contract" "call" | "query"; standard input: the JSON or the bytes of the call, an
 *                   entrypoint and args as {"args":[…],"entrypoint":"…"}
 *   deploy      ──▶ the same with "deploy" and `init`, when the deployment has one; else nothing runs
 *   upgrade     ──▶ with "upgrade" and the message, when there is one
 * State, logs and calls are the imports of module "polytorus" (polytorus/imports.ts), which any toolchain can declare.
 * Off the hot path: a call takes about a millisecond before the program's first instruction. What is called often belongs
 * into the polytorus ABI.
 */
import type { ContractAbi } from "../../../encoding/abi.ts";
import { canonicalJson } from "../../../encoding/canonical-json.ts";
import { fromHex } from "../../../encoding/hex.ts";
import { BodyForm, decodeArguments } from "../../../encoding/transaction.ts";
import { RejectedError } from "../../../errors.ts";
import type { CallInput, Outcome } from "../../../execution/host.ts";
import type { AbiFrame, AbiProgram, ModuleNames, WasmAbi } from "../abi.ts";
import type { InstanceSlot } from "../instance-slot.ts";
import type { ModulePolicy } from "../module/instrument.ts";
import { PREVIEW1, WASI_IMPORTS } from "./preview1.ts";
import { WasiFrame } from "./wasi-frame.ts";

const START = "_start";
/** 32 MiB, as the other ABIs: protocol constant. */
const MEMORY_PAGES_MAX = 512;
const NO_ABI: ContractAbi = [];
const NOTHING_RUN: Outcome = { status: "success", returnData: new Uint8Array(0) };

export class WasiAbi implements WasmAbi {
  readonly name = "wasi";
  readonly id = 3;
  readonly policy: ModulePolicy = {
    imports: WASI_IMPORTS,
    exports: new Map([[START, { params: [], results: [] }]]),
    // Standard libraries have float code in them, mostly never run.
    floats: "canonicalise",
    memoryPagesMax: MEMORY_PAGES_MAX,
  };
  readonly #program = new WasiProgram();

  claims({ imports, exports }: ModuleNames): boolean {
    return exports.includes(START) || imports.some(({ module }) => module === PREVIEW1);
  }

  admitCode(contract: Record<string, unknown>): ContractAbi {
    const abi = contract["abi"];
    if (abi !== undefined)
      throw new RejectedError("VALIDATION_ERROR", "contract.abi: a WASI program reads standard input, it has no ABI", {
        path: "contract.abi",
        expected: "nothing",
        received: typeof abi,
      });
    return NO_ABI;
  }

  /** Nothing of a program depends on the code. */
  open(): AbiProgram {
    return this.#program;
  }
}

class WasiProgram implements AbiProgram {
  readonly abi = NO_ABI;

  link(slot: InstanceSlot): AbiFrame {
    return new WasiFrame(slot);
  }

  /** Anything can be written to standard input. */
  admitInit(): void {}

  deploy(slot: InstanceSlot, contract: Record<string, unknown>): Outcome {
    const { init } = contract;
    return init === undefined ? NOTHING_RUN : frameOf(slot).run("deploy", inputBytes(init));
  }

  upgrade(slot: InstanceSlot, message: unknown): Outcome {
    return message === undefined ? NOTHING_RUN : frameOf(slot).run("upgrade", inputBytes(message));
  }

  admitCall(): void {}

  execute(slot: InstanceSlot, input: CallInput): Outcome {
    return frameOf(slot).run(slot.host.isStatic ? "query" : "call", callBytes(input));
  }
}

function frameOf(slot: InstanceSlot): WasiFrame {
  return slot.frame as WasiFrame;
}

/** Hex is the bytes that it stands for, as calldata is; anything else arrives as JSON. */
function inputBytes(value: unknown): Uint8Array<ArrayBuffer> {
  if (value instanceof Uint8Array) return value.slice();
  const bytes = typeof value === "string" ? fromHex(value) : undefined;
  return new Uint8Array(bytes ?? Buffer.from(canonicalJson(value), "utf8"));
}

function callBytes({ form, bytes, start, end }: CallInput): Uint8Array<ArrayBuffer> {
  if (form === BodyForm.none) return new Uint8Array(0);
  if (form !== BodyForm.entrypoint) return new Uint8Array(bytes.subarray(start, end));
  return new Uint8Array(Buffer.from(canonicalJson(decodeArguments(bytes.subarray(0, end), start)), "utf8"));
}
