/**
 * Levels: which gates may be evaluated together. A gate's level is one more than the highest of its operands'; inputs and
 * the constant stand on level 0. One walk over the bootstrapping key serves all gates of a level, so levels, not gates,
 * are what an evaluation is cut into.
 */
import { type Circuit, firstGateWire, GATE_NAMES, operandCount, wireOf } from "./circuit.ts";

export interface Levels {
  /** Gates in the order of their levels, and within a level in the order of the circuit. */
  readonly order: Uint32Array;
  /** Index into `order` after the last gate of each level; its length is the depth. */
  readonly ends: Uint32Array;
}

export interface CircuitCounts {
  /** Each takes one bootstrap. */
  readonly gates: number;
  readonly depth: number;
  readonly widest: number;
  readonly byKind: Readonly<Record<(typeof GATE_NAMES)[number], number>>;
}

export function levelsOf(circuit: Circuit): Levels {
  const { kinds, operands } = circuit;
  const first = firstGateWire(circuit);
  const levelOfWire = new Uint32Array(first + kinds.length);
  let depth = 0;
  for (let gate = 0; gate < kinds.length; gate++) {
    let level = 0;
    for (let i = 0; i < operandCount(kinds[gate]!); i++)
      level = Math.max(level, levelOfWire[wireOf(operands[3 * gate + i]!)]!);
    levelOfWire[first + gate] = level + 1;
    depth = Math.max(depth, level + 1);
  }
  const ends = new Uint32Array(depth);
  for (let gate = 0; gate < kinds.length; gate++) ends[levelOfWire[first + gate]! - 1]!++;
  const next = new Uint32Array(depth);
  for (let level = 1; level < depth; level++) {
    next[level] = ends[level - 1]!;
    ends[level]! += ends[level - 1]!;
  }
  const order = new Uint32Array(kinds.length);
  for (let gate = 0; gate < kinds.length; gate++) order[next[levelOfWire[first + gate]! - 1]!++] = gate;
  return { order, ends };
}

export function countCircuit(circuit: Circuit): CircuitCounts {
  const { ends } = levelsOf(circuit);
  const byKind = { and: 0, xor: 0, majority: 0, parity: 0 };
  for (const kind of circuit.kinds) byKind[GATE_NAMES[kind]!]++;
  let widest = 0;
  for (let level = 0; level < ends.length; level++) widest = Math.max(widest, ends[level]! - (ends[level - 1] ?? 0));
  return { gates: circuit.kinds.length, depth: ends.length, widest, byKind };
}
