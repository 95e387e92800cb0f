/**
 * The interface of the built-in ERC-20 as data: what the engine dispatches on, and what receipts, command line and
 * clients decode with. Functions are ERC-20, ERC-2612 and OpenZeppelin 5's extensions; errors are ERC-6093's and
 * OpenZeppelin 5's; increaseAllowance and decreaseAllowance are OpenZeppelin 4.9's.
 */
import {
  type AbiError,
  type AbiEvent,
  type AbiFunction,
  type ContractAbi,
  decodeArguments,
  decodeLog,
  namedArguments,
  parseAbiError,
  parseAbiEvent,
  parseAbiFunction,
  SELECTOR_BYTES,
  selectorKey,
  toAbiItem,
} from "./abi.ts";
import { toHex } from "./hex.ts";

/** What a deployment may ask for. */
export interface Erc20Options {
  readonly mintable: boolean;
  readonly burnable: boolean;
  readonly pausable: boolean;
  readonly capped: boolean;
}

const SIGNATURES = {
  always: [
    "function name() view returns (string)",
    "function symbol() view returns (string)",
    "function decimals() view returns (uint8)",
    "function totalSupply() view returns (uint256)",
    "function balanceOf(address account) view returns (uint256)",
    "function allowance(address owner, address spender) view returns (uint256)",
    "function transfer(address to, uint256 value) returns (bool)",
    "function approve(address spender, uint256 value) returns (bool)",
    "function transferFrom(address from, address to, uint256 value) returns (bool)",
    "function increaseAllowance(address spender, uint256 addedValue) returns (bool)",
    "function decreaseAllowance(address spender, uint256 requestedDecrease) returns (bool)",
    "function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)",
    "function nonces(address owner) view returns (uint256)",
    "function DOMAIN_SEPARATOR() view returns (bytes32)",
    "function eip712Domain() view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)",
  ],
  mintable: ["function mint(address to, uint256 amount)"],
  burnable: ["function burn(uint256 value)", "function burnFrom(address account, uint256 value)"],
  pausable: ["function pause()", "function unpause()", "function paused() view returns (bool)"],
  ownable: [
    "function owner() view returns (address)",
    "function transferOwnership(address newOwner)",
    "function renounceOwnership()",
  ],
  capped: ["function cap() view returns (uint256)"],
} as const;

type Group = keyof typeof SIGNATURES;
type NameIn<S extends string> = S extends `function ${infer Name}(${string}` ? Name : never;
export type Erc20FunctionName = NameIn<(typeof SIGNATURES)[Group][number]>;
export type Erc20Function = AbiFunction & { readonly name: Erc20FunctionName };

const FUNCTIONS = Object.entries(SIGNATURES).flatMap(([group, texts]) =>
  texts.map((text) => ({ group: group as Group, fn: parseAbiFunction(text) as Erc20Function })),
);

export const ERC20_FUNCTIONS: readonly Erc20Function[] = FUNCTIONS.map(({ fn }) => fn);

export const ERC20_EVENTS = {
  Transfer: parseAbiEvent("event Transfer(address indexed from, address indexed to, uint256 value)"),
  Approval: parseAbiEvent("event Approval(address indexed owner, address indexed spender, uint256 value)"),
  OwnershipTransferred: parseAbiEvent(
    "event OwnershipTransferred(address indexed previousOwner, address indexed newOwner)",
  ),
  Paused: parseAbiEvent("event Paused(address account)"),
  Unpaused: parseAbiEvent("event Unpaused(address account)"),
} satisfies Record<string, AbiEvent>;

export const ERC20_ERRORS = {
  ERC20InsufficientBalance: parseAbiError(
    "error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)",
  ),
  ERC20InvalidSender: parseAbiError("error ERC20InvalidSender(address sender)"),
  ERC20InvalidReceiver: parseAbiError("error ERC20InvalidReceiver(address receiver)"),
  ERC20InsufficientAllowance: parseAbiError(
    "error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)",
  ),
  ERC20InvalidApprover: parseAbiError("error ERC20InvalidApprover(address approver)"),
  ERC20InvalidSpender: parseAbiError("error ERC20InvalidSpender(address spender)"),
  ERC20FailedDecreaseAllowance: parseAbiError(
    "error ERC20FailedDecreaseAllowance(address spender, uint256 currentAllowance, uint256 requestedDecrease)",
  ),
  ERC20ExceededCap: parseAbiError("error ERC20ExceededCap(uint256 increasedSupply, uint256 cap)"),
  ERC20InvalidCap: parseAbiError("error ERC20InvalidCap(uint256 cap)"),
  OwnableUnauthorizedAccount: parseAbiError("error OwnableUnauthorizedAccount(address account)"),
  OwnableInvalidOwner: parseAbiError("error OwnableInvalidOwner(address owner)"),
  EnforcedPause: parseAbiError("error EnforcedPause()"),
  ExpectedPause: parseAbiError("error ExpectedPause()"),
  ERC2612ExpiredSignature: parseAbiError("error ERC2612ExpiredSignature(uint256 deadline)"),
  ERC2612InvalidSigner: parseAbiError("error ERC2612InvalidSigner(address signer, address owner)"),
  ECDSAInvalidSignature: parseAbiError("error ECDSAInvalidSignature()"),
  ECDSAInvalidSignatureS: parseAbiError("error ECDSAInvalidSignatureS(bytes32 s)"),
} satisfies Record<string, AbiError>;

/** The two errors that Solidity itself raises: `require` with a message, and failed checks of the language. */
export const SOLIDITY_ERRORS = {
  Error: parseAbiError("error Error(string message)"),
  Panic: parseAbiError("error Panic(uint256 code)"),
} satisfies Record<string, AbiError>;

/** What the engine itself reverts a call with, whatever the contract. */
export const ENGINE_ERRORS = {
  ContractPaused: parseAbiError("error ContractPaused(address contract)"),
} satisfies Record<string, AbiError>;

const ERROR_GROUPS: Partial<Record<keyof typeof ERC20_ERRORS, Group>> = {
  ERC20ExceededCap: "capped",
  ERC20InvalidCap: "capped",
  OwnableUnauthorizedAccount: "ownable",
  OwnableInvalidOwner: "ownable",
  EnforcedPause: "pausable",
  ExpectedPause: "pausable",
};
const EVENT_GROUPS: Partial<Record<keyof typeof ERC20_EVENTS, Group>> = {
  OwnershipTransferred: "ownable",
  Paused: "pausable",
  Unpaused: "pausable",
};

function isIncluded(group: Group | undefined, options: Erc20Options): boolean {
  if (group === undefined || group === "always") return true;
  return group === "ownable" ? options.mintable || options.pausable : options[group];
}

/** The functions that a token deployed with these options has. */
export function erc20Functions(options: Erc20Options): Erc20Function[] {
  return FUNCTIONS.filter(({ group }) => isIncluded(group, options)).map(({ fn }) => fn);
}

/** The functions that a token deployed with these options lacks, by name, and the option that would give each. */
export function erc20FunctionsLeftOut(options: Erc20Options): ReadonlyMap<string, string> {
  const optionOf = (group: Group) =>
    group === "ownable" ? "mintable or pausable" : group === "capped" ? "cap" : group;
  const leftOut = FUNCTIONS.filter(({ group }) => !isIncluded(group, options));
  return new Map(leftOut.map(({ group, fn }) => [fn.name, optionOf(group)]));
}

/** Ethereum's JSON ABI of a token deployed with these options. */
export function erc20Abi(options: Erc20Options): ContractAbi {
  const events = Object.values(ERC20_EVENTS).filter(({ name }) =>
    isIncluded(EVENT_GROUPS[name as keyof typeof ERC20_EVENTS], options),
  );
  const errors = Object.values(ERC20_ERRORS).filter(({ name }) =>
    isIncluded(ERROR_GROUPS[name as keyof typeof ERC20_ERRORS], options),
  );
  return [...erc20Functions(options), ...events, ...errors].map(toAbiItem);
}

const BY_NAME = new Map<string, Erc20Function>(ERC20_FUNCTIONS.map((fn) => [fn.name, fn]));
const BY_SELECTOR = new Map(ERC20_FUNCTIONS.map((fn) => [selectorKey(fn.selector), fn]));
const EVENT_BY_TOPIC = new Map(Object.values(ERC20_EVENTS).map((event) => [toHex(event.topic), event]));
const ERROR_BY_SELECTOR = new Map(
  [ERC20_ERRORS, SOLIDITY_ERRORS, ENGINE_ERRORS].flatMap((errors) =>
    Object.values(errors).map((error) => [selectorKey(error.selector), error]),
  ),
);

export function getErc20FunctionByName(name: string): Erc20Function | undefined {
  return BY_NAME.get(name);
}

/** @param calldata at least the four bytes of the selector; shorter answers undefined. */
export function getErc20FunctionBySelector(calldata: Uint8Array): Erc20Function | undefined {
  return calldata.length < SELECTOR_BYTES ? undefined : BY_SELECTOR.get(selectorKey(calldata));
}

export function getErc20EventByTopic(topic: Uint8Array): AbiEvent | undefined {
  return EVENT_BY_TOPIC.get(toHex(topic));
}

/** Among the token's errors, Solidity's two and the engine's. */
export function getErrorBySelector(revertData: Uint8Array): AbiError | undefined {
  return revertData.length < SELECTOR_BYTES ? undefined : ERROR_BY_SELECTOR.get(selectorKey(revertData));
}

export interface DecodedError {
  readonly name: string;
  /** The message of `Error(string)`, else the error with its arguments: `ERC20InvalidSender(sender: 0x…)`. */
  readonly message: string;
  readonly args: Record<string, unknown>;
}

/** The error in a revert's data; undefined when it is none that is known, or does not decode. */
export function decodeErc20Error(revertData: Uint8Array): DecodedError | undefined {
  const error = getErrorBySelector(revertData);
  return error && describeError(error, revertData);
}

/** The same for an error that its data may be; undefined when it does not decode. */
export function describeError(error: AbiError, revertData: Uint8Array): DecodedError | undefined {
  const values = decodeArguments(error, revertData);
  if (values === undefined) return undefined;
  const args = namedArguments(error.inputs, values);
  if (error.signature === SOLIDITY_ERRORS.Error.signature)
    return { name: error.name, message: String(values[0]), args };
  const shown = Object.entries(args).map(([name, value]) => `${name}: ${value}`);
  return { name: error.name, message: `${error.name}(${shown.join(", ")})`, args };
}

/** The event in a log and its arguments by name; undefined when it is none of the token's. */
export function decodeErc20Log(
  topics: readonly Uint8Array[],
  data: Uint8Array,
): { event: string; args: Record<string, unknown> } | undefined {
  const event = topics[0] && getErc20EventByTopic(topics[0]);
  const values = event && decodeLog(event, topics, data);
  return event && values && { event: event.name, args: namedArguments(event.inputs, values) };
}
