/**
 * Arithmetic on words: unsigned whole numbers of 1 to 4096 bits, modulo 2^bits, as gates.
 *   full adder = parity (the sum) and majority (the carry): two bootstraps a bit
 * Operands of one operation have the same width.
 */
import { FALSE, type Literal, negated, TRUE } from "./circuit.ts";
import type { CircuitBuilder, Word } from "./circuit-builder.ts";

/** An index of more bits would need a table of more than a quarter million entries. */
const LOOKUP_BITS_MAX = 18;

export function constantWord(value: bigint, bits: number): Word {
  if (value < 0n || value >> BigInt(bits) !== 0n) throw new RangeError(`${value} does not fit ${bits} bits`);
  return Array.from({ length: bits }, (_, bit) => ((value >> BigInt(bit)) & 1n ? TRUE : FALSE));
}

export function notWord(a: Word): Word {
  return a.map(negated);
}

export function andWords(builder: CircuitBuilder, a: Word, b: Word): Word {
  return zip(a, b, (x, y) => builder.and(x, y));
}

export function orWords(builder: CircuitBuilder, a: Word, b: Word): Word {
  return zip(a, b, (x, y) => builder.or(x, y));
}

export function xorWords(builder: CircuitBuilder, a: Word, b: Word): Word {
  return zip(a, b, (x, y) => builder.xor(x, y));
}

/**
 * The carry ripples: a parallel prefix of 64 bits has depth 8 in place of 64, but four times the gates, and so is slower on
 * two threads even where it is alone (bench/README.md: 1.03 ms a gate in wide levels, 5.35 ms a level of two).
 * @returns the sum modulo 2^bits, and whether it did not fit.
 */
export function addWords(
  builder: CircuitBuilder,
  a: Word,
  b: Word,
  carryIn: Literal = FALSE,
): { sum: Word; carry: Literal } {
  let carry = carryIn;
  const sum = zip(a, b, (x, y) => {
    const bit = builder.parity(x, y, carry);
    carry = builder.majority(x, y, carry);
    return bit;
  });
  return { sum, carry };
}

/** @returns the difference modulo 2^bits, and whether `a` was less than `b`. */
export function subtractWords(builder: CircuitBuilder, a: Word, b: Word): { difference: Word; borrow: Literal } {
  const { sum, carry } = addWords(builder, a, notWord(b), TRUE);
  return { difference: sum, borrow: negated(carry) };
}

/** a < b, by the carries of a subtraction alone: one bootstrap a bit. */
export function isLess(builder: CircuitBuilder, a: Word, b: Word): Literal {
  let carry: Literal = TRUE;
  zip(a, notWord(b), (x, y) => {
    carry = builder.majority(x, y, carry);
    return carry;
  });
  return negated(carry);
}

export function isEqual(builder: CircuitBuilder, a: Word, b: Word): Literal {
  return allOf(
    builder,
    zip(a, b, (x, y) => negated(builder.xor(x, y))),
  );
}

/** Whether all hold: a tree, so that its depth is the logarithm of their number. */
function allOf(builder: CircuitBuilder, literals: readonly Literal[]): Literal {
  if (literals.length <= 1) return literals[0] ?? TRUE;
  const half = literals.length >>> 1;
  return builder.and(allOf(builder, literals.slice(0, half)), allOf(builder, literals.slice(half)));
}

export function selectWord(builder: CircuitBuilder, condition: Literal, whenTrue: Word, whenFalse: Word): Word {
  return zip(whenTrue, whenFalse, (x, y) => builder.choose(condition, x, y));
}

/**
 * The product modulo 2^`bits`; as many bits as both operands have together hold all of it.
 * Columns are compressed three to two (Wallace), so that depth grows with the logarithm of the width, and then added.
 */
export function multiplyWords(builder: CircuitBuilder, a: Word, b: Word, bits = a.length): Word {
  if (bits > a.length + b.length) throw new RangeError(`a product of ${a.length} and ${b.length} bits has not ${bits}`);
  const columns: Literal[][] = Array.from({ length: bits }, () => []);
  a.forEach((x, i) => {
    b.forEach((y, j) => {
      if (i + j < bits) push(columns, i + j, builder.and(x, y));
    });
  });
  while (columns.some((column) => column.length > 2)) compress(builder, columns);
  const at = (row: number) => columns.map((column) => column[row] ?? FALSE);
  return addWords(builder, at(0), at(1)).sum;
}

/** One layer: of every three literals of a column, parity stays and majority moves up. */
function compress(builder: CircuitBuilder, columns: Literal[][]): void {
  const before = columns.map((column) => column.splice(0));
  before.forEach((column, index) => {
    let i = 0;
    for (; i + 2 < column.length; i += 3) {
      const [x, y, z] = [column[i]!, column[i + 1]!, column[i + 2]!];
      push(columns, index, builder.parity(x, y, z));
      push(columns, index + 1, builder.majority(x, y, z));
    }
    for (; i < column.length; i++) push(columns, index, column[i]!);
  });
}

function push(columns: Literal[][], index: number, literal: Literal): void {
  if (literal !== FALSE) columns[index]?.push(literal);
}

/** table[index], for a table of constants with 2^(bits of the index) entries. */
export function lookupWord(builder: CircuitBuilder, index: Word, table: readonly bigint[], bits: number): Word {
  if (index.length > LOOKUP_BITS_MAX || table.length !== 2 ** index.length)
    throw new RangeError(
      `a lookup by ${index.length} bits (at most ${LOOKUP_BITS_MAX}) takes ${2 ** index.length} entries, not ${table.length}`,
    );
  let layer = table.map((entry) => constantWord(entry, bits));
  for (const bit of index) {
    layer = Array.from({ length: layer.length / 2 }, (_, i) =>
      selectWord(builder, bit, layer[2 * i + 1]!, layer[2 * i]!),
    );
  }
  return layer[0]!;
}

function zip(a: Word, b: Word, combine: (x: Literal, y: Literal) => Literal): Word {
  if (a.length !== b.length) throw new RangeError(`words of ${a.length} and ${b.length} bits do not combine`);
  return a.map((x, i) => combine(x, b[i]!));
}
