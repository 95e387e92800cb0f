/**
 * InlineChain: the executor itself, one transaction a block, over an empty snapshot: nothing is stored, nothing awaited.
 * Rejections throw, as they reach a caller; everything else is a receipt.
 */
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { fromHex } from "../../src/encoding/hex.ts";
import { decodeReceipt, type Receipt } from "../../src/encoding/receipt.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import { RejectedError } from "../../src/errors.ts";
import { BlockExecutor } from "../../src/execution/block-executor.ts";
import type { ContractAbi } from "../../src/execution/host.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import type { StateSnapshot } from "../../src/execution/ports.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import type { RunResult } from "../../src/execution/unified-engine.ts";

const GAS_LIMIT = 10_000_000;
const HASH_BYTES = 32;

const EMPTY_SNAPSHOT: StateSnapshot = { get: () => undefined, range: () => [], appliedSeq: () => -1 };

export type Call = Omit<TransactionJson, "kind" | "gasLimit"> & { gasLimit?: number };

export class InlineChain {
  readonly executor: BlockExecutor;
  timestampMs: number;
  #height = 0;
  #parentHash: Uint8Array = new Uint8Array(HASH_BYTES);

  constructor(options: { chainId?: number; timestampMs?: number } = {}) {
    this.timestampMs = options.timestampMs ?? 0;
    this.executor = new BlockExecutor({
      snapshot: EMPTY_SNAPSHOT,
      tree: new PortableStateTree(),
      hasher: portableHasher,
      engines: [new BuiltinEngine()],
      parameters: { ...DEFAULT_PARAMETERS, chainId: options.chainId ?? DEFAULT_PARAMETERS.chainId },
    });
  }

  /** @throws RejectedError when the transaction is in no block. */
  send(transaction: TransactionJson): Receipt {
    const out = new ByteWriter(1024);
    encodeTransaction(transaction, out);
    const { entry, rejected } = this.executor.execute({
      height: this.#height,
      seq: this.#height,
      timestampMs: this.timestampMs,
      parentHash: this.#parentHash,
      transactions: out.take(),
      submissionEnds: [1],
    });
    const [rejection] = rejected;
    if (rejection !== undefined) throw new RejectedError(rejection.code, rejection.message, rejection.facts);
    if (entry === undefined) throw new Error("the block is empty");
    const block = new BlockEntry(entry);
    this.#height++;
    this.#parentHash = block.blockHash;
    return decodeReceipt(entry, block.receiptAt(0));
  }

  deploy(sender: string, contract: Record<string, unknown>, value?: string): Receipt {
    return this.send({ kind: "deploy", sender, gasLimit: GAS_LIMIT, contract, value });
  }

  call(call: Call): Receipt {
    return this.send({ kind: "call", gasLimit: GAS_LIMIT, ...call });
  }

  query(call: Call): RunResult {
    const out = new ByteWriter(1024);
    encodeTransaction({ kind: "call", gasLimit: GAS_LIMIT, ...call }, out);
    this.executor.engine.admitQuery(out.take(), 0);
    return this.executor.engine.query();
  }

  abi(contract: string): ContractAbi {
    const resolved = this.executor.engine.contract(fromHex(contract)!);
    if (resolved === undefined) throw new Error(`no contract stands at ${contract}`);
    return resolved.engine.describe(resolved.code);
  }
}
