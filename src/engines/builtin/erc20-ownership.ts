/**
 * Owner and pause of an ERC-20: OpenZeppelin 5's Ownable and Pausable.
 *   state   "owner" → address, absent once renounced · "paused" → 1, absent while running
 */
import { equalBytes } from "../../encoding/bytes.ts";
import { ERC20_ERRORS, ERC20_EVENTS } from "../../encoding/erc20-abi.ts";
import type { HostContext, Outcome } from "../../execution/host.ts";
import { isZeroAddress, PAUSED_KEY } from "./erc20-ledger.ts";
import type { Handler } from "./erc20-token.ts";
import { addressWord, DONE, FALSE, revert, success, TRUE, ZERO_ADDRESS, ZERO_WORD } from "./outcomes.ts";

const ADDRESS_BYTES = 20;
const OWNER_KEY = Buffer.from("owner", "latin1");
const PAUSED = new Uint8Array([1]);
const NO_DATA = new Uint8Array(0);

export const owner: Handler = (host) => success(addressWord(getOwner(host)));

export const transferOwnership: Handler = (host, _token, args) => {
  const at = args.at[0]!;
  const refused = refuseOthers(host);
  if (refused !== undefined) return refused;
  if (isZeroAddress(args.bytes, at)) return revert(ERC20_ERRORS.OwnableInvalidOwner, ZERO_WORD);
  setOwner(host, args.bytes.slice(at, at + ADDRESS_BYTES));
  return DONE;
};

export const renounceOwnership: Handler = (host) => {
  const refused = refuseOthers(host);
  if (refused !== undefined) return refused;
  setOwner(host, ZERO_ADDRESS);
  return DONE;
};

export const paused: Handler = (host) => (host.get(PAUSED_KEY) === undefined ? FALSE : TRUE);

export const pause: Handler = (host) => {
  const refused = refuseOthers(host);
  if (refused !== undefined) return refused;
  if (host.get(PAUSED_KEY) !== undefined) return revert(ERC20_ERRORS.EnforcedPause);
  host.set(PAUSED_KEY, PAUSED);
  host.log([ERC20_EVENTS.Paused.topic], addressWord(host.caller));
  return DONE;
};

export const unpause: Handler = (host) => {
  const refused = refuseOthers(host);
  if (refused !== undefined) return refused;
  if (host.get(PAUSED_KEY) === undefined) return revert(ERC20_ERRORS.ExpectedPause);
  host.delete(PAUSED_KEY);
  host.log([ERC20_EVENTS.Unpaused.topic], addressWord(host.caller));
  return DONE;
};

/** `onlyOwner`: the revert for a caller who is not the owner. */
export function refuseOthers(host: HostContext): Outcome | undefined {
  if (equalBytes(getOwner(host), host.caller)) return undefined;
  return revert(ERC20_ERRORS.OwnableUnauthorizedAccount, addressWord(host.caller));
}

/** `_transferOwnership`: the zero address is nobody. */
export function setOwner(host: HostContext, account: Uint8Array): void {
  const previous = getOwner(host);
  if (isZeroAddress(account, 0)) host.delete(OWNER_KEY);
  else host.set(OWNER_KEY, account);
  const topics = [ERC20_EVENTS.OwnershipTransferred.topic, addressWord(previous), addressWord(account)];
  host.log(topics, NO_DATA);
}

function getOwner(host: HostContext): Uint8Array {
  return host.get(OWNER_KEY) ?? ZERO_ADDRESS;
}
