/**
 * CircuitBuilder: makes circuits gate by gate, and never the same gate twice.
 *   literals ── fold constants, normalise negations, look up ──▶ an existing literal, or one more gate
 * Always
 *  - Constants and negations stand on no gate: what does not depend on an input costs nothing.
 *  - `finish` leaves out gates that no output depends on.
 */
import {
  type Circuit,
  FALSE,
  GATES_MAX,
  GateKind,
  type Literal,
  negated,
  operandCount,
  TRUE,
  VALUE_BITS_MAX,
  VALUES_MAX,
  wireOf,
} from "./circuit.ts";

/** The bits of a whole number, least significant first. */
export type Word = readonly Literal[];

export class CircuitBuilder {
  readonly #inputBits: number[] = [];
  readonly #kinds: number[] = [];
  readonly #operands: number[] = [];
  readonly #known = new Map<string, Literal>();
  readonly #outputs: Word[] = [];
  #inputWires = 0;

  /** Declares the next input value. All are declared before the first gate. */
  input(bits: number): Word {
    if (this.#kinds.length > 0) throw new RangeError("inputs are declared before the first gate");
    if (this.#inputBits.length >= VALUES_MAX) throw new RangeError(`a circuit has at most ${VALUES_MAX} input values`);
    checkWidth(bits);
    this.#inputBits.push(bits);
    return Array.from({ length: bits }, () => 2 * ++this.#inputWires);
  }

  output(word: Word): void {
    checkWidth(word.length);
    this.#outputs.push([...word]);
  }

  and(a: Literal, b: Literal): Literal {
    const [first, second] = a < b ? [a, b] : [b, a];
    if (first === FALSE || first === negated(second)) return FALSE;
    if (first === TRUE || first === second) return second;
    return this.#gate(GateKind.and, first, second, FALSE);
  }

  or(a: Literal, b: Literal): Literal {
    return negated(this.and(negated(a), negated(b)));
  }

  /** Negations move to the result. */
  xor(a: Literal, b: Literal): Literal {
    const sign = (a ^ b) & 1;
    const [first, second] = sorted(a & ~1, b & ~1);
    if (first === second) return FALSE ^ sign;
    if (first === FALSE) return second ^ sign;
    return this.#gate(GateKind.xor, first, second, FALSE) ^ sign;
  }

  /** Whether at least two of three hold. It is its own dual: with two or three operands negated, all are flipped. */
  majority(a: Literal, b: Literal, c: Literal): Literal {
    const [x, y, z] = [a, b, c].sort((left, right) => left - right) as [Literal, Literal, Literal];
    if (x === y || y === z) return y;
    if (x === negated(y)) return z;
    if (y === negated(z)) return x;
    if (x === FALSE) return this.and(y, z);
    if (x === TRUE) return this.or(y, z);
    const sign = (x & 1) + (y & 1) + (z & 1) >= 2 ? 1 : 0;
    return this.#gate(GateKind.majority, x ^ sign, y ^ sign, z ^ sign) ^ sign;
  }

  /** Whether an odd number of three holds. */
  parity(a: Literal, b: Literal, c: Literal): Literal {
    const sign = (a ^ b ^ c) & 1;
    const [x, y, z] = [a & ~1, b & ~1, c & ~1].sort((left, right) => left - right) as [Literal, Literal, Literal];
    if (x === y) return z ^ sign;
    if (y === z) return x ^ sign;
    if (x === FALSE) return this.xor(y, z) ^ sign;
    return this.#gate(GateKind.parity, x, y, z) ^ sign;
  }

  /** `whenTrue` if the condition holds, else `whenFalse`: two bootstraps, since the odd one out is outvoted. */
  choose(condition: Literal, whenTrue: Literal, whenFalse: Literal): Literal {
    if (whenTrue === whenFalse) return whenTrue;
    if (condition === TRUE) return whenTrue;
    if (condition === FALSE) return whenFalse;
    if (whenFalse === FALSE) return this.and(condition, whenTrue);
    if (whenFalse === TRUE) return this.or(negated(condition), whenTrue);
    if (whenTrue === FALSE) return this.and(negated(condition), whenFalse);
    if (whenTrue === TRUE) return this.or(condition, whenFalse);
    if (whenTrue === negated(whenFalse)) return this.xor(condition, whenFalse);
    return this.majority(whenTrue, whenFalse, negated(this.xor(condition, whenTrue)));
  }

  #gate(kind: GateKind, a: Literal, b: Literal, c: Literal): Literal {
    const name = `${kind},${a},${b},${c}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#kinds.length >= GATES_MAX) throw new RangeError(`a circuit has at most ${GATES_MAX} gates`);
    const literal = 2 * (1 + this.#inputWires + this.#kinds.length);
    this.#kinds.push(kind);
    this.#operands.push(a, b, c);
    this.#known.set(name, literal);
    return literal;
  }

  /** The circuit of what was declared as outputs. */
  finish(): Circuit {
    if (this.#outputs.length === 0 || this.#outputs.length > VALUES_MAX)
      throw new RangeError(`a circuit has 1 to ${VALUES_MAX} output values`);
    const outputs = this.#outputs.flat();
    const kept = this.#reachable(outputs);
    const firstWire = 1 + this.#inputWires;
    const renamed = new Uint32Array(firstWire + this.#kinds.length);
    for (let wire = 0; wire < firstWire; wire++) renamed[wire] = wire;
    const rename = (literal: Literal) => 2 * renamed[wireOf(literal)]! + (literal & 1);
    const kinds: number[] = [];
    const operands: number[] = [];
    this.#kinds.forEach((kind, gate) => {
      if (kept[gate] === 0) return;
      renamed[firstWire + gate] = firstWire + kinds.length;
      kinds.push(kind);
      for (let i = 0; i < 3; i++) operands.push(rename(this.#operands[3 * gate + i]!));
    });
    return {
      inputBits: [...this.#inputBits],
      outputBits: this.#outputs.map((word) => word.length),
      kinds: Uint8Array.from(kinds),
      operands: Uint32Array.from(operands),
      outputs: Uint32Array.from(outputs, rename),
    };
  }

  #reachable(outputs: Word): Uint8Array {
    const kept = new Uint8Array(this.#kinds.length);
    const mark = (literal: Literal) => {
      const gate = wireOf(literal) - 1 - this.#inputWires;
      if (gate >= 0) kept[gate] = 1;
    };
    outputs.forEach(mark);
    for (let gate = this.#kinds.length - 1; gate >= 0; gate--) {
      if (kept[gate] === 0) continue;
      for (let i = 0; i < operandCount(this.#kinds[gate]!); i++) mark(this.#operands[3 * gate + i]!);
    }
    return kept;
  }
}

function sorted(a: Literal, b: Literal): [Literal, Literal] {
  return a < b ? [a, b] : [b, a];
}

function checkWidth(bits: number): void {
  if (!Number.isInteger(bits) || bits < 1 || bits > VALUE_BITS_MAX)
    throw new RangeError(`a value has 1 to ${VALUE_BITS_MAX} bits, not ${bits}`);
}
