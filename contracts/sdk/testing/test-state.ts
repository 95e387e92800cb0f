/** All that a transaction may change on a test chain, and how a frame that fails takes it back. */

export interface TestLog {
  readonly address: string;
  readonly topics: readonly Uint8Array[];
  readonly data: Uint8Array;
}

export class TestState {
  /** By address; keys as hex, whose order is that of the bytes. */
  storage = new Map<string, Map<string, Uint8Array>>();
  balances = new Map<string, bigint>();
  logs: TestLog[] = [];

  of(address: string): Map<string, Uint8Array> {
    let own = this.storage.get(address);
    if (own === undefined) {
      own = new Map();
      this.storage.set(address, own);
    }
    return own;
  }

  /** @returns false, and nothing is moved, when `from` has less. */
  transfer(from: string, to: string, value: bigint): boolean {
    const balance = this.balances.get(from) ?? 0n;
    if (balance < value) return false;
    this.balances.set(from, balance - value);
    this.balances.set(to, (this.balances.get(to) ?? 0n) + value);
    return true;
  }

  /** @returns what puts everything back as it is. */
  checkpoint(): () => void {
    const storage = new Map([...this.storage].map(([address, own]) => [address, new Map(own)]));
    const balances = new Map(this.balances);
    const logs = this.logs.slice();
    return () => {
      this.storage = storage;
      this.balances = balances;
      this.logs = logs;
    };
  }
}
