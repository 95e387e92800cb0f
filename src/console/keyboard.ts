/** Keys: `/` searches, `?` helps, `g` and a letter goes somewhere, `t` changes the theme. Never while somebody types. */
import { go, href } from "./router.ts";
import { createStore } from "./store.ts";
import { nextTheme } from "./theme.ts";

export interface Destination {
  readonly key: string;
  readonly name: string;
  readonly parts: readonly string[];
}

/** The navigation, in its order. */
export const DESTINATIONS: readonly Destination[] = [
  { key: "o", name: "Overview", parts: [] },
  { key: "c", name: "Contracts", parts: ["contracts"] },
  { key: "t", name: "Transactions", parts: ["transactions"] },
  { key: "e", name: "Events", parts: ["events"] },
  { key: "b", name: "Blocks", parts: ["blocks"] },
  { key: "p", name: "Privacy jobs", parts: ["privacy"] },
  { key: "s", name: "Storage", parts: ["storage"] },
  { key: "f", name: "Configuration", parts: ["config"] },
];

/** `g` waits so long for its letter. */
const SECOND_KEY_MS = 1_500;

export const isHelpOpen = createStore(false);

let goUntilMs = 0;

export function onKey(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (target.matches("input, textarea, select, [contenteditable]")) {
    if (event.key === "Escape") target.blur();
    return;
  }
  const isSecond = event.timeStamp < goUntilMs;
  goUntilMs = 0;
  if (isSecond) {
    const destination = DESTINATIONS.find(({ key }) => key === event.key);
    if (destination === undefined) return;
    event.preventDefault();
    go(href(...destination.parts));
  } else if (event.key === "g") goUntilMs = event.timeStamp + SECOND_KEY_MS;
  else if (event.key === "/") {
    event.preventDefault();
    document.querySelector<HTMLInputElement>("#search")?.focus();
  } else if (event.key === "?") isHelpOpen.set(!isHelpOpen.get());
  else if (event.key === "t") nextTheme();
}
