/**
 * Approval by signature: ERC-2612 over EIP-712 as OpenZeppelin 5's ERC20Permit has it, version "1", and ERC-5267.
 *   state   "nce:" owner → number of permits used
 */
import { keccak_256 } from "@noble/hashes/sha3.js";
import { encodeParameters } from "../../encoding/abi-codec.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import { ERC20_ERRORS, getErc20FunctionByName } from "../../encoding/erc20-abi.ts";
import { add, fromBigInt, lessThan, newUint256, readBigEndian } from "../../encoding/uint256.ts";
import { GAS_SCHEDULE_1 } from "../../execution/gas.ts";
import { type HostContext, keyPrefix } from "../../execution/host.ts";
import { approveTokens } from "./erc20-ledger.ts";
import type { Erc20Token, Handler } from "./erc20-token.ts";
import { addressWord, concatBytes, DONE, numberWord, revert, success, uintWord } from "./outcomes.ts";
import { recoverSigner } from "./signature-recovery.ts";

const WORD_BYTES = 32;
const NONCE = keyPrefix("nce:");
const VERSION = "1";
const DOMAIN_TYPE = hashText("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
const PERMIT_TYPE = hashText("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
const VERSION_HASH = hashText(VERSION);
/** EIP-191's prefix of EIP-712 data. */
const TYPED_DATA_PREFIX = new Uint8Array([0x19, 0x01]);
/** ERC-5267: name, version, chainId and verifyingContract are part of the domain; salt and extensions are not. */
const DOMAIN_FIELDS = "0x0f";

const ONE = newUint256();
ONE[0] = 1;
/** Half of the curve's order: of the two signatures that recover to one signer, only the one with s up to here counts. */
const S_MAX = newUint256();
fromBigInt(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n, S_MAX);

const s = newUint256();
const now = newUint256();

export function hashText(text: string): Uint8Array {
  return keccak_256(Buffer.from(text, "utf8"));
}

export const nonces: Handler = (host, _token, args) => {
  const nonce = newUint256();
  host.load(host.slot(NONCE, args.bytes, args.at[0]!), nonce);
  return success(uintWord(nonce));
};

/** EIP-712's hashStruct of the domain; the chain's id is that of the block. */
export function domainSeparator(host: HostContext, token: Erc20Token): Uint8Array {
  const chainId = numberWord(host.block.chainId);
  return keccak_256(concatBytes(DOMAIN_TYPE, token.nameHash, VERSION_HASH, chainId, addressWord(host.address)));
}

export const DOMAIN_SEPARATOR: Handler = (host, token) => success(domainSeparator(host, token));

export const eip712Domain: Handler = (host, token) => {
  const { outputTypes } = getErc20FunctionByName("eip712Domain")!;
  const salt = new Uint8Array(WORD_BYTES);
  const { name } = token.descriptor;
  return success(
    encodeParameters(outputTypes, [DOMAIN_FIELDS, name, VERSION, host.block.chainId, host.address, salt, []]),
  );
};

/** permit(owner, spender, value, deadline, v, r, s) */
export const permit: Handler = (host, token, { bytes, at, words }) => {
  const [ownerAt, spenderAt, rAt, sAt] = [at[0]!, at[1]!, at[5]!, at[6]!];
  const [value, deadline, v] = [words[2]!, words[3]!, words[4]![0]!];
  fromBigInt(BigInt(Math.floor(host.block.timestampMs / 1000)), now);
  if (lessThan(deadline, now)) return revert(ERC20_ERRORS.ERC2612ExpiredSignature, uintWord(deadline));

  const owner = addressWord(bytes, ownerAt);
  const nonce = takeNonce(host, bytes, ownerAt);
  const message = [owner, addressWord(bytes, spenderAt), uintWord(value), nonce, uintWord(deadline)];
  const structHash = keccak_256(concatBytes(PERMIT_TYPE, ...message));
  const hash = keccak_256(concatBytes(TYPED_DATA_PREFIX, domainSeparator(host, token), structHash));

  readBigEndian(bytes, sAt, WORD_BYTES, s);
  if (lessThan(S_MAX, s)) return revert(ERC20_ERRORS.ECDSAInvalidSignatureS, uintWord(s));
  host.charge("signatureRecover", GAS_SCHEDULE_1.signatureRecover);
  const compact = concatBytes(bytes.subarray(rAt, rAt + WORD_BYTES), bytes.subarray(sAt, sAt + WORD_BYTES));
  const signer = recoverSigner(hash, v, compact);
  if (signer === undefined) return revert(ERC20_ERRORS.ECDSAInvalidSignature);
  if (!equalBytes(addressWord(signer), owner)) {
    return revert(ERC20_ERRORS.ERC2612InvalidSigner, addressWord(signer), owner);
  }
  return approveTokens(host, bytes, ownerAt, bytes, spenderAt, value) ?? DONE;
};

/** Uses up the owner's next nonce; answers it as a word. */
function takeNonce(host: HostContext, owner: Uint8Array, at: number): Uint8Array {
  const nonce = newUint256();
  const slot = host.slot(NONCE, owner, at);
  host.load(slot, nonce);
  const taken = uintWord(nonce);
  add(nonce, ONE);
  host.store(slot, nonce);
  return taken;
}
