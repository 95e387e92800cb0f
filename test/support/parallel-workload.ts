/**
 * Blocks for executors that share them out: contracts that meet through each other, share senders, revert, halt, iterate and move
 * value. `Cells` runs what its calldata says.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { buildContract } from "../../contracts/build.mjs";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import type { TransactionJson } from "../../src/encoding/transaction.ts";
import { createAddress } from "../../src/execution/contract-record.ts";
import { contractText, wasmOf } from "./wasm-chain.ts";

export const PEOPLE = [1, 2, 3, 4, 5, 6].map((n) => `0x${n.toString(16).padStart(2, "0")}${"5a".repeat(18)}ab`);
/** Made the contracts, in its first transactions. */
export const DEPLOYER = PEOPLE[0]!;
export const BALANCES = PEOPLE.map((address) => ({ address: fromHex(address)!, balance: 1_000n }));

/**
 * Calldata is a program of instructions: op, key, value (4). 1 adds value to the cell under key · 2 the same, then reverts if the
 * cell is odd · 3 halts if the cell is odd · 4 spins out of gas · 5 adds what it has of native value to the cell ·
 * 6 counts its entries into the cell · 7 deletes the cell · 8, address (20), value: calls the rest of the program there ·
 * 9 writes 40 bytes under key · 11 spins out of gas if the cell is zero, else nothing · 10 sends `value` of native value to the address that follows.
 */
const CELLS = contractText({
  memory: "1",
  call: `(local $at i32) (local $end i32) (local $op i32) (local $cell i32)
    (local.set $end (call $input_length))
    (call $input_read (i32.const 0) (i32.const 0) (local.get $end))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $op (i32.load8_u (local.get $at)))
      (if (i32.eq (local.get $op) (i32.const 8)) (then
        (drop (call $call (i32.add (local.get $at) (i32.const 6)) (i32.const 0)
          (i32.add (local.get $at) (i32.const 26))
          (i32.sub (local.get $end) (i32.add (local.get $at) (i32.const 26)))
          (i64.const 200000) (i32.const 0)))
        (return)))
      (if (i32.eq (local.get $op) (i32.const 10)) (then
        (memory.fill (i32.const 2000) (i32.const 0) (i32.const 32))
        (i32.store8 (i32.const 2031) (i32.load8_u (i32.add (local.get $at) (i32.const 2))))
        (drop (call $call (i32.add (local.get $at) (i32.const 6)) (i32.const 2000)
          (i32.const 0) (i32.const 0) (i64.const 50000) (i32.const 0)))
        (return)))
      (if (i32.eq (local.get $op) (i32.const 4)) (then (loop $l (br $l))))
      (i32.store (i32.const 1000) (i32.const 0))
      (drop (call $state_get (i32.add (local.get $at) (i32.const 1)) (i32.const 1) (i32.const 1000) (i32.const 4)))
      (local.set $cell (i32.load (i32.const 1000)))
      (if (i32.and (i32.eq (local.get $op) (i32.const 11)) (i32.eqz (local.get $cell))) (then (loop $l (br $l))))
      (if (i32.eq (local.get $op) (i32.const 5)) (then
        (call $context (i32.const 1200))
        (call $balance (i32.const 1200) (i32.const 1300))
        (local.set $cell (i32.add (local.get $cell) (i32.load8_u (i32.const 1331))))))
      (if (i32.eq (local.get $op) (i32.const 6)) (then
        (drop (call $range_open (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
        (block $end (loop $more
          (br_if $end (i32.eqz (call $range_next (i32.const 0))))
          (local.set $cell (i32.add (local.get $cell) (i32.const 1)))
          (br $more)))))
      (i32.store (i32.const 1000)
        (i32.add (local.get $cell) (i32.load (i32.add (local.get $at) (i32.const 2)))))
      (if (i32.eq (local.get $op) (i32.const 7))
        (then (call $state_delete (i32.add (local.get $at) (i32.const 1)) (i32.const 1)))
        (else (if (i32.eq (local.get $op) (i32.const 9))
          (then (call $state_set (i32.add (local.get $at) (i32.const 1)) (i32.const 1) (i32.const 984) (i32.const 40)))
          (else (call $state_set (i32.add (local.get $at) (i32.const 1)) (i32.const 1) (i32.const 1000) (i32.const 4))))))
      (call $log (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 4))
      (if (i32.and (i32.eq (local.get $op) (i32.const 2)) (i32.and (local.get $cell) (i32.const 1)))
        (then (call $revert (i32.const 1000) (i32.const 4))))
      (if (i32.and (i32.eq (local.get $op) (i32.const 3)) (i32.and (local.get $cell) (i32.const 1)))
        (then (unreachable)))
      (local.set $at (i32.add (local.get $at) (i32.const 6)))
      (br $next)))
    (call $return_data (i32.const 1000) (i32.const 4))`,
});

const cells = toHex(wasmOf(CELLS));
const CONTRACTS = 5;
const addressOf = (nonce: number) => toHex(createAddress(fromHex(DEPLOYER)!, nonce));
/** The first of the chain's contracts, each `Cells`. */
export const CELL_CONTRACTS: readonly string[] = Array.from({ length: CONTRACTS }, (_, nonce) => addressOf(nonce));
/** An AssemblyScript token of the deployer's. */
const TOKEN = addressOf(CONTRACTS);

/** The chain's first block. */
export async function deployments(): Promise<TransactionJson[]> {
  const token = toHex(readFileSync((await buildContract("token")).wasm));
  const contracts = [
    ...CELL_CONTRACTS.map(() => ({ type: "wasm", code: cells })),
    { type: "wasm", code: token, init: ["T", "T", 18, "1000000"] },
  ];
  return contracts.map((contract) => ({ kind: "deploy", sender: DEPLOYER, gasLimit: 100_000_000, contract }));
}

const hexByte = (value: number) => value.toString(16).padStart(2, "0");
export const instruction = (op: number, key: number, value: number) =>
  `${hexByte(op)}${hexByte(key)}${hexByte(value)}000000`;
/** Goes on in another contract. */
export const goOn = (to: string) => `080000000000${to.slice(2)}`;
const step = fc
  .record({ op: fc.constantFrom(1, 1, 1, 1, 2, 3, 5, 6, 7, 9), key: fc.nat(5), value: fc.nat(3) })
  .map(({ op, key, value }) => instruction(op, key, value));
const program: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.array(step, { minLength: 1, maxLength: 4 }).map((steps) => steps.join("")) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.array(step, { maxLength: 2 }), fc.constantFrom(...CELL_CONTRACTS), fc.array(step, { maxLength: 2 }))
      .map(([before, to, rest]) => `${before.join("")}${goOn(to)}${rest.join("")}`),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(2), fc.constantFrom(...CELL_CONTRACTS, ...PEOPLE))
      .map(([value, to]) => `0a00${hexByte(value)}000000${to.slice(2)}`),
  },
);

const call = fc
  .record({
    sender: fc.constantFrom(...PEOPLE),
    to: fc.constantFrom(...CELL_CONTRACTS),
    program,
    gasLimit: fc.oneof({ weight: 9, arbitrary: fc.constant(1_000_000) }, fc.integer({ min: 21_000, max: 60_000 })),
    nonce: fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, fc.nat(30)),
    value: fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, fc.constantFrom("1", "60", "10000")),
  })
  .map(({ program: text, ...rest }): TransactionJson => ({ kind: "call", ...rest, calldata: `0x${text}` }));

const transfer = fc
  .record({ sender: fc.constantFrom(...PEOPLE), who: fc.constantFrom(...PEOPLE), amount: fc.nat(300) })
  .map(
    ({ sender, who, amount }): TransactionJson => ({
      kind: "call",
      sender,
      to: TOKEN,
      gasLimit: 300_000,
      entrypoint: "transfer",
      args: [who, String(amount)],
    }),
  );

const other: fc.Arbitrary<TransactionJson> = fc.oneof(
  fc
    .record({ sender: fc.constantFrom(...PEOPLE), to: fc.constantFrom(...PEOPLE), value: fc.constantFrom("1", "700") })
    .map(({ sender, to, value }) => ({ kind: "call" as const, sender, to, value, gasLimit: 30_000 })),
  fc
    .record({ to: fc.constantFrom(...CELL_CONTRACTS), status: fc.constantFrom("paused", "active", "active") })
    .map(({ to, status }) => ({ kind: "setStatus" as const, sender: DEPLOYER, to, status, gasLimit: 100_000 })),
  fc.constantFrom(...PEOPLE).map((sender) => ({
    kind: "deploy" as const,
    sender,
    gasLimit: 10_000_000,
    contract: { type: "wasm", code: cells },
  })),
  fc.constantFrom(...CELL_CONTRACTS).map((to) => ({
    kind: "call" as const,
    sender: PEOPLE[1]!,
    to,
    gasLimit: 2_000_000,
    calldata: "0x040000000000",
  })),
);

/** Mostly calls of `Cells`, by few people, so that much meets. */
export const transaction: fc.Arbitrary<TransactionJson> = fc.oneof(
  { weight: 20, arbitrary: call },
  { weight: 8, arbitrary: transfer },
  { weight: 2, arbitrary: other },
);
