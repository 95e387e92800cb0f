/** Ripple-carry additions side by side, as levels of majority and parity gates. */
import { GATE_WORDS, type GateProgram, OPERATION } from "../../src/native/tfhe.ts";

export interface Adders {
  readonly program: GateProgram;
  readonly slots: number;
  /** Slots of the sums' bits, least significant first, one addition after the other. */
  readonly sumSlots: number[];
  readonly bootstraps: number;
}

/** Inputs lie in slots 0 on: of each addition the bits of a, then those of b, least significant first. */
export function rippleAdders(additions: number, bits: number): Adders {
  const inputs = additions * 2 * bits;
  const sumSlot = (addition: number, bit: number) => inputs + addition * bits + bit;
  const carrySlot = (addition: number, bit: number) => inputs + additions * bits + addition * bits + bit;
  const gates: number[] = [];
  const levelEnds: number[] = [];
  for (let bit = 0; bit < bits; bit++) {
    for (let addition = 0; addition < additions; addition++) {
      const a = addition * 2 * bits + bit;
      const b = a + bits;
      const carry = bit === 0 ? 0 : carrySlot(addition, bit - 1);
      gates.push(bit === 0 ? OPERATION.xor : OPERATION.parity, a, b, carry, sumSlot(addition, bit));
      if (bit === bits - 1) continue;
      gates.push(bit === 0 ? OPERATION.and : OPERATION.majority, a, b, carry, carrySlot(addition, bit));
    }
    levelEnds.push(gates.length / GATE_WORDS);
  }
  return {
    program: { gates: Uint32Array.from(gates), levelEnds: Uint32Array.from(levelEnds) },
    slots: inputs + 2 * additions * bits,
    sumSlots: Array.from({ length: additions * bits }, (_, i) => sumSlot(Math.floor(i / bits), i % bits)),
    bootstraps: gates.length / GATE_WORDS,
  };
}
