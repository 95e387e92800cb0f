/**
 * The blocks that are open at a point of a body, and which edit each charges to.
 *
 * Instructions are charged in metered blocks: a run of instructions that are all executed when the first one is, traps aside.
 * A block that nothing inside branches out of continues the run of the code around it, so most code is charged once.
 * As in Parity's wasm-instrument (gas_metering), save that a branch back to a loop leaves the blocks inside that loop too: what
 * follows them there is skipped, and would be charged ahead.
 */
import { LIMITS } from "./limits.ts";

const DEPTH = LIMITS.nesting + 2;

export class ControlStack {
  depth = 0;
  /** Operand height below the block's parameters. */
  readonly base = new Int32Array(DEPTH);
  readonly params = new Int32Array(DEPTH);
  readonly results = new Int32Array(DEPTH);
  /** The edit that pays for the instructions read at present. */
  readonly charge = new Int32Array(DEPTH);
  /** The outermost block that a branch inside goes to. */
  readonly lowestTarget = new Int32Array(DEPTH);
  /** The code in front of the block cannot be reached. */
  readonly isDeadOutside = new Uint8Array(DEPTH);

  push(base: number, params: number, results: number, charge: number, isDead: boolean): void {
    const top = this.depth++;
    this.base[top] = base;
    this.params[top] = params;
    this.results[top] = results;
    this.charge[top] = charge;
    this.lowestTarget[top] = top;
    this.isDeadOutside[top] = isDead ? 1 : 0;
  }

  /** Notes a branch out of `label` blocks. */
  branch(label: number): void {
    const top = this.depth - 1;
    if (top - label < this.lowestTarget[top]!) this.lowestTarget[top] = top - label;
  }

  /** Closes the top block; true when something inside branches out of it further than its end. */
  pop(): boolean {
    const closed = --this.depth;
    const lowest = this.lowestTarget[closed]!;
    if (closed > 0 && lowest < this.lowestTarget[closed - 1]!) this.lowestTarget[closed - 1] = lowest;
    return lowest < closed;
  }
}
