/**
 * HeldKeys: evaluation keys that are here, and the way out of those that nothing refers to.
 *   put ▶ held ── no contract, no ciphertext ▶ unused ── a day later ▶ withdrawn ── an hour later ▶ gone
 * Always
 *  - Admission does not know a withdrawn key, so no block refers to it from then on. A block admitted before is in the state an
 *    hour later, where a contract that it deployed brings the key back.
 *  - How far a key has come is in the store: a restart, another leader, a backup goes on from there. It is looked for again
 *    before every step, so that a rollback, or a deployment, changes it.
 *  - Putting a key again brings it back.
 */
import { toHex } from "../../encoding/hex.ts";
import { RejectedError } from "../../errors.ts";
import type { BlobStore, NameChange } from "../../execution/ports.ts";
import { HELD, type HeldKey, heldKey, keyName, unusedName, withdrawnName } from "./held-blobs.ts";

export interface HeldKeysModules {
  readonly blobs: BlobStore;
  /** For each of the keys, by its id: a contract of the newest state, durable or not yet, that has it. */
  contractsOf(keyIds: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
  now(): number;
}

export interface KeyState {
  readonly keyId: Uint8Array;
  readonly held: HeldKey;
  /** Since when nothing refers to it, as far as was looked. */
  readonly unusedSinceMs: number | undefined;
  /** Since when nothing can refer to it any more. */
  readonly withdrawnAtMs: number | undefined;
  /** When it goes at the earliest, if nothing comes to refer to it. */
  readonly goesAtMs: number | undefined;
}

const UNUSED_MS = 24 * 3_600_000;
/** Far longer than a block takes from its admission to the state. */
const WITHDRAWN_MS = 3_600_000;

export class HeldKeys {
  readonly #modules: HeldKeysModules;
  /** One change at a time: a key is not let go of while it is put. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(modules: HeldKeysModules) {
    this.#modules = modules;
  }

  *all(): Generator<KeyState> {
    for (const { name } of this.#modules.blobs.names(HELD.keys)) {
      const state = this.get(new Uint8Array(name.subarray(HELD.keys.length)));
      if (state !== undefined) yield state;
    }
  }

  get(keyId: Uint8Array): KeyState | undefined {
    const { blobs } = this.#modules;
    const held = heldKey(blobs, keyId);
    if (held === undefined) return undefined;
    const unusedSinceMs = (blobs.name(unusedName(keyId)) as { sinceMs: number } | undefined)?.sinceMs;
    const withdrawnAtMs = (blobs.name(withdrawnName(keyId)) as { atMs: number } | undefined)?.atMs;
    const unusedUntilMs = unusedSinceMs === undefined ? undefined : unusedSinceMs + UNUSED_MS;
    const lastMs = withdrawnAtMs ?? unusedUntilMs;
    return {
      keyId,
      held,
      unusedSinceMs,
      withdrawnAtMs,
      goesAtMs: lastMs === undefined ? undefined : lastMs + WITHDRAWN_MS,
    };
  }

  put(keyId: Uint8Array, file: Uint8Array, parameterSet: string): Promise<void> {
    return this.#inTurn(async () => {
      const state = this.get(keyId);
      const facts = { parameterSet, bytes: file.length };
      // Written again where it is withdrawn: another daemon may be letting go of it.
      const isNew = state === undefined || state.withdrawnAtMs !== undefined;
      const held: NameChange[] = isNew ? [{ name: keyName(keyId), facts, bytes: file }] : [];
      await this.#commit([...held, ...bringBack(keyId, state)]);
    });
  }

  /** Takes a key that is here and that its owner no longer wants out of use. @throws RejectedError PRIVACY_KEY_IN_USE */
  withdraw(keyId: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      const contract = (await this.#modules.contractsOf([toHex(keyId)])).get(toHex(keyId));
      if (contract !== undefined) throw inUse(keyId, contract);
      const state = this.get(keyId);
      if (state === undefined || state.withdrawnAtMs !== undefined) return;
      await this.#commit([{ name: withdrawnName(keyId), facts: { atMs: this.#modules.now() } }]);
    });
  }

  /** Takes every key a step further. @param named keys of ciphertexts that are here. @returns how many went. */
  collect(named: ReadonlySet<string>): Promise<number> {
    return this.#inTurn(async () => {
      const states = [...this.all()];
      if (states.length === 0) return 0;
      const uses = await this.#modules.contractsOf(states.map(({ keyId }) => toHex(keyId)));
      let gone = 0;
      for (const state of states) {
        const id = toHex(state.keyId);
        // Nothing can use what is encrypted under a withdrawn key that no contract has.
        const isUsed = uses.has(id) || (named.has(id) && state.withdrawnAtMs === undefined);
        if (await this.#step(state, isUsed)) gone++;
      }
      return gone;
    });
  }

  /** @returns whether it is gone. */
  async #step(state: KeyState, isUsed: boolean): Promise<boolean> {
    const { keyId, unusedSinceMs, withdrawnAtMs } = state;
    const now = this.#modules.now();
    if (isUsed) {
      await this.#commit(bringBack(keyId, state));
      return false;
    }
    if (withdrawnAtMs !== undefined) {
      if (now - withdrawnAtMs < WITHDRAWN_MS) return false;
      await this.#commit([{ name: keyName(keyId), facts: undefined }, ...bringBack(keyId, state)]);
      return true;
    }
    if (unusedSinceMs === undefined) await this.#commit([{ name: unusedName(keyId), facts: { sinceMs: now } }]);
    else if (now - unusedSinceMs >= UNUSED_MS)
      await this.#commit([{ name: withdrawnName(keyId), facts: { atMs: now } }]);
    return false;
  }

  async #commit(changes: readonly NameChange[]): Promise<void> {
    if (changes.length > 0) await this.#modules.blobs.commit(changes);
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** Forgets that nothing referred to it. */
function bringBack(keyId: Uint8Array, state: KeyState | undefined): NameChange[] {
  const marks: NameChange[] = [];
  if (state?.unusedSinceMs !== undefined) marks.push({ name: unusedName(keyId), facts: undefined });
  if (state?.withdrawnAtMs !== undefined) marks.push({ name: withdrawnName(keyId), facts: undefined });
  return marks;
}

function inUse(keyId: Uint8Array, contract: Uint8Array): RejectedError {
  const [id, address] = [toHex(keyId), toHex(contract)];
  return new RejectedError("PRIVACY_KEY_IN_USE", `the values of contract ${address} are encrypted under key ${id}`, {
    keyId: id,
    contract: address,
  });
}
