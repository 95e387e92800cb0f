/**
 * Question   What does an answer from the result cache cost, in process, and how many questions does it answer?
 * Workload   balanceOf on a built-in token with 10,000 holders.
 *              from a request   a transaction object encoded, looked up, answered; 1,000 holders in turn, all cached
 *              prepared         the same by keys made before
 *              run              the same with bypass: what a hit is compared with
 *              Zipf             reads by Zipf(1.0) over 10,000 holders; 5 % of the accesses are transfers to a holder by the
 *                               same law, one block each; the cache keeps 1,000 answers
 * Expected   400,000/s from a request and 1.5 million/s prepared. A hit rate within a point of a least-recently-used cache that
 *            forgets what was written at once; the offline optimum, which knows the future, shows what is left.
 * Checked    every answer of the Zipf run against the book of what each holder has; all answers of the timed loops are hits.
 * Run        node scripts/run.mjs bench/micro/result-cache.bench.ts [--seconds 2] [--rounds 3]
 */
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { decodeAnswer, type QueryAnswer } from "../../src/encoding/query-answer.ts";
import { decodeReceipt } from "../../src/encoding/receipt.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import { EnhancedContractEngine } from "../../src/engines/enhanced/enhanced-engine.ts";
import { queryKey } from "../../src/engines/enhanced/query-key.ts";
import { Executor } from "../../src/execution/executor.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { printBanner } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { Random } from "../support/random.ts";
import { rateSpreadText, spreadOf, tableText } from "../support/statistics.ts";
import { idealLruHitRate, offlineOptimumHitRate, zipfAccesses } from "../support/zipf.ts";

const HOLDERS = 10_000;
const ENTRIES = 1_000;
const ACCESSES = 200_000;
const WRITE_SHARE = 0.05;
const OWNER = `0x${"07".repeat(20)}`;
const READER = `0x${"11".repeat(20)}`;
const GAS_LIMIT = 1_000_000;

const options = readOptions({ seconds: 2, rounds: 3 });
printBanner("Answers from the result cache, in process", options);

const zero = new Uint8Array(32);
const executor = new Executor({
  snapshot: { get: () => undefined, range: () => [], appliedSeq: () => -1 },
  tree: new PortableStateTree(),
  hasher: portableHasher,
  engines: [new BuiltinEngine()],
  parameters: DEFAULT_PARAMETERS,
  head: { seq: -1, height: -1, timestampMs: 0, blockHash: zero, stateRoot: zero },
  table: { pinned: true },
  recordReads: true,
});
const genesis = new BlockEntry(executor.genesis([]));
const engine = new EnhancedContractEngine(
  {
    entriesMax: ENTRIES,
    bytesMax: 64 * 1024 * 1024,
    ttlMs: 300_000,
    seq: genesis.seq,
    blockHeight: () => executor.head.height,
    nowMs: () => performance.now(),
  },
  {
    submit: (encode, sink) => {
      const out = new ByteWriter(1024);
      encode(out);
      const results = new ByteWriter(1024);
      executor.queries({ calls: out.take(), count: 1 }, results);
      sink.settle(decodeAnswer(results.take(), 0, executor.head.seq, executor.head.height));
    },
  },
);

const token = toHex(
  send({
    kind: "deploy",
    sender: OWNER,
    gasLimit: 10_000_000,
    contract: { type: "erc20", name: "B", symbol: "B", decimals: 0, initialSupply: "1000000000" },
  }).contractAddress!,
);
const holders = Array.from({ length: HOLDERS }, (_, i) => `0x${(i + 1).toString(16).padStart(40, "0")}`);
const queries = holders.map(
  (holder): TransactionJson => ({
    kind: "call",
    sender: READER,
    nonce: 0,
    gasLimit: GAS_LIMIT,
    to: token,
    entrypoint: "balanceOf",
    args: [holder],
  }),
);

function send(transaction: TransactionJson) {
  const out = new ByteWriter(1024);
  encodeTransaction(transaction, out);
  const [block] = executor.execute(out.take(), [1], executor.head.timestampMs + 1);
  const entry = new BlockEntry(block!.entry!);
  engine.committed(entry);
  return decodeReceipt(entry.bytes, entry.receiptAt(0));
}

let asked: TransactionJson = queries[0]!;
let answer: QueryAnswer | undefined;
const encode = (out: ByteWriter) => {
  encodeTransaction(asked, out);
  return 1;
};
const sink = {
  settle: (settled: QueryAnswer) => {
    answer = settled;
  },
  fail: (error: Error) => {
    throw error;
  },
};

function ask(query: TransactionJson, bypass = false): QueryAnswer {
  asked = query;
  engine.query(encode, sink, bypass);
  return answer!;
}

/** Calls a second; each call must answer whether it came from the cache. */
function rate(call: (i: number) => boolean, expected: boolean): number {
  const until = performance.now() + options.seconds * 1000;
  const startedAt = performance.now();
  let calls = 0;
  while (performance.now() < until)
    for (let i = 0; i < ENTRIES; i++, calls++)
      if (call(i) !== expected) throw new Error(`answer ${i} came ${expected ? "not " : ""}from the cache`);
  return (calls * 1000) / (performance.now() - startedAt);
}

const prepared = queries.slice(0, ENTRIES).map((query) => {
  const out = new ByteWriter(1024);
  encodeTransaction(query, out);
  return queryKey(Buffer.from(out.take()));
});
for (let i = 0; i < ENTRIES; i++) ask(queries[i]!);
const rates = { request: [] as number[], prepared: [] as number[], run: [] as number[] };
for (let round = 0; round < options.rounds; round++) {
  rates.request.push(rate((i) => ask(queries[i]!).cached, true));
  rates.prepared.push(rate((i) => engine.lookup(prepared[i]!) !== undefined, true));
  rates.run.push(rate((i) => ask(queries[i]!, true).cached, false));
}

const accesses = zipfAccesses(new Random(7), HOLDERS, ACCESSES, WRITE_SHARE);
const book = new Float64Array(HOLDERS);
engine.cache.clear();
let hits = 0;
let reads = 0;
for (const { key, isWrite } of accesses) {
  if (isWrite) {
    send({
      kind: "call",
      sender: OWNER,
      gasLimit: GAS_LIMIT,
      to: token,
      entrypoint: "transfer",
      args: [holders[key], "1"],
    });
    book[key]!++;
    continue;
  }
  const { cached, returnData } = ask(queries[key]!);
  if (BigInt(toHex(returnData)) !== BigInt(book[key]!)) throw new Error(`holder ${key} has not what was answered`);
  reads++;
  if (cached) hits++;
}
const rateOfHits = hits / reads;
const ideal = idealLruHitRate(accesses, ENTRIES);
const optimum = offlineOptimumHitRate(accesses, ENTRIES);
const points = (share: number) => `${(100 * share).toFixed(2)} %`;
const verdict = (isMet: boolean) => (isMet ? "met" : "missed");
const row = (name: string, goal: number, values: number[]) => {
  const spread = spreadOf(values);
  return [
    name,
    goal === 0 ? "-" : `≥ ${goal.toLocaleString("en-US")}/s`,
    rateSpreadText(spread),
    goal === 0 ? "-" : verdict(spread.median >= goal),
  ];
};
process.stdout.write(
  `\n${tableText(
    ["query", "goal", "a second, median (min–max)", "verdict"],
    [
      row("cached, from a request", 400_000, rates.request),
      row("cached, prepared key", 1_500_000, rates.prepared),
      row("run, in process", 0, rates.run),
    ],
  )}\n${tableText(
    ["Zipf(1.0), 10,000 keys, 5 % writes, 1,000 entries", "hit rate"],
    [
      ["this cache", points(rateOfHits)],
      ["ideal LRU", points(ideal)],
      ["offline optimum", points(optimum)],
    ],
  )}\nwithin a point of the ideal LRU: ${verdict(Math.abs(rateOfHits - ideal) <= 0.01)}; ${reads.toLocaleString("en-US")} answers checked\n`,
);
