/**
 * The built-in ERC-20: what OpenZeppelin 5's ERC20 with Burnable, Capped, Pausable, Ownable and Permit answers, byte for
 * byte, plus OpenZeppelin 4.9's increaseAllowance and decreaseAllowance. The deployment chooses the extensions.
 *   code (descriptor) ── compile ──▶ Erc20Program ── find ──▶ ERC20_ENTRYPOINTS ──▶ ledger, ownership, permit
 */
import { encodeParameters } from "../../encoding/abi-codec.ts";
import {
  ERC20_ERRORS,
  ERC20_EVENTS,
  erc20Abi,
  erc20Functions,
  erc20FunctionsLeftOut,
} from "../../encoding/erc20-abi.ts";
import { fromBigInt, type Limbs, newUint256 } from "../../encoding/uint256.ts";
import type { CallInput, ContractAbi, HostContext, Outcome, PlainTransfer } from "../../execution/host.ts";
import type { BuiltinContract, BuiltinProgram } from "./builtin-contract.ts";
import { EntrypointTable } from "./entrypoint-table.ts";
import { decodeErc20Code, type Erc20Descriptor, encodeErc20Code, parseErc20Deployment } from "./erc20-descriptor.ts";
import { ERC20_ENTRYPOINTS } from "./erc20-entrypoints.ts";
import { BALANCE_PREFIX, isZeroAddress, mintTokens } from "./erc20-ledger.ts";
import { setOwner } from "./erc20-ownership.ts";
import { hashText } from "./erc20-permit.ts";
import type { Erc20Token, Handler } from "./erc20-token.ts";
import { DONE, numberWord, REVERT_EMPTY, revert, success, uintWord, ZERO_WORD } from "./outcomes.ts";

export const erc20Contract: BuiltinContract = {
  type: "erc20",
  admitDeploy: (contract) => encodeErc20Code(parseErc20Deployment(contract)),
  compile: (code) => new Erc20Program(decodeErc20Code(code)),
};

const PLAIN_TRANSFER: PlainTransfer = { balancePrefix: BALANCE_PREFIX, topic: ERC20_EVENTS.Transfer.topic };

class Erc20Program implements BuiltinProgram {
  readonly abi: ContractAbi;
  readonly plainTransfer: PlainTransfer | undefined;
  readonly #token: Erc20Token;
  readonly #entrypoints: EntrypointTable<Handler>;

  constructor(descriptor: Erc20Descriptor) {
    const options = { ...descriptor, capped: descriptor.cap !== undefined };
    const functions = erc20Functions(options);
    this.abi = erc20Abi(options);
    this.#token = compileToken(descriptor);
    this.plainTransfer = this.#token.isPausable ? undefined : PLAIN_TRANSFER;
    this.#entrypoints = new EntrypointTable(
      functions.map((fn) => ({ fn, run: ERC20_ENTRYPOINTS[fn.name] })),
      erc20FunctionsLeftOut(options),
    );
  }

  /** The order of checks is that of OpenZeppelin's constructors: ERC20Capped, Ownable, then the body's `_mint`. */
  deploy(host: HostContext, contract: Record<string, unknown>): Outcome {
    if (host.value !== 0n) return REVERT_EMPTY;
    const token = this.#token;
    const { initialSupply, owner = host.sender } = parseErc20Deployment(contract);
    if (token.descriptor.cap === 0n) return revert(ERC20_ERRORS.ERC20InvalidCap, ZERO_WORD);
    if (token.isOwnable) {
      if (isZeroAddress(owner, 0)) return revert(ERC20_ERRORS.OwnableInvalidOwner, ZERO_WORD);
      setOwner(host, owner);
    }
    return mintTokens(host, token, owner, 0, limbsOf(initialSupply)) ?? DONE;
  }

  admitCall(input: CallInput): void {
    this.#entrypoints.admit(input);
  }

  /** No entrypoint is payable. */
  execute(host: HostContext, input: CallInput): Outcome {
    const run = host.value === 0n ? this.#entrypoints.find(input) : undefined;
    return run === undefined ? REVERT_EMPTY : run(host, this.#token, this.#entrypoints.args);
  }
}

function compileToken(descriptor: Erc20Descriptor): Erc20Token {
  const { name, symbol, decimals, cap, mintable, pausable } = descriptor;
  const capLimbs = cap === undefined ? undefined : limbsOf(cap);
  return {
    descriptor,
    isPausable: pausable,
    isOwnable: mintable || pausable,
    cap: capLimbs,
    name: textResult(name),
    symbol: textResult(symbol),
    decimals: success(numberWord(decimals)),
    capResult: success(capLimbs === undefined ? ZERO_WORD : uintWord(capLimbs)),
    nameHash: hashText(name),
  };
}

function textResult(text: string): Outcome {
  return success(encodeParameters([{ kind: "string" }], [text]));
}

function limbsOf(value: bigint): Limbs {
  const limbs = newUint256();
  fromBigInt(value, limbs);
  return limbs;
}
