/** Random calls of an ERC-20 for property tests: small worlds and edge amounts, so that checks meet. */
import fc from "fast-check";
import { encodeCall } from "../../src/encoding/abi.ts";
import type { AbiType } from "../../src/encoding/abi-types.ts";
import { type Erc20Function, getErc20FunctionByName } from "../../src/encoding/erc20-abi.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { type PermitDomain, signPermit, wallet } from "./permit-signer.ts";

export const UINT256_MAX = 2n ** 256n - 1n;
export const NOW_SECONDS = 1_700_000_000n;
/** Late in its second: a deadline is compared with whole seconds. */
export const NOW_MS = 1_700_000_000_999;
export const ZERO_ADDRESS = `0x${"00".repeat(20)}`;
export const WALLETS = [wallet(1), wallet(2), wallet(3)];
export const ACCOUNTS: readonly string[] = [...WALLETS.map(({ address }) => address), ZERO_ADDRESS];

/** One call: on our side by name where `named` is set, else by calldata. */
export interface Step {
  readonly sender: string;
  readonly calldata: Uint8Array;
  readonly named: { entrypoint: string; args: readonly unknown[] } | undefined;
}

const account = fc.constantFrom(...ACCOUNTS);
/** The first account deploys, owns and holds: as everybody's equal it would hardly ever be the one who may. */
const sender = fc.constantFrom(ACCOUNTS[0]!, ACCOUNTS[0]!, ACCOUNTS[0]!, ...ACCOUNTS);

/** Mostly small, so that transfers succeed; then the edges, and anything. */
const amount = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt(0n, 60n) },
  { weight: 1, arbitrary: fc.constantFrom(0n, 1n, 999n, 1000n, 1001n, 2n ** 255n, UINT256_MAX - 1n, UINT256_MAX) },
  { weight: 1, arbitrary: fc.bigInt(0n, UINT256_MAX) },
);

function argumentOf(type: AbiType): fc.Arbitrary<unknown> {
  if (type.kind === "address") return account;
  if (type.kind === "uint") return type.bits === 8 ? fc.constantFrom(0, 1, 26, 27, 28, 255) : amount.map(String);
  return fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => toHex(bytes));
}

function stepOf(fn: Erc20Function, sender: string, args: readonly unknown[], isNamed: boolean): Step {
  return { sender, calldata: encodeCall(fn, args), named: isNamed ? { entrypoint: fn.name, args } : undefined };
}

function callOf(fn: Erc20Function): fc.Arbitrary<Step> {
  const args = fc.tuple(...fn.inputTypes.map(argumentOf));
  return fc.tuple(sender, args, fc.boolean()).map(([from, values, isNamed]) => stepOf(fn, from, values, isNamed));
}

/** Permits that are right, and such as are wrong in one way or another. */
function permitCall(domain: PermitDomain): fc.Arbitrary<Step> {
  const permit = fc.record({
    owner: account,
    spender: account,
    value: amount,
    nonce: fc.constantFrom(0n, 0n, 0n, 1n, 2n),
    deadline: fc.constantFrom(NOW_SECONDS, NOW_SECONDS, UINT256_MAX, NOW_SECONDS - 1n, 0n),
  });
  const signer = fc.constantFrom(undefined, undefined, undefined, ...WALLETS);
  const highS = fc.integer({ min: 0, max: 7 }).map((n) => n === 0);
  const damage = fc.constantFrom(undefined, undefined, undefined, undefined, "v", "r", "s");
  return fc
    .tuple(permit, signer, highS, damage, sender, fc.boolean())
    .map(([fields, other, isHigh, part, from, isNamed]) => {
      const owner = WALLETS.find(({ address }) => address === fields.owner) ?? WALLETS[0]!;
      const args = signPermit(other ?? owner, domain, fields, { highS: isHigh });
      if (part === "v") args[4] = 29;
      if (part === "r") args[5] = `0x${"ff".repeat(32)}`;
      if (part === "s") args[6] = `0x${"00".repeat(32)}`;
      return stepOf(getErc20FunctionByName("permit")!, from, args, isNamed);
    });
}

/** Calldata that is cut short, grown, or has one bit turned: decoders must agree on what they still accept. */
function damaged(call: fc.Arbitrary<Step>): fc.Arbitrary<Step> {
  return fc.tuple(call, fc.nat(300), fc.constantFrom("cut", "grow", "turn")).map(([step, n, damage]) => {
    const { length } = step.calldata;
    if (damage === "cut") return { ...step, calldata: step.calldata.subarray(0, n % length), named: undefined };
    const calldata = new Uint8Array(length + (damage === "grow" ? n : 0));
    calldata.set(step.calldata);
    if (damage === "turn") calldata[n % length]! ^= 1 << (n % 8);
    return { ...step, calldata, named: undefined };
  });
}

/** An allowance, then its use by whom it was given to: two random calls would seldom be about the same pair. */
function allowanceCalls(functions: readonly Erc20Function[]): fc.Arbitrary<Step[]> {
  const using = functions.filter(
    ({ name }) => name === "transferFrom" || name === "burnFrom" || name === "increaseAllowance",
  );
  const uses = fc.tuple(fc.constantFrom(...using), account, amount);
  const given = fc.oneof(fc.constantFrom(UINT256_MAX, UINT256_MAX - 1n), amount);
  return fc
    .tuple(sender, account, given, uses, fc.boolean())
    .map(([owner, spender, allowed, [use, to, spent], isNamed]) => {
      const approval = stepOf(getErc20FunctionByName("approve")!, owner, [spender, String(allowed)], isNamed);
      if (use.name === "increaseAllowance") return [approval, stepOf(use, owner, [spender, String(spent)], isNamed)];
      const args = use.name === "burnFrom" ? [owner, String(spent)] : [owner, to, String(spent)];
      return [approval, stepOf(use, spender, args, isNamed)];
    });
}

/** Sequences of calls of `functions`, of which those that move tokens come most often. */
export function callSequences(functions: readonly Erc20Function[], domain: PermitDomain): fc.Arbitrary<Step[]> {
  const moving = functions.filter(({ name }) => ["transfer", "mint", "burn"].includes(name));
  const one = (call: fc.Arbitrary<Step>) => call.map((step) => [step]);
  const any = fc.oneof(...functions.map(callOf));
  const calls = fc.oneof(
    { weight: 4, arbitrary: one(fc.oneof(...moving.map(callOf))) },
    { weight: 4, arbitrary: allowanceCalls(functions) },
    { weight: 4, arbitrary: one(any) },
    { weight: 2, arbitrary: one(permitCall(domain)) },
    { weight: 1, arbitrary: one(damaged(any)) },
  );
  return fc.array(calls, { minLength: 20, maxLength: 50 }).map((lists) => lists.flat());
}

/** Every view of `functions` with every combination of known accounts: what can be seen of a token's state. */
export function allViews(functions: readonly Erc20Function[]): Step[] {
  return functions
    .filter((fn) => fn.stateMutability === "view")
    .flatMap((fn) => {
      const extend = (lists: string[][]) => lists.flatMap((list) => ACCOUNTS.map((known) => [...list, known]));
      const argumentLists = fn.inputTypes.reduce<string[][]>(extend, [[]]);
      return argumentLists.map((args) => stepOf(fn, ACCOUNTS[0]!, args, false));
    });
}
