/**
 * KeyUses: which contract's values are encrypted under a key. Contracts keep their code and never go but by a rollback, so one
 * that was found once is only looked at again; all are looked through for a key of which none is known.
 */
import { equalBytes } from "../../encoding/bytes.ts";
import { fromHex, toHex } from "../../encoding/hex.ts";
import { codeKey } from "../../encoding/state-key.ts";
import { EngineError } from "../../errors.ts";
import type { ReadLeaf } from "./jobs/job-sources.ts";

interface PlacedContract {
  readonly address: Uint8Array;
  readonly codeHash: Uint8Array;
}

/** All of the newest state, whether it is durable yet or not: what was admitted and is about to be. */
export interface KeyUsesModules {
  /** Privacy contracts, in pages. */
  contracts(after: Uint8Array | undefined): Promise<{ items: readonly PlacedContract[]; next: Uint8Array | undefined }>;
  contract(address: Uint8Array): Promise<PlacedContract | undefined>;
  leaf: ReadLeaf;
}

export class KeyUses {
  readonly #modules: KeyUsesModules;
  /** By key, one contract of each: as many as there are keys in use. */
  readonly #found = new Map<string, PlacedContract>();

  constructor(modules: KeyUsesModules) {
    this.#modules = modules;
  }

  /** For each of the keys, by its id: a contract that has it. */
  async contractsOf(keyIds: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const uses = new Map<string, Uint8Array>();
    for (const keyId of keyIds) {
      const contract = await this.#stillThere(this.#found.get(keyId));
      if (contract !== undefined) uses.set(keyId, contract.address);
    }
    if (keyIds.every((keyId) => uses.has(keyId))) return uses;
    this.#found.clear();
    await this.#lookThroughAll();
    return new Map([...this.#found].map(([keyId, { address }]) => [keyId, address]));
  }

  async #stillThere(found: PlacedContract | undefined): Promise<PlacedContract | undefined> {
    const contract = found && (await this.#modules.contract(found.address));
    return contract !== undefined && equalBytes(contract.codeHash, found!.codeHash) ? contract : undefined;
  }

  async #lookThroughAll(): Promise<void> {
    let after: Uint8Array | undefined;
    do {
      const { items, next } = await this.#modules.contracts(after);
      for (const { address, codeHash } of items) this.#found.set(await this.#keyOf(codeHash), { address, codeHash });
      after = next;
    } while (after !== undefined);
  }

  async #keyOf(codeHash: Uint8Array): Promise<string> {
    const code = await this.#modules.leaf(codeKey(codeHash));
    const keyId = code && (JSON.parse(Buffer.from(code).toString("utf8")) as { keyId?: string }).keyId;
    // A key too many that is kept costs room; one too few costs a contract.
    if (typeof keyId !== "string" || fromHex(keyId) === undefined)
      throw new EngineError("INTERNAL_ERROR", `code ${toHex(codeHash)} of a privacy contract names no key`, {});
    return keyId;
  }
}
