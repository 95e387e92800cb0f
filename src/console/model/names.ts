/** What contracts call themselves and count in: looked up once for each address that is shown, and again when history changed. */
import { useEffect, useLayoutEffect } from "preact/hooks";
import { type TokenUnit, tokenUnitOf } from "../../client/amounts.ts";
import type { ContractJson } from "../../client/methods.ts";
import { histories } from "../live.ts";
import { call } from "../rpc.ts";
import { createStore, useStore } from "../store.ts";

export interface Known {
  /** Symbol or name; undefined where it has none. */
  readonly label: string | undefined;
  readonly unit: TokenUnit | undefined;
}

/** Contracts remembered; beyond, all are forgotten and asked for as they are shown again. */
const KNOWN_MAX = 1_000;

interface Names {
  /** Null: no contract stands there. */
  readonly known: ReadonlyMap<string, Known | null>;
  /** Asked for or told since the last change of history; an answer to a question before it is not believed. */
  readonly asked: Set<string>;
}

const names = createStore<Names>({ known: new Map(), asked: new Set() });
// What is known stays shown until there is an answer: names that went and came would make the page flicker.
histories.subscribe(() => names.set({ known: names.get().known, asked: new Set() }));

/** From a list of contracts: whoever shows one of them need not ask. Before they do: those below ask after it is drawn. */
export function useLearned(contracts: readonly ContractJson[]): void {
  const { asked } = useStore(names);
  useLayoutEffect(() => learn(contracts), [contracts, asked]);
}

function learn(contracts: readonly ContractJson[]): void {
  const { known, asked } = names.get();
  for (const { address } of contracts) asked.add(address);
  const told = contracts.map((contract) => [contract.address, knownOf(contract)] as const);
  const news = told.filter(([address, what]) => !isSame(known.get(address), what));
  if (news.length > 0) remember(news);
}

/** Undefined while it is looked up. */
export function useKnown(address: string | undefined): Known | null | undefined {
  const { known, asked } = useStore(names);
  useEffect(() => {
    if (address === undefined || asked.has(address)) return;
    asked.add(address);
    call("contract_get", { address }).then(
      (contract) => asked === names.get().asked && learn([contract]),
      (problem) => {
        if (problem.code !== "CONTRACT_NOT_FOUND") asked.delete(address);
        else if (asked === names.get().asked) remember([[address, null]]);
      },
    );
  }, [address, asked]);
  return address === undefined ? undefined : known.get(address);
}

function remember(news: readonly (readonly [string, Known | null])[]): void {
  const { known, asked } = names.get();
  const isFull = known.size + news.length > KNOWN_MAX;
  names.set({
    known: new Map([...(isFull ? [] : known), ...news]),
    asked: isFull ? new Set(news.map(([address]) => address)) : asked,
  });
}

function isSame(a: Known | null | undefined, b: Known): boolean {
  return a != null && a.label === b.label && a.unit?.symbol === b.unit?.symbol && a.unit?.decimals === b.unit?.decimals;
}

function knownOf({ metadata }: ContractJson): Known {
  const { symbol, name } = metadata;
  const label = [symbol, name].find((text) => typeof text === "string" && text !== "") as string | undefined;
  return { label, unit: tokenUnitOf(metadata) };
}
