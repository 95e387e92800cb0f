/**
 * Question   How does the engine compare with the simulator that CosmWasm developers use from JavaScript?
 * Workload   the same cw20-base.wasm, the same transfers of 1 unit between random holders, in one process and in turn: our
 *            engine alone, metered and isolated (bench/support/cw20.ts), and @oraichain/cw-simulate's executeContract with
 *            metering on and off. It parses a message object where we parse the same as JSON; it keeps its state in an
 *            immutable map, commits and pushes a block a call; neither side has signatures, roots or a disk.
 * Expected   at least ten times its rate with metering, three times without.
 * Checked    every call succeeds, and the balances of each side add up to the supply.
 * Run        node scripts/run.mjs bench/peers/cw-simulate.ts [holders] [seconds]
 */
import { createRequire } from "node:module";
import { BALANCE, Cw20, cw20Code, cw20Init, jsonInput, makeHolders, PREFIX } from "../support/cw20.ts";
import { printBanner } from "../support/machine.ts";
import { Random } from "../support/random.ts";

/** The part of cw-simulate that is used; its own description does not compile with ours. */
interface Simulator {
  readonly wasm: {
    create(creator: string, code: Uint8Array): number;
    instantiateContract(sender: string, funds: [], codeId: number, message: unknown, label: string): Promise<Answer>;
    executeContract(sender: string, funds: [], contract: string, message: unknown): Promise<Answer>;
    query(contract: string, message: unknown): Answer;
  };
}

interface Answer {
  readonly ok: boolean;
  readonly val: unknown;
}

const { CWSimulateApp } = createRequire(import.meta.url)("@oraichain/cw-simulate") as {
  CWSimulateApp: new (options: Record<string, unknown>) => Simulator;
};

const count = Number(process.argv[2] ?? 1_000);
const seconds = Number(process.argv[3] ?? 3);
const SLICE = 200;
const GAS_LIMIT = Number.MAX_SAFE_INTEGER;

printBanner("cw20-base: the engine and cw-simulate", { holders: count, seconds });

const holders = makeHolders(count);
const random = new Random(1);
const person = () => holders[random.below(count)]!;

interface Contender {
  readonly name: string;
  run(transfers: readonly { from: number; message: unknown; input: ReturnType<typeof jsonInput> }[]): Promise<void>;
  supply(): bigint;
  ms: number;
  calls: number;
  best: number;
}

const token = new Cw20(holders);
const ours: Contender = {
  name: "this engine, metered",
  async run(transfers) {
    for (const { from, input } of transfers) token.call(holders[from]!, input);
  },
  supply: () => holders.reduce((sum, holder) => sum + token.balanceOf(holder), 0n),
  ms: 0,
  calls: 0,
  best: Number.POSITIVE_INFINITY,
};

function succeeded({ ok, val }: Answer): unknown {
  if (!ok) throw new Error(`cw-simulate: ${String(val)}`);
  return val;
}

async function simulator(name: string, metering: boolean): Promise<Contender> {
  const app = new CWSimulateApp({ chainId: "polytorus-1337", bech32Prefix: PREFIX, metering, gasLimit: GAS_LIMIT });
  const owner = holders[0]!.text;
  const codeId = app.wasm.create(owner, cw20Code());
  const answer = succeeded(await app.wasm.instantiateContract(owner, [], codeId, cw20Init(holders), "cw20"));
  const { events } = answer as { events: { attributes: { key: string; value: string }[] }[] };
  const attributes = events.flatMap((event) => event.attributes);
  const contract = attributes.find(({ key }) => key === "_contract_address" || key === "_contract_addr")!.value;
  return {
    name,
    async run(transfers) {
      for (const { from, message } of transfers)
        succeeded(await app.wasm.executeContract(holders[from]!.text, [], contract, message));
    },
    supply: () =>
      holders.reduce((sum, { text }) => {
        const { balance } = succeeded(app.wasm.query(contract, { balance: { address: text } })) as { balance: string };
        return sum + BigInt(balance);
      }, 0n),
    ms: 0,
    calls: 0,
    best: Number.POSITIVE_INFINITY,
  };
}

const contenders = [
  ours,
  await simulator("cw-simulate, metering on", true),
  await simulator("cw-simulate, metering off", false),
];

async function round(isTimed: boolean): Promise<void> {
  for (const contender of contenders) {
    const transfers = Array.from({ length: SLICE }, () => {
      const message = { transfer: { recipient: person().text, amount: "1" } };
      return { from: random.below(count), message, input: jsonInput(message) };
    });
    const begin = performance.now();
    await contender.run(transfers);
    if (!isTimed) continue;
    const ms = performance.now() - begin;
    contender.ms += ms;
    contender.calls += SLICE;
    contender.best = Math.min(contender.best, (1e3 * ms) / SLICE);
  }
}

for (let i = 0; i < 15; i++) await round(false);
const until = performance.now() + 3_000 * seconds;
while (performance.now() < until) await round(true);

for (const { name, supply } of contenders) {
  const total = supply();
  if (total !== BigInt(count) * BALANCE) throw new Error(`${name}: the balances add up to ${total}`);
}
console.log("| | transfers/s | us each | us, fastest slice | times slower than ours |\n|---|---|---|---|---|");
for (const { name, ms, calls, best } of contenders) {
  const each = (1e3 * ms) / calls;
  const ratio = each / ((1e3 * ours.ms) / ours.calls);
  console.log(
    `| ${name} | ${Math.round(1e6 / each)} | ${each.toFixed(1)} | ${best.toFixed(1)} | ${ratio.toFixed(1)}, fastest ${(best / ours.best).toFixed(1)} |`,
  );
}
