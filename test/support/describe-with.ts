/** Tests that a machine may lack something for: they run where it is there, and are skipped by name where it is not. */
import { describe, it } from "vitest";
import { type Need, titleWithout } from "./need.ts";

export function describeWith(need: Need, name: string, body: () => void): void {
  if (need.isMet) describe(name, body);
  else describe.skip(titleWithout(need, name), body);
}

export function itWith(need: Need, name: string, body: () => unknown): void {
  if (need.isMet) it(name, body as () => void);
  else it.skip(titleWithout(need, name), body as () => void);
}
