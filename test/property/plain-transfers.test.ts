/**
 * The native shortcut for plain transfers against the dispatcher that it cuts short: the same batches, plain and odd ones
 * mixed, must give the same blocks to the byte, the same rejections, and the same state to go on from and back to.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import type { TransferRunner } from "../../src/encoding/transfer-run.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import { createAddress } from "../../src/execution/contract-record.ts";
import { Executor } from "../../src/execution/executor.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { type Addon, loadAddon } from "../../src/native/addon.ts";
import { nativeTransfers } from "../../src/native/transfers.ts";
import { describeWith } from "../support/describe-with.ts";
import { NATIVE } from "../support/need.ts";

const ZERO = `0x${"00".repeat(20)}`;
const account = (n: number) =>
  `0x${n.toString(16).padStart(2, "0")}${"5a".repeat(17)}${n.toString(16).padStart(4, "0")}`;
const ACCOUNTS = [1, 2, 3, 4, 5].map(account);
/** Begins with zero bytes: a log leaves them out. */
const SHORT = `0x${"00".repeat(12)}${"a1".repeat(8)}`;
const DEPLOYER = ACCOUNTS[0]!;
const SUPPLY = 2n ** 191n;
/** Its balances need more limbs than a row has. */
const WIDE_SUPPLY = 2n ** 200n;
const TOKEN = { type: "erc20", name: "T", symbol: "T", decimals: 0, initialSupply: String(SUPPLY) };
const [PLAIN, OTHER, PAUSABLE] = [0, 1, 2].map((nonce) => toHex(createAddress(fromHex(DEPLOYER)!, nonce)));
const emptySnapshot = { get: () => undefined, range: () => [], appliedSeq: () => -1 };
const zeroHash = new Uint8Array(32);

const addon = loadAddon();

/** Counts what the shortcut ran, so that a test in which it never did can't pass. */
class CountingRunner implements TransferRunner {
  ran = 0;
  readonly #runner: TransferRunner;
  constructor(runner: TransferRunner) {
    this.#runner = runner;
  }
  run(...args: Parameters<TransferRunner["run"]>): void {
    const before = args[2][12]!;
    this.#runner.run(...args);
    this.ran += args[2][12]! - before;
  }
}

function executorWith(transfers: TransferRunner | undefined, blockGasMax: number): Executor {
  return new Executor({
    snapshot: emptySnapshot,
    tree: new PortableStateTree(),
    hasher: portableHasher,
    engines: [new BuiltinEngine()],
    parameters: { ...DEFAULT_PARAMETERS, blockGasMax },
    head: { seq: -1, height: -1, timestampMs: 0, blockHash: zeroHash, stateRoot: zeroHash },
    table: { pinned: true },
    transfers,
  });
}

function encode(transactions: readonly TransactionJson[]): Uint8Array {
  const out = new ByteWriter(1024);
  for (const transaction of transactions) encodeTransaction(transaction, out);
  return out.take();
}

const deployments: TransactionJson[] = [
  TOKEN,
  { ...TOKEN, initialSupply: String(WIDE_SUPPLY) },
  { ...TOKEN, pausable: true },
].map((contract) => ({
  kind: "deploy",
  sender: DEPLOYER,
  gasLimit: 10_000_000,
  contract,
}));

const amounts = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt({ min: 1n, max: 300n }) },
  fc.constantFrom(0n, 1n, 2n ** 64n, 2n ** 190n, 2n ** 191n, 2n ** 192n, SUPPLY, WIDE_SUPPLY, 2n ** 256n - 1n),
);
const people = fc.constantFrom(...ACCOUNTS, SHORT);

/** Mostly plain transfers; the others differ from one in a single way. */
const transfers: fc.Arbitrary<TransactionJson> = fc
  .record({
    sender: fc.oneof({ weight: 5, arbitrary: fc.constant(DEPLOYER) }, { weight: 3, arbitrary: people }),
    to: fc.oneof({ weight: 8, arbitrary: fc.constant(PLAIN!) }, fc.constantFrom(OTHER!, PAUSABLE!, DEPLOYER)),
    recipient: fc.oneof({ weight: 8, arbitrary: people }, fc.constant(ZERO)),
    amount: amounts,
    gasLimit: fc.oneof(
      { weight: 8, arbitrary: fc.constant(100_000) },
      fc.integer({ min: 21_000, max: 60_000 }),
      fc.constant(2e12),
    ),
    nonce: fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, fc.integer({ min: 0, max: 5 })),
    id: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.nat(1e9)),
    oddity: fc.oneof(
      { weight: 12, arbitrary: fc.constant("none") },
      fc.constantFrom("calldata", "approve", "value", "pause", "until"),
    ),
  })
  .map(({ sender, to, recipient, amount, gasLimit, nonce, id, oddity }) => {
    const whole: TransactionJson = {
      kind: "call",
      sender,
      to,
      gasLimit,
      nonce,
      entrypoint: "transfer",
      args: [recipient, String(amount)],
    };
    if (id !== undefined) whole.id = `0x${id.toString(16).padStart(64, "0")}`;
    if (oddity === "calldata") return { ...whole, entrypoint: undefined, args: undefined, calldata: "0xa9059cbb" };
    if (oddity === "approve") return { ...whole, entrypoint: "approve" };
    if (oddity === "value") return { ...whole, value: "1" };
    if (oddity === "until") return { ...whole, validUntilHeight: 3 };
    if (oddity === "pause") {
      const { entrypoint: _, args: __, ...rest } = whole;
      return { ...rest, kind: "setStatus", sender: DEPLOYER, to: OTHER!, status: "paused" };
    }
    return whole;
  });

/** Some of the accounts have something before the batches come. */
const funding: TransactionJson[] = [PLAIN!, OTHER!].flatMap((to) =>
  ACCOUNTS.slice(1, 4).map((recipient) => ({
    kind: "call",
    sender: DEPLOYER,
    to,
    gasLimit: 100_000,
    entrypoint: "transfer",
    args: [recipient, "1000"],
  })),
);

const batches = fc.array(
  fc.array(fc.array(transfers, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 }),
  {
    minLength: 1,
    maxLength: 4,
  },
);

describeWith(NATIVE, "plain transfers by the native shortcut", () => {
  const runner = () => new CountingRunner(nativeTransfers(addon as Addon));

  for (const [name, blockGasMax] of [
    ["a block that holds everything", 1e13],
    ["blocks that end inside a batch", 400_000],
  ] as const) {
    it(`gives the dispatcher's blocks, byte for byte: ${name}`, () => {
      let ran = 0;
      fc.assert(
        fc.property(batches, (blocks) => {
          const counting = runner();
          const pair = [executorWith(counting, blockGasMax), executorWith(undefined, blockGasMax)] as const;
          for (const executor of pair) {
            executor.genesis([{ address: fromHex(DEPLOYER)!, balance: 1000n }]);
            for (const deployment of deployments) executor.execute(encode([deployment]), [1], 0);
            for (const transfer of funding) executor.execute(encode([transfer]), [1], 0);
          }
          const roots = [pair.map((executor) => toHex(executor.blocks.root()))];
          const entries: Uint8Array[] = [];
          const heads = [pair[0].head];
          for (const submissions of blocks) {
            const batch = encode(submissions.flat());
            const ends = submissions.map((_, i) => submissions.slice(0, i + 1).flat().length);
            const [cut, whole] = pair.map((executor) => executor.execute(batch, ends, 0));
            expect(readable(cut!)).toEqual(readable(whole!));
            for (const { entry } of cut!) if (entry !== undefined) entries.push(entry);
            heads.push(pair[0].head);
            roots.push(pair.map((executor) => toHex(executor.blocks.root())));
          }
          for (const executor of pair) executor.undo([...entries].reverse(), heads[0]!);
          expect(pair.map((executor) => toHex(executor.blocks.root()))).toEqual(roots[0]);
          ran += counting.ran;
        }),
        { numRuns: 150 },
      );
      expect(ran).toBeGreaterThan(500);
    });
  }

  it("sees the rows of an iteration that began before it", () => {
    const counting = runner();
    const pair = [executorWith(counting, 1e13), executorWith(undefined, 1e13)] as const;
    const states = pair.map((executor) => {
      executor.genesis([]);
      for (const deployment of deployments) executor.execute(encode([deployment]), [1], 0);
      const read = () =>
        executor
          .contractState(fromHex(PLAIN!)!, { limit: 100 })
          .items.map(({ key, value }) => [toHex(key), toHex(value)]);
      read();
      const transfer = (recipient: string): TransactionJson => ({
        kind: "call",
        sender: DEPLOYER,
        to: PLAIN!,
        gasLimit: 100_000,
        entrypoint: "transfer",
        args: [recipient, "5"],
      });
      for (let i = 0; i < 3; i++) executor.execute(encode(ACCOUNTS.slice(1).map(transfer)), [4], 0);
      return read();
    });
    expect(states[0]).toEqual(states[1]);
    expect(states[0]!.length).toBe(6);
    expect(counting.ran).toBeGreaterThan(0);
  });
});

function readable(executed: ReturnType<Executor["execute"]>) {
  return executed.map(({ entry, rejected, taken }) => ({
    taken,
    rejected: rejected.map(({ index, code, message }) => ({ index, code, message })),
    count: entry === undefined ? 0 : new BlockEntry(entry).transactionCount,
    entry: entry === undefined ? "" : toHex(entry),
  }));
}
