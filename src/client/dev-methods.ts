/** dev_*: parameters and results as JSON-RPC carries them. */

export interface DevAccountJson {
  name: string;
  address: string;
  nonce: number;
  /** Native value. */
  balance: string;
}

/** What the clock of the sequencer says. */
export interface DevTimeJson {
  /** Of a block made now. */
  timestampMs: number;
  /** Ahead of the machine's clock by so much; behind it, below zero. */
  offsetMs: number;
}

type NoParams = Record<string, never>;

export interface DevMethods {
  dev_accounts: { params: NoParams; result: { items: DevAccountJson[] } };
  dev_snapshot: { params: NoParams; result: { snapshotId: string; height: number; stateRoot: string } };
  dev_revert: { params: { snapshotId: string }; result: { height: number; stateRoot: string } };
  dev_increaseTime: { params: { ms: number }; result: DevTimeJson };
  dev_setNextBlockTimestamp: { params: { timestampMs: number }; result: DevTimeJson };
  dev_mine: {
    params: { blocks?: number | undefined };
    result: { height: number; timestampMs: number; stateRoot: string };
  };
}
