/**
 * Circuits side by side as one program for the native evaluation: level i of all of them is one level of the program.
 *   wires ── slots of an arena of ciphertexts, given back after the last level that reads them ──▶ gates of five words
 * Always
 *  - The slots that a level writes are read by no gate of that level.
 *  - Negated literals become inversion flags: they cost nothing.
 */
import { GATE_WORDS, type GateProgram, INVERT, OPERATION } from "../../../native/tfhe.ts";
import { type Circuit, firstGateWire, GateKind, operandCount, totalBits, wireOf } from "../circuit/circuit.ts";
import { levelsOf } from "../circuit/levels.ts";

export interface PlacedProgram extends GateProgram {
  /** Slots of the arena. */
  readonly slots: number;
  /** For each circuit the slot of its first input bit; its others follow. */
  readonly inputSlots: readonly number[];
  /** For each circuit the slot of each output bit; -1 where the output is a constant. Whether it is negated says the literal. */
  readonly outputSlots: readonly Int32Array[];
}

const CODES: Readonly<Record<number, number>> = {
  [GateKind.and]: OPERATION.and,
  [GateKind.xor]: OPERATION.xor,
  [GateKind.majority]: OPERATION.majority,
  [GateKind.parity]: OPERATION.parity,
};
const INPUT_FLAGS = [INVERT.input0, INVERT.input1, INVERT.input2] as const;
const NEVER = 0xffffffff;

export function placeGates(circuits: readonly Circuit[]): PlacedProgram {
  const plans = circuits.map(planOf);
  let slots = 0;
  const inputSlots = plans.map(({ circuit }, index) => {
    const first = slots;
    slots += totalBits(circuit.inputBits);
    const { slotOf } = plans[index]!;
    for (let wire = 1; wire < firstGateWire(circuit); wire++) slotOf[wire] = first + wire - 1;
    return first;
  });
  const depth = Math.max(0, ...plans.map(({ levels }) => levels.ends.length));
  const gateCount = plans.reduce((sum, { circuit }) => sum + circuit.kinds.length, 0);
  const gates = new Uint32Array(GATE_WORDS * gateCount);
  const levelEnds = new Uint32Array(depth);
  const free: number[] = [];
  let placed = 0;
  for (let level = 0; level < depth; level++) {
    const freed: number[] = [];
    for (const plan of plans) {
      const { levels, circuit, slotOf } = plan;
      if (level >= levels.ends.length) continue;
      for (let i = levels.ends[level - 1] ?? 0; i < levels.ends[level]!; i++) {
        const gate = levels.order[i]!;
        const slot = free.pop() ?? slots++;
        slotOf[firstGateWire(circuit) + gate] = slot;
        writeGate(gates, placed++, plan, gate, slot);
      }
      for (const wire of plan.lastReadAt[level]!) freed.push(slotOf[wire]!);
    }
    free.push(...freed);
    levelEnds[level] = placed;
  }
  const outputSlots = plans.map(({ circuit, slotOf }) =>
    Int32Array.from(circuit.outputs, (literal) => (wireOf(literal) === 0 ? -1 : slotOf[wireOf(literal)]!)),
  );
  return { gates, levelEnds, slots, inputSlots, outputSlots };
}

interface Plan {
  readonly circuit: Circuit;
  readonly levels: ReturnType<typeof levelsOf>;
  readonly slotOf: Uint32Array;
  /** Wires of which a level is the last to read them, by level. */
  readonly lastReadAt: readonly number[][];
}

function planOf(circuit: Circuit): Plan {
  const levels = levelsOf(circuit);
  const first = firstGateWire(circuit);
  const wires = first + circuit.kinds.length;
  const lastRead = new Uint32Array(wires).fill(NEVER);
  for (let level = 0, i = 0; level < levels.ends.length; level++)
    for (; i < levels.ends[level]!; i++) {
      const gate = levels.order[i]!;
      for (let k = 0; k < operandCount(circuit.kinds[gate]!); k++)
        lastRead[wireOf(circuit.operands[3 * gate + k]!)] = level;
    }
  for (const literal of circuit.outputs) lastRead[wireOf(literal)] = NEVER;
  const lastReadAt: number[][] = Array.from(levels.ends, () => []);
  for (let wire = 1; wire < wires; wire++) if (lastRead[wire] !== NEVER) lastReadAt[lastRead[wire]!]!.push(wire);
  return { circuit, levels, slotOf: new Uint32Array(wires), lastReadAt };
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
