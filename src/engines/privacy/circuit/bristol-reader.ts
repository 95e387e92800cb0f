/**
 * Reads circuits in Bristol Fashion (https://nigelsmart.github.io/MPC-Circuits/):
 *   gates wires ⏎ inputs bits… ⏎ outputs bits… ⏎ then a gate a line: inputs outputs wires… XOR | AND | INV | EQ | EQW | MAND
 * The first wires are the inputs, the last the outputs; every other wire is set by one gate, before it is used.
 * Always
 *  - What is refused is refused with CODE_REJECTED, the rule, the line and the byte where it is broken.
 *  - The text is read as it stands: white space may be blanks or tabs, and blank lines may follow the header and the end.
 */
import { RejectedError } from "../../../errors.ts";
import { type Circuit, FALSE, GATES_MAX, type Literal, negated, TRUE, VALUE_BITS_MAX, VALUES_MAX } from "./circuit.ts";
import { CircuitBuilder } from "./circuit-builder.ts";

/** A gate of the widest operation takes this many wires: MAND of 1024 pairs. */
const GATE_WIRES_MAX = 3 * 1024;
const UNSET = -1;

interface Token {
  readonly text: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
}

export function readBristol(bytes: Uint8Array): Circuit {
  return new BristolReader(bytes).read();
}

class BristolReader {
  readonly #text: string;
  #line = 0;
  #at = 0;
  #wires: Int32Array = new Int32Array(0);

  constructor(bytes: Uint8Array) {
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  }

  read(): Circuit {
    const [gateCount, wireCount] = this.#header("the number of gates and of wires", 2);
    if (gateCount! > GATES_MAX) this.#refuse("limit", `at most ${GATES_MAX} gates, not ${gateCount}`, 0);
    const inputs = this.#values("inputs");
    const outputs = this.#values("outputs");
    const outputWires = sum(outputs);
    if (wireCount! > GATES_MAX * 2 || wireCount! < Math.max(sum(inputs), outputWires))
      this.#refuse("limit", `the header's ${wireCount} wires do not hold its inputs and outputs`, 0);
    const builder = new CircuitBuilder();
    this.#wires = new Int32Array(wireCount!).fill(UNSET);
    let wire = 0;
    for (const bits of inputs) for (const literal of builder.input(bits)) this.#wires[wire++] = literal;
    let gates = 0;
    for (let tokens = this.#nextLine(); tokens !== undefined; tokens = this.#nextLine()) {
      if (tokens.length === 0) continue;
      if (++gates > gateCount!) this.#refuse("count", `more gates than the header's ${gateCount}`, tokens[0]!.offset);
      this.#gate(builder, tokens);
    }
    if (gates !== gateCount) this.#refuse("count", `${gates} gates, the header says ${gateCount}`, this.#text.length);
    const unset = this.#wires.indexOf(UNSET);
    if (unset >= 0) this.#refuse("undefined", `no gate sets wire ${unset}`, this.#text.length);
    let at = wireCount! - outputWires;
    for (const bits of outputs) {
      builder.output(Array.from(this.#wires.subarray(at, at + bits)));
      at += bits;
    }
    return builder.finish();
  }

  // ── lines ───────────────────────────────────────────────────────────────────

  /** The tokens of the next line; none for a blank line; undefined at the end. */
  #nextLine(): Token[] | undefined {
    const text = this.#text;
    if (this.#at >= text.length) return undefined;
    let end = text.indexOf("\n", this.#at);
    if (end < 0) end = text.length;
    const tokens: Token[] = [];
    let start = this.#at;
    this.#line++;
    for (let at = this.#at; at <= end; at++) {
      const code = at === end ? 32 : text.charCodeAt(at);
      const isBlank = code === 32 || code === 9 || code === 13;
      if (!isBlank && (code < 33 || code > 126)) this.#refuse("text", `byte ${code} is no printable ASCII`, at);
      if (!isBlank) continue;
      if (at > start) tokens.push({ text: text.slice(start, at), offset: start });
      start = at + 1;
    }
    this.#at = end + 1;
    return tokens;
  }

  #header(what: string, count: number | undefined): number[] {
    let tokens = this.#nextLine();
    while (tokens !== undefined && tokens.length === 0) tokens = this.#nextLine();
    if (tokens === undefined) return this.#refuse("header", `the file ends where ${what} should stand`, this.#at);
    const numbers = tokens.map((token) => this.#number(token));
    if (count !== undefined && numbers.length !== count)
      this.#refuse("header", `${what}: expected ${count} numbers, received ${numbers.length}`, tokens[0]!.offset);
    return numbers;
  }

  #values(what: "inputs" | "outputs"): number[] {
    const start = this.#at;
    const [count, ...bits] = this.#header(`the number of ${what} and their bits`, undefined);
    if (count !== bits.length || count < 1 || count > VALUES_MAX)
      this.#refuse(
        "header",
        `${what}: expected a number from 1 to ${VALUES_MAX} and as many widths, received ${count} and ${bits.length}`,
        start,
      );
    const wrong = bits.find((width) => width < 1 || width > VALUE_BITS_MAX);
    if (wrong !== undefined)
      this.#refuse("limit", `${what}: a value has 1 to ${VALUE_BITS_MAX} bits, not ${wrong}`, start);
    return bits;
  }

  #number(token: Token): number {
    if (!/^(0|[1-9][0-9]{0,8})$/.test(token.text))
      this.#refuse(
        "number",
        `expected a whole number, received ${JSON.stringify(token.text.slice(0, 20))}`,
        token.offset,
      );
    return Number(token.text);
  }

  // ── gates ───────────────────────────────────────────────────────────────────

  #gate(builder: CircuitBuilder, tokens: readonly Token[]): void {
    const operation = tokens.at(-1)!;
    if (tokens.length < 5 || tokens.length > GATE_WIRES_MAX + 3)
      this.#refuse("gate", "expected: inputs outputs wires… operation", tokens[0]!.offset);
    const inputs = this.#number(tokens[0]!);
    const outputs = this.#number(tokens[1]!);
    if (tokens.length !== 3 + inputs + outputs)
      this.#refuse("gate", `expected ${inputs} and ${outputs} wires, received ${tokens.length - 3}`, tokens[0]!.offset);
    const expectShape = (wantedIn: number, wantedOut: number) => {
      if (inputs !== wantedIn || outputs !== wantedOut)
        this.#refuse("gate", `${operation.text} takes ${wantedIn} and sets ${wantedOut} wires`, tokens[0]!.offset);
    };
    const input = (index: number) => this.#use(tokens[2 + index]!);
    const set = (index: number, literal: Literal) => this.#set(tokens[2 + inputs + index]!, literal);
    switch (operation.text) {
      case "XOR":
      case "AND":
        expectShape(2, 1);
        set(0, operation.text === "AND" ? builder.and(input(0), input(1)) : builder.xor(input(0), input(1)));
        break;
      case "INV":
      case "EQW":
        expectShape(1, 1);
        set(0, operation.text === "INV" ? negated(input(0)) : input(0));
        break;
      case "EQ": {
        expectShape(1, 1);
        const value = this.#number(tokens[2]!);
        if (value > 1) this.#refuse("gate", `EQ sets a wire to 0 or 1, not ${value}`, tokens[2]!.offset);
        set(0, value === 1 ? TRUE : FALSE);
        break;
      }
      case "MAND":
        if (inputs !== 2 * outputs) this.#refuse("gate", "MAND takes two wires for each it sets", tokens[0]!.offset);
        for (let i = 0; i < outputs; i++) set(i, builder.and(input(i), input(outputs + i)));
        break;
      default:
        this.#refuse(
          "operation",
          `expected XOR, AND, INV, EQ, EQW or MAND, received ${JSON.stringify(operation.text.slice(0, 20))}`,
          operation.offset,
        );
    }
  }

  #wire(token: Token): number {
    const wire = this.#number(token);
    if (wire >= this.#wires.length)
      this.#refuse("wire", `the header has ${this.#wires.length} wires, there is no wire ${wire}`, token.offset);
    return wire;
  }

  #use(token: Token): Literal {
    const wire = this.#wire(token);
    const literal = this.#wires[wire]!;
    if (literal === UNSET)
      this.#refuse(
        "order",
        `wire ${wire} is used before a gate sets it: the gates are out of order, or form a cycle, or none sets it`,
        token.offset,
      );
    return literal;
  }

  #set(token: Token, literal: Literal): void {
    const wire = this.#wire(token);
    if (this.#wires[wire] !== UNSET) this.#refuse("twice", `wire ${wire} is set a second time`, token.offset);
    this.#wires[wire] = literal;
  }

  #refuse(rule: string, problem: string, offset: number): never {
    throw new RejectedError("CODE_REJECTED", `circuit, line ${this.#line}, byte ${offset}: ${problem}`, {
      rule,
      offset,
      line: this.#line,
    });
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
