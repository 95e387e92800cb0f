/**
 * GasBreakdown: what the gas of one transaction went to, by item.
 * Always
 *  - The items add up to the transaction's gas used: what a halt takes beyond the work done is an item of its own.
 */
import type { CallOutcome } from "./host.ts";
import type { EnteredFrame, ExecutionObserver } from "./observer.ts";

export class GasBreakdown implements ExecutionObserver {
  readonly #items = new Map<string, number>();
  /** Gas told so far of each frame that runs, innermost last; the frames that it called are in it. */
  readonly #told: number[] = [0];

  /** The items that took any gas, in the order in which they first did. */
  items(): Record<string, number> {
    return Object.fromEntries(this.#items);
  }

  charged(item: string, amount: number): void {
    if (amount === 0) return;
    this.#items.set(item, (this.#items.get(item) ?? 0) + amount);
    this.#told[this.#told.length - 1]! += amount;
  }

  entered(_frame: EnteredFrame): void {
    this.#told.push(0);
  }

  left({ status, gasUsed }: CallOutcome): void {
    this.charged(status === "halted" ? "halted" : "other", gasUsed - this.#told.at(-1)!);
    this.#told.pop();
    this.#told[this.#told.length - 1]! += gasUsed;
  }

  read(): void {}
  wrote(): void {}
  balanceRead(): void {}
  logged(): void {}
}
