/** Signs permits as a wallet does, with a library other than the engine's: accounts whose keys the tests know. */
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { encodeParameters } from "../../src/encoding/abi-codec.ts";
import { parseAbiType } from "../../src/encoding/abi-types.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";

const ORDER = secp256k1.Point.Fn.ORDER;
const DOMAIN = ["bytes32", "bytes32", "bytes32", "uint256", "address"].map((type) => parseAbiType(type));
const PERMIT = ["bytes32", "address", "address", "uint256", "uint256", "uint256"].map((type) => parseAbiType(type));
const DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const PERMIT_TYPE = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";

export interface Wallet {
  readonly address: string;
  readonly secretKey: Uint8Array;
}

export interface Permit {
  owner: string;
  spender: string;
  value: bigint;
  nonce: bigint;
  deadline: bigint;
}

export interface PermitDomain {
  name: string;
  chainId: number;
  verifyingContract: string;
}

/** The account whose secret key is the number `seed`. */
export function wallet(seed: number): Wallet {
  const secretKey = new Uint8Array(32);
  new DataView(secretKey.buffer).setUint32(28, seed);
  const point = secp256k1.getPublicKey(secretKey, false);
  return { address: toHex(keccak_256(point.subarray(1)).subarray(12)), secretKey };
}

export function domainSeparatorOf(domain: PermitDomain): Uint8Array {
  const values = [hash(DOMAIN_TYPE), hash(domain.name), hash("1"), domain.chainId, domain.verifyingContract];
  return keccak_256(encodeParameters(DOMAIN, values));
}

/** The arguments of `permit` with a signature by `signer`. `highS` answers the signature's twin, which is as valid mathematically. */
export function signPermit(
  signer: Wallet,
  domain: PermitDomain,
  permit: Permit,
  options: { highS?: boolean } = {},
): unknown[] {
  const { owner, spender, value, nonce, deadline } = permit;
  const message = keccak_256(encodeParameters(PERMIT, [hash(PERMIT_TYPE), owner, spender, value, nonce, deadline]));
  const digest = keccak_256(Buffer.concat([fromHex("0x1901")!, domainSeparatorOf(domain), message]));
  const signed = secp256k1.sign(digest, signer.secretKey, { prehash: false, format: "recovered" });
  const { r, s, recovery } = secp256k1.Signature.fromBytes(signed, "recovered");
  const highS = options.highS === true;
  const v = 27 + (highS ? 1 - recovery! : recovery!);
  return [owner, spender, String(value), String(deadline), v, word(r), word(highS ? ORDER - s : s)];
}

function hash(text: string): Uint8Array {
  return keccak_256(Buffer.from(text, "utf8"));
}

function word(value: bigint): string {
  return `0x${value.toString(16).padStart(64, "0")}`;
}
