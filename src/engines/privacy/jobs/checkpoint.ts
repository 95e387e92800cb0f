/**
 * Checkpoint: how far the evaluation of a job has come, as a file, so that whoever takes the job up again goes on there.
 *   "PTCK" · version u32 · level u32 · key id 32 · SHA-256 of the circuit 32 · the live wires' ciphertexts · SHA-256 32
 * Always
 *  - It is of use, never needed: one that is torn, of another circuit, key or version is as good as none.
 *  - A job's name says what its inputs are, so going on from a checkpoint gives the bytes that beginning again would.
 */
import { createHash } from "node:crypto";
import { equalBytes, readU32, writeU32 } from "../../../encoding/bytes.ts";
import type { Circuit } from "../circuit/circuit.ts";
import { lifetimesOf, liveWires } from "../circuit/live-wires.ts";
import type { Progress } from "../schemes/scheme.ts";

/** Where checkpoints are kept. Every implementation may lose any of them at any time. */
export interface Checkpoints {
  read(jobId: string): Uint8Array | undefined;
  /** Replaces what is there under the name, as a whole, or keeps it where there is no room. */
  write(jobId: string, bytes: Uint8Array): void;
}

const MAGIC = Buffer.from("PTCK", "latin1");
const VERSION = 1;
const BITS_AT = 76;
const HASH_BYTES = 32;

export interface CheckpointOf {
  readonly keyId: Uint8Array;
  readonly circuit: Circuit;
  /** Of one ciphertext. */
  readonly bitBytes: number;
}

export function encodeCheckpoint({ keyId, circuit }: CheckpointOf, { level, bits }: Progress): Uint8Array {
  const file = Buffer.alloc(BITS_AT + bits.length + HASH_BYTES);
  file.set(MAGIC);
  writeU32(file, 4, VERSION);
  writeU32(file, 8, level);
  file.set(keyId, 12);
  file.set(digestOf(circuit), 44);
  file.set(bits, BITS_AT);
  file.set(sha256(file.subarray(0, -HASH_BYTES)), file.length - HASH_BYTES);
  return file;
}

/** Undefined when it is not one of this very evaluation, whole. */
export function decodeCheckpoint({ keyId, circuit, bitBytes }: CheckpointOf, file: Uint8Array): Progress | undefined {
  if (file.length < BITS_AT + HASH_BYTES || !equalBytes(file.subarray(0, 4), MAGIC)) return undefined;
  if (!equalBytes(sha256(file.subarray(0, -HASH_BYTES)), file.subarray(-HASH_BYTES))) return undefined;
  if (readU32(file, 4) !== VERSION) return undefined;
  if (!equalBytes(file.subarray(12, 44), keyId) || !equalBytes(file.subarray(44, BITS_AT), digestOf(circuit)))
    return undefined;
  const level = readU32(file, 8);
  const bits = file.slice(BITS_AT, -HASH_BYTES);
  if (bits.length !== bitBytes * liveWires(lifetimesOf(circuit), level).length) return undefined;
  return { level, bits };
}

function digestOf({ inputBits, kinds, operands, outputs }: Circuit): Uint8Array {
  const hash = createHash("sha256");
  for (const part of [Uint32Array.from(inputBits), kinds, operands, outputs])
    hash.update(Uint32Array.of(part.length)).update(part);
  return hash.digest();
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
