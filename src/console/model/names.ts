/** What contracts call themselves and count in: looked up once for each address that is shown. */
import { useEffect } from "preact/hooks";
import { type TokenUnit, tokenUnitOf } from "../../client/amounts.ts";
import type { ContractWithAbiJson } from "../../client/methods.ts";
import { call } from "../rpc.ts";
import { createStore, useStore } from "../store.ts";

export interface Known {
  /** Symbol or name; undefined where it has none. */
  readonly label: string | undefined;
  readonly unit: TokenUnit | undefined;
  readonly type: string;
}

/** Addresses remembered; beyond, all are forgotten and asked for as they are shown again. */
const KNOWN_MAX = 1_000;

/** Null: no contract stands there. */
const known = createStore<ReadonlyMap<string, Known | null>>(new Map());
const asked = new Set<string>();

export function learn(contract: ContractWithAbiJson): void {
  remember(contract.address, knownOf(contract));
}

/** Undefined while it is looked up. */
export function useKnown(address: string | undefined): Known | null | undefined {
  const all = useStore(known);
  useEffect(() => {
    if (address === undefined || known.get().has(address) || asked.has(address)) return;
    asked.add(address);
    call("contract_get", { address })
      .then(learn, (problem) => {
        if (problem.code === "CONTRACT_NOT_FOUND") remember(address, null);
      })
      .finally(() => asked.delete(address));
  }, [address]);
  return address === undefined ? undefined : all.get(address);
}

function remember(address: string, what: Known | null): void {
  const before = known.get();
  known.set(new Map([...(before.size >= KNOWN_MAX ? [] : before), [address, what]]));
}

function knownOf({ metadata, type }: ContractWithAbiJson): Known {
  const { symbol, name } = metadata;
  const label = [symbol, name].find((text) => typeof text === "string" && text !== "") as string | undefined;
  return { label, unit: tokenUnitOf(metadata), type };
}
