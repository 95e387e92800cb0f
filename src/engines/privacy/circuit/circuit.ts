/**
 * Circuit: a boolean function as gates over wires, in the form that both the plain and the encrypted evaluation run.
 *   wires:   0 is false · 1 … inputs, least significant bit of the first value first · then one wire a gate, in order
 *   literal: 2 × wire, plus 1 when it is negated: a negation of a ciphertext costs nothing, so there is no gate for it
 * Always
 *  - A gate's operands are wires below its own: the order of the gates is an order of evaluation.
 *  - Every kind of gate takes one bootstrap of TFHE: the sum of two or three signs decides AND and majority, twice
 *    the sum XOR and parity. So a full adder takes two.
 */
export const GateKind = { and: 0, xor: 1, majority: 2, parity: 3 } as const;
export type GateKind = (typeof GateKind)[keyof typeof GateKind];

export const GATE_NAMES = ["and", "xor", "majority", "parity"] as const;

export type Literal = number;
export const FALSE: Literal = 0;
export const TRUE: Literal = 1;

export interface Circuit {
  /** Bits of each input value, then of each output value. */
  readonly inputBits: readonly number[];
  readonly outputBits: readonly number[];
  /** By gate: GateKind. */
  readonly kinds: Uint8Array;
  /** By gate: three literals; the third of a gate with two operands is FALSE. */
  readonly operands: Uint32Array;
  /** The literals of all output values, least significant bit of the first first. */
  readonly outputs: Uint32Array;
}

/** Bounds of one circuit. A million gates take half an hour on one thread: more belongs into several jobs. */
export const GATES_MAX = 1_000_000;
export const VALUES_MAX = 64;
export const VALUE_BITS_MAX = 4096;

export function operandCount(kind: number): 2 | 3 {
  return kind === GateKind.majority || kind === GateKind.parity ? 3 : 2;
}

export function negated(literal: Literal): Literal {
  return literal ^ 1;
}

export function wireOf(literal: Literal): number {
  return literal >>> 1;
}

export function totalBits(values: readonly number[]): number {
  return values.reduce((sum, bits) => sum + bits, 0);
}

/** The wire of the first gate. */
export function firstGateWire(circuit: Circuit): number {
  return 1 + totalBits(circuit.inputBits);
}
