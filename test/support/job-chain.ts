/** Jobs over a real block and a real blob store; the test decides what the worker does. */
import type { KeyHolder, KeyPair } from "../../src/client/key-holder.ts";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { inputContext, inputHandle } from "../../src/encoding/encrypted-handle.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { hashOf } from "../../src/encoding/privacy-file.ts";
import { encodeTransaction } from "../../src/encoding/transaction.ts";
import { HELD, handleName, heldCiphertext, keyName } from "../../src/engines/privacy/held-blobs.ts";
import { type EvaluationTask, runTask, type TaskResult } from "../../src/engines/privacy/jobs/evaluation-task.ts";
import { PrivacyJobs } from "../../src/engines/privacy/jobs/privacy-jobs.ts";
import { PrivacyContractEngine } from "../../src/engines/privacy/privacy-engine.ts";
import type { NameChange } from "../../src/execution/ports.ts";
import { BlobFiles } from "../../src/storage/blobs/blob-files.ts";
import { CheckpointFiles } from "../../src/storage/blobs/checkpoint-files.ts";
import { temporaryDirectory } from "./engine.ts";
import { InlineChain } from "./inline-chain.ts";

const ALICE = `0x${"a1".repeat(20)}`;
const GAS = 100_000_000_000;

/** A value that is encrypted for the contract by ALICE. */
export interface Sealed {
  readonly type: string;
  readonly value: bigint;
}

export interface JobChainOptions {
  readonly holder: KeyHolder;
  readonly keys: KeyPair;
  /** A deployment, given the key's id. */
  contract(keyId: string): Record<string, unknown>;
  readonly calls: readonly { readonly entrypoint: string; readonly args: readonly (string | Sealed)[] }[];
  /** Answers a handle. */
  readonly query: string;
}

export class JobChain {
  readonly #directory = temporaryDirectory();
  readonly #entry: BlockEntry;
  readonly #leaf: (key: Uint8Array) => Promise<Uint8Array | undefined>;
  readonly queued = new Int32Array(new SharedArrayBuffer(4));
  /** Of the newest block. */
  height = 1;
  /** What the query answers after the calls. */
  readonly result: Uint8Array;
  blobs: BlobFiles;

  static async open(options: JobChainOptions): Promise<JobChain> {
    const { keyId, parameterSet, evaluationKey } = options.keys;
    const held: NameChange[] = [
      { name: keyName(keyId), facts: { parameterSet, bytes: evaluationKey.length }, bytes: evaluationKey },
    ];
    const chain = new JobChain(options, held);
    await chain.blobs.commit(held);
    return chain;
  }

  private constructor({ holder, keys, contract, calls, query }: JobChainOptions, held: NameChange[]) {
    this.blobs = BlobFiles.open(this.directory, { bytesMax: 1 << 28 });
    const chain = new InlineChain({ engines: [new PrivacyContractEngine()] });
    const deployment = contract(toHex(hashOf(keys.evaluationKey)));
    const deployed = chain.send({ kind: "deploy", sender: ALICE, gasLimit: GAS, contract: deployment });
    const to = toHex(deployed.contractAddress!);
    const seal = ({ type: name, value }: Sealed) => {
      const type = getEncryptedType(name)!;
      const bound = { type, contract: fromHex(to)!, owner: fromHex(ALICE)! };
      const bytes = holder.encrypt(keys.secretKey, value, bound);
      const handle = inputHandle(hashOf(bytes), type);
      const context = toHex(inputContext(bound.contract, bound.owner, type));
      const { parameterSet } = keys;
      const facts = { source: "input", keyId: toHex(keys.keyId), parameterSet, type: name, contract: to, owner: ALICE };
      held.push({ name: handleName(handle), facts: { ...facts, context, bytes: bytes.length, heldAtMs: 0 }, bytes });
      return toHex(handle);
    };
    const out = new ByteWriter(1024);
    calls.forEach(({ entrypoint, args }, i) => {
      const sent = args.map((arg) => (typeof arg === "string" ? arg : seal(arg)));
      const call = { kind: "call", sender: ALICE, nonce: 1 + i, gasLimit: GAS, to, entrypoint, args: sent } as const;
      encodeTransaction(call, out);
    });
    const { entry } = chain.executor.execute({
      height: 1,
      seq: 1,
      timestampMs: 0,
      parentHash: new Uint8Array(32),
      transactions: out.take(),
      submissionEnds: Uint32Array.of(calls.length),
    });
    this.#entry = new BlockEntry(entry!);
    const { table } = chain.executor;
    this.#leaf = async (key) => table.get(table.slotOfKey(key))?.slice();
    this.result = chain.query({ sender: ALICE, to, entrypoint: query, args: [], gasLimit: GAS }).returnData.slice();
  }

  /** Of the blob store. */
  get directory(): string {
    return this.#directory.path;
  }

  get checkpoints(): CheckpointFiles {
    return new CheckpointFiles(this.directory);
  }

  /** The jobs of its block, from the log as a start finds them. `evaluate` does in this thread what a worker does. */
  start(
    run: (task: EvaluationTask, evaluate: () => TaskResult) => TaskResult | Promise<TaskResult>,
    options: { workers: number; checkpointGates?: number } = { workers: 1 },
  ): PrivacyJobs {
    const jobs = new PrivacyJobs(
      { taskGatesMax: 12_000, checkpointGates: 1_024, now: Date.now, ...options },
      {
        blobs: this.blobs,
        leaf: this.#leaf,
        height: () => this.height,
        mayRun: () => true,
        run: async (task) =>
          run(task, () => runTask(task, { readBlob: (hash) => this.blobs.read(hash), checkpoints: this.checkpoints })),
        checkpoints: this.checkpoints,
        report: () => {},
        queued: this.queued,
      },
    );
    jobs.follow(this.#entry);
    return jobs;
  }

  /** The stored file of a result. */
  file(handle: Uint8Array): Uint8Array | undefined {
    const held = heldCiphertext(this.blobs, handle);
    return held && this.blobs.read(fromHex(held.blob)!);
  }

  /** As if no job had ever run whose result is one of those. */
  async forgetResults(isOne: (handle: string) => boolean = () => true): Promise<void> {
    const names = [...this.blobs.names(HELD.values)].filter(({ value }) => value["source"] === "result");
    const gone = names.filter(({ name }) => isOne(toHex(name.slice(HELD.values.length))));
    await this.blobs.commit(gone.map(({ name }) => ({ name, facts: undefined })));
  }

  async close(): Promise<void> {
    await this.blobs.close();
    this.#directory.remove();
  }
}
