/**
 * Blocks with private calls give the same bytes: on this thread with nothing behind it, and on an embedded store in a worker
 * with restarts, rollbacks and evaluations in between; and `block verify` finds them the same when it executes them again.
 */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { KeyHolder } from "../../src/client/key-holder.ts";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import type { Engine } from "../../src/engine.ts";
import { PrivacyContractEngine } from "../../src/engines/privacy/privacy-engine.ts";
import { createAddress } from "../../src/execution/contract-record.ts";
import { Executor } from "../../src/execution/executor.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import type { LocalPrivacy } from "../../src/service/privacy-service.ts";
import { verifyChain } from "../../src/tools/verify-chain.ts";
import { ALICE, BOB, CAROL, openEngine, temporaryDirectory } from "../support/engine.ts";
import { collectionContract } from "../support/privacy-manifests.ts";

const GAS = 100_000_000_000;
const ZERO = new Uint8Array(32);
const HOLDERS = [ALICE, BOB, CAROL];
const [COLLECTION, TOKEN] = [0, 1].map((nonce) => toHex(createAddress(fromHex(ALICE)!, nonce))) as [string, string];
const holder = new KeyHolder(undefined);
const keys = holder.generateKeys("plain");
const keyId = toHex(keys.keyId);
const u64 = getEncryptedType("euint64")!;

/** Ciphertexts that are here before the blocks which name them: some for each holder and contract. */
const INPUTS = HOLDERS.flatMap((owner) =>
  [COLLECTION, TOKEN].flatMap((contract) =>
    [40n, 2n ** 64n - 1n].map((value) => {
      const file = holder.encrypt(keys.secretKey, value, {
        type: u64,
        contract: fromHex(contract)!,
        owner: fromHex(owner)!,
      });
      return { owner, contract, file };
    }),
  ),
);

const part = (file: Uint8Array) => ({
  offset: 0,
  total: file.length,
  sha256: toHex(createHash("sha256").update(file).digest()),
  data: toHex(file),
});

/** @returns the handles of INPUTS. */
async function upload(engine: Engine): Promise<string[]> {
  const privacy = engine.service.privacy as LocalPrivacy;
  await privacy.putKey(part(keys.evaluationKey));
  const handles: string[] = [];
  for (const { owner, contract, file } of INPUTS) {
    const { handle } = await privacy.putCiphertext({ ...part(file), keyId, type: "euint64", contract, owner });
    handles.push(handle!);
  }
  return handles;
}

const FIRST_BLOCK: TransactionJson[] = [
  { kind: "deploy", sender: ALICE, gasLimit: GAS, contract: collectionContract(keyId) },
  {
    kind: "deploy",
    sender: ALICE,
    gasLimit: GAS,
    contract: { type: "confidential-erc20", name: "Sealed", symbol: "SLD", keyId, parameterSet: "plain" },
  },
];

/** One that succeeds, one that reverts, one that halts: nothing is compared that does not happen. */
const SECOND_BLOCK: TransactionJson[] = [
  { kind: "call", sender: BOB, to: COLLECTION, entrypoint: "contributeOpenly", args: ["7"], gasLimit: GAS },
  { kind: "call", sender: BOB, to: COLLECTION, entrypoint: "isReached", args: ["7"], gasLimit: GAS },
  { kind: "call", sender: ALICE, to: TOKEN, entrypoint: "mint", args: [BOB, "7"], gasLimit: 300_000_000 },
];

type Call = { readonly sender: string; readonly to: string; readonly entrypoint: string; readonly args: string[] };

/** Most succeed; some are of another's handle, run out of gas, or may not be sent by their sender. */
function anyCall(handles: readonly string[]): fc.Arbitrary<TransactionJson> {
  const who = fc.constantFrom(...HOLDERS);
  const amount = fc.constantFrom("0", "7", "1000", String(2n ** 64n - 1n));
  const input = fc.nat(INPUTS.length - 1);
  const given = (index: number, entrypoint: string, before: string[]): Call => {
    const { owner, contract } = INPUTS[index]!;
    return { sender: owner, to: contract, entrypoint, args: [...before, handles[index]!] };
  };
  const sentTo = (contract: string) => input.filter((index) => INPUTS[index]!.contract === contract);
  const calls: fc.Arbitrary<Call>[] = [
    sentTo(COLLECTION).map((index) => given(index, "contribute", [])),
    sentTo(TOKEN).chain((index) => who.map((to) => given(index, "confidentialTransfer", [to]))),
    sentTo(TOKEN).chain((index) =>
      fc.tuple(who, who).map(([from, to]) => given(index, "confidentialTransferFrom", [from, to])),
    ),
    fc.record({ sender: who, args: fc.tuple(amount) }).map((call) => ({
      ...call,
      to: COLLECTION,
      entrypoint: "contributeOpenly",
    })),
    fc.record({ sender: who, args: fc.tuple(amount) }).map((call) => ({
      ...call,
      to: COLLECTION,
      entrypoint: "isReached",
    })),
    fc.record({ sender: who, args: fc.tuple(who, amount) }).map((call) => ({ ...call, to: TOKEN, entrypoint: "mint" })),
    fc.record({ sender: who, args: fc.tuple(who, fc.constantFrom("0", "281474976710655")) }).map((call) => ({
      ...call,
      to: TOKEN,
      entrypoint: "setOperator",
    })),
    input.chain((index) =>
      who.map((account) => {
        const call = given(index, "allowDecrypt", []);
        return { ...call, args: [...call.args, account] };
      }),
    ),
  ];
  const gasLimit = fc.constantFrom(GAS, GAS, GAS, 300_000_000);
  return fc.tuple(fc.oneof(...calls), gasLimit).map(([call, limit]) => ({ kind: "call", ...call, gasLimit: limit }));
}

function encode(transactions: readonly TransactionJson[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  for (const tx of transactions) encodeTransaction(tx, out);
  return out.take();
}

/** Block hashes, and statuses of receipts, of an executor with nothing behind it. */
function runInline(blocks: readonly (readonly TransactionJson[])[]): { hashes: string[]; statuses: number[] } {
  const executor = new Executor({
    snapshot: { get: () => undefined, range: () => [], appliedSeq: () => -1 },
    tree: new PortableStateTree(),
    hasher: portableHasher,
    engines: [new PrivacyContractEngine()],
    parameters: DEFAULT_PARAMETERS,
    head: { seq: -1, height: -1, timestampMs: 0, blockHash: ZERO, stateRoot: ZERO },
    table: { pinned: true },
  });
  executor.genesis([]);
  const statuses: number[] = [];
  const hashes = blocks.map((transactions, i) => {
    const executed = executor.executeOne(encode(transactions), transactions.length, 1_000 * (i + 1));
    const entry = new BlockEntry(executed.entry!);
    for (let at = 0; at < entry.transactionCount; at++) statuses.push(entry.bytes[entry.receiptAt(at)]!);
    return toHex(entry.blockHash);
  });
  return { hashes, statuses };
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

/** The first change to a record is made to what the store gave, not to what a call before left in memory. */
const AFTER_A_RESTART = [
  { do: "block" as const, transactions: [] },
  { do: "restart" as const },
  { do: "block" as const, transactions: SECOND_BLOCK },
];

const directories: ReturnType<typeof temporaryDirectory>[] = [];
afterAll(() => {
  for (const directory of directories) directory.remove();
});

async function start() {
  const directory = temporaryDirectory();
  directories.push(directory);
  const options = { dataDir: directory.path, mode: "driven" as const };
  const { engine } = await openEngine(options);
  return { options, engine, handles: await upload(engine) };
}

it("gives equal block hashes over restarts and rollbacks, and again when they are executed from the journal", async () => {
  const { engine: first, handles } = await start();
  await first.close();
  const call = anyCall(handles);
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.array(call, { maxLength: 8 }).map((transactions) => ({ do: "block" as const, transactions })),
    },
    { weight: 1, arbitrary: fc.constant({ do: "restart" as const }) },
    { weight: 2, arbitrary: fc.nat(3).map((blocks) => ({ do: "rollback" as const, blocks })) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 8 }), async (steps) => {
      const { options, engine: opened } = await start();
      let engine = opened;
      let chain: (readonly TransactionJson[])[] = [FIRST_BLOCK, SECOND_BLOCK];
      let hashes = [await applyBlock(engine, FIRST_BLOCK), await applyBlock(engine, SECOND_BLOCK)];
      for (const action of steps) {
        if (action.do === "block") {
          chain.push(action.transactions);
          hashes.push(await applyBlock(engine, action.transactions));
        } else if (action.do === "restart") {
          await engine.close();
          ({ engine } = await openEngine(options));
        } else {
          const kept = Math.max(2, chain.length - action.blocks);
          chain = chain.slice(0, kept);
          hashes = hashes.slice(0, kept);
          await engine.service.blockRollback(kept);
        }
      }
      await engine.close();
      const inline = runInline(chain);
      expect(hashes).toEqual(inline.hashes);
      expect(inline.statuses.slice(0, 5)).toEqual([1, 1, 1, 2, 3]);
      const signal = new AbortController().signal;
      const report = await verifyChain(options.dataDir, {
        signal,
        onProgress: () => {},
        from: undefined,
        to: undefined,
      });
      expect(report).toMatchObject({ blocks: chain.length + 1, transactions: inline.statuses.length });
      expect(report.mismatch).toBeUndefined();
    }),
    { numRuns: 4, examples: [[AFTER_A_RESTART]] },
  );
});
