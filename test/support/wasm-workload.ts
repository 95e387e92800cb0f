/**
 * Thousands of random calls to real contracts, and to one that grows, traps and reverts, as one digest of everything that
 * came of them. Whatever machine, compiler tier or instance ran them, the digest must be the same.
 */
import { createHash, type Hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Random } from "../../bench/support/random.ts";
import { toHex } from "../../src/encoding/hex.ts";
import type { Receipt } from "../../src/encoding/receipt.ts";
import { PolytorusAbi } from "../../src/engines/wasm/polytorus/polytorus-abi.ts";
import { CosmWasmChain } from "./cosmwasm-chain.ts";
import { WasmChain } from "./wasm-chain.ts";

export interface Workload {
  /** Nothing is kept between calls: each has a new instance. */
  isFresh: boolean;
  callsPerContract: number;
  seed: number;
  /** Files: the SDK's token, an unchanged cw20, and `hostileText`. */
  token: string;
  cw20: string;
  hostile: string;
}

/** Does what its input's bits say, with memory, globals, gas and state. */
export const hostileCall = `(local $do i32) (local $n i32)
  (call $input_read (i32.const 64) (i32.const 0) (i32.const 4))
  (local.set $do (i32.load8_u (i32.const 64)))
  (local.set $n (i32.load16_u (i32.const 66)))
  (global.set $g (i32.add (global.get $g) (local.get $n)))
  (if (i32.and (local.get $do) (i32.const 1)) (then (drop (memory.grow (i32.and (local.get $n) (i32.const 7))))))
  (if (i32.and (local.get $do) (i32.const 2)) (then
    (memory.fill (i32.and (local.get $n) (i32.const 0xffc0)) (local.get $n) (i32.const 300))))
  (if (i32.and (local.get $do) (i32.const 4)) (then
    (loop (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if 0 (i32.gt_s (local.get $n) (i32.const 0))))))
  (i32.store (i32.const 256) (i32.add (global.get $g) (memory.size)))
  (i32.store (i32.const 260) (i32.load offset=40000 (local.get $n)))
  (call $state_set (i32.const 64) (i32.const 1) (i32.const 256) (i32.const 8))
  (call $log (i32.const 0) (i32.const 1) (i32.const 256) (i32.const 8))
  (call $return_data (i32.const 256) (i32.const 8))
  (if (i32.and (local.get $do) (i32.const 8)) (then (drop (call $deeper (local.get $n)))))
  (if (i32.and (local.get $do) (i32.const 16)) (then (call $revert (i32.const 256) (i32.const 8))))
  (if (i32.eq (i32.and (local.get $do) (i32.const 96)) (i32.const 96)) (then (unreachable)))`;
export const hostileRest = `(global $g (mut i32) (i32.const 7))
  (func $deeper (param $n i32) (result i32) (local i64 i64)
    (if (result i32) (i32.eqz (local.get $n)) (then (i32.const 1))
      (else (i32.add (i32.const 1) (call $deeper (i32.sub (local.get $n) (i32.const 1)))))))`;

export function digestOf(workload: Workload): string {
  const digest = createHash("sha256");
  runPolytorus(workload, digest);
  runCosmWasm(workload, digest);
  return digest.digest("hex");
}

const person = (index: number) => `0x${(index + 1).toString(16).padStart(40, "0")}`;

function runPolytorus({ isFresh, callsPerContract, seed, token, hostile }: Workload, digest: Hash): void {
  const chain = new WasmChain({ abis: [new PolytorusAbi()], wasm: isFresh ? { slotsBytesMax: 0 } : {} });
  const tokenAddress = chain.install(person(0), readFileSync(token), { init: ["Token", "TKN", 18, "100000"] });
  const hostileAddress = chain.install(person(0), readFileSync(hostile));
  const random = new Random(seed);
  const add = ({ status, haltReason, gasUsed, returnData, logs }: Receipt) =>
    digest.update(
      JSON.stringify([status, haltReason, gasUsed, toHex(returnData), logs.map(({ data }) => toHex(data))]),
    );
  const entrypoints = ["transfer", "approve", "transferFrom", "mint"] as const;
  for (let i = 0; i < callsPerContract; i++) {
    const gasLimit = random.below(4) === 0 ? 22_500 + random.below(30_000) : 1_000_000;
    const entrypoint = entrypoints[random.below(entrypoints.length)]!;
    const [from, to, amount] = [person(random.below(8)), person(random.below(8)), String(random.below(2_000))];
    const args = entrypoint === "transferFrom" ? [person(random.below(8)), to, amount] : [to, amount];
    add(chain.call({ sender: from, to: tokenAddress, gasLimit, entrypoint, args }));
    const calldata = `0x${random.below(0x7fffffff).toString(16).padStart(8, "0")}`;
    add(chain.callRaw(from, hostileAddress, calldata, 30_000 + random.below(200_000)));
  }
  digest.update(chain.executor.root());
}

function runCosmWasm({ isFresh, callsPerContract, seed, cw20 }: Workload, digest: Hash): void {
  const chain = new CosmWasmChain(isFresh ? { slotsBytesMax: 0 } : {});
  const people = Array.from({ length: 8 }, (_, i) => chain.account(`person ${i}`));
  const text = (index: number) => chain.text(people[index]!);
  const { address } = chain.instantiate(people[0]!, chain.store(readFileSync(cw20)), {
    name: "Cash",
    symbol: "CASH",
    decimals: 6,
    initial_balances: people.map((_, i) => ({ address: text(i), amount: "10000" })),
    mint: { minter: text(0) },
  });
  const random = new Random(seed);
  for (let i = 0; i < callsPerContract; i++) {
    const [from, to, other] = [random.below(8), random.below(8), random.below(8)];
    const amount = String(random.below(3_000));
    const messages = [
      { transfer: { recipient: text(to), amount } },
      { burn: { amount } },
      { mint: { recipient: text(to), amount } },
      { increase_allowance: { spender: text(to), amount } },
      { transfer_from: { owner: text(other), recipient: text(to), amount } },
      { transfer: { recipient: "nobody", amount } },
    ];
    const gas = random.below(5) === 0 ? 10_000 + random.below(60_000) : 10_000_000;
    const result = chain.execute(people[from]!, address, messages[random.below(messages.length)], { gas });
    const { status, gasUsed, returnData, events, error } = result;
    digest.update(JSON.stringify([status, gasUsed, toHex(returnData), events, error]));
  }
  digest.update(chain.executor.root());
}
