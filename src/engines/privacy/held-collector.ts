/**
 * HeldCollector: lets go of ciphertexts and results that nothing refers to any more, a few at a time.
 *   gone are  inputs that no call has used within a day · values that no state has held for UNHELD_BLOCKS_MAX blocks
 * Always
 *  - A value that a job still takes stays, whatever the state says.
 *  - Execution refuses what may be gone: a handle expires by height, before its ciphertext goes.
 */
import type { Handle } from "../../encoding/encrypted-handle.ts";
import { fromHex } from "../../encoding/hex.ts";
import { handleKey } from "../../encoding/state-key.ts";
import type { BlobStore, NameChange } from "../../execution/ports.ts";
import { decodeHandleRecord, isExpired } from "./handle-record.ts";
import { bodyName, HELD, type HeldCiphertext, handleName } from "./held-blobs.ts";

export interface HeldCollectorModules {
  readonly blobs: BlobStore;
  leaf(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** Whether a job that is not over takes it. */
  isNeeded(handle: Handle): boolean;
  height(): number;
  now(): number;
}

const UNUSED_INPUT_MS = 24 * 3_600_000;
/** Names taken away in one commit. */
const BATCH = 256;

export class HeldCollector {
  readonly #modules: HeldCollectorModules;

  constructor(modules: HeldCollectorModules) {
    this.#modules = modules;
  }

  /** @returns how many values went, and the keys that those which are left are encrypted under. */
  async collect(): Promise<{ gone: number; keyIds: ReadonlySet<string> }> {
    let gone = 0;
    const keyIds = new Set<string>();
    let changes: NameChange[] = [];
    const commit = async () => {
      if (changes.length > 0) await this.#modules.blobs.commit(changes);
      changes = [];
    };
    for (const { name, value } of [...this.#modules.blobs.names(HELD.values)]) {
      const handle = new Uint8Array(name.subarray(HELD.values.length));
      const held = value as unknown as HeldCiphertext;
      if (!(await this.#mayGo(handle, held))) {
        keyIds.add(held.keyId);
        continue;
      }
      gone++;
      changes.push({ name: handleName(handle), facts: undefined });
      if (held.body !== undefined) changes.push({ name: bodyName(fromHex(held.body)!), facts: undefined });
      if (changes.length >= BATCH) await commit();
    }
    await commit();
    return { gone, keyIds };
  }

  async #mayGo(handle: Handle, held: HeldCiphertext): Promise<boolean> {
    if (this.#modules.isNeeded(handle)) return false;
    const bytes = await this.#modules.leaf(handleKey(handle));
    if (bytes === undefined) return this.#modules.now() - held.heldAtMs > UNUSED_INPUT_MS;
    return isExpired(decodeHandleRecord(handle, bytes), this.#modules.height());
  }
}
