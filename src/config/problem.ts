/** What is wrong with a configuration: every problem of it at once, so that one edit mends it. */
import { EngineError } from "../errors.ts";

export interface ConfigProblem {
  /** The setting, as the file spells it. */
  readonly key: string;
  /** Where it was set: a file, an environment variable, a flag. */
  readonly origin: string;
  readonly message: string;
}

export class ConfigurationError extends EngineError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ key, origin, message }) => `${key} (${origin}): ${message}`);
    super("CONFIGURATION_ERROR", lines.join("\n"), { problems });
    this.problems = problems;
  }
}
