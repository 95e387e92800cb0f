/** Circuits that manifests name instead of bringing them: arithmetic, comparison and choice over one type. */

import { EBOOL, type EncryptedType } from "../../encoding/encrypted-type.ts";
import type { Circuit, Literal } from "./circuit/circuit.ts";
import { CircuitBuilder, type Word } from "./circuit/circuit-builder.ts";
import {
  addWords,
  andWords,
  isEqual,
  isLess,
  multiplyWords,
  notWord,
  orWords,
  selectWord,
  subtractWords,
  xorWords,
} from "./circuit/word-operations.ts";

interface Shaped {
  readonly circuit: Circuit;
  readonly inputs: readonly EncryptedType[];
  readonly outputs: readonly EncryptedType[];
}

type Two = (builder: CircuitBuilder, a: Word, b: Word) => Word;
type Test = (builder: CircuitBuilder, a: Word, b: Word) => Literal;

const NUMBERS: Readonly<Record<string, Two>> = {
  add: (c, a, b) => addWords(c, a, b).sum,
  sub: (c, a, b) => subtractWords(c, a, b).difference,
  mul: (c, a, b) => multiplyWords(c, a, b),
  min: (c, a, b) => selectWord(c, isLess(c, a, b), a, b),
  max: (c, a, b) => selectWord(c, isLess(c, a, b), b, a),
  and: andWords,
  or: orWords,
  xor: xorWords,
};

const TESTS: Readonly<Record<string, Test>> = {
  eq: (c, a, b) => isEqual(c, a, b),
  ne: (c, a, b) => isEqual(c, a, b) ^ 1,
  lt: (c, a, b) => isLess(c, a, b),
  le: (c, a, b) => isLess(c, b, a) ^ 1,
  gt: (c, a, b) => isLess(c, b, a),
  ge: (c, a, b) => isLess(c, a, b) ^ 1,
};

export const OPERATION_NAMES: readonly string[] = [...Object.keys(NUMBERS), ...Object.keys(TESTS), "not", "select"];

/** `select` takes an ebool and two values of the type; tests answer an ebool; the rest answer the type. */
export function operationCircuit(name: string, type: EncryptedType): Shaped | undefined {
  const inputs = name === "not" ? [type] : name === "select" ? [EBOOL, type, type] : [type, type];
  const builder = new CircuitBuilder();
  const words = inputs.map(({ bits }) => builder.input(bits));
  const [a, b, c] = words as [Word, Word, Word];
  const test = Object.hasOwn(TESTS, name) ? TESTS[name] : undefined;
  const two = Object.hasOwn(NUMBERS, name) ? NUMBERS[name] : undefined;
  if (test !== undefined) builder.output([test(builder, a, b)]);
  else if (two !== undefined) builder.output(two(builder, a, b));
  else if (name === "not") builder.output(notWord(a));
  else if (name === "select") builder.output(selectWord(builder, a[0]!, b, c));
  else return undefined;
  return { circuit: builder.finish(), inputs, outputs: [test === undefined ? type : EBOOL] };
}
