/** A contract's leaf in the state tree, and the address that it gets. */
import { keccak_256 } from "@noble/hashes/sha3.js";
import { canonicalJson } from "../encoding/canonical-json.ts";
import { fromHex, toHex } from "../encoding/hex.ts";
import type { ContractInfo, ContractKind } from "./host.ts";

export function encodeContract(info: ContractInfo): Uint8Array {
  const record = {
    kind: info.kind,
    type: info.type,
    codeHash: toHex(info.codeHash),
    creator: toHex(info.creator),
    admin: info.admin === undefined ? null : toHex(info.admin),
    status: info.status,
    deployTransactionHash: toHex(info.deployTransactionHash),
    deployedAtHeight: info.deployedAtHeight,
  };
  return Buffer.from(canonicalJson(record), "utf8");
}

export function decodeContract(address: Uint8Array, bytes: Uint8Array): ContractInfo {
  const record = JSON.parse(Buffer.from(bytes).toString("utf8")) as Record<string, string> & {
    deployedAtHeight: number;
  };
  return {
    address,
    kind: record["kind"] as ContractKind,
    type: record["type"]!,
    codeHash: fromHex(record["codeHash"]!)!,
    creator: fromHex(record["creator"]!)!,
    admin: record["admin"] === null ? undefined : fromHex(record["admin"]!)!,
    status: record["status"] as ContractInfo["status"],
    deployTransactionHash: fromHex(record["deployTransactionHash"]!)!,
    deployedAtHeight: record.deployedAtHeight,
  };
}

/** Ethereum's CREATE: the last 20 bytes of Keccak-256(RLP([sender, nonce])). */
export function createAddress(sender: Uint8Array, nonce: number): Uint8Array {
  const digits: number[] = [];
  for (let rest = nonce; rest >= 1; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  const encodedNonce = digits.length === 1 && digits[0]! < 128 ? digits : [128 + digits.length, ...digits];
  const payload = Uint8Array.from([128 + 20, ...sender, ...encodedNonce]);
  return keccak_256(Uint8Array.from([192 + payload.length, ...payload])).slice(12);
}

/** EIP-1014's CREATE2, where the init code hash is the Keccak-256 of the canonical `contract` object. */
export function create2Address(sender: Uint8Array, salt: Uint8Array, contract: Uint8Array): Uint8Array {
  return keccak_256(Uint8Array.from([255, ...sender, ...salt, ...keccak_256(contract)])).slice(12);
}
