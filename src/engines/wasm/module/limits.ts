/**
 * How much of everything a module may have. They decide admission alone: no clock and no compiler takes part, so every
 * node admits the same modules. Each says which cost it bounds; the largest of the CosmWasm contracts in
 * @oraichain/common-contracts-build (506 KB) stands beside it.
 */
import { ModuleRejected } from "./module-rejected.ts";

export const LIMITS = {
  /** Validation and rewriting are linear in it (about 20 ms for the limit). */
  moduleBytes: 1_048_576,
  types: 1_000,
  /** Work before every call, and the size of V8's call descriptors. CosmWasm: 100. */
  parameters: 100,
  /** More than one result is rare; V8 validates a br_table in entries times results. */
  results: 16,
  imports: 100,
  functions: 20_000,
  globals: 1_000,
  exports: 1_000,
  /** Bytes of UTF-8, of any name. */
  nameBytes: 256,
  /** Each entry costs 125 ns at every new instance. The largest contract has 512. */
  tableEntries: 4_096,
  elementSegments: 1_000,
  dataSegments: 4_096,
  customSections: 64,
  /** Parameters count too. Liftoff merges the state of every local at every branch: 512 locals and 20,000 branches take 1.3 s. */
  locals: 256,
  /**
   * Branches, a loop counted as LOOP_WEIGHT of them, times (locals + 16) in one function: compilers merge every local at every
   * branch. At the limit Liftoff takes up to 32 ms and TurboFan, in the background, 200 ms. The largest contract: 270,000.
   */
  functionWeight: 1_000_000,
  /** The sum over all functions: they may all be compiled in one transaction. The largest contract: 1,100,000. */
  moduleWeight: 4_000_000,
  /** TurboFan's time is more than linear in it. */
  bodyBytes: 131_072,
  /** br_table entries, the default not counted. */
  branchTable: 1_024,
  nesting: 256,
  /** Values on the operand stack: each takes a slot of the native frame. */
  operandHeight: 1_024,
} as const;

/** TurboFan keeps a state for every local at a loop's head: 3,600 loops over 256 locals take 320 ms, as many branches 20. */
export const LOOP_WEIGHT = 4;

export type LimitName = keyof typeof LIMITS;

const WORDS: Record<LimitName, string> = {
  moduleBytes: "bytes in a module",
  types: "types in a module",
  parameters: "parameters of a function",
  results: "results of a function or block",
  imports: "imports",
  functions: "functions in a module",
  globals: "globals in a module",
  exports: "exports",
  nameBytes: "bytes in a name",
  tableEntries: "entries in a table",
  elementSegments: "element segments",
  dataSegments: "data segments",
  customSections: "custom sections",
  locals: "locals of a function, its parameters included",
  functionWeight: "branches times (locals + 16) in one function",
  moduleWeight: "branches times (locals + 16) over all functions",
  bodyBytes: "bytes in a function's body",
  branchTable: "entries in a br_table",
  nesting: "blocks within one another",
  operandHeight: "values on the operand stack",
};

/** @throws ModuleRejected when `received` is more than the limit. */
export function requireWithin(name: LimitName, received: number, offset: number): void {
  if (received <= LIMITS[name]) return;
  const rule = `limit-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}` as const;
  throw new ModuleRejected(rule, offset, `expected at most ${LIMITS[name]} ${WORDS[name]}, received ${received}`, {
    limit: LIMITS[name],
    received,
  });
}
