/** Where in the console somebody is: /console/contracts/0x…/state?prefix=… ──▶ ["contracts", "0x…", "state"], {prefix}. */
import { useEffect, useState } from "preact/hooks";
import { createStore, useStore } from "./store.ts";

const BASE = "/console";

export interface Place {
  readonly parts: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

function here(): Place {
  const parts = location.pathname
    .slice(BASE.length)
    .split("/")
    .filter((part) => part !== "")
    .map(decoded);
  return { parts, query: Object.fromEntries(new URLSearchParams(location.search)) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const place = createStore<Place>(here());
window.addEventListener("popstate", () => place.set(here()));

export function usePlace(): Place {
  return useStore(place);
}

/** The address of a place: `href("contracts", address)`. */
export function href(...parts: (string | number)[]): string {
  return [BASE, ...parts.map((part) => encodeURIComponent(part))].join("/");
}

export function go(to: string): void {
  if (to === location.pathname + location.search) return;
  history.pushState(null, "", to);
  place.set(here());
  window.scrollTo(0, 0);
}

/** Changes the query and nothing else, without a step to go back to: filters as they are typed. */
export function setQuery(changes: Record<string, string | undefined>): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text === "" ? "" : `?${text}`));
  place.set(here());
}

/** What is typed for a part of the query: its value there, until somebody types, and again when one goes back. */
export function useTyped(value: string): [string, (text: string) => void] {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return [text, setText];
}

/** Links stay links (to open in a new tab, to copy); a plain click of one of ours does not load the page again. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  const link = (event.target as Element | null)?.closest("a[href]");
  const to = link?.getAttribute("href");
  if (to?.startsWith(BASE) !== true || link?.getAttribute("target") === "_blank") return;
  event.preventDefault();
  go(to);
}
