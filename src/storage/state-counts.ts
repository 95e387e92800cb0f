/** How many contracts and entries of their state the state store has, counted key by key. */
import { StateTag } from "../encoding/state-key.ts";
import { LmdbSnapshot } from "./lmdb-snapshot.ts";

export interface StateCounts {
  readonly contracts: number;
  readonly stateEntries: number;
  /** The last entry of the log that is counted. */
  readonly asOfSeq: number;
}

export function countState(directory: string): StateCounts {
  const snapshot = LmdbSnapshot.open(directory);
  try {
    const count = (tag: number) => snapshot.count(Uint8Array.of(tag), Uint8Array.of(tag + 1));
    return {
      contracts: count(StateTag.contract),
      stateEntries: count(StateTag.state),
      asOfSeq: snapshot.appliedSeq(),
    };
  } finally {
    void snapshot.close();
  }
}
