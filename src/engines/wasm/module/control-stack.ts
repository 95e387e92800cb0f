/**
 * The blocks that are open at a point of a body, and which edit each charges to.
 *
 * Instructions are charged in metered blocks: a run of instructions that are all executed when the first one is, traps aside.
 * A block that nothing inside branches out of continues the run of the code around it, so most code is charged once.
 * After Parity's wasm-instrument (gas_metering): `lowestForward` is the outermost block that a forward branch inside reaches.
 */
import { LIMITS } from "./limits.ts";

const DEPTH = LIMITS.nesting + 2;

export class ControlStack {
  depth = 0;
  readonly isLoop = new Uint8Array(DEPTH);
  /** Operand height below the block's parameters. */
  readonly base = new Int32Array(DEPTH);
  readonly params = new Int32Array(DEPTH);
  readonly results = new Int32Array(DEPTH);
  /** The edit that pays for the instructions read at present. */
  readonly charge = new Int32Array(DEPTH);
  readonly lowestForward = new Int32Array(DEPTH);
  /** The code in front of the block cannot be reached. */
  readonly isDeadOutside = new Uint8Array(DEPTH);

  push(isLoop: boolean, base: number, params: number, results: number, charge: number, isDead: boolean): void {
    const top = this.depth++;
    this.isLoop[top] = isLoop ? 1 : 0;
    this.base[top] = base;
    this.params[top] = params;
    this.results[top] = results;
    this.charge[top] = charge;
    this.lowestForward[top] = top;
    this.isDeadOutside[top] = isDead ? 1 : 0;
  }

  /** Notes a branch out of `label` blocks; branches to a loop go backward. */
  branch(label: number): void {
    const target = this.depth - 1 - label;
    const top = this.depth - 1;
    if (this.isLoop[target] === 0 && target < this.lowestForward[top]!) this.lowestForward[top] = target;
  }

  /** Closes the top block; true when something inside branches out of it further than its end. */
  pop(): boolean {
    const closed = --this.depth;
    const lowest = this.lowestForward[closed]!;
    if (closed > 0 && lowest < this.lowestForward[closed - 1]!) this.lowestForward[closed - 1] = lowest;
    return lowest < closed;
  }
}
