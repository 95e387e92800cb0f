/**
 * Stops: how to stop what was started. Each part is entered as soon as there is something to stop; a start that fails half
 * way and an orderly end are then the same walk, from the last part to the first.
 * Always
 *  - Every part is stopped once, whatever became of those before it: what fails is reported, and hides no other error.
 */
export class Stops {
  readonly #report: (level: "error", message: string, facts: Record<string, unknown>) => void;
  readonly #parts: { readonly name: string; stop(): unknown }[] = [];

  constructor(report: (level: "error", message: string, facts: Record<string, unknown>) => void) {
    this.#report = report;
  }

  /** @param name of the part, for people. @param stop may answer a promise. */
  add(name: string, stop: () => unknown): void {
    this.#parts.push({ name, stop });
  }

  /** Never rejects. */
  async all(): Promise<void> {
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
      try {
        await part.stop();
      } catch (problem) {
        this.#report("error", `${part.name} did not stop in order`, { why: String(problem) });
      }
    }
  }
}
