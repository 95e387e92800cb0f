/**
 * CosmWasmAbi: contracts compiled for CosmWasm 1.x and 2.x, unchanged. A call is a JSON message, a query a static call, an
 * error a revert with Error(string), an event a log (events.ts), an address Bech32 text of our 20 bytes.
 *   call      ──▶ execute      sudo by entrypoint, for the contract's admin: who may migrate a contract can do anything
 *   deploy    ──▶ instantiate        sudo could
 *   upgrade   ──▶ migrate
 *   query     ──▶ query
 */
import type { ContractAbi } from "../../../encoding/abi.ts";
import { equalBytes } from "../../../encoding/bytes.ts";
import { canonicalJson } from "../../../encoding/canonical-json.ts";
import { BodyForm } from "../../../encoding/transaction.ts";
import { RejectedError } from "../../../errors.ts";
import type { CallInput, HostContext, Outcome } from "../../../execution/host.ts";
import type { AbiFrame, AbiProgram, ModuleNames, WasmAbi } from "../abi.ts";
import type { InstanceSlot } from "../instance-slot.ts";
import type { InstrumentedModule } from "../module/instrument.ts";
import { Addresses } from "./addresses.ts";
import { callMessage, entrypointOf } from "./call-message.ts";
import { EventJournal } from "./events.ts";
import { type CosmWasmChain, CosmWasmInstance } from "./instance.ts";
import { COSMWASM_POLICY, checkExports, claimsCosmWasm } from "./policy.ts";
import { encodeRevert } from "./revert-text.ts";

/** Parameters of the chain: they decide results, and are the same on every node. */
export interface CosmWasmOptions {
  /** What addresses begin with in Bech32. */
  readonly addressPrefix: string;
  /** The name of the native denomination. */
  readonly denom: string;
}

/** Chains with CosmWasm describe messages in schemas of their own: there is no Ethereum ABI to keep. */
const NO_ABI: ContractAbi = [];

export class CosmWasmAbi implements WasmAbi {
  readonly name = "cosmwasm";
  readonly id = 2;
  readonly policy = COSMWASM_POLICY;
  readonly #program: CosmWasmProgram;

  constructor({ addressPrefix, denom }: CosmWasmOptions) {
    this.#program = new CosmWasmProgram({
      addresses: new Addresses(addressPrefix),
      denom,
      journal: new EventJournal(),
      depth: { current: 0 },
    });
  }

  claims(names: ModuleNames): boolean {
    return claimsCosmWasm(names);
  }

  admitCode(contract: Record<string, unknown>, module: InstrumentedModule): ContractAbi {
    checkExports(module);
    const abi = contract["abi"];
    if (abi !== undefined)
      throw new RejectedError(
        "VALIDATION_ERROR",
        "contract.abi: a CosmWasm contract's messages are JSON, it has no ABI",
        {
          path: "contract.abi",
          expected: "nothing",
          received: typeof abi,
        },
      );
    return NO_ABI;
  }

  /** Nothing of a program depends on the code: entry points are found on the instance. */
  open(): CosmWasmProgram {
    return this.#program;
  }
}

export class CosmWasmProgram implements AbiProgram {
  readonly abi = NO_ABI;
  readonly #chain: CosmWasmChain;

  constructor(chain: CosmWasmChain) {
    this.#chain = chain;
  }

  link(slot: InstanceSlot): AbiFrame {
    return new CosmWasmInstance(slot, this.#chain);
  }

  admitInit({ init }: Record<string, unknown>): void {
    admitObject(init, "contract.init", "the instantiate message");
  }

  admitMessage(message: unknown): void {
    if (message !== undefined) admitObject(message, "contract.message", "the migrate message");
  }

  deploy(slot: InstanceSlot, contract: Record<string, unknown>): Outcome {
    return instanceOf(slot).instantiate(messageBytes(contract["init"]));
  }

  /** @param message JSON: an object, or the bytes that a contract wrote; undefined is an empty object. */
  upgrade(slot: InstanceSlot, message: unknown): Outcome {
    return instanceOf(slot).migrate(messageBytes(message ?? {}));
  }

  admitCall(input: CallInput): void {
    if (input.form !== BodyForm.entrypoint || callMessage(input) !== undefined) return;
    throw new RejectedError(
      "INVALID_CALLDATA",
      `args: ${entrypointOf(input)} of a CosmWasm contract takes one JSON object, or nothing`,
      { path: "args", expected: "one JSON object", entrypoint: entrypointOf(input) },
    );
  }

  execute(slot: InstanceSlot, input: CallInput): Outcome {
    const instance = instanceOf(slot);
    if (input.form === BodyForm.none) return instance.receive();
    const call = callMessage(input);
    if (call === undefined) return reverted("the arguments are not one JSON object");
    const host = slot.host as HostContext;
    if (call.isSudo) {
      const admin = host.contractInfo(host.address)?.admin;
      if (admin === undefined || !equalBytes(admin, host.caller)) return reverted("only the contract's admin may sudo");
      return instance.sudo(call.message);
    }
    return host.isStatic ? instance.query(call.message) : instance.execute(call.message);
  }
}

function instanceOf(slot: InstanceSlot): CosmWasmInstance {
  return slot.frame as CosmWasmInstance;
}

/** A message of a transaction, or the bytes that a contract wrote. */
function admitObject(message: unknown, path: string, what: string): void {
  if (typeof message === "object" && message !== null && !Array.isArray(message)) return;
  const received = message === undefined ? "nothing" : JSON.stringify(message)?.slice(0, 80);
  throw new RejectedError("VALIDATION_ERROR", `${path}: expected ${what}, an object, received ${received}`, {
    path,
    expected: "an object",
    received,
  });
}

function messageBytes(message: unknown): Uint8Array {
  return message instanceof Uint8Array ? message : Buffer.from(canonicalJson(message), "utf8");
}

function reverted(text: string): Outcome {
  return { status: "reverted", returnData: encodeRevert(text) };
}
