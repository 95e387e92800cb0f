/** Checks blocks as they come: each has the hash that it states, and follows the one before it. */
import { BlockEntry, blockHashOf } from "../../encoding/block-entry.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import { EngineError } from "../../errors.ts";

export class BlockCheck {
  readonly #name: string;
  #lastHash: Uint8Array | undefined;

  /** @param name of where they come from. */
  constructor(name: string) {
    this.#name = name;
  }

  /** @throws EngineError BACKUP_DAMAGED naming the entry. @throws MalformedBytesError. */
  take(bytes: Uint8Array): BlockEntry {
    const entry = BlockEntry.parse(bytes);
    const { isRollback, blockHash, parentHash } = entry;
    if (!isRollback && !equalBytes(blockHashOf(entry.bytes), blockHash))
      throw this.#damaged(entry, "does not have the hash that it states");
    if (!isRollback && this.#lastHash !== undefined && !equalBytes(parentHash, this.#lastHash))
      throw this.#damaged(entry, "does not follow the block before it");
    this.#lastHash = blockHash.slice();
    return entry;
  }

  #damaged({ seq, height }: BlockEntry, problem: string): EngineError {
    return new EngineError("BACKUP_DAMAGED", `${this.#name}: entry ${seq} (block ${height}) ${problem}`, {
      seq,
      height,
    });
  }
}
