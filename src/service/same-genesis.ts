/** A chain begins once. A genesis file or chain id that says otherwise later would be heeded by nobody: it is refused. */
import { readDelta } from "../encoding/delta.ts";
import { toHex } from "../encoding/hex.ts";
import { StateTag } from "../encoding/state-key.ts";
import { EngineError } from "../errors.ts";
import type { ChainParameters } from "../execution/parameters.ts";

export interface NamedGenesis {
  readonly parameters: Partial<ChainParameters>;
  /** None: nothing is said of them. */
  readonly balances: readonly { readonly address: Uint8Array; readonly balance: bigint }[];
}

/**
 * @param delta of the first block, where the log still has it.
 * @throws EngineError CONFIGURATION_ERROR naming the first thing that the chain did not begin with.
 */
export function requireSameGenesis(
  named: NamedGenesis,
  parameters: ChainParameters,
  delta: Uint8Array | undefined,
): void {
  for (const name of Object.keys(named.parameters) as (keyof ChainParameters)[])
    if (named.parameters[name] !== parameters[name]) throw differs(name, parameters[name], named.parameters[name]);
  if (named.balances.length === 0 || delta === undefined) return;
  const began = balancesIn(delta);
  for (const { address, balance } of named.balances) {
    const account = toHex(address);
    const had = began.get(account) ?? 0n;
    if (had !== balance) throw differs(`balance of ${account}`, had, balance);
    began.delete(account);
  }
  for (const [account, had] of began) throw differs(`balance of ${account}`, had, 0n);
}

/** Of a delta of nothing but new accounts: a nonce of no bytes, then the balance. */
function balancesIn(delta: Uint8Array): Map<string, bigint> {
  const balances = new Map<string, bigint>();
  for (const { key, newValue } of readDelta(delta))
    if (key[0] === StateTag.account && newValue !== undefined)
      balances.set(toHex(key.subarray(1)), BigInt(toHex(newValue.subarray(1))));
  return balances;
}

function differs(what: string, expected: unknown, received: unknown): EngineError {
  const begun = `the chain in the data directory began with ${what} ${expected}, the configuration says ${received}`;
  return new EngineError("CONFIGURATION_ERROR", `${begun}: leave it out, or choose another data_dir`, {
    what,
    expected: String(expected),
    received: String(received),
  });
}
