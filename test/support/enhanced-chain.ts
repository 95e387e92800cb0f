/**
 * The enhanced engine over an executor on this thread: blocks become durable at once, and answers of queries that were run
 * are held until `deliver`, as an executor on another thread would hold them.
 */
import { BlockEntry, ENTRY_HEADER_BYTES, EntryKind } from "../../src/encoding/block-entry.ts";
import { ByteWriter, writeU64 } from "../../src/encoding/bytes.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { decodeAnswer, type QueryAnswer } from "../../src/encoding/query-answer.ts";
import { decodeReceipt, type Receipt } from "../../src/encoding/receipt.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import { EnhancedContractEngine } from "../../src/engines/enhanced/enhanced-engine.ts";
import { Executor, headOf } from "../../src/execution/executor.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { ProbeEngine } from "./probe-engine.ts";

const ZERO_HASH = new Uint8Array(32);
const GAS_LIMIT = 10_000_000;

export interface EnhancedChainOptions {
  entriesMax?: number;
  bytesMax?: number;
  ttlMs?: number;
  gasForced?: number;
  optimize?: boolean;
  /** Answers are handed out as soon as a query was run. */
  answersAtOnce?: boolean;
}

export type Call = Partial<TransactionJson> & { to: string };

export class EnhancedChain {
  readonly executor: Executor;
  readonly engine: EnhancedContractEngine;
  /** Of the cache, ms. */
  nowMs = 0;
  /** Of the blocks, ms. */
  timestampMs = 1_700_000_000_000;
  /** How many queries were run. */
  runs = 0;
  readonly #blocks: BlockEntry[] = [];
  readonly #held: (() => void)[] = [];

  constructor(options: EnhancedChainOptions = {}) {
    this.executor = new Executor({
      snapshot: { get: () => undefined, range: () => [], appliedSeq: () => -1 },
      tree: new PortableStateTree(),
      hasher: portableHasher,
      engines: [new BuiltinEngine(), new ProbeEngine()],
      parameters: DEFAULT_PARAMETERS,
      head: { seq: -1, height: -1, timestampMs: 0, blockHash: ZERO_HASH, stateRoot: ZERO_HASH },
      table: { pinned: true },
      recordReads: true,
    });
    const genesis = new BlockEntry(this.executor.genesis([]));
    this.#blocks.push(genesis);
    this.engine = new EnhancedContractEngine(
      {
        entriesMax: options.entriesMax ?? 100,
        bytesMax: options.bytesMax ?? 1 << 20,
        ttlMs: options.ttlMs ?? 300_000,
        gasForced: options.gasForced,
        optimize: options.optimize,
        seq: genesis.seq,
        blockHeight: () => this.executor.head.height,
        nowMs: () => this.nowMs,
      },
      {
        submit: (encode, sink) => {
          const out = new ByteWriter(1024);
          encode(out);
          this.runs++;
          const answer = this.#run(out.take());
          if (options.answersAtOnce === true) sink.settle(answer);
          else this.#held.push(() => sink.settle(answer));
        },
      },
    );
  }

  get height(): number {
    return this.executor.head.height;
  }

  /** One transaction, one block. */
  send(transaction: Partial<TransactionJson>): Receipt {
    const out = new ByteWriter(1024);
    encodeTransaction({ gasLimit: GAS_LIMIT, ...transaction } as TransactionJson, out);
    const [block] = this.executor.execute(out.take(), [1], ++this.timestampMs);
    if (block?.entry === undefined) throw new Error(JSON.stringify(block?.rejected));
    const entry = new BlockEntry(block.entry);
    this.#blocks.push(entry);
    this.engine.committed(entry);
    return decodeReceipt(entry.bytes, entry.receiptAt(0));
  }

  deploy(sender: string, contract: Record<string, unknown>): string {
    return toHex(this.send({ kind: "deploy", sender, contract }).contractAddress!);
  }

  /** Takes the newest `count` blocks back. */
  rollBack(count: number): void {
    const undone = this.#blocks.splice(this.#blocks.length - count).reverse();
    const bytes = this.#blocks.at(-1)!.bytes.slice(0, ENTRY_HEADER_BYTES);
    bytes[0] = EntryKind.rollback;
    bytes.fill(0, 4, 8);
    writeU64(bytes, 8, this.executor.head.seq + 1);
    bytes.fill(0, 40, 56);
    const entry = new BlockEntry(bytes);
    this.executor.undo(
      undone.map((block) => block.bytes),
      headOf(entry),
    );
    this.engine.committed(entry);
  }

  /** Asks through the cache; `settled` gets the answer, at once or at the next `deliver`. */
  ask(call: Call, settled: (answer: QueryAnswer) => void, bypass = false): void {
    this.engine.query(
      (out) => {
        out.raw(encoded(call));
        return 1;
      },
      {
        settle: settled,
        fail: (error) => {
          throw error;
        },
      },
      bypass,
    );
  }

  /** Asks and delivers. */
  query(call: Call, bypass = false): QueryAnswer {
    let answer: QueryAnswer | undefined;
    this.ask(
      call,
      (settled) => {
        answer = settled;
      },
      bypass,
    );
    this.deliver();
    return answer!;
  }

  /** Hands out the answers that are held. */
  deliver(): void {
    while (this.#held.length > 0) this.#held.shift()!();
  }

  /** What running the call now answers, beside everything. */
  uncached(call: Call): QueryAnswer {
    return this.#run(encoded(call));
  }

  #run(encoding: Uint8Array): QueryAnswer {
    const out = new ByteWriter(1024);
    this.executor.queries({ calls: encoding, count: 1 }, out);
    return decodeAnswer(out.take(), 0, this.executor.head.seq, this.executor.head.height);
  }
}

function encoded(call: Call): Uint8Array {
  const out = new ByteWriter(1024);
  const complete = { kind: "call", sender: `0x${"0".repeat(40)}`, nonce: 0, gasLimit: GAS_LIMIT, ...call };
  encodeTransaction(complete as TransactionJson, out);
  return out.take();
}
