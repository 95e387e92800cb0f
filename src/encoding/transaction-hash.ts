/** The hash of one encoded transaction on a chain, without an executor: what "accepted" answers. */
import { createHash } from "node:crypto";
import { writeU64 } from "./bytes.ts";
import { TX_HASH_DOMAIN, transactionLength } from "./transaction.ts";

export function transactionHasher(chainId: number): (bytes: Uint8Array, at: number) => Uint8Array {
  const chain = new Uint8Array(8);
  writeU64(chain, 0, chainId);
  return (bytes, at) =>
    createHash("sha256")
      .update(TX_HASH_DOMAIN)
      .update(chain)
      .update(bytes.subarray(at, at + transactionLength(bytes, at)))
      .digest();
}
