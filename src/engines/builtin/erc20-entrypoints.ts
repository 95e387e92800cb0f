/** The entrypoints of an ERC-20 by name: what each does once its arguments are known to fit. */
import { ERC20_ERRORS, type Erc20FunctionName } from "../../encoding/erc20-abi.ts";
import { add, lessThan, newUint256, subtract } from "../../encoding/uint256.ts";
import {
  approveTokens,
  burnTokens,
  loadAllowance,
  loadBalance,
  loadSupply,
  mintTokens,
  spendAllowance,
  transferTokens,
} from "./erc20-ledger.ts";
import {
  owner,
  pause,
  paused,
  refuseOthers,
  renounceOwnership,
  transferOwnership,
  unpause,
} from "./erc20-ownership.ts";
import { DOMAIN_SEPARATOR, eip712Domain, nonces, permit } from "./erc20-permit.ts";
import type { Handler } from "./erc20-token.ts";
import { addressWord, DONE, REVERT_OVERFLOW, revert, success, TRUE, uintWord } from "./outcomes.ts";

const loaded = newUint256();

const totalSupply: Handler = (host) => {
  loadSupply(host, loaded);
  return success(uintWord(loaded));
};

const balanceOf: Handler = (host, _token, { bytes, at }) => {
  loadBalance(host, bytes, at[0]!, loaded);
  return success(uintWord(loaded));
};

const allowance: Handler = (host, _token, { bytes, at }) => {
  loadAllowance(host, bytes, at[0]!, bytes, at[1]!, loaded);
  return success(uintWord(loaded));
};

const transfer: Handler = (host, token, { bytes, at, words }) =>
  transferTokens(host, token, host.caller, 0, bytes, at[0]!, words[1]!) ?? TRUE;

const approve: Handler = (host, _token, { bytes, at, words }) =>
  approveTokens(host, host.caller, 0, bytes, at[0]!, words[1]!) ?? TRUE;

const transferFrom: Handler = (host, token, { bytes, at, words }) =>
  spendAllowance(host, bytes, at[0]!, words[2]!) ??
  transferTokens(host, token, bytes, at[0]!, bytes, at[1]!, words[2]!) ??
  TRUE;

const increaseAllowance: Handler = (host, _token, { bytes, at, words }) => {
  loadAllowance(host, host.caller, 0, bytes, at[0]!, loaded);
  if (add(loaded, words[1]!)) return REVERT_OVERFLOW;
  return approveTokens(host, host.caller, 0, bytes, at[0]!, loaded) ?? TRUE;
};

const decreaseAllowance: Handler = (host, _token, { bytes, at, words }) => {
  const requested = words[1]!;
  loadAllowance(host, host.caller, 0, bytes, at[0]!, loaded);
  if (lessThan(loaded, requested)) {
    const facts = [addressWord(bytes, at[0]!), uintWord(loaded), uintWord(requested)];
    return revert(ERC20_ERRORS.ERC20FailedDecreaseAllowance, ...facts);
  }
  subtract(loaded, requested);
  return approveTokens(host, host.caller, 0, bytes, at[0]!, loaded) ?? TRUE;
};

const mint: Handler = (host, token, { bytes, at, words }) =>
  refuseOthers(host) ?? mintTokens(host, token, bytes, at[0]!, words[1]!) ?? DONE;

const burn: Handler = (host, token, { words }) => burnTokens(host, token, host.caller, 0, words[0]!) ?? DONE;

const burnFrom: Handler = (host, token, { bytes, at, words }) =>
  spendAllowance(host, bytes, at[0]!, words[1]!) ?? burnTokens(host, token, bytes, at[0]!, words[1]!) ?? DONE;

export const ERC20_ENTRYPOINTS: Readonly<Record<Erc20FunctionName, Handler>> = {
  name: (_host, token) => token.name,
  symbol: (_host, token) => token.symbol,
  decimals: (_host, token) => token.decimals,
  cap: (_host, token) => token.capResult,
  totalSupply,
  balanceOf,
  allowance,
  transfer,
  approve,
  transferFrom,
  increaseAllowance,
  decreaseAllowance,
  mint,
  burn,
  burnFrom,
  owner,
  transferOwnership,
  renounceOwnership,
  paused,
  pause,
  unpause,
  permit,
  nonces,
  DOMAIN_SEPARATOR,
  eip712Domain,
};
