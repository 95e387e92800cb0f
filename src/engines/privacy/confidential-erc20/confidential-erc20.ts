/**
 * The confidential ERC-20: who holds how much, and how much moves, stays encrypted; who deals with whom does not.
 * After ERC-7984 (https://eips.ethereum.org/EIPS/eip-7984), with these differences: an encrypted amount is a handle, bound
 * to its owner where it was sent, instead of a handle and a proof; there are no receiver callbacks; minting and disclosing
 * are the owner's, whom the standard leaves open.
 */
import { encodeParameters } from "../../../encoding/abi-codec.ts";
import { type Handle, NO_HANDLE } from "../../../encoding/encrypted-handle.ts";
import type { CallValue } from "../call-values.ts";
import { keyOf, parseOwner, requireKnownKeys } from "../deployment.ts";
import type { EncryptedFrame } from "../encrypted-frame.ts";
import { EntrypointProgram } from "../entrypoint-program.ts";
import { Permission } from "../handle-record.ts";
import { type InputType, refuse } from "../manifest.ts";
import type { PrivacyContract } from "../privacy-program.ts";
import type { PrivacyEntrypoint } from "../standard-entrypoints.ts";
import { AMOUNT, tokenCircuits } from "./token-circuits.ts";
import {
  balanceKey,
  burn,
  isOperator,
  mint,
  numberWord,
  requireOperator,
  setOperator,
  supplyOf,
  TOKEN_ERRORS,
  TOKEN_EVENTS,
  transfer,
  word,
} from "./token-ledger.ts";

const KEYS: readonly string[] = ["type", "name", "symbol", "decimals", "keyId", "parameterSet", "owner"];
const REVISION = 1;
const TEXT_MAX = 256;
/** The standard's usual: 2^64 base units are 18 million million whole ones. */
const DECIMALS_DEFAULT = 6;
const DECIMALS_MAX = 19;

interface TokenText {
  readonly name: string;
  readonly symbol: string;
  readonly decimals: number;
}

export const confidentialErc20: PrivacyContract = {
  type: "confidential-erc20",
  admitDeploy(contract) {
    requireKnownKeys(contract, KEYS);
    parseOwner(contract);
    return { type: "confidential-erc20", revision: REVISION, ...textOf(contract), ...keyOf(contract) };
  },
  compile(code) {
    const declared = [...Object.values(TOKEN_EVENTS), ...Object.values(TOKEN_ERRORS)];
    return new EntrypointProgram(code, tokenCircuits(), entrypointsOf(textOf(code)), declared);
  },
};

function textOf(contract: Record<string, unknown>): TokenText {
  const { name, symbol, decimals = DECIMALS_DEFAULT } = contract;
  for (const [key, value] of Object.entries({ name, symbol }))
    if (typeof value !== "string" || value === "" || value.length > TEXT_MAX)
      refuse(`contract.${key}`, `a string of 1 to ${TEXT_MAX} characters`, value);
  if (typeof decimals !== "number" || !Number.isInteger(decimals) || decimals < 0 || decimals > DECIMALS_MAX)
    refuse("contract.decimals", `a whole number from 0 to ${DECIMALS_MAX}`, decimals);
  return { name: name as string, symbol: symbol as string, decimals };
}

const ADDRESS: InputType = { kind: "address" };
const ENCRYPTED: InputType = { kind: "encrypted", type: AMOUNT };
const UINT64: InputType = { kind: "number", bits: 64 };

type Run = (frame: EncryptedFrame, values: readonly CallValue[], owner: Uint8Array) => readonly Uint8Array[];

function entrypoint(
  name: string,
  inputs: Readonly<Record<string, InputType>>,
  returns: readonly string[],
  run: Run,
  { isView = false, isOwnerOnly = false } = {},
): PrivacyEntrypoint {
  return {
    name,
    inputs: Object.entries(inputs).map(([input, type]) => ({ name: input, type })),
    returns,
    isView,
    isOwnerOnly,
    run: (frame, owner, values) => run(frame, values, owner),
  };
}

const VIEW = { isView: true } as const;
const OWNER = { isOwnerOnly: true } as const;

function entrypointsOf({ name, symbol, decimals }: TokenText): PrivacyEntrypoint[] {
  const text = (value: string) => [encodeParameters([{ kind: "string" }], [value])];
  return [
    entrypoint("name", {}, ["string"], () => text(name), VIEW),
    entrypoint("symbol", {}, ["string"], () => text(symbol), VIEW),
    entrypoint("decimals", {}, ["uint8"], () => [numberWord(BigInt(decimals))], VIEW),
    entrypoint("owner", {}, ["address"], (_frame, _values, owner) => [word(owner)], VIEW),
    entrypoint("confidentialTotalSupply", {}, ["bytes32"], (frame) => [supplyOf(frame) ?? NO_HANDLE], VIEW),
    entrypoint(
      "confidentialBalanceOf",
      { account: ADDRESS },
      ["bytes32"],
      (frame, [account]) => [frame.load(balanceKey(account as Uint8Array)) ?? NO_HANDLE],
      VIEW,
    ),
    entrypoint(
      "isOperator",
      { holder: ADDRESS, spender: ADDRESS },
      ["bool"],
      (frame, [holder, spender]) => [
        numberWord(isOperator(frame, holder as Uint8Array, spender as Uint8Array) ? 1n : 0n),
      ],
      VIEW,
    ),
    entrypoint(
      "setOperator",
      { operator: ADDRESS, until: { kind: "number", bits: 48 } },
      [],
      (frame, [operator, until]) => {
        setOperator(frame, operator as Uint8Array, until as bigint);
        return [];
      },
    ),
    entrypoint("confidentialTransfer", { to: ADDRESS, amount: ENCRYPTED }, ["bytes32"], (frame, [to, amount]) => [
      transfer(frame, frame.host.caller, to as Uint8Array, taken(frame, amount)),
    ]),
    entrypoint(
      "confidentialTransferFrom",
      { from: ADDRESS, to: ADDRESS, amount: ENCRYPTED },
      ["bytes32"],
      (frame, [from, to, amount]) => {
        requireOperator(frame, from as Uint8Array);
        return [transfer(frame, from as Uint8Array, to as Uint8Array, taken(frame, amount))];
      },
    ),
    entrypoint(
      "confidentialMint",
      { to: ADDRESS, amount: ENCRYPTED },
      ["bytes32"],
      (frame, [to, amount], owner) => [mint(frame, owner, to as Uint8Array, taken(frame, amount))],
      OWNER,
    ),
    entrypoint(
      "mint",
      { to: ADDRESS, amount: UINT64 },
      ["bytes32"],
      (frame, [to, amount], owner) => [mint(frame, owner, to as Uint8Array, frame.constant(AMOUNT, amount as bigint))],
      OWNER,
    ),
    entrypoint("confidentialBurn", { amount: ENCRYPTED }, ["bytes32"], (frame, [amount], owner) => [
      burn(frame, owner, frame.host.caller, taken(frame, amount)),
    ]),
    ...DISCLOSURE,
  ];
}

/** Asked by anyone, answered by the owner, who alone may decrypt the total: a statement, not a proof. */
const DISCLOSURE: readonly PrivacyEntrypoint[] = [
  entrypoint("requestDiscloseTotalSupply", {}, ["bytes32"], (frame) => {
    const total = supplyOf(frame) ?? NO_HANDLE;
    const { host } = frame;
    host.log([TOKEN_EVENTS.AmountDiscloseRequested.topic, total, word(host.caller)], new Uint8Array(0));
    return [total];
  }),
  entrypoint(
    "discloseEncryptedAmount",
    { encryptedAmount: { kind: "handle" }, amount: UINT64 },
    [],
    (frame, [handle, amount]) => {
      const { host } = frame;
      frame.requirePermission(handle as Handle, host.caller, Permission.decrypt);
      host.log([TOKEN_EVENTS.AmountDisclosed.topic, handle as Handle], numberWord(amount as bigint));
      return [];
    },
  ),
];

function taken(frame: EncryptedFrame, handle: CallValue | undefined): Handle {
  return frame.argument(handle as Handle, AMOUNT);
}
