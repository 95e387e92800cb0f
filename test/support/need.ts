/**
 * What tests need of a machine besides Node. Where something is missing, what needs it is skipped, with the one command that
 * gives it in its title:
 *   "the tour (no curl here; to run it: sudo apt-get install -y curl)"
 */
import { spawnSync } from "node:child_process";
import { isAddon, loadAddon } from "../../src/native/addon.ts";

export interface Need {
  readonly isMet: boolean;
  /** What is not here. */
  readonly missing: string;
  /** After it, it is. */
  readonly command: string;
}

const COMPILER = ["g++", "make", "python3"];

/** Met where it could be built, too: an addon that does not build, or does not load, is to be seen. */
export const NATIVE: Need = {
  isMet: isAddon(loadAddon()) || COMPILER.every(hasProgram),
  missing: "native addon",
  command: `sudo apt-get install -y ${COMPILER.join(" ")} && node native/install.mjs`,
};

/** The README asks the daemon with it. */
export const CURL: Need = { isMet: hasProgram("curl"), missing: "curl", command: "sudo apt-get install -y curl" };

export const SYSTEMD_ANALYZE: Need = {
  isMet: hasProgram("systemd-analyze"),
  missing: "systemd-analyze",
  command: "sudo apt-get install -y systemd",
};

export function hasProgram(name: string): boolean {
  return spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0;
}

export function titleWithout({ missing, command }: Need, name: string): string {
  return `${name} (no ${missing} here; to run it: ${command})`;
}

/** What `titleWithout` added to a title, or to one of the titles around it. */
export function reasonIn(title: string): string | undefined {
  return /\((no [^()]+ here; to run it: [^()]+)\)/.exec(title)?.[1];
}
