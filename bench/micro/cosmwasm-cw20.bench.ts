/**
 * Question   How many transfers of an unchanged CosmWasm token (cw20-base) does the engine run a second, on one core, and what
 *            is it worth to use an instance again?
 * Workload   transfers of 1 unit between random holders (uniform), and balance queries, as JSON messages that were made
 *            before (bench/support/cw20.ts: engine only); then transfers on an engine that keeps no instance, which makes one
 *            for every call, in turn with one that does.
 * Expected   60,000 transfers a second or more; a query costs less; reuse is worth ten times a new instance.
 * Checked    every call succeeds, and the balances add up to the supply.
 * Run        node scripts/run.mjs bench/micro/cosmwasm-cw20.bench.ts [holders] [seconds]
 */
import type { CallInput } from "../../src/execution/host.ts";
import { BALANCE, Cw20, type Holder, jsonInput, makeHolders } from "../support/cw20.ts";
import { printBanner } from "../support/machine.ts";
import { Random } from "../support/random.ts";

const count = Number(process.argv[2] ?? 10_000);
const seconds = Number(process.argv[3] ?? 3);
const SLICE = 500;
const SLICE_OF_NEW = 50;
/** Holders of the engine that keeps no instance: its figure does not depend on them. */
const HOLDERS_OF_NEW = 100;

printBanner("cw20-base on the WASM engine", { holders: count, seconds });

const holders = makeHolders(count);
const random = new Random(1);
const started = performance.now();
const token = new Cw20(holders);
console.log(`admitted, and instantiated with ${count} holders, in ${(performance.now() - started).toFixed(0)} ms`);

interface Tally {
  calls: number;
  ms: number;
  /** Of the fastest slice, microseconds a call. */
  best: number;
}

const tally = (): Tally => ({ calls: 0, ms: 0, best: Number.POSITIVE_INFINITY });

/** Runs one slice of calls. */
function slice(on: Cw20, among: readonly Holder[], size: number, isStatic: boolean, into: Tally): void {
  const person = () => among[random.below(among.length)]!;
  const message = () => (isStatic ? { balance: { address: person().text } } : transferTo(person()));
  const calls: [Holder, CallInput][] = Array.from({ length: size }, () => [person(), jsonInput(message())]);
  const begin = performance.now();
  for (const [from, input] of calls) on.call(from, input, isStatic);
  const ms = performance.now() - begin;
  into.calls += size;
  into.ms += ms;
  into.best = Math.min(into.best, (1e3 * ms) / size);
}

function transferTo({ text }: Holder) {
  return { transfer: { recipient: text, amount: "1" } };
}

function measure(isStatic: boolean): Tally {
  const sum = tally();
  while (sum.ms < seconds * 1000) slice(token, holders, SLICE, isStatic, sum);
  return sum;
}

function report(name: string, { calls, ms, best }: Tally, gas: number): void {
  const rate = Math.round((1e3 * calls) / ms);
  console.log(`| ${name} | ${rate} | ${((1e3 * ms) / calls).toFixed(2)} | ${best.toFixed(2)} | ${gas} |`);
}

console.log("| | a second | us each | us, fastest slice | gas |\n|---|---|---|---|---|");
measure(false);
report("transfer", measure(false), token.gasUsed);
report("balance query", measure(true), token.gasUsed);

const few = makeHolders(HOLDERS_OF_NEW);
const engines = [new Cw20(few), new Cw20(few, { slotsBytesMax: 0 })];
const sums = [tally(), tally()];
for (const round of [tally(), sums[1]!])
  while (round.ms < (seconds * 1000) / 2) {
    slice(engines[0]!, few, SLICE, false, sums[0]!);
    slice(engines[1]!, few, SLICE_OF_NEW, false, round);
  }
report("instance used again", sums[0]!, engines[0]!.gasUsed);
report("a new instance for each", sums[1]!, engines[1]!.gasUsed);
const [again, anew] = sums.map(({ calls, ms }) => ms / calls) as [number, number];
console.log(
  `\nreuse is worth ${(anew / again).toFixed(1)}x; of the fastest slices ${(sums[1]!.best / sums[0]!.best).toFixed(1)}x`,
);

for (const [on, among] of [
  [token, holders],
  [engines[0]!, few],
  [engines[1]!, few],
] as const) {
  const total = among.reduce((sum, holder) => sum + on.balanceOf(holder), 0n);
  if (total !== BigInt(among.length) * BALANCE) throw new Error(`the balances add up to ${total}`);
}
console.log(`checked: balances add up to the supply; ${token.logged} logs`);
