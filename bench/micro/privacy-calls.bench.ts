/**
 * Question   How many calls to a privacy contract does a block take a second, before anything is evaluated?
 * Workload   blocks of `blockSize` calls by as many senders: each adds a public number to an encrypted total and compares
 *            nothing (one circuit, one result), or to total and own share (two circuits, two results); native tree.
 * Expected   at least 20,000/s: a handle is a SHA-256 and a leaf, and the rest is what any call costs.
 * Run        node scripts/run.mjs bench/micro/privacy-calls.bench.ts [blockSize] [seconds]
 */
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { inputHandle } from "../../src/encoding/encrypted-handle.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction } from "../../src/encoding/transaction.ts";
import { PrivacyContractEngine } from "../../src/engines/privacy/privacy-engine.ts";
import { Executor } from "../../src/execution/executor.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { nativeHasher } from "../../src/native/hash.ts";
import { NativeStateTree } from "../../src/native/state-tree.ts";
import { collectionContract } from "../../test/support/privacy-manifests.ts";
import { printBanner } from "../support/machine.ts";

const blockSize = Number(process.argv[2] ?? 1_000);
const seconds = Number(process.argv[3] ?? 3);
const GAS = 100_000_000_000;
const zero = new Uint8Array(32);
const u64 = getEncryptedType("euint64")!;

printBanner("Symbolic private calls in blocks", { blockSize, seconds });
const addon = loadAddon();
const native = isAddon(addon);
const executor = new Executor({
  snapshot: { get: () => undefined, range: () => [], appliedSeq: () => -1 },
  tree: native ? NativeStateTree.attach(addon, "bench") : new PortableStateTree(),
  hasher: native ? nativeHasher(addon) : portableHasher,
  engines: [new PrivacyContractEngine()],
  parameters: { ...DEFAULT_PARAMETERS, blockGasMax: Number.MAX_SAFE_INTEGER },
  head: { seq: -1, height: -1, timestampMs: 0, blockHash: zero, stateRoot: zero },
  table: { pinned: true },
});

const sender = (i: number) => `0x${(i + 1).toString(16).padStart(40, "0")}`;
const nonces = new Uint32Array(blockSize);
const out = new ByteWriter();

function run(batch: Uint8Array, count: number): BlockEntry {
  const [block] = executor.execute(batch, [count], 1);
  if (block?.entry === undefined || block.rejected.length > 0)
    throw new Error(JSON.stringify(block?.rejected.slice(0, 2)));
  const entry = new BlockEntry(block.entry);
  if (entry.transactionCount !== count || entry.bytes[entry.receiptAt(count - 1)] !== 1)
    throw new Error("a call did not succeed");
  return entry;
}

const deployer = `0x${"d0".repeat(20)}`;
encodeTransaction({ kind: "deploy", sender: deployer, nonce: 0, gasLimit: GAS, contract: collectionContract() }, out);
const deployed = run(out.take(), 1);
const to = toHex(deployed.bytes, deployed.receiptAt(0) + 16, deployed.receiptAt(0) + 36);

let serial = 0;
function freshInput(): string {
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, ++serial);
  return toHex(inputHandle(seed, u64));
}

const workloads = {
  "public input, one circuit": () => ["contributeOpenly", ["5"]] as const,
  "encrypted input, two circuits": () => ["contribute", [freshInput()]] as const,
};
for (const [name, next] of Object.entries(workloads)) {
  let executed = 0;
  let busyMs = 0;
  let cpuMs = 0;
  while (busyMs < seconds * 1000) {
    for (let i = 0; i < blockSize; i++) {
      const [entrypoint, args] = next();
      encodeTransaction(
        { kind: "call", sender: sender(i), nonce: nonces[i]!++, gasLimit: GAS, to, entrypoint, args },
        out,
      );
    }
    const batch = out.take();
    const cpu = process.cpuUsage();
    const start = performance.now();
    run(batch, blockSize);
    busyMs += performance.now() - start;
    const spent = process.cpuUsage(cpu);
    cpuMs += (spent.user + spent.system) / 1000;
    executed += blockSize;
  }
  console.log(
    `${name}: ${Math.round((executed / busyMs) * 1000)} calls/s, ${((1000 * busyMs) / executed).toFixed(1)} us each, ${((1000 * cpuMs) / executed).toFixed(1)} us of processor time each`,
  );
}
