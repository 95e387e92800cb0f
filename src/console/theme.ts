/** Light, dark, or as the system has it; remembered in this browser. */
import { createStore } from "./store.ts";

export type Theme = "auto" | "light" | "dark";

const KEY = "polytorus.theme";
const NEXT: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };

export const theme = createStore<Theme>(saved());

function saved(): Theme {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "auto";
}

export function applyTheme(): void {
  const value = theme.get();
  if (value === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = value;
}

export function nextTheme(): void {
  const value = NEXT[theme.get()];
  if (value === "auto") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, value);
  // Before the store tells: charts read their colours from the page.
  if (value === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = value;
  theme.set(value);
}
