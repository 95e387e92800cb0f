/** A privacy contract as a table of entrypoints: what every type of them has in common once its code is read. */
import { type AbiError, type AbiEvent, type ContractAbi, toAbiItem } from "../../encoding/abi.ts";
import { compareBytes } from "../../encoding/bytes.ts";
import { fromHex } from "../../encoding/hex.ts";
import type { CallInput, HostContext, Outcome } from "../../execution/host.ts";
import { CallTable } from "./call-values.ts";
import { keyOf, parseOwner } from "./deployment.ts";
import { EncryptedFrame } from "./encrypted-frame.ts";
import type { AdmittedEntrypoint, PlacedCircuit, PrivacyProgram } from "./privacy-program.ts";
import { EmptyRefusal, PRIVACY_ERRORS, Refusal } from "./refusal.ts";
import { type PrivacyEntrypoint, STANDARD_ENTRYPOINTS } from "./standard-entrypoints.ts";

const OWNER_KEY = Buffer.from("owner", "latin1");

export class EntrypointProgram implements PrivacyProgram {
  readonly abi: ContractAbi;
  readonly keyId: Uint8Array;
  readonly parameterSet: string;
  readonly circuits: readonly PlacedCircuit[];
  readonly #table: CallTable<PrivacyEntrypoint>;

  /** @param declared events and errors beyond those that every privacy contract has. */
  constructor(
    code: Record<string, unknown>,
    circuits: readonly PlacedCircuit[],
    entrypoints: readonly PrivacyEntrypoint[],
    declared: readonly (AbiError | AbiEvent)[] = [],
  ) {
    const { keyId, parameterSet } = keyOf(code);
    this.keyId = fromHex(keyId)!;
    this.parameterSet = parameterSet;
    this.circuits = circuits;
    this.#table = new CallTable([...entrypoints, ...STANDARD_ENTRYPOINTS]);
    this.abi = [...this.#table.functions, ...declared, ...Object.values(PRIVACY_ERRORS)].map(toAbiItem);
  }

  deploy(host: HostContext, contract: Record<string, unknown>): Outcome {
    if (host.value !== 0n) throw new EmptyRefusal();
    host.set(OWNER_KEY, parseOwner(contract) ?? host.sender.slice());
    return { status: "success", returnData: new Uint8Array(0) };
  }

  admitCall(input: CallInput): AdmittedEntrypoint {
    return this.#table.admit(input);
  }

  execute(host: HostContext, codeHash: Uint8Array, input: CallInput): Outcome {
    const call = host.value === 0n ? this.#table.read(input) : undefined;
    if (call === undefined) throw new EmptyRefusal();
    const owner = host.get(OWNER_KEY)!;
    if (call.entry.isOwnerOnly && compareBytes(owner, host.caller) !== 0)
      throw new Refusal(PRIVACY_ERRORS.CallerNotAllowed, [host.caller]);
    const frame = new EncryptedFrame(host, { keyId: this.keyId, codeHash }, input.form);
    const result = call.entry.run(frame, owner, call.values);
    frame.close();
    return { status: "success", returnData: result.length === 1 ? result[0]! : Buffer.concat(result) };
  }
}
