/**
 * Question   How far behind the built-in ERC-20 is a token written in AssemblyScript with the SDK?
 * Workload   transfers of 1 unit between random holders (uniform), the same for both tokens in turn: blocks of `blockSize`,
 *            explicit nonces, by entrypoint and args, with receipts, logs and both roots; state in memory; no journal, no wire.
 * Expected   at least a quarter of the built-in's rate.
 * Checked    every transfer succeeds, and both tokens end with the same balances.
 * Run        node scripts/run.mjs bench/micro/wasm-token.bench.ts [holders] [blockSize] [seconds]
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import { PolytorusAbi } from "../../src/engines/wasm/polytorus/polytorus-abi.ts";
import { WasmContractEngine } from "../../src/engines/wasm/wasm-engine.ts";
import { Executor } from "../../src/execution/executor.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { nativeHasher } from "../../src/native/hash.ts";
import { NativeStateTree } from "../../src/native/state-tree.ts";
import { printBanner } from "../support/machine.ts";
import { Random } from "../support/random.ts";

const holders = Number(process.argv[2] ?? 20_000);
const blockSize = Number(process.argv[3] ?? 1_000);
const seconds = Number(process.argv[4] ?? 4);
const SETUP_BATCH = 4_000;
const zero = new Uint8Array(32);
const owner = toHex(new Uint8Array(20).fill(7));
const random = new Random(1);

printBanner("An AssemblyScript token and the built-in ERC-20", { holders, blockSize, seconds });
execFileSync(process.execPath, ["contracts/build.mjs", "token"]);

const addon = loadAddon();
const native = isAddon(addon);
const executor = new Executor({
  snapshot: { get: () => undefined, range: () => [], appliedSeq: () => -1 },
  tree: native ? NativeStateTree.attach(addon, "wasm-token") : new PortableStateTree(),
  hasher: native ? nativeHasher(addon) : portableHasher,
  engines: [new BuiltinEngine(), new WasmContractEngine({ abis: [new PolytorusAbi()] })],
  parameters: DEFAULT_PARAMETERS,
  head: { seq: -1, height: -1, timestampMs: 0, blockHash: zero, stateRoot: zero },
  table: { pinned: true },
});

const addresses = Array.from({ length: holders }, (_, i) => {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  for (let k = 0; k < 4; k++) view.setUint32(4 * k, Math.imul(i + 1, 0x9e3779b1 + 2 * k));
  view.setUint32(16, i);
  return toHex(bytes);
});
const nonces = new Map<string, number>();

function transaction(sender: string, parts: Omit<TransactionJson, "sender" | "gasLimit">, gasLimit = 300_000) {
  const nonce = nonces.get(sender) ?? 0;
  nonces.set(sender, nonce + 1);
  return { sender, nonce, gasLimit, ...parts };
}

/** Executes one block; only this is timed. @throws Error unless every transaction succeeded. */
function block(transactions: readonly TransactionJson[]): { entry: BlockEntry; ms: number } {
  const out = new ByteWriter();
  for (const one of transactions) encodeTransaction(one, out);
  const batch = out.take();
  const started = performance.now();
  const [result] = executor.execute(batch, [transactions.length], 1);
  const ms = performance.now() - started;
  if (result?.entry === undefined || result.rejected.length > 0)
    throw new Error(JSON.stringify(result?.rejected.slice(0, 2)));
  const entry = new BlockEntry(result.entry);
  for (let i = 0; i < transactions.length; i++)
    if (entry.bytes[entry.receiptAt(i)] !== 1) throw new Error(`transaction ${i} did not succeed`);
  return { entry, ms };
}

function deploy(contract: Record<string, unknown>): string {
  const { entry } = block([transaction(owner, { kind: "deploy", contract }, 100_000_000)]);
  return toHex(entry.bytes, entry.receiptAt(0) + 16, entry.receiptAt(0) + 36);
}

function transfer(to: string, sender: string, receiver: string, amount: string): TransactionJson {
  return transaction(sender, { kind: "call", to, entrypoint: "transfer", args: [receiver, amount] });
}

const supply = String(10n ** 30n);
const code = toHex(readFileSync("contracts/token/build/token.wasm"));
const tokens = [
  {
    name: "built in",
    address: deploy({ type: "erc20", name: "T", symbol: "T", decimals: 18, initialSupply: supply }),
    ms: 0,
    count: 0,
  },
  { name: "AssemblyScript", address: deploy({ type: "wasm", code, init: ["T", "T", 18, supply] }), ms: 0, count: 0 },
];
for (const { address } of tokens)
  for (let i = 0; i < holders; i += SETUP_BATCH)
    block(addresses.slice(i, i + SETUP_BATCH).map((holder) => transfer(address, owner, holder, "1000000")));

function round(isTimed: boolean): void {
  const pairs = Array.from({ length: blockSize }, () => [
    addresses[random.below(holders)]!,
    addresses[random.below(holders)]!,
  ]);
  for (const token of tokens) {
    const { ms } = block(pairs.map(([from, to]) => transfer(token.address, from!, to!, "1")));
    if (!isTimed) continue;
    token.ms += ms;
    token.count += blockSize;
  }
}
for (let i = 0; i < 30; i++) round(false);
while (tokens.reduce((sum, { ms }) => sum + ms, 0) < seconds * 1000) round(true);

const balances = tokens.map(({ address }) =>
  addresses.slice(0, 200).map((holder) => {
    const out = new ByteWriter();
    encodeTransaction(
      { kind: "call", sender: owner, gasLimit: 300_000, to: address, entrypoint: "balanceOf", args: [holder] },
      out,
    );
    executor.blocks.engine.admitQuery(out.take(), 0);
    return toHex(executor.blocks.engine.query().returnData);
  }),
);
if (JSON.stringify(balances[0]) !== JSON.stringify(balances[1])) throw new Error("the tokens' balances differ");

const perToken = tokens.map(({ ms, count }) => (1000 * ms) / count);
console.log("| token | us each | transfers/s | of the built-in's rate |\n|---|---|---|---|");
for (const [i, { name }] of tokens.entries())
  console.log(
    `| ${name} | ${perToken[i]!.toFixed(2)} | ${Math.round(1e6 / perToken[i]!)} | ${((100 * perToken[0]!) / perToken[i]!).toFixed(0)} % |`,
  );
