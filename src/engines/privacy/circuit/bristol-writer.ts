/** Writes circuits in Bristol Fashion: majority and parity as AND and XOR, negations as INV, constants as EQ. */
import { type Circuit, firstGateWire, GateKind, type Literal, totalBits, wireOf } from "./circuit.ts";

export function writeBristol(circuit: Circuit): string {
  return new BristolWriter(circuit).write();
}

class BristolWriter {
  readonly #circuit: Circuit;
  readonly #lines: string[] = [];
  readonly #wires: Int32Array;
  readonly #inverted = new Map<Literal, number>();
  #next: number;

  constructor(circuit: Circuit) {
    this.#circuit = circuit;
    this.#next = totalBits(circuit.inputBits);
    this.#wires = new Int32Array(firstGateWire(circuit) + circuit.kinds.length);
    for (let input = 0; input < this.#next; input++) this.#wires[1 + input] = input;
  }

  write(): string {
    const { inputBits, outputBits, kinds, outputs } = this.#circuit;
    const first = firstGateWire(this.#circuit);
    for (let gate = 0; gate < kinds.length; gate++) this.#wires[first + gate] = this.#gate(gate);
    // The last wires are the outputs, each of its own.
    const sources = Array.from(outputs, (literal) => (wireOf(literal) === 0 ? literal : this.#wire(literal)));
    sources.forEach((source, index) => {
      if (wireOf(outputs[index]!) === 0) this.#add(`1 1 ${source}`, "EQ");
      else this.#add(`1 1 ${source}`, "EQW");
    });
    const header = [
      `${this.#lines.length} ${this.#next}`,
      `${inputBits.length} ${inputBits.join(" ")}`,
      `${outputBits.length} ${outputBits.join(" ")}`,
      "",
    ];
    return `${[...header, ...this.#lines].join("\n")}\n`;
  }

  #gate(gate: number): number {
    const { kinds, operands } = this.#circuit;
    const [a, b] = [this.#wire(operands[3 * gate]!), this.#wire(operands[3 * gate + 1]!)];
    switch (kinds[gate]) {
      case GateKind.and:
        return this.#two(a, b, "AND");
      case GateKind.xor:
        return this.#two(a, b, "XOR");
      case GateKind.parity:
        return this.#two(this.#two(a, b, "XOR"), this.#wire(operands[3 * gate + 2]!), "XOR");
      default: {
        // majority(a, b, c) = ((a xor b) and (b xor c)) xor b
        const c = this.#wire(operands[3 * gate + 2]!);
        return this.#two(this.#two(this.#two(a, b, "XOR"), this.#two(b, c, "XOR"), "AND"), b, "XOR");
      }
    }
  }

  /** Gates have no constant operands, so every literal here has a wire. */
  #wire(literal: Literal): number {
    const wire = this.#wires[wireOf(literal)]!;
    if ((literal & 1) === 0) return wire;
    const known = this.#inverted.get(literal);
    if (known !== undefined) return known;
    const inverted = this.#add(`1 1 ${wire}`, "INV");
    this.#inverted.set(literal, inverted);
    return inverted;
  }

  #two(a: number, b: number, operation: string): number {
    return this.#add(`2 1 ${a} ${b}`, operation);
  }

  #add(inputs: string, operation: string): number {
    const wire = this.#next++;
    this.#lines.push(`${inputs} ${wire} ${operation}`);
    return wire;
  }
}
