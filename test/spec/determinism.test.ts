/**
 * The same blocks give the same bytes: on memory and embedded storage, inline and in a worker, with the native tree and the
 * portable one, with restarts, lost blocks and rollbacks in between.
 */
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import type { Engine } from "../../src/engine.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import { createAddress } from "../../src/execution/contract-record.ts";
import { Executor } from "../../src/execution/executor.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { nativeHasher } from "../../src/native/hash.ts";
import { NativeStateTree } from "../../src/native/state-tree.ts";
import { itWith } from "../support/describe-with.ts";
import { ALICE, BOB, bytes, CAROL, deployment, openEngine, rootOf, temporaryDirectory } from "../support/engine.ts";
import { NATIVE } from "../support/need.ts";

const ZERO = new Uint8Array(32);
const EMPTY_SNAPSHOT = { get: () => undefined, range: () => [], appliedSeq: () => -1 };
const HOLDERS = [ALICE, BOB, CAROL, `0x${"dd".repeat(20)}`];
const TOKENS = [0, 1].map((nonce) => toHex(createAddress(bytes(ALICE), nonce)));
const BALANCES = HOLDERS.map((address) => ({ address: bytes(address), balance: 1_000n })).sort((a, b) =>
  Buffer.compare(a.address, b.address),
);

/** An executor on this thread, nothing behind it. */
function inline(native: boolean): Executor {
  const addon = loadAddon();
  if (native && !isAddon(addon)) throw new Error(addon.missing);
  const name = `determinism ${Math.random()}`;
  const executor = new Executor({
    snapshot: EMPTY_SNAPSHOT,
    tree: native && isAddon(addon) ? NativeStateTree.attach(addon, name) : new PortableStateTree(),
    hasher: native && isAddon(addon) ? nativeHasher(addon) : portableHasher,
    engines: [new BuiltinEngine()],
    parameters: DEFAULT_PARAMETERS,
    head: { seq: -1, height: -1, timestampMs: 0, blockHash: ZERO, stateRoot: ZERO },
    table: { pinned: true },
  });
  executor.genesis(BALANCES);
  return executor;
}

const holder = fc.constantFrom(...HOLDERS);
const token = fc.constantFrom(...TOKENS);
const amount = fc.oneof(fc.nat(30).map(String), fc.constantFrom("0", "100", "1000001", String(2n ** 256n - 1n)));

/** Mostly calls that succeed; some revert, halt, or are rejected. */
const transaction: fc.Arbitrary<TransactionJson> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        sender: holder,
        to: token,
        who: holder,
        amount,
        gasLimit: fc.constantFrom(200_000, 200_000, 22_000, 30_000),
      })
      .map(({ sender, to, who, amount: value, gasLimit }) => ({
        kind: "call" as const,
        sender,
        to,
        gasLimit,
        entrypoint: "transfer",
        args: [who, value],
      })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ sender: holder, to: token, who: holder, amount })
      .map(({ sender, to, who, amount: value }) => ({
        kind: "call" as const,
        sender,
        to,
        gasLimit: 200_000,
        entrypoint: "approve",
        args: [who, value],
      })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ sender: holder, to: token, from: holder, who: holder, amount })
      .map(({ sender, to, from, who, amount: value }) => ({
        kind: "call" as const,
        sender,
        to,
        gasLimit: 200_000,
        entrypoint: "transferFrom",
        args: [from, who, value],
      })),
  },
  {
    weight: 1,
    arbitrary: fc.record({ sender: holder, to: token, amount }).map(({ sender, to, amount: value }) => ({
      kind: "call" as const,
      sender,
      to,
      gasLimit: 200_000,
      entrypoint: "burn",
      args: [value],
    })),
  },
  {
    weight: 1,
    arbitrary: fc.record({ sender: holder, to: token }).map(({ sender, to }) => ({
      kind: "call" as const,
      sender,
      to,
      gasLimit: 200_000,
      entrypoint: "pause",
      args: [],
    })),
  },
  {
    weight: 1,
    arbitrary: fc.record({ sender: holder, to: token }).map(({ sender, to }) => ({
      kind: "call" as const,
      sender,
      to,
      gasLimit: 200_000,
      entrypoint: "unpause",
      args: [],
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ sender: holder, to: holder, value: fc.constantFrom("1", "5000") })
      .map(({ sender, to, value }) => ({ kind: "call" as const, sender, to, gasLimit: 30_000, value })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ sender: holder, nonce: fc.nat(3) })
      .map(({ sender, nonce }) => ({ ...deployment(sender, "5"), nonce })),
  },
);

const FIRST_BLOCK: TransactionJson[] = [
  deployment(ALICE, "100000", { burnable: true, pausable: true }),
  deployment(ALICE, "100000", { burnable: true, mintable: true, pausable: true }),
];

function encode(transactions: readonly TransactionJson[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  for (const tx of transactions) encodeTransaction(tx, out);
  return out.take();
}

/** Block hashes; they cover state, receipts and transactions. */
function hashesInline(executor: Executor, blocks: readonly (readonly TransactionJson[])[]): string[] {
  return blocks.map((transactions, i) => {
    const { entry } = executor.executeOne(encode(transactions), transactions.length, 1_000 * (i + 1));
    return toHex(new BlockEntry(entry!).blockHash);
  });
}

async function applyBlock(engine: Engine, transactions: readonly TransactionJson[]): Promise<string> {
  const parent = (await engine.service.block("latest"))!;
  const { block } = await engine.service.blockExecute({
    height: parent.height + 1,
    parentHash: parent.blockHash,
    timestampMs: 1_000 * (parent.height + 1),
    encode: (out) => {
      for (const tx of transactions) encodeTransaction(tx, out);
      return transactions.length;
    },
  });
  return toHex((await engine.service.blockCommit(block.height, block.stateRoot)).blockHash);
}

describe("determinism", () => {
  itWith(NATIVE, "gives equal block hashes with the native tree and hasher and with the portable ones", () => {
    fc.assert(
      fc.property(fc.array(fc.array(transaction, { maxLength: 12 }), { minLength: 1, maxLength: 6 }), (blocks) => {
        const chain = [FIRST_BLOCK, ...blocks];
        expect(hashesInline(inline(true), chain)).toEqual(hashesInline(inline(false), chain));
      }),
      { numRuns: 60 },
    );
  });

  itWith(
    NATIVE,
    "gives equal block hashes whether a block is executed at once or after others were tried and taken back",
    () => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.array(transaction, { maxLength: 8 }), fc.array(transaction, { maxLength: 8 })), {
            maxLength: 5,
          }),
          (pairs) => {
            const blocks = [FIRST_BLOCK, ...pairs.map(([kept]) => kept)];
            const expected = hashesInline(inline(true), blocks);
            const executor = inline(true);
            const actual = [FIRST_BLOCK, ...pairs.map(([kept]) => kept)].map((kept, i) => {
              const tried = pairs[i]?.[1] ?? [];
              const before = executor.head;
              const lost = executor.executeOne(encode(tried), tried.length, 1_000 * (i + 1));
              executor.undo([lost.entry!], before);
              return toHex(
                new BlockEntry(executor.executeOne(encode(kept), kept.length, 1_000 * (i + 1)).entry!).blockHash,
              );
            });
            expect(actual).toEqual(expected);
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  const directories: ReturnType<typeof temporaryDirectory>[] = [];
  afterAll(() => {
    for (const directory of directories) directory.remove();
  });

  it("gives equal block hashes on an embedded store in a worker, over restarts and rollbacks", async () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc
          .array(transaction, { maxLength: 12 })
          .map((transactions) => ({ do: "block" as const, transactions })),
      },
      { weight: 1, arbitrary: fc.constant({ do: "restart" as const }) },
      { weight: 2, arbitrary: fc.nat(4).map((blocks) => ({ do: "rollback" as const, blocks })) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
        const directory = temporaryDirectory();
        directories.push(directory);
        const options = { dataDir: directory.path, mode: "driven" as const, balances: BALANCES };
        let { engine } = await openEngine(options);
        let chain: (readonly TransactionJson[])[] = [FIRST_BLOCK];
        let hashes = [await applyBlock(engine, FIRST_BLOCK)];
        for (const action of steps) {
          if (action.do === "block") {
            chain.push(action.transactions);
            hashes.push(await applyBlock(engine, action.transactions));
          } else if (action.do === "restart") {
            const root = rootOf(engine);
            await engine.close();
            ({ engine } = await openEngine(options));
            expect(rootOf(engine)).toBe(root);
          } else {
            const kept = Math.max(1, chain.length - action.blocks);
            chain = chain.slice(0, kept);
            hashes = hashes.slice(0, kept);
            await engine.service.blockRollback(kept);
          }
        }
        expect(hashes).toEqual(hashesInline(inline(false), chain));
        for (let height = 1; height <= chain.length; height++) {
          const block = (await engine.service.block(height))!;
          expect(toHex(block.blockHash)).toBe(hashes[height - 1]);
          if (block.transactionCount > 0) {
            const located = await engine.service.transaction(block.transactionHash(0));
            expect([located?.block.height, located?.index]).toEqual([height, 0]);
          }
        }
        expect(await engine.service.block(chain.length + 1)).toBeUndefined();
        await engine.close();
      }),
      { numRuns: 8 },
    );
  });
});
