/**
 * InlineChain: the executor itself, one transaction a block, from a genesis of balances: nothing is stored or awaited.
 * Rejections throw, as they reach a caller; everything else is a receipt.
 */
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { decodeReceipt, type Receipt } from "../../src/encoding/receipt.ts";
import { accountKey } from "../../src/encoding/state-key.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { fromBigInt, newUint256 } from "../../src/encoding/uint256.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import { RejectedError } from "../../src/errors.ts";
import { BlockExecutor } from "../../src/execution/block-executor.ts";
import type { ContractAbi, ContractEngine } from "../../src/execution/host.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import type { StateSnapshot } from "../../src/execution/ports.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { accountValue } from "../../src/execution/state-value.ts";
import type { RunResult } from "../../src/execution/unified-engine.ts";

const GAS_LIMIT = 10_000_000;
const HASH_BYTES = 32;

/** The state before the first block: accounts with native balance, and nothing else. */
function snapshotOf(balances: Record<string, bigint>): StateSnapshot {
  const limbs = newUint256();
  const values = new Map<string, Uint8Array>();
  for (const [account, balance] of Object.entries(balances)) {
    fromBigInt(balance, limbs);
    values.set(toHex(accountKey(fromHex(account)!)), accountValue(0, limbs, 0));
  }
  return { get: (key) => values.get(toHex(key)), range: () => [], appliedSeq: () => -1 };
}

/** A receipt in hex and decimal, so that differences read well. */
export interface ReadableReceipt {
  status: Receipt["status"];
  returnData: string;
  logs: { address: string; topics: string[]; data: string }[];
}

export function readableReceipt({ status, returnData, logs }: Receipt): ReadableReceipt {
  return {
    status,
    returnData: toHex(returnData),
    logs: logs.map(({ address, topics, data }) => ({
      address: toHex(address),
      topics: topics.map((topic) => toHex(topic)),
      data: toHex(data),
    })),
  };
}

export type Call = Omit<TransactionJson, "kind" | "gasLimit"> & { gasLimit?: number };

export class InlineChain {
  readonly executor: BlockExecutor;
  timestampMs: number;
  #height = 0;
  #parentHash: Uint8Array = new Uint8Array(HASH_BYTES);

  constructor(
    options: {
      chainId?: number;
      timestampMs?: number;
      balances?: Record<string, bigint>;
      engines?: ContractEngine[];
    } = {},
  ) {
    this.timestampMs = options.timestampMs ?? 0;
    this.executor = new BlockExecutor({
      snapshot: snapshotOf(options.balances ?? {}),
      tree: new PortableStateTree(),
      hasher: portableHasher,
      engines: options.engines ?? [new BuiltinEngine()],
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
      submissionEnds: Uint32Array.of(1),
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
    const resolved = this.executor.engine.contracts.resolve(fromHex(contract)!, 0);
    if (resolved === undefined) throw new Error(`no contract stands at ${contract}`);
    return resolved.engine.describe(resolved.code);
  }
}
