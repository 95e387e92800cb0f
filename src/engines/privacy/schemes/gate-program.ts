/**
 * Circuits side by side as one program for the native evaluation: each level of all of them is one level of the program.
 *   wires ── slots of an arena of ciphertexts, given back after the last level that reads them ──▶ gates of five words
 * A circuit may begin at a later level, with the wires that were live there in place of its inputs.
 * Always
 *  - The slots that a level writes are read by no gate of that level, and hold nothing that is live before or after it: a
 *    level that was left half done has spoilt nothing.
 *  - Negated literals become inversion flags: they cost nothing.
 */
import { GATE_WORDS, type GateProgram, INVERT, OPERATION } from "../../../native/tfhe.ts";
import { type Circuit, firstGateWire, GateKind, operandCount, wireOf } from "../circuit/circuit.ts";
import { type Lifetimes, lifetimesOf, liveWires } from "../circuit/live-wires.ts";

export interface CircuitPart {
  readonly circuit: Circuit;
  /** Levels that are done; its first slots then hold `liveWires` there, else all inputs. */
  readonly doneLevels: number;
}

export interface PlacedProgram extends GateProgram {
  /** Slots of the arena. */
  readonly slots: number;
  /** For each circuit the slot of the first value that it begins with; the others follow. */
  readonly firstSlots: readonly number[];
  /** For each circuit the slot of each output bit; -1 where the output is a constant. Whether it is negated says the literal. */
  readonly outputSlots: readonly Int32Array[];
  /** For each circuit its gates on levels that are done, and where what is live lies, after `levels` of the program. */
  progress(levels: number): { level: number; gates: number; slots: number[] }[];
}

const CODES: Readonly<Record<number, number>> = {
  [GateKind.and]: OPERATION.and,
  [GateKind.xor]: OPERATION.xor,
  [GateKind.majority]: OPERATION.majority,
  [GateKind.parity]: OPERATION.parity,
};
const INPUT_FLAGS = [INVERT.input0, INVERT.input1, INVERT.input2] as const;

export function placeGates(parts: readonly CircuitPart[]): PlacedProgram {
  const plans = parts.map(planOf);
  let slots = 0;
  const firstSlots = plans.map(({ begins, slotOf }) => {
    const first = slots;
    for (const wire of begins) slotOf[wire] = slots++;
    return first;
  });
  const depth = Math.max(0, ...plans.map(({ ends, doneLevels }) => ends.length - doneLevels));
  const gateCount = plans.reduce((sum, { circuit, ends, doneLevels }) => {
    return sum + circuit.kinds.length - (ends[doneLevels - 1] ?? 0);
  }, 0);
  const gates = new Uint32Array(GATE_WORDS * gateCount);
  let placed = 0;
  const levelEnds = new Uint32Array(depth);
  const free: number[] = [];
  for (let level = 0; level < depth; level++) {
    const freed: number[] = [];
    for (const plan of plans) {
      const { circuit, ends, doneLevels, slotOf } = plan;
      const own = doneLevels + level;
      if (own >= ends.length) continue;
      for (let i = ends[own - 1] ?? 0; i < ends[own]!; i++) {
        const gate = plan.lifetimes.levels.order[i]!;
        const slot = free.pop() ?? slots++;
        slotOf[firstGateWire(circuit) + gate] = slot;
        writeGate(gates, placed++, plan, gate, slot);
      }
      for (const wire of plan.endsAt[own]!) freed.push(slotOf[wire]!);
    }
    free.push(...freed);
    levelEnds[level] = placed;
  }
  return {
    gates,
    levelEnds,
    slots,
    firstSlots,
    outputSlots: plans.map(({ circuit, slotOf }) =>
      Int32Array.from(circuit.outputs, (literal) => (wireOf(literal) === 0 ? -1 : slotOf[wireOf(literal)]!)),
    ),
    progress: (levels) =>
      plans.map(({ lifetimes, ends, doneLevels, slotOf }) => {
        const level = Math.min(doneLevels + levels, ends.length);
        const live = liveWires(lifetimes, level);
        return { level, gates: ends[level - 1] ?? 0, slots: live.map((wire) => slotOf[wire]!) };
      }),
  };
}

/** Whole levels from `level` on: of at least `atLeast` gates, or all that is left. */
export function sliceOf({ gates, levelEnds }: GateProgram, level: number, atLeast: number): GateProgram {
  const first = levelEnds[level - 1] ?? 0;
  let end = level;
  while (end < levelEnds.length && (levelEnds[end - 1] ?? 0) - first < atLeast) end++;
  return {
    gates: gates.subarray(GATE_WORDS * first, GATE_WORDS * levelEnds[end - 1]!),
    levelEnds: levelEnds.slice(level, end).map((at) => at - first),
  };
}

interface Plan extends CircuitPart {
  readonly lifetimes: Lifetimes;
  readonly ends: Uint32Array;
  /** Wires whose values it begins with. */
  readonly begins: readonly number[];
  readonly slotOf: Uint32Array;
  /** By level: the wires that are live no longer after it. */
  readonly endsAt: readonly number[][];
}

function planOf({ circuit, doneLevels }: CircuitPart): Plan {
  const lifetimes = lifetimesOf(circuit);
  const { ends } = lifetimes.levels;
  const endsAt: number[][] = Array.from(ends, () => []);
  lifetimes.until.forEach((level, wire) => {
    if (wire > 0 && level > doneLevels && level <= ends.length) endsAt[level - 1]!.push(wire);
  });
  const inputs = Array.from({ length: firstGateWire(circuit) - 1 }, (_, i) => 1 + i);
  const begins = doneLevels === 0 ? inputs : liveWires(lifetimes, doneLevels);
  return { circuit, doneLevels, lifetimes, ends, begins, slotOf: new Uint32Array(lifetimes.from.length), endsAt };
}

function writeGate(gates: Uint32Array, at: number, { circuit, slotOf }: Plan, gate: number, slot: number): void {
  const kind = circuit.kinds[gate]!;
  let operation = CODES[kind]!;
  for (let k = 0; k < operandCount(kind); k++) {
    const literal = circuit.operands[3 * gate + k]!;
    if ((literal & 1) === 1) operation |= INPUT_FLAGS[k]!;
    gates[GATE_WORDS * at + 1 + k] = slotOf[wireOf(literal)]!;
  }
  gates[GATE_WORDS * at] = operation;
  gates[GATE_WORDS * at + 4] = slot;
}
