/** Opens the journal of a data directory, as far back as the state store needs it, and the chain and parameters that the store knows. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parameterKey } from "../encoding/state-key.ts";
import { type ChainParameters, decodeParameters, PARAMETERS_LEAF } from "../execution/parameters.ts";
import type { ChainIndex } from "../storage/chain-index.ts";
import { Journal } from "../storage/journal.ts";
import type { CopyEvents } from "../storage/journal-options.ts";
import { LmdbSnapshot } from "../storage/lmdb-snapshot.ts";
import { LmdbState } from "../storage/lmdb-state.ts";

/** @param report tells operators what was cut off the journal's end. @throws StorageError. */
export function openJournal(
  options: { journal: string; state: string; segmentBytes: number; copy?: CopyEvents | undefined },
  report: (level: "warn", message: string, facts: Record<string, unknown>) => void,
): { log: Journal; chain: ChainIndex; parameters: ChainParameters | undefined } {
  // Made here when it is missing: the follower writes to it and the executor reads from it, and both start at once.
  const snapshot = existsSync(join(options.state, "state.mdb"))
    ? LmdbSnapshot.open(options.state)
    : LmdbState.open(options.state);
  const applied = snapshot.appliedSeq();
  const chain = snapshot.chain();
  const leaf = snapshot.get(parameterKey(PARAMETERS_LEAF));
  const parameters = leaf && decodeParameters(leaf);
  void snapshot.close();
  const { journal, recovery } = Journal.open({
    directory: options.journal,
    segmentBytes: options.segmentBytes,
    // A chain that was begun from a snapshot has no entries from before it.
    requiredFromSeq: Math.max(0, chain.lowestSeq),
    requiredToSeq: applied,
    verifyFromSeq: Math.max(0, applied),
    copy: options.copy,
  });
  if (recovery.cutBytes > 0)
    report("warn", "cut an unfinished write off the journal's end", {
      cutBytes: recovery.cutBytes,
      ...recovery.cutAt,
    });
  return { log: journal, chain, parameters };
}
