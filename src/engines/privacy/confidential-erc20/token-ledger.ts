/**
 * The state of a confidential token, and how it moves: balances and total as handles, operators in the open.
 *   "bal:" ‖ account ▶ handle · "supply" ▶ handle · "op:" ‖ holder ‖ operator ▶ u64 second until which
 * Always
 *  - Every new balance may be used and decrypted by its holder, every moved amount by both sides; nothing by anyone else.
 */
import { type AbiError, type AbiEvent, parseAbiError, parseAbiEvent } from "../../../encoding/abi.ts";
import { equalBytes } from "../../../encoding/bytes.ts";
import type { Handle } from "../../../encoding/encrypted-handle.ts";
import type { EncryptedFrame } from "../encrypted-frame.ts";
import { Permission } from "../handle-record.ts";
import { Refusal } from "../refusal.ts";
import { AMOUNT, BURN, COVERED, MINT, TRANSFER, tokenCircuits } from "./token-circuits.ts";

export const TOKEN_ERRORS = {
  ERC7984InvalidReceiver: parseAbiError("error ERC7984InvalidReceiver(address receiver)"),
  ERC7984InvalidSender: parseAbiError("error ERC7984InvalidSender(address sender)"),
  ERC7984UnauthorizedSpender: parseAbiError("error ERC7984UnauthorizedSpender(address holder, address spender)"),
} as const satisfies Record<string, AbiError>;

export const TOKEN_EVENTS = {
  ConfidentialTransfer: parseAbiEvent(
    "event ConfidentialTransfer(address indexed from, address indexed to, bytes32 indexed amount)",
  ),
  OperatorSet: parseAbiEvent("event OperatorSet(address indexed holder, address indexed operator, uint48 until)"),
  AmountDiscloseRequested: parseAbiEvent(
    "event AmountDiscloseRequested(bytes32 indexed encryptedAmount, address indexed requester)",
  ),
  AmountDisclosed: parseAbiEvent("event AmountDisclosed(bytes32 indexed encryptedAmount, uint64 amount)"),
} as const satisfies Record<string, AbiEvent>;

const SUPPLY_KEY = Buffer.from("supply", "latin1");
const BALANCE_PREFIX = Buffer.from("bal:", "latin1");
const OPERATOR_PREFIX = Buffer.from("op:", "latin1");
const NOBODY = new Uint8Array(20);
const BOTH = Permission.use | Permission.decrypt;

export function balanceKey(account: Uint8Array): Uint8Array {
  return Buffer.concat([BALANCE_PREFIX, account]);
}

export function supplyOf(frame: EncryptedFrame): Handle | undefined {
  return frame.load(SUPPLY_KEY);
}

function load(frame: EncryptedFrame, key: Uint8Array): Handle {
  return frame.load(key) ?? frame.constant(AMOUNT, 0n);
}

function keepBalance(frame: EncryptedFrame, account: Uint8Array, balance: Handle): void {
  frame.store(balanceKey(account), balance);
  frame.allow(balance, account, BOTH);
}

/** @returns what was moved: the amount, or zero. */
export function transfer(frame: EncryptedFrame, from: Uint8Array, to: Uint8Array, amount: Handle): Handle {
  if (isNobody(to)) throw new Refusal(TOKEN_ERRORS.ERC7984InvalidReceiver, [to]);
  if (isNobody(from)) throw new Refusal(TOKEN_ERRORS.ERC7984InvalidSender, [from]);
  const circuits = tokenCircuits();
  let moved: Handle;
  if (equalBytes(from, to)) {
    [moved] = frame.apply(circuits[COVERED]!, [load(frame, balanceKey(from)), amount]) as [Handle];
  } else {
    const inputs = [load(frame, balanceKey(from)), load(frame, balanceKey(to)), amount];
    const [fromLeft, toNow, movedNow] = frame.apply(circuits[TRANSFER]!, inputs) as [Handle, Handle, Handle];
    keepBalance(frame, from, fromLeft);
    keepBalance(frame, to, toNow);
    moved = movedNow;
  }
  return told(frame, from, to, moved);
}

export function mint(frame: EncryptedFrame, owner: Uint8Array, to: Uint8Array, amount: Handle): Handle {
  if (isNobody(to)) throw new Refusal(TOKEN_ERRORS.ERC7984InvalidReceiver, [to]);
  return changeSupply(frame, owner, { circuit: MINT, account: to, from: NOBODY, to }, amount);
}

export function burn(frame: EncryptedFrame, owner: Uint8Array, from: Uint8Array, amount: Handle): Handle {
  return changeSupply(frame, owner, { circuit: BURN, account: from, from, to: NOBODY }, amount);
}

function changeSupply(
  frame: EncryptedFrame,
  owner: Uint8Array,
  change: { circuit: number; account: Uint8Array; from: Uint8Array; to: Uint8Array },
  amount: Handle,
): Handle {
  const inputs = [load(frame, SUPPLY_KEY), load(frame, balanceKey(change.account)), amount];
  const results = frame.apply(tokenCircuits()[change.circuit]!, inputs);
  const [total, balance, moved] = results as [Handle, Handle, Handle];
  frame.store(SUPPLY_KEY, total);
  frame.allow(total, owner, Permission.decrypt);
  keepBalance(frame, change.account, balance);
  return told(frame, change.from, change.to, moved);
}

function told(frame: EncryptedFrame, from: Uint8Array, to: Uint8Array, moved: Handle): Handle {
  for (const account of [from, to]) if (!isNobody(account)) frame.allow(moved, account, BOTH);
  frame.host.log([TOKEN_EVENTS.ConfidentialTransfer.topic, word(from), word(to), moved], new Uint8Array(0));
  return moved;
}

// ── operators ─────────────────────────────────────────────────────────────────

export function setOperator(frame: EncryptedFrame, operator: Uint8Array, until: bigint): void {
  const { host } = frame;
  const seconds = numberWord(until);
  host.set(Buffer.concat([OPERATOR_PREFIX, host.caller, operator]), seconds);
  host.log([TOKEN_EVENTS.OperatorSet.topic, word(host.caller), word(operator)], seconds);
}

/** A holder is an operator of its own. */
export function isOperator(frame: EncryptedFrame, holder: Uint8Array, operator: Uint8Array): boolean {
  if (equalBytes(holder, operator)) return true;
  const until = frame.host.get(Buffer.concat([OPERATOR_PREFIX, holder, operator]));
  return (
    until !== undefined && BigInt(`0x${Buffer.from(until).toString("hex")}`) * 1000n >= frame.host.block.timestampMs
  );
}

/** @throws Refusal ERC7984UnauthorizedSpender */
export function requireOperator(frame: EncryptedFrame, holder: Uint8Array): void {
  const { caller } = frame.host;
  if (!isOperator(frame, holder, caller)) throw new Refusal(TOKEN_ERRORS.ERC7984UnauthorizedSpender, [holder, caller]);
}

function isNobody(account: Uint8Array): boolean {
  return equalBytes(account, NOBODY);
}

export function word(address: Uint8Array): Uint8Array {
  const padded = new Uint8Array(32);
  padded.set(address, 12);
  return padded;
}

export function numberWord(value: bigint): Uint8Array {
  return Buffer.from(value.toString(16).padStart(64, "0"), "hex");
}
