/**
 * BuiltinEngine: the contracts that are part of the daemon. They run at the speed of the host, and behave as their
 * Solidity models do: same calldata, results, logs and reverts.
 *   BuiltinEngine ── by contract.type ──▶ BuiltinContract ── compile(code) ──▶ BuiltinProgram
 */
import { RejectedError } from "../../errors.ts";
import type {
  CallInput,
  ContractAbi,
  ContractEngine,
  HostContext,
  LoadedCode,
  Outcome,
  PlainTransfer,
} from "../../execution/host.ts";
import type { BuiltinContract, BuiltinProgram } from "./builtin-contract.ts";
import { erc20Contract } from "./erc20.ts";
import { BALANCE_PREFIX } from "./erc20-ledger.ts";

const CONTRACTS: ReadonlyMap<string, BuiltinContract> = new Map([[erc20Contract.type, erc20Contract]]);

/** Admission of a built-in reads one small object: what the transaction pays for its bytes covers it. */
const ADMISSION_GAS = 0;

export class BuiltinEngine implements ContractEngine {
  readonly kind = "builtin";
  readonly types: readonly string[] = [...CONTRACTS.keys()];
  readonly addressPrefixes: readonly number[] = [BALANCE_PREFIX];

  admitDeploy(contract: Record<string, unknown>): { code: Uint8Array; gas: number } {
    return { code: requireContract(contract["type"]).admitDeploy(contract), gas: ADMISSION_GAS };
  }

  deploy(host: HostContext, code: Uint8Array, contract: Record<string, unknown>): Outcome {
    return compile(code).deploy(host, contract);
  }

  admitCall(code: LoadedCode, input: CallInput): void {
    programOf(code).admitCall(input);
  }

  execute(host: HostContext, code: LoadedCode, input: CallInput): Outcome {
    return programOf(code).execute(host, input);
  }

  plainTransfer(code: LoadedCode): PlainTransfer | undefined {
    return programOf(code).plainTransfer;
  }

  describe(code: LoadedCode): ContractAbi {
    return programOf(code).abi;
  }

  metadata({ code }: LoadedCode): Record<string, unknown> {
    return JSON.parse(Buffer.from(code).toString("utf8")) as Record<string, unknown>;
  }
}

function programOf(code: LoadedCode): BuiltinProgram {
  if (code.program === undefined) code.program = compile(code.code);
  return code.program as BuiltinProgram;
}

/** The code of every built-in is a JSON object whose `type` says which it is. */
function compile(code: Uint8Array): BuiltinProgram {
  const { type } = JSON.parse(Buffer.from(code).toString("utf8")) as { type: unknown };
  return requireContract(type).compile(code);
}

function requireContract(type: unknown): BuiltinContract {
  const contract = typeof type === "string" ? CONTRACTS.get(type) : undefined;
  if (contract !== undefined) return contract;
  const known = [...CONTRACTS.keys()];
  throw new RejectedError("UNSUPPORTED_CONTRACT", `no built-in contract is of type ${String(type)}`, {
    path: "contract.type",
    expected: known,
    received: String(type),
  });
}
