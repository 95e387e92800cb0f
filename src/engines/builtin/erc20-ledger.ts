/**
 * Balances, allowances and supply of an ERC-20: OpenZeppelin 5's `_update`, `_transfer`, `_mint`, `_burn`, `_approve` and
 * `_spendAllowance`, check by check in their order. An address is given as bytes and the place where it begins in them.
 *
 *   state   "bal:" address → balance · "alw:" owner spender → allowance · "totalSupply" → supply
 *           values are the shortest big-endian form; zero is absent
 * Always
 *  - What answers an Outcome has refused; undefined means done. The host drops the writes of a frame that reverts.
 *  - Scratch memory is shared by all tokens: no contract runs while it is in use, and `host.log` and `host.set` copy.
 */
import { ERC20_ERRORS, ERC20_EVENTS } from "../../encoding/erc20-abi.ts";
import {
  add,
  byteLength,
  isMax,
  isZero,
  type Limbs,
  lessThan,
  newUint256,
  readBigEndian,
  subtract,
  writeBigEndian,
} from "../../encoding/uint256.ts";
import { type HostContext, keyPrefix, type Outcome } from "../../execution/host.ts";
import type { Erc20Token } from "./erc20-token.ts";
import { addressWord, REVERT_OVERFLOW, revert, uintWord, ZERO_ADDRESS, ZERO_WORD } from "./outcomes.ts";

const ADDRESS_BYTES = 20;
const WORD_BYTES = 32;
export const BALANCE_PREFIX = keyPrefix("bal:");
const TOTAL_SUPPLY_KEY = Buffer.from("totalSupply", "latin1");
export const PAUSED_KEY = Buffer.from("paused", "latin1");

const ALLOWANCE_KEY = new Uint8Array(4 + 2 * ADDRESS_BYTES);
ALLOWANCE_KEY.set(Buffer.from("alw:", "latin1"));

const balance = newUint256();
const current = newUint256();
const supply = newUint256();

const WORD = new Uint8Array(WORD_BYTES);
const TRANSFER = ERC20_EVENTS.Transfer.topic;
const APPROVAL = ERC20_EVENTS.Approval.topic;
/** Views of WORD that hold its last n bytes: the shortest form of a number of n bytes. */
const LAST_BYTES = Array.from({ length: WORD_BYTES + 1 }, (_, n) => WORD.subarray(WORD_BYTES - n));

export function isZeroAddress(bytes: Uint8Array, at: number): boolean {
  for (let i = at; i < at + ADDRESS_BYTES; i++) if (bytes[i] !== 0) return false;
  return true;
}

export function loadBalance(host: HostContext, account: Uint8Array, at: number, out: Limbs): void {
  host.load(host.slot(BALANCE_PREFIX, account, at), out);
}

export function loadSupply(host: HostContext, out: Limbs): void {
  readShortest(host.get(TOTAL_SUPPLY_KEY), out);
}

export function transferTokens(
  host: HostContext,
  token: Erc20Token,
  from: Uint8Array,
  fromAt: number,
  to: Uint8Array,
  toAt: number,
  value: Limbs,
): Outcome | undefined {
  if (isZeroAddress(from, fromAt)) return revert(ERC20_ERRORS.ERC20InvalidSender, ZERO_WORD);
  if (isZeroAddress(to, toAt)) return revert(ERC20_ERRORS.ERC20InvalidReceiver, ZERO_WORD);
  if (isPaused(host, token)) return revert(ERC20_ERRORS.EnforcedPause);
  const refused = debit(host, from, fromAt, value);
  if (refused !== undefined) return refused;
  credit(host, to, toAt, value);
  host.logPair(TRANSFER, from, fromAt, to, toAt, value);
  return undefined;
}

export function mintTokens(
  host: HostContext,
  token: Erc20Token,
  to: Uint8Array,
  toAt: number,
  value: Limbs,
): Outcome | undefined {
  if (isZeroAddress(to, toAt)) return revert(ERC20_ERRORS.ERC20InvalidReceiver, ZERO_WORD);
  if (isPaused(host, token)) return revert(ERC20_ERRORS.EnforcedPause);
  loadSupply(host, supply);
  if (add(supply, value)) return REVERT_OVERFLOW;
  storeShortest(host, TOTAL_SUPPLY_KEY, supply);
  credit(host, to, toAt, value);
  host.logPair(TRANSFER, ZERO_ADDRESS, 0, to, toAt, value);
  if (token.cap !== undefined && lessThan(token.cap, supply)) {
    return revert(ERC20_ERRORS.ERC20ExceededCap, uintWord(supply), uintWord(token.cap));
  }
  return undefined;
}

export function burnTokens(
  host: HostContext,
  token: Erc20Token,
  from: Uint8Array,
  fromAt: number,
  value: Limbs,
): Outcome | undefined {
  if (isZeroAddress(from, fromAt)) return revert(ERC20_ERRORS.ERC20InvalidSender, ZERO_WORD);
  if (isPaused(host, token)) return revert(ERC20_ERRORS.EnforcedPause);
  const refused = debit(host, from, fromAt, value);
  if (refused !== undefined) return refused;
  loadSupply(host, supply);
  subtract(supply, value);
  storeShortest(host, TOTAL_SUPPLY_KEY, supply);
  host.logPair(TRANSFER, from, fromAt, ZERO_ADDRESS, 0, value);
  return undefined;
}

export function loadAllowance(
  host: HostContext,
  owner: Uint8Array,
  ownerAt: number,
  spender: Uint8Array,
  spenderAt: number,
  out: Limbs,
): void {
  setAllowanceKey(owner, ownerAt, spender, spenderAt);
  readShortest(host.get(ALLOWANCE_KEY), out);
}

/** `_approve` with its event. */
export function approveTokens(
  host: HostContext,
  owner: Uint8Array,
  ownerAt: number,
  spender: Uint8Array,
  spenderAt: number,
  value: Limbs,
): Outcome | undefined {
  const refused = storeAllowance(host, owner, ownerAt, spender, spenderAt, value);
  if (refused !== undefined) return refused;
  host.logPair(APPROVAL, owner, ownerAt, spender, spenderAt, value);
  return undefined;
}

/** Takes `value` off what the caller may spend of `owner`; an allowance of 2^256-1 is without limit and stays. */
export function spendAllowance(
  host: HostContext,
  owner: Uint8Array,
  ownerAt: number,
  value: Limbs,
): Outcome | undefined {
  const spender = host.caller;
  loadAllowance(host, owner, ownerAt, spender, 0, current);
  if (isMax(current)) return undefined;
  if (lessThan(current, value)) {
    const words = [addressWord(spender), uintWord(current), uintWord(value)];
    return revert(ERC20_ERRORS.ERC20InsufficientAllowance, ...words);
  }
  subtract(current, value);
  return storeAllowance(host, owner, ownerAt, spender, 0, current);
}

function storeAllowance(
  host: HostContext,
  owner: Uint8Array,
  ownerAt: number,
  spender: Uint8Array,
  spenderAt: number,
  value: Limbs,
): Outcome | undefined {
  if (isZeroAddress(owner, ownerAt)) return revert(ERC20_ERRORS.ERC20InvalidApprover, ZERO_WORD);
  if (isZeroAddress(spender, spenderAt)) return revert(ERC20_ERRORS.ERC20InvalidSpender, ZERO_WORD);
  setAllowanceKey(owner, ownerAt, spender, spenderAt);
  storeShortest(host, ALLOWANCE_KEY, value);
  return undefined;
}

function isPaused(host: HostContext, token: Erc20Token): boolean {
  return token.isPausable && host.get(PAUSED_KEY) !== undefined;
}

function debit(host: HostContext, from: Uint8Array, at: number, value: Limbs): Outcome | undefined {
  const slot = host.slot(BALANCE_PREFIX, from, at);
  host.load(slot, balance);
  if (lessThan(balance, value)) {
    const words = [addressWord(from, at), uintWord(balance), uintWord(value)];
    return revert(ERC20_ERRORS.ERC20InsufficientBalance, ...words);
  }
  subtract(balance, value);
  host.store(slot, balance);
  return undefined;
}

/** Cannot overflow: no balance is above the supply, which fits. */
function credit(host: HostContext, to: Uint8Array, at: number, value: Limbs): void {
  const slot = host.slot(BALANCE_PREFIX, to, at);
  host.load(slot, balance);
  add(balance, value);
  host.store(slot, balance);
}

function setAllowanceKey(owner: Uint8Array, ownerAt: number, spender: Uint8Array, spenderAt: number): void {
  for (let i = 0; i < ADDRESS_BYTES; i++) {
    ALLOWANCE_KEY[4 + i] = owner[ownerAt + i]!;
    ALLOWANCE_KEY[4 + ADDRESS_BYTES + i] = spender[spenderAt + i]!;
  }
}

function readShortest(value: Uint8Array | undefined, out: Limbs): void {
  if (value === undefined) out.fill(0);
  else readBigEndian(value, 0, value.length, out);
}

function storeShortest(host: HostContext, key: Uint8Array, value: Limbs): void {
  if (isZero(value)) {
    host.delete(key);
    return;
  }
  writeBigEndian(value, 0, WORD, 0);
  host.set(key, LAST_BYTES[byteLength(value)]!);
}
