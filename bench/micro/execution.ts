/**
 * Question   How many ERC-20 transfers a second does the core execute, alone, with receipts, logs and both roots?
 * Workload   blocks of `blockSize` transfers of 1 unit between random holders (uniform), explicit nonces, by entrypoint and
 *            args; state in memory; no journal, no wire. Holders and nonce leaves exist before the clock starts.
 * Expected   with 100,000 holders at least 300,000/s in blocks of 1,000, with 1 million at least 200,000/s; the state tree
 *            takes more than half. Portable tree and hasher: a fifth of that.
 * Run        node scripts/run.mjs bench/micro/execution.ts [holders] [blockSize] [seconds]
 */
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction } from "../../src/encoding/transaction.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import { Executor } from "../../src/execution/executor.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { nativeHasher } from "../../src/native/hash.ts";
import { nativeRowChanges } from "../../src/native/row-changes.ts";
import { NativeStateTree } from "../../src/native/state-tree.ts";
import { nativeTransfers } from "../../src/native/transfers.ts";

const holders = Number(process.argv[2] ?? 100_000);
const blockSize = Number(process.argv[3] ?? 1_000);
const seconds = Number(process.argv[4] ?? 4);
const emptySnapshot = { get: () => undefined, range: () => [], appliedSeq: () => -1 };
const zero = new Uint8Array(32);

const addon = loadAddon();
const native = isAddon(addon);
export const executor = new Executor({
  snapshot: emptySnapshot,
  tree: native ? NativeStateTree.attach(addon, "bench") : new PortableStateTree(),
  hasher: native ? nativeHasher(addon) : portableHasher,
  transfers: native ? nativeTransfers(addon) : undefined,
  engines: [new BuiltinEngine()],
  parameters: DEFAULT_PARAMETERS,
  head: { seq: -1, height: -1, timestampMs: 0, blockHash: zero, stateRoot: zero },
  table: { pinned: true, changes: native ? nativeRowChanges(addon) : undefined },
});

/** A holder's address: spread over all bits, so that no part of the state is dense. */
function address(i: number): string {
  const bytes = new Uint8Array(20);
  for (let k = 0; k < 5; k++)
    new DataView(bytes.buffer).setUint32(
      4 * k,
      Math.imul(i + 1, 0x9e3779b1 + 2 * k) ^ Math.imul(i + 7, 0x85ebca6b),
      true,
    );
  new DataView(bytes.buffer).setUint32(16, i);
  return toHex(bytes);
}

function run(out: ByteWriter, count: number): BlockEntry {
  const [block] = executor.execute(out.take(), [count], 1);
  if (block?.entry === undefined || block.rejected.length > 0)
    throw new Error(JSON.stringify(block?.rejected.slice(0, 2)));
  return new BlockEntry(block.entry);
}

const addresses = Array.from({ length: holders }, (_, i) => address(i));
const nonces = new Uint32Array(holders);
const out = new ByteWriter();
const owner = toHex(new Uint8Array(20).fill(7));
encodeTransaction(
  {
    kind: "deploy",
    sender: owner,
    nonce: 0,
    gasLimit: 10_000_000,
    contract: { type: "erc20", name: "T", symbol: "T", decimals: 18, initialSupply: String(10n ** 30n) },
  },
  out,
);
const deployed = run(out, 1);
const token = toHex(deployed.bytes, deployed.receiptAt(0) + 16, deployed.receiptAt(0) + 36);
let ownerNonce = 1;
for (let i = 0; i < holders; ) {
  let count = 0;
  for (; count < 4_000 && i < holders; count++, i++)
    encodeTransaction(
      {
        kind: "call",
        sender: owner,
        nonce: ownerNonce++,
        gasLimit: 200_000,
        to: token,
        entrypoint: "transfer",
        args: [addresses[i]!, "1000000"],
      },
      out,
    );
  run(out, count);
}
for (let i = 0; i < holders; ) {
  let count = 0;
  for (; count < 4_000 && i < holders; count++, i++)
    encodeTransaction(
      {
        kind: "call",
        sender: addresses[i]!,
        nonce: nonces[i]!++,
        gasLimit: 200_000,
        to: token,
        entrypoint: "transfer",
        args: [addresses[(i * 7 + 3) % holders]!, "1"],
      },
      out,
    );
  run(out, count);
}
console.log(`${holders} holders, blocks of ${blockSize}, ${native ? `native tree (${addon.isa})` : "portable tree"}`);
let executed = 0;
let bytes = 0;
let busyMs = 0;
let cpuMs = 0;
while (busyMs < seconds * 1000) {
  for (let k = 0; k < blockSize; k++) {
    const from = Math.floor(Math.random() * holders);
    const to = Math.floor(Math.random() * holders);
    encodeTransaction(
      {
        kind: "call",
        sender: addresses[from]!,
        nonce: nonces[from]!++,
        gasLimit: 200_000,
        to: token,
        entrypoint: "transfer",
        args: [addresses[to]!, "1"],
      },
      out,
    );
  }
  const batch = out.take();
  const cpu = process.cpuUsage();
  const start = performance.now();
  const [block] = executor.execute(batch, [blockSize], 1);
  busyMs += performance.now() - start;
  const spent = process.cpuUsage(cpu);
  cpuMs += (spent.user + spent.system) / 1000;
  bytes += block!.entry!.length;
  const entry = new BlockEntry(block!.entry!);
  if (entry.transactionCount !== blockSize || entry.bytes[entry.receiptAt(blockSize - 1)] !== 1)
    throw new Error("a transfer did not succeed");
  executed += blockSize;
}
console.log(
  `${Math.round((executed / busyMs) * 1000)} transfers/s, ${((1000 * busyMs) / executed).toFixed(2)} us each, ${((1000 * cpuMs) / executed).toFixed(2)} us of processor time each, ${Math.round(bytes / executed)} bytes of entry each`,
);
