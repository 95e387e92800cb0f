/**
 * The circuits of the confidential token, on euint64. A movement that is not covered moves zero, and nobody sees which:
 *   transfer (from, to, amount)        ▶ from', to', moved        382 gates: compare, mask, subtract, add
 *   covered  (from, amount)            ▶ moved                    from one account to itself
 *   mint     (total, balance, amount)  ▶ total', balance', moved  zero where the total would not fit 64 bits
 *   burn     (total, balance, amount)  ▶ total', balance', moved
 */
import { getEncryptedType } from "../../../encoding/encrypted-type.ts";
import type { Circuit } from "../circuit/circuit.ts";
import { CircuitBuilder, type Word } from "../circuit/circuit-builder.ts";
import { countCircuit } from "../circuit/levels.ts";
import { addWords, isLess, subtractWords } from "../circuit/word-operations.ts";
import type { PlacedCircuit } from "../privacy-program.ts";

export const AMOUNT = getEncryptedType("euint64")!;

type Build = (builder: CircuitBuilder, words: readonly Word[]) => readonly Word[];

function mask(builder: CircuitBuilder, word: Word, condition: number): Word {
  return word.map((bit) => builder.and(bit, condition));
}

function whatIsCovered(builder: CircuitBuilder, balance: Word, amount: Word): Word {
  return mask(builder, amount, isLess(builder, balance, amount) ^ 1);
}

const BUILDS: readonly { readonly inputs: number; readonly build: Build }[] = [
  {
    inputs: 3,
    build(builder, [from, to, amount]) {
      const moved = whatIsCovered(builder, from!, amount!);
      return [subtractWords(builder, from!, moved).difference, addWords(builder, to!, moved).sum, moved];
    },
  },
  { inputs: 2, build: (builder, [from, amount]) => [whatIsCovered(builder, from!, amount!)] },
  {
    inputs: 3,
    build(builder, [total, balance, amount]) {
      const moved = mask(builder, amount!, addWords(builder, total!, amount!).carry ^ 1);
      return [addWords(builder, total!, moved).sum, addWords(builder, balance!, moved).sum, moved];
    },
  },
  {
    inputs: 3,
    build(builder, [total, balance, amount]) {
      const moved = whatIsCovered(builder, balance!, amount!);
      const less = (word: Word) => subtractWords(builder, word, moved).difference;
      return [less(total!), less(balance!), moved];
    },
  },
];

/** Their places are part of handles: they never change. */
export const TRANSFER = 0;
export const COVERED = 1;
export const MINT = 2;
export const BURN = 3;

let placed: readonly PlacedCircuit[] | undefined;

export function tokenCircuits(): readonly PlacedCircuit[] {
  placed ??= BUILDS.map(({ inputs, build }, index) => {
    const builder = new CircuitBuilder();
    const words = Array.from({ length: inputs }, () => builder.input(AMOUNT.bits));
    for (const word of build(builder, words)) builder.output(word);
    const circuit: Circuit = builder.finish();
    return {
      index,
      circuit,
      inputs: circuit.inputBits.map(() => AMOUNT),
      outputs: circuit.outputBits.map(() => AMOUNT),
      counts: countCircuit(circuit),
    };
  });
  return placed;
}
