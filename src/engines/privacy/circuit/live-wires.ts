/**
 * Live wires: which values an evaluation still needs after so many levels. They, and nothing else, are what a checkpoint
 * keeps, and their places may be given to others once they are no longer live.
 */
import { type Circuit, firstGateWire, operandCount, wireOf } from "./circuit.ts";
import { type Levels, levelsOf } from "./levels.ts";

/** Wires that are outputs live for ever; wires that nothing reads never do. */
const FOR_EVER = 0xffffffff;

export interface Lifetimes {
  readonly levels: Levels;
  /** By wire: after how many levels it has its value; 0 for inputs. */
  readonly from: Uint32Array;
  /** By wire: after how many levels nobody needs it any more; 0 where nobody ever does. */
  readonly until: Uint32Array;
}

export function lifetimesOf(circuit: Circuit): Lifetimes {
  const levels = levelsOf(circuit);
  const first = firstGateWire(circuit);
  const from = new Uint32Array(first + circuit.kinds.length);
  const until = new Uint32Array(from.length);
  for (let level = 1, i = 0; level <= levels.ends.length; level++)
    for (; i < levels.ends[level - 1]!; i++) {
      const gate = levels.order[i]!;
      from[first + gate] = level;
      for (let k = 0; k < operandCount(circuit.kinds[gate]!); k++)
        until[wireOf(circuit.operands[3 * gate + k]!)] = level;
    }
  for (const literal of circuit.outputs) until[wireOf(literal)] = FOR_EVER;
  return { levels, from, until };
}

/** Ascending; without wire 0, which is a constant. */
export function liveWires({ from, until }: Lifetimes, level: number): number[] {
  const wires: number[] = [];
  for (let wire = 1; wire < from.length; wire++) if (from[wire]! <= level && until[wire]! > level) wires.push(wire);
  return wires;
}
