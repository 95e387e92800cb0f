/**
 * Plain evaluation: the oracle that every encrypted evaluation is compared with, and what mode `plain` runs.
 * Thirty-two evaluations run side by side, one in each bit of a word.
 */
import { type Circuit, GateKind, type Literal } from "./circuit.ts";

/** The word of a literal: bit i belongs to evaluation i. */
function read(wires: Int32Array, literal: Literal): number {
  return wires[literal >>> 1]! ^ -(literal & 1);
}

/** @param inputs one word for each input bit. @returns one word for each output bit. */
export function evaluateLanes(circuit: Circuit, inputs: Int32Array): Int32Array {
  const { kinds, operands, outputs } = circuit;
  const wires = new Int32Array(1 + inputs.length + kinds.length);
  wires.set(inputs, 1);
  let wire = 1 + inputs.length;
  for (let gate = 0; gate < kinds.length; gate++) {
    const a = read(wires, operands[3 * gate]!);
    const b = read(wires, operands[3 * gate + 1]!);
    const c = read(wires, operands[3 * gate + 2]!);
    wires[wire++] = applyGate(kinds[gate]!, a, b, c);
  }
  return Int32Array.from(outputs, (literal) => read(wires, literal));
}

/** One gate over words. @param c ignored by gates with two operands. */
export function applyGate(kind: number, a: number, b: number, c: number): number {
  switch (kind) {
    case GateKind.and:
      return a & b;
    case GateKind.xor:
      return a ^ b;
    case GateKind.majority:
      return (a & b) | (c & (a | b));
    default:
      return a ^ b ^ c;
  }
}

/** Evaluates on whole numbers, one for each input value. @returns one for each output value. */
export function evaluateCircuit(circuit: Circuit, values: readonly bigint[]): bigint[] {
  const bits: number[] = [];
  circuit.inputBits.forEach((width, index) => {
    for (let bit = 0; bit < width; bit++) bits.push(-Number((values[index]! >> BigInt(bit)) & 1n));
  });
  const words = evaluateLanes(circuit, Int32Array.from(bits));
  let at = 0;
  return circuit.outputBits.map((width) => {
    let value = 0n;
    for (let bit = 0; bit < width; bit++) value |= BigInt(words[at++]! & 1) << BigInt(bit);
    return value;
  });
}
