/** Whatever was written, rolled back, paused or asked before: a cached answer is what running the query now would answer. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { QueryAnswer } from "../../src/encoding/query-answer.ts";
import { type Call, EnhancedChain } from "../support/enhanced-chain.ts";
import { type ProbeStep, probeCalldata } from "../support/probe-engine.ts";

const ALICE = `0x${"a1".repeat(20)}`;
const BOB = `0x${"b0".repeat(20)}`;
const KEYS = 4;
const CONTRACTS = 2;
const GAS_LIMITS = [10_000_000, 4_000, 10_000_000, 9_000, 10_000_000, 60_000];

const key = fc.nat(KEYS - 1);
const simpleStep = fc.oneof(
  { weight: 5, arbitrary: key.map((k): ProbeStep => ({ step: "get", key: k })) },
  { weight: 2, arbitrary: fc.tuple(key, key).map(([from, to]): ProbeStep => ({ step: "range", from, to })) },
  fc.constantFrom<ProbeStep>(
    { step: "height" },
    { step: "time" },
    { step: "gas" },
    { step: "revert" },
    { step: "balance", account: ALICE },
  ),
);

/** A few that come again and again, and anything. */
const PROGRAMS: ProbeStep[][] = [
  [{ step: "get", key: 0 }],
  [
    { step: "get", key: 1 },
    { step: "get", key: 0 },
  ],
  [{ step: "range", from: 0, to: KEYS }],
  [{ step: "height" }],
  [{ step: "gas" }, { step: "get", key: 1 }],
];
const program = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...PROGRAMS) },
  { weight: 1, arbitrary: fc.array(simpleStep, { minLength: 1, maxLength: 3 }) },
);

type Operation =
  | { do: "query"; contract: number; steps: ProbeStep[]; inner: number | undefined; caller: string; gasLimit: number }
  | { do: "balanceOf"; owner: string }
  | { do: "put"; contract: number; key: number; value: number }
  | { do: "transfer"; amount: number }
  | { do: "status"; contract: number; status: "active" | "paused" }
  | { do: "rollBack"; count: number }
  | { do: "deliver" }
  | { do: "wait"; ms: number };

const contract = fc.constantFrom(0, 0, 1);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constant("query" as const),
      contract,
      steps: program,
      inner: fc.option(contract, { nil: undefined, freq: 3 }),
      caller: fc.constantFrom(ALICE, ALICE, ALICE, BOB),
      gasLimit: fc.constantFrom(...GAS_LIMITS),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("balanceOf" as const), owner: fc.constantFrom(ALICE, BOB) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("put" as const), contract, key, value: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("transfer" as const), amount: fc.nat(3) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("status" as const),
      contract,
      status: fc.constantFrom("active" as const, "paused" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rollBack" as const), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 6, arbitrary: fc.constant({ do: "deliver" as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 50) }) },
);

/** What an answer says to the one who asked. */
function said({ status, haltReason, gasUsed, returnData, rejection }: QueryAnswer) {
  return { status, haltReason, gasUsed, returnData: Buffer.from(returnData).toString("latin1"), rejection };
}

/** Answers by whether they came from the cache: that the property is about something. */
const seen = { cached: 0, run: 0 };

function play(operations: readonly Operation[]): void {
  const chain = new EnhancedChain({ entriesMax: 20, ttlMs: 100 });
  const probes = Array.from({ length: CONTRACTS }, () => chain.deploy(ALICE, { type: "probe" }));
  const token = { type: "erc20", name: "T", symbol: "T", decimals: 0, initialSupply: "100" };
  const coin = chain.deploy(ALICE, token);
  const lowest = chain.height;
  let unanswered = 0;
  const ask = (call: Call) => {
    const askedAtSeq = chain.executor.head.seq;
    unanswered++;
    chain.ask(call, (answer) => {
      unanswered--;
      expect(answer.seq).toBeGreaterThanOrEqual(askedAtSeq);
      if (answer.cached) {
        expect(said(answer)).toEqual(said(chain.uncached(call)));
        expect(answer.seq).toBe(chain.executor.head.seq);
        expect(answer.blockHeight).toBe(chain.height);
      }
      seen[answer.cached ? "cached" : "run"]++;
    });
  };
  for (const op of operations) {
    switch (op.do) {
      case "query": {
        const { steps, inner, gasLimit, caller } = op;
        const to = probes[op.contract]!;
        const called: ProbeStep[] =
          inner === undefined ? steps : [...steps, { step: "call", to: probes[inner]!, gas: 20_000, steps }];
        ask({ to, calldata: probeCalldata(called), sender: caller, gasLimit });
        break;
      }
      case "balanceOf":
        ask({ to: coin, entrypoint: "balanceOf", args: [op.owner] });
        break;
      case "put":
        chain.send({
          kind: "call",
          sender: ALICE,
          to: probes[op.contract]!,
          calldata: probeCalldata([{ step: "put", key: op.key, value: op.value }]),
        });
        break;
      case "transfer":
        chain.send({ kind: "call", sender: ALICE, to: coin, entrypoint: "transfer", args: [BOB, String(op.amount)] });
        break;
      case "status":
        chain.send({ kind: "setStatus", sender: ALICE, to: probes[op.contract]!, status: op.status });
        break;
      case "rollBack":
        if (chain.height - op.count >= lowest) chain.rollBack(op.count);
        break;
      case "deliver":
        chain.deliver();
        break;
      case "wait":
        chain.nowMs += op.ms;
        break;
    }
  }
  chain.deliver();
  expect(unanswered).toBe(0);
  expect(chain.engine.cache.size).toBeLessThanOrEqual(20);
}

it("equals the uncached answer, and is never older than the last block that the asker knew of", () => {
  fc.assert(fc.property(fc.array(operation, { minLength: 20, maxLength: 120 }), play), { numRuns: 300 });
  expect(seen.cached).toBeGreaterThan(100);
});
