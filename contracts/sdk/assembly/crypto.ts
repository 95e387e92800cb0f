/** Hashes and signature recovery, by the host. */
import { Address } from "./address";
import { Bytes, Bytes32 } from "./bytes";
import { hashKeccak256, hashSha256, recoverSigner } from "./host";

export function keccak256(data: Bytes): Bytes32 {
  const hash = new Bytes32();
  hashKeccak256(data.pointer, data.length, hash.pointer);
  return hash;
}

export function sha256(data: Bytes): Bytes32 {
  const hash = new Bytes32();
  hashSha256(data.pointer, data.length, hash.pointer);
  return hash;
}

/** Who signed the hash: Address.ZERO when the signature (r ‖ s ‖ v, 65 bytes) is none. */
export function recover(hash: Bytes32, signature: Bytes): Address {
  if (signature.length != 65) return Address.ZERO;
  const signer = new Address();
  return recoverSigner(hash.pointer, signature.pointer, signer.pointer) == 1 ? signer : Address.ZERO;
}
