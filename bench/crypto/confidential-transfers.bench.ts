/**
 * Question   How many confidential transfers a second are evaluated under TFHE, and how long does one take alone?
 * Workload   the transfer circuit of the confidential token (382 gates, 129 levels) on random encrypted balances, default
 *            parameter set; `together` of them side by side, then one alone; results are decrypted and compared.
 * Expected   side by side the key is walked once for all: at least 1.5 transfers/s on 2 threads. Alone the levels are a few
 *            gates wide, so latency is bound by the key's walk, not by gates.
 * Run        node scripts/run.mjs bench/crypto/confidential-transfers.bench.ts [together] [threads]
 */
import { KeyHolder } from "../../src/client/key-holder.ts";
import { TRANSFER, tokenCircuits } from "../../src/engines/privacy/confidential-erc20/token-circuits.ts";
import { openTfheScheme } from "../../src/engines/privacy/schemes/tfhe.ts";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { Tfhe } from "../../src/native/tfhe.ts";
import { printBanner } from "../support/machine.ts";

const together = Number(process.argv[2] ?? 8);
const threads = Number(process.argv[3] ?? 2);
printBanner("Confidential transfers", { together, threads });

const addon = loadAddon();
if (!isAddon(addon)) throw new Error(addon.missing);
const tfhe = new Tfhe(addon);
const scheme = openTfheScheme();
const [parameterSet] = scheme.parameterSets;
if (parameterSet === undefined) throw new Error("there is no parameter set");
const { secretKey, evaluationKey, keyId } = new KeyHolder(tfhe).generateKeys(parameterSet.id);
const binding = { keyId, context: new Uint8Array(32) };
const { circuit, counts } = tokenCircuits()[TRANSFER]!;

function encrypted(value: bigint): Uint8Array {
  const bits = Uint8Array.from({ length: 64 }, (_, bit) => Number((value >> BigInt(bit)) & 1n));
  return scheme.readCiphertext(tfhe.encrypt(secretKey, bits, binding.context), binding, "input").bits;
}

function decrypted(bits: Uint8Array): bigint[] {
  const file = scheme.writeCiphertext(parameterSet!, binding, bits);
  const plain = tfhe.decrypt(secretKey, tfhe.expand(file, { ...binding, parameterSet: parameterSet!.number }).words);
  return [0, 64, 128].map((at) => plain.subarray(at, at + 64).reduceRight((sum, bit) => 2n * sum + BigInt(bit), 0n));
}

const source = { keyId, parameterSet, read: () => evaluationKey };
const random = () => BigInt(Math.floor(Math.random() * 1e15));

function run(count: number): number {
  const cases = Array.from({ length: count }, () => [random(), random(), random() / 2n] as const);
  const applications = cases.map((values) => ({ circuit, inputs: values.map(encrypted) }));
  const control = new Int32Array(new SharedArrayBuffer(8));
  const start = performance.now();
  const results = scheme.evaluate(source, applications, { control, threads });
  const ms = performance.now() - start;
  cases.forEach(([from, to, amount], index) => {
    const moved = amount <= from ? amount : 0n;
    const wanted = [from - moved, to + moved, moved];
    if (decrypted(results![index]!).some((value, i) => value !== wanted[i]))
      throw new Error("a transfer came out wrong");
  });
  return ms;
}

run(1);
const rounds = Array.from({ length: 3 }, () => run(together)).sort((a, b) => a - b);
const [, side] = rounds as [number, number, number];
console.log(`${counts.gates} gates, depth ${counts.depth}; ${tfhe.keyCache().residentBytes} bytes of expanded key`);
console.log(
  `${together} together: ${((1000 * together) / side).toFixed(2)} transfers/s, ${(side / (together * counts.gates)).toFixed(2)} ms a gate`,
);
console.log(`one alone: ${(run(1) / 1000).toFixed(2)} s`);
