/** Keys, random gates and their plain values, for whoever tests or measures encrypted gates. */
import { CONTEXT_BYTES, GATE_WORDS, INVERT, OPERATION, Tfhe } from "../../src/native/tfhe.ts";
import { requireAddon } from "./state-trees.ts";

export const tfhe = new Tfhe(requireAddon());
export const NO_CONTEXT = new Uint8Array(CONTEXT_BYTES);

/** One gate on plain bits. */
export function plainGate(word: number, inputs: readonly number[]): number {
  const [a, b, c] = inputs.map((bit, i) => bit ^ Number((word & (INVERT.input0 << i)) !== 0)) as [
    number,
    number,
    number,
  ];
  return plainOperation(word & 0xff, a, b, c) ^ Number((word & INVERT.output) !== 0);
}

function plainOperation(operation: number, a: number, b: number, c: number): number {
  switch (operation) {
    case OPERATION.and:
      return a & b;
    case OPERATION.xor:
      return a ^ b;
    case OPERATION.majority:
      return Number(a + b + c >= 2);
    case OPERATION.parity:
      return a ^ b ^ c;
    case OPERATION.select:
      return a ? b : c;
    case OPERATION.copy:
      return a;
    default:
      return 0;
  }
}

/** mulberry32. */
export function seededBelow(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

export interface RandomGates {
  readonly gates: Uint32Array;
  readonly expected: Uint8Array;
}

/** `count` gates that read slots 0 to bits.length - 1 and write the slots after them. */
export function randomGates(bits: Uint8Array, count: number, below: (limit: number) => number): RandomGates {
  const gates = new Uint32Array(GATE_WORDS * count);
  const expected = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const word = (1 + below(7)) | (below(16) << 8);
    const inputs = [below(bits.length), below(bits.length), below(bits.length)];
    gates.set([word, ...inputs, bits.length + i], GATE_WORDS * i);
    expected[i] = plainGate(
      word,
      inputs.map((slot) => bits[slot]!),
    );
  }
  return { gates, expected };
}
