/**
 * Question   How many transfers of an unchanged CosmWasm token (cw20-base) does the engine run a second, on one core?
 * Workload   transfers of 1 unit between random holders (uniform), and balance queries, as JSON messages that were made
 *            before; the engine alone: metered and isolated, over state in a Map, with gas and logs, without blocks, roots
 *            and receipts.
 * Expected   60,000 transfers a second or more; a query costs less.
 * Checked    every call succeeds, and the balances add up to the supply.
 * Run        node scripts/run.mjs bench/micro/cosmwasm-cw20.bench.ts [holders] [seconds]
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { compareBytes, fromLatin1, toLatin1 } from "../../src/encoding/bytes.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { BodyForm } from "../../src/encoding/transaction.ts";
import { Addresses } from "../../src/engines/wasm/cosmwasm/addresses.ts";
import { CosmWasmAbi } from "../../src/engines/wasm/cosmwasm/cosmwasm-abi.ts";
import { WasmContractEngine } from "../../src/engines/wasm/wasm-engine.ts";
import { GAS_SCHEDULE_1, GasMeter } from "../../src/execution/gas.ts";
import type { CallInput, HostContext, LoadedCode } from "../../src/execution/host.ts";
import { printBanner } from "../support/machine.ts";
import { Random } from "../support/random.ts";

const holders = Number(process.argv[2] ?? 10_000);
const seconds = Number(process.argv[3] ?? 3);
const SLICE = 500;
const GAS = 1e12;

printBanner("cw20-base on the WASM engine", { holders, seconds });

const data = dirname(createRequire(import.meta.url).resolve("@oraichain/common-contracts-build/package.json"));
const wasm = readFileSync(join(data, "data", "cw20-base.wasm"));
const engine = new WasmContractEngine({ abis: [new CosmWasmAbi({ addressPrefix: "poly", denom: "upoly" })] });
const addresses = new Addresses("poly");

const state = new Map<string, Uint8Array>();
let logged = 0;
const { stateRead, stateWrite, rangeEntry, logBase } = GAS_SCHEDULE_1;

/** The frame of every call: one contract's state, priced as the schedule has it. */
const host = {
  gas: new GasMeter(GAS),
  block: { height: 1, timestampMs: 1_700_000_000_000, chainId: 1337, protocolVersion: 1 },
  address: new Uint8Array(20).fill(3),
  caller: new Uint8Array(20),
  sender: new Uint8Array(20),
  value: 0n,
  isStatic: false,
  charge(_item: string, amount: number) {
    host.gas.charge(amount);
  },
  get(key: Uint8Array) {
    host.gas.charge(stateRead);
    return state.get(toLatin1(key));
  },
  set(key: Uint8Array, value: Uint8Array) {
    host.gas.charge(stateWrite);
    state.set(toLatin1(key), value.slice());
  },
  delete(key: Uint8Array) {
    host.gas.charge(stateWrite);
    state.delete(toLatin1(key));
  },
  *range(start: Uint8Array, end: Uint8Array | undefined, reverse = false) {
    const keys = [...state.keys()].map(fromLatin1).sort((a, b) => compareBytes(a, b) * (reverse ? -1 : 1));
    for (const key of keys) {
      if (compareBytes(key, start) < 0 || (end !== undefined && compareBytes(key, end) >= 0)) continue;
      host.gas.charge(rangeEntry);
      yield { key, value: state.get(toLatin1(key))! };
    }
  },
  log(_topics: readonly Uint8Array[], bytes: Uint8Array) {
    host.gas.charge(logBase + bytes.length);
    logged++;
  },
  contractInfo: () => ({ codeHash: new Uint8Array(32) }),
  codeId: () => 1,
};
const frame = host as unknown as HostContext;

const people = Array.from({ length: holders }, (_, i) => {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  for (let k = 0; k < 4; k++) view.setUint32(4 * k, Math.imul(i + 1, 0x9e3779b1 + 2 * k));
  view.setUint32(16, i);
  return { bytes, text: addresses.text(bytes) };
});

const init = {
  name: "Cash",
  symbol: "CASH",
  decimals: 6,
  initial_balances: people.map(({ text }) => ({ address: text, amount: "1000000" })),
};
const started = performance.now();
const { code } = engine.admitDeploy({ type: "wasm", code: toHex(wasm), init }, () => undefined);
const admitted = performance.now();
if (engine.deploy(frame, code, { type: "wasm", init }).status !== "success") throw new Error("not instantiated");
console.log(
  `admission ${(admitted - started).toFixed(1)} ms for ${wasm.length} bytes, instantiation with ${holders} holders`,
);
console.log(`  ${(performance.now() - admitted).toFixed(1)} ms`);
const loaded: LoadedCode = { codeHash: new Uint8Array(32).fill(1), code, program: undefined };

const random = new Random(1);
const person = () => people[random.below(holders)]!;

function input(message: unknown): CallInput {
  const bytes = new Uint8Array(Buffer.from(JSON.stringify(message)));
  return { form: BodyForm.json, bytes, start: 0, end: bytes.length };
}

/** Runs slices of calls for a while. @returns calls a second, and gas of the last. */
function measure(isStatic: boolean, make: () => unknown): { rate: number; gas: number } {
  let calls = 0;
  let ms = 0;
  host.isStatic = isStatic;
  while (ms < seconds * 1000) {
    const slice = Array.from({ length: SLICE }, () => ({ from: person(), call: input(make()) }));
    const begin = performance.now();
    for (const { from, call } of slice) {
      host.gas.reset(GAS);
      host.caller = from.bytes;
      if (engine.execute(frame, loaded, call).status !== "success") throw new Error("a call failed");
    }
    ms += performance.now() - begin;
    calls += SLICE;
  }
  host.isStatic = false;
  return { rate: Math.round((calls / ms) * 1000), gas: host.gas.used };
}

measure(false, () => ({ transfer: { recipient: person().text, amount: "1" } }));
const transfers = measure(false, () => ({ transfer: { recipient: person().text, amount: "1" } }));
const queries = measure(true, () => ({ balance: { address: person().text } }));
console.log(`transfers ${transfers.rate}/s, ${(1e6 / transfers.rate).toFixed(2)} us, ${transfers.gas} gas`);
console.log(`balance queries ${queries.rate}/s, ${(1e6 / queries.rate).toFixed(2)} us, ${queries.gas} gas`);

host.isStatic = true;
host.gas.reset(GAS);
const total = people.reduce((sum, { text }) => {
  host.gas.reset(GAS);
  const { returnData } = engine.execute(frame, loaded, input({ balance: { address: text } }));
  return sum + BigInt((JSON.parse(Buffer.from(returnData).toString("utf8")) as { balance: string }).balance);
}, 0n);
if (total !== BigInt(holders) * 1_000_000n) throw new Error(`the balances add up to ${total}`);
console.log(`checked: the balances of ${holders} holders add up to the supply; ${logged} logs`);
