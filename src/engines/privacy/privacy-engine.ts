/**
 * PrivacyContractEngine: contracts whose state and inputs stay encrypted. A block runs them symbolically: handles in,
 * handles out, nothing evaluated. What they ordered is evaluated after the block (privacy jobs), and never changes it.
 *   PrivacyContractEngine ── by type of the code ──▶ PrivacyContract ── compile ──▶ PrivacyProgram
 * Always
 *  - Admission asks `held` for keys and ciphertexts: a transaction that names one which is not here, or which is bound to
 *    another contract, owner, key or type, is in no block. Running a block again asks for nothing.
 */

import { equalBytes } from "../../encoding/bytes.ts";
import { canonicalJson } from "../../encoding/canonical-json.ts";
import { Origin, originOf } from "../../encoding/encrypted-handle.ts";
import { toHex } from "../../encoding/hex.ts";
import { RejectedError } from "../../errors.ts";
import type {
  AdmittedCall,
  CallInput,
  ContractAbi,
  ContractEngine,
  HostContext,
  LoadedCode,
  Outcome,
} from "../../execution/host.ts";
import { circuitContract } from "./circuit-contract.ts";
import { confidentialErc20 } from "./confidential-erc20/confidential-erc20.ts";
import { GATE_GAS } from "./privacy-gas.ts";
import type { PrivacyContract, PrivacyProgram, SentHandle } from "./privacy-program.ts";
import { EmptyRefusal, Refusal } from "./refusal.ts";

/** Keys and ciphertexts that are here, read synchronously. */
export interface HeldInputs {
  /** The parameter set of an evaluation key; undefined when it is not here. */
  parameterSetOf(keyId: Uint8Array): string | undefined;
  /** What a ciphertext that someone sent is bound to; undefined when it is not here. */
  bindingOf(handle: Uint8Array): InputBinding | undefined;
  /** Set when no more evaluations may be ordered before some are done. */
  queueFull(): { jobs: number; jobsMax: number } | undefined;
}

export interface InputBinding {
  readonly keyId: Uint8Array;
  readonly contract: Uint8Array;
  readonly owner: Uint8Array;
}

const QUEUE_RETRY_MS = 5_000;

const CONTRACTS: ReadonlyMap<string, PrivacyContract> = new Map(
  [circuitContract, confidentialErc20].map((contract) => [contract.type, contract]),
);

/** Reading a manifest and counting its circuits takes microseconds a gate: far less than evaluating it once. */
const ADMISSION_CIRCUIT_GATE_GAS = Math.round(GATE_GAS / 10_000);

export class PrivacyContractEngine implements ContractEngine {
  readonly kind = "privacy";
  readonly types: readonly string[] = [...CONTRACTS.keys()];
  readonly addressPrefixes: readonly number[] = [];
  readonly #held: HeldInputs | undefined;

  /** @param held undefined where blocks are run again: what they name was here when they were made. */
  constructor(held?: HeldInputs) {
    this.#held = held;
  }

  admitDeploy(contract: Record<string, unknown>): { code: Uint8Array; gas: number } {
    const type = contract["type"] as string;
    const code = Buffer.from(canonicalJson(CONTRACTS.get(type)!.admitDeploy(contract)), "utf8");
    const program = compilePrivacyCode(code);
    this.#requireKey(program);
    const gates = program.circuits.reduce((sum, { counts }) => sum + counts.gates, 0);
    return { code, gas: gates * ADMISSION_CIRCUIT_GATE_GAS };
  }

  #requireKey({ keyId, parameterSet }: PrivacyProgram): void {
    if (this.#held === undefined) return;
    const held = this.#held.parameterSetOf(keyId);
    if (held === parameterSet) return;
    const id = toHex(keyId);
    throw new RejectedError(
      "PRIVACY_KEY_UNKNOWN",
      held === undefined
        ? `no evaluation key ${id} is here`
        : `the evaluation key ${id} is of parameter set ${held}, the deployment says ${parameterSet}`,
      { path: "contract.keyId", keyId: id, expected: parameterSet, received: held ?? null },
    );
  }

  deploy(host: HostContext, code: Uint8Array, contract: Record<string, unknown>): Outcome {
    return ended(() => compilePrivacyCode(code).deploy(host, contract));
  }

  admitCall(code: LoadedCode, input: CallInput, call: AdmittedCall): void {
    const program = programOf(code);
    const { sent, isView } = program.admitCall(input);
    if (this.#held === undefined) return;
    const full = isView ? undefined : this.#held.queueFull();
    if (full !== undefined)
      throw new RejectedError("BUSY", `${full.jobs} evaluations wait, at most ${full.jobsMax} may`, {
        ...full,
        retryAfterMs: QUEUE_RETRY_MS,
      });
    for (const item of sent)
      if (originOf(item.handle) === Origin.input && !call.hasHandle(item.handle))
        requireBinding(this.#held, item, { program, call });
  }

  execute(host: HostContext, code: LoadedCode, input: CallInput): Outcome {
    return ended(() => programOf(code).execute(host, code.codeHash, input));
  }

  describe(code: LoadedCode): ContractAbi {
    return programOf(code).abi;
  }
}

/** @param code of a privacy contract, as the state has it. */
export function compilePrivacyCode(code: Uint8Array): PrivacyProgram {
  const parsed = JSON.parse(Buffer.from(code).toString("utf8")) as Record<string, unknown>;
  const contract = CONTRACTS.get(parsed["type"] as string);
  if (contract === undefined)
    throw new RejectedError("UNSUPPORTED_CONTRACT", `no privacy contract is of type ${String(parsed["type"])}`, {
      received: parsed["type"],
      expected: [...CONTRACTS.keys()],
    });
  return contract.compile(parsed);
}

function programOf(code: LoadedCode): PrivacyProgram {
  if (code.program === undefined) code.program = compilePrivacyCode(code.code);
  return code.program as PrivacyProgram;
}

function ended(run: () => Outcome): Outcome {
  try {
    return run();
  } catch (problem) {
    if (problem instanceof Refusal) return { status: "reverted", returnData: problem.returnData };
    if (problem instanceof EmptyRefusal) return { status: "reverted", returnData: new Uint8Array(0) };
    throw problem;
  }
}

function requireBinding(
  held: HeldInputs,
  { handle, path }: SentHandle,
  { program, call }: { program: PrivacyProgram; call: AdmittedCall },
): void {
  const binding = held.bindingOf(handle);
  const name = toHex(handle);
  if (binding === undefined)
    throw new RejectedError("PRIVACY_INPUT_UNKNOWN", `${path}: no ciphertext ${name} is here`, { path, handle: name });
  const wanted = { keyId: program.keyId, contract: call.contractAddress, owner: call.sender };
  for (const part of ["keyId", "contract", "owner"] as const) {
    if (equalBytes(binding[part], wanted[part])) continue;
    const [expected, received] = [toHex(wanted[part]), toHex(binding[part])];
    throw new RejectedError(
      "PRIVACY_INPUT_MISMATCH",
      `${path}: the ciphertext ${name} is bound to ${part} ${received}, this call needs ${expected}`,
      { path, handle: name, part, expected, received },
    );
  }
}
