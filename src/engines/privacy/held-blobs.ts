/**
 * What the blob store holds for the privacy engine, by name:
 *   "k" ‖ key id       an evaluation key       "h" ‖ handle      a ciphertext that was sent, or a result
 *   "b" ‖ SHA-256      a sent ciphertext's own bytes, whoever it is bound to: nobody sends another's as his own
 *   "x" ‖ job id       a job that was cancelled
 *   "u" ‖ key id       since when nothing refers to a key       "w" ‖ key id      it is withdrawn: nothing can any more
 */

import type { Handle } from "../../encoding/encrypted-handle.ts";
import { fromHex, toHex } from "../../encoding/hex.ts";
import type { BlobStore } from "../../execution/ports.ts";
import type { HeldInputs, InputBinding } from "./privacy-engine.ts";

export interface HeldKey {
  readonly blob: string;
  readonly parameterSet: string;
  readonly bytes: number;
}

export interface HeldCiphertext {
  readonly blob: string;
  readonly source: "input" | "result";
  readonly keyId: string;
  readonly parameterSet: string;
  readonly type: string;
  readonly contract: string;
  /** Of an input. */
  readonly owner?: string;
  readonly context: string;
  /** Of an input: under which its own bytes are remembered. */
  readonly body?: string;
  readonly bytes: number;
  readonly heldAtMs: number;
}

/** What names of each sort begin with. */
export const HELD = { keys: Buffer.from("k", "latin1"), values: Buffer.from("h", "latin1") } as const;

export function keyName(keyId: Uint8Array): Uint8Array {
  return named("k", keyId);
}

export function handleName(handle: Handle): Uint8Array {
  return named("h", handle);
}

export function bodyName(hash: Uint8Array): Uint8Array {
  return named("b", hash);
}

export function cancelledName(jobId: string): Uint8Array {
  return named("x", fromHex(jobId)!);
}

export function unusedName(keyId: Uint8Array): Uint8Array {
  return named("u", keyId);
}

export function withdrawnName(keyId: Uint8Array): Uint8Array {
  return named("w", keyId);
}

/** What a name of the store stands for, as far as jobs have to know. */
export function readName(name: Uint8Array): { handle: Handle } | { cancelledJob: string } | undefined {
  const rest = new Uint8Array(name.subarray(1));
  const letter = String.fromCharCode(name[0] ?? 0);
  return letter === "h" ? { handle: rest } : letter === "x" ? { cancelledJob: toHex(rest) } : undefined;
}

function named(letter: string, rest: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(letter, "latin1"), rest]);
}

export function heldKey(blobs: BlobStore, keyId: Uint8Array): HeldKey | undefined {
  return blobs.name(keyName(keyId)) as HeldKey | undefined;
}

export function heldCiphertext(blobs: BlobStore, handle: Handle): HeldCiphertext | undefined {
  return blobs.name(handleName(handle)) as HeldCiphertext | undefined;
}

/** What the engine asks at admission, on the executor's thread. */
export class HeldBlobs implements HeldInputs {
  readonly #blobs: BlobStore & { refresh(): void };
  readonly #queue: { readonly jobs: Int32Array; readonly jobsMax: number };

  /** @param queue [0] of `jobs`, on shared memory, counts the jobs that wait. */
  constructor(blobs: BlobStore & { refresh(): void }, queue: { jobs: Int32Array; jobsMax: number }) {
    this.#blobs = blobs;
    this.#queue = queue;
  }

  parameterSetOf(keyId: Uint8Array): string | undefined {
    this.#blobs.refresh();
    if (this.#blobs.name(withdrawnName(keyId)) !== undefined) return undefined;
    return heldKey(this.#blobs, keyId)?.parameterSet;
  }

  bindingOf(handle: Uint8Array): InputBinding | undefined {
    this.#blobs.refresh();
    const held = heldCiphertext(this.#blobs, handle);
    if (held?.owner === undefined) return undefined;
    return { keyId: fromHex(held.keyId)!, contract: fromHex(held.contract)!, owner: fromHex(held.owner)! };
  }

  queueFull(): { jobs: number; jobsMax: number } | undefined {
    const jobs = Atomics.load(this.#queue.jobs, 0);
    return jobs >= this.#queue.jobsMax ? { jobs, jobsMax: this.#queue.jobsMax } : undefined;
  }
}
