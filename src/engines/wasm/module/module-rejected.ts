/** Why a module is not admitted: the rule it breaks, where, and the figures. */

export type ModuleRule =
  // The bytes are not a module.
  | "malformed"
  | "invalid-module"
  // The module is valid and uses what the engine leaves out.
  | "operator-not-allowed"
  | "float-operator"
  | "type-not-allowed"
  | "import-not-allowed"
  | "import-type"
  | "export-missing"
  | "export-type"
  | "export-reserved"
  | "segment-not-allowed"
  | "segment-out-of-bounds"
  | "initial-value"
  | "memory-not-allowed"
  // The module is too much of something; the rule is the name of the limit (limits.ts).
  | `limit-${string}`;

/** Never executed and never stored. `offset` counts bytes of the module as it was submitted. */
export class ModuleRejected extends Error {
  readonly rule: ModuleRule;
  readonly offset: number;
  readonly facts: Record<string, unknown>;

  constructor(rule: ModuleRule, offset: number, problem: string, facts: Record<string, unknown> = {}) {
    super(`${problem} (rule ${rule}, byte ${offset} of the module)`);
    this.name = "ModuleRejected";
    this.rule = rule;
    this.offset = offset;
    this.facts = facts;
  }
}
