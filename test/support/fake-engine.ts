/**
 * A small EngineService in memory, for tests of the front end: real encodings in and real block entries out, no rules of
 * gas or state. Every contract is a token in which everyone has balances; transactions of one tick share a block.
 */
import { createHash } from "node:crypto";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { encodeError } from "../../src/encoding/abi.ts";
import { encodeParameters } from "../../src/encoding/abi-codec.ts";
import { BlockEntry, ENTRY_HEADER_BYTES, ENTRY_VERSION, EntryKind } from "../../src/encoding/block-entry.ts";
import { alignUp, ByteWriter } from "../../src/encoding/bytes.ts";
import { ERC20_ERRORS, ERC20_EVENTS, erc20Abi, getErc20FunctionByName } from "../../src/encoding/erc20-abi.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { decodeReceipt, encodeReceipt, type Receipt } from "../../src/encoding/receipt.ts";
import {
  decodeTransaction,
  encodeTransaction,
  optionalFields,
  type TransactionJson,
  TX_HEADER_BYTES,
  TxFlag,
  transactionLength,
} from "../../src/encoding/transaction.ts";
import { EngineError } from "../../src/errors.ts";
import { CallTracer, type Trace } from "../../src/execution/call-tracer.ts";
import type { ContractEngine, ContractInfo } from "../../src/execution/host.ts";
import { METHODS } from "../../src/rpc/methods.ts";
import type {
  ContractRecord,
  Encode,
  EngineService,
  EventLog,
  GasEstimate,
  HealthReport,
  Located,
  LogQuery,
  Page,
  QueryOutcome,
  Rejection,
  Simulation,
  Sink,
  SubmissionOutcome,
  Wait,
} from "../../src/rpc/services.ts";
import { VERSION } from "../../src/version.ts";

const GAS_USED = 51_234;
const TIMESTAMP_MS = 1_700_000_000_000;
const ZERO_HASH = new Uint8Array(32);

interface Executed {
  transaction: Uint8Array;
  hash: Uint8Array;
  receipt: Uint8Array;
}

/** Where one transaction of a submission went. */
type Place = { block: () => BlockEntry; index: number; hash: Uint8Array } | { rejection: Rejection };

interface Submission {
  transactions: Uint8Array[];
  sink: Sink<SubmissionOutcome>;
}

export class FakeEngine implements EngineService {
  /** While true nothing is executed: what a test holds in flight. */
  isHeld = false;
  /** Thrown by the next submission or query. */
  nextFailure: Error | undefined;
  readonly blocks: BlockEntry[] = [];
  /** What was there when it was asked: streams have tests of their own, over a real log. */
  readonly events: EventLog = {
    durableSeq: -1,
    lowestSeq: -1,
    lowestHeight: -1,
    headHeight: -1,
    entry: () => undefined,
    header: () => undefined,
    undone: () => [],
    seqOfHeight: () => undefined,
    matcher: () => ({ logs: () => [], touches: () => false }),
    watch: () => () => undefined,
  };
  readonly blockMode: "auto" | "driven";
  /** Transactions in the order in which they were executed. */
  readonly executed: TransactionJson[] = [];
  #queue: Submission[] = [];
  #isScheduled = false;
  #staged: BlockEntry | undefined;
  readonly #nonces = new Map<string, number>();
  readonly #balances = new Map<string, bigint>();
  readonly #placesById = new Map<string, Place>();
  readonly #contracts = new Map<string, ContractRecord>();

  constructor(blockMode: "auto" | "driven" = "auto") {
    this.blockMode = blockMode;
  }

  cacheUse(): ReturnType<EngineService["cacheUse"]> {
    return METHODS.metrics_performance.example.result.cache;
  }

  async performance(): Promise<Record<string, unknown>> {
    return METHODS.metrics_performance.example.result as unknown as Record<string, unknown>;
  }

  async contractHealth(): Promise<Record<string, unknown>> {
    return METHODS.contract_health.example.result as unknown as Record<string, unknown>;
  }

  async contractAnalytics(): Promise<Record<string, unknown>> {
    return METHODS.contract_analytics.example.result as unknown as Record<string, unknown>;
  }

  info(): Record<string, unknown> {
    return {
      version: VERSION,
      chainId: 1337,
      height: this.blocks.length,
      stateRoot: toHex(this.#stateRoot()),
      blockMode: this.blockMode,
      storage: { kind: "memory" },
      contractKinds: ["builtin"],
      limits: { transactionGasMax: "1000000000000" },
    };
  }

  health(): HealthReport {
    return { status: "ready", live: true, canWrite: true, canRead: true, backends: { memory: { status: "ready" } } };
  }

  submit(encode: Encode, wait: Wait, sink: Sink<SubmissionOutcome>): void {
    this.#failIfAsked();
    const transactions = split(encode);
    if (wait === "accepted") {
      sink.settle(
        outcomeOf(
          transactions.map((transaction) => ({ block: () => notYet(), index: 0, hash: hashOf(transaction) })),
          true,
        ),
      );
      this.#queue.push({ transactions, sink: { settle: () => undefined, fail: () => undefined } });
    } else {
      this.#queue.push({ transactions, sink });
    }
    this.#schedule();
  }

  /** Submissions that wait to be executed. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Executes what was held back. */
  release(): void {
    this.isHeld = false;
    this.#schedule();
  }

  query(encode: Encode, sink: Sink<QueryOutcome>): void {
    this.#failIfAsked();
    const [transaction] = split(encode);
    sink.settle(this.#query(transaction!));
  }

  async queryAt(transaction: TransactionJson, at: number): Promise<QueryOutcome> {
    if (at > this.blocks.length) throw new EngineError("BLOCK_NOT_FOUND", `no block ${at}`, { height: at });
    return { ...this.#query(encoded(transaction)), blockHeight: at };
  }

  async simulate(transactions: readonly TransactionJson[]): Promise<Simulation> {
    const receipts = transactions.map((transaction) => {
      const bytes = encoded(transaction);
      return { receipt: receiptOf(transaction, "success"), transaction: bytes, transactionHash: hashOf(bytes) };
    });
    return {
      receipts,
      stateDiff: [{ key: new Uint8Array([0x10]), before: undefined, after: new Uint8Array([1]) }],
      blockHeight: this.blocks.length,
    };
  }

  async estimateGas(): Promise<GasEstimate> {
    return { gasLimit: GAS_USED, breakdown: { transactionBase: 21_000, rest: GAS_USED - 21_000 } };
  }

  /** One frame: the call as it was made, by the contract's interface. */
  async trace({ block, index }: Located): Promise<Trace> {
    const at = block.transactionAt(index);
    const { sender, to, gasLimit } = decodeTransaction(block.bytes, at);
    const { status, returnData } = decodeReceipt(block.bytes, block.receiptAt(index));
    const end = at + transactionLength(block.bytes, at);
    const record = this.#contracts.get(to!)!;
    const tracer = new CallTracer();
    tracer.charged("transactionBase", 21_000);
    tracer.entered({
      kind: "call",
      address: record.address,
      contract: {
        info: record as unknown as ContractInfo,
        engine: { describe: () => record.abi } as unknown as ContractEngine,
        code: { codeHash: record.codeHash, code: new Uint8Array(0), program: undefined },
      },
      caller: fromHex(sender)!,
      value: 0n,
      gasLimit: Number(gasLimit),
      input: { form: block.bytes[at + 2]!, bytes: block.bytes, start: at + TX_HEADER_BYTES, end },
    });
    tracer.left({ status, returnData, gasUsed: GAS_USED - 21_000 }, undefined, undefined);
    return tracer.trace();
  }

  async blockExecute(block: { height: number; parentHash: Uint8Array; timestampMs: number; encode: Encode }) {
    if (this.#staged !== undefined) throw new EngineError("ALREADY_STAGED", "a block is staged");
    if (block.height !== this.blocks.length + 1)
      throw new EngineError("BLOCK_OUT_OF_ORDER", `the next height is ${this.blocks.length + 1}`);
    // Gives other requests the chance to overtake, which ordering must prevent.
    await new Promise((resolve) => setImmediate(resolve));
    const { entry, places } = this.#execute([split(block.encode)]);
    this.#staged = entry;
    return { block: entry, outcome: outcomeOf(places[0]!, false) };
  }

  async blockCommit(height: number, stateRoot: Uint8Array): Promise<BlockEntry> {
    const staged = this.#staged;
    if (staged === undefined) throw new EngineError("NOT_STAGED", "nothing is staged");
    if (staged.height !== height || toHex(staged.stateRoot) !== toHex(stateRoot))
      throw new EngineError("ROOT_MISMATCH", "another root was computed");
    this.#staged = undefined;
    this.blocks.push(staged);
    return staged;
  }

  async blockDiscard(): Promise<void> {
    if (this.#staged === undefined) throw new EngineError("NOT_STAGED", "nothing is staged");
    this.#staged = undefined;
  }

  async blockRollback(toHeight: number): Promise<BlockEntry> {
    const block = this.blocks[toHeight - 1];
    if (block === undefined) throw new EngineError("PRUNED", "too far back", { lowestHeight: 1 });
    this.blocks.length = toHeight;
    return block;
  }

  async block(reference: "latest" | number | Uint8Array): Promise<BlockEntry | undefined> {
    if (reference === "latest") return this.blocks.at(-1);
    if (typeof reference === "number") return this.blocks[reference - 1];
    return this.blocks.find((block) => toHex(block.blockHash) === toHex(reference));
  }

  async transaction(hash: Uint8Array): Promise<Located | undefined> {
    return this.#all().find(({ block, index }) => toHex(block.transactionHash(index)) === toHex(hash));
  }

  async logs(query: LogQuery): Promise<Page<{ block: BlockEntry; transactionIndex: number; logIndex: number }>> {
    const start = Number(query.cursor ?? 0);
    const items = this.#all()
      .filter(({ block, index }) => decodeReceipt(block.bytes, block.receiptAt(index)).logs.length > 0)
      .map(({ block, index }) => ({ block, transactionIndex: index, logIndex: 0 }));
    const end = start + query.limit;
    return { items: items.slice(start, end), nextCursor: end < items.length ? String(end) : undefined };
  }

  async executions({ limit }: { limit: number }): Promise<Page<Located>> {
    return { items: this.#all().reverse().slice(0, limit), nextCursor: undefined };
  }

  contractsVersion(): number {
    return 0;
  }

  async contract(address: Uint8Array): Promise<ContractRecord | undefined> {
    return this.#contracts.get(toHex(address));
  }

  stagedContract(address: Uint8Array): Promise<ContractRecord | undefined> {
    return this.contract(address);
  }

  async contracts({ limit }: { limit: number }): Promise<Page<ContractRecord>> {
    return { items: [...this.#contracts.values()].slice(0, limit), nextCursor: undefined };
  }

  async contractState(): Promise<Page<{ key: Uint8Array; value: Uint8Array }>> {
    return { items: [{ key: new Uint8Array([1, 2]), value: new Uint8Array([3]) }], nextCursor: undefined };
  }

  async account(address: Uint8Array): Promise<{ nonce: number; balance: bigint }> {
    return { nonce: this.#nonces.get(toHex(address)) ?? 0, balance: 7n };
  }

  async logEntries(fromSeq: number) {
    return {
      firstSeq: 0,
      lastSeq: this.blocks.length - 1,
      entries: this.blocks.slice(fromSeq).map(({ bytes }) => bytes),
    };
  }

  async stateRoot(): Promise<{ stateRoot: Uint8Array; blockHeight: number }> {
    return { stateRoot: this.#stateRoot(), blockHeight: this.blocks.length };
  }

  async stateProof(key: Uint8Array) {
    return {
      key,
      value: undefined,
      stateRoot: this.#stateRoot(),
      blockHeight: this.blocks.length,
      terminal: { kind: "empty" } as const,
      siblings: [ZERO_HASH],
    };
  }

  #failIfAsked(): void {
    const failure = this.nextFailure;
    this.nextFailure = undefined;
    if (failure !== undefined) throw failure;
  }

  #stateRoot(): Uint8Array {
    return this.blocks.at(-1)?.stateRoot ?? ZERO_HASH;
  }

  #all(): Located[] {
    return this.blocks.flatMap((block) =>
      Array.from({ length: block.transactionCount }, (_, index) => ({ block, index })),
    );
  }

  #schedule(): void {
    if (this.#isScheduled || this.isHeld || this.#queue.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.isHeld) return;
      const queue = this.#queue;
      this.#queue = [];
      const { entry, places } = this.#execute(queue.map(({ transactions }) => transactions));
      if (entry.transactionCount > 0) this.blocks.push(entry);
      for (const [index, { sink }] of queue.entries()) sink.settle(outcomeOf(places[index]!, false));
    });
  }

  /** One block of everything that is not rejected. */
  #execute(groups: Uint8Array[][]): { entry: BlockEntry; places: Place[][] } {
    const done: Executed[] = [];
    let entry: BlockEntry | undefined;
    const places = groups.map((group) =>
      group.map((transaction): Place => {
        const { id } = optionalFields(transaction, 0);
        const idKey = id === undefined ? undefined : toHex(transaction, id, id + 32);
        const known = idKey === undefined ? undefined : this.#placesById.get(idKey);
        if (known !== undefined) return known;
        const executed = this.#apply(transaction);
        if ("rejection" in executed) return executed;
        const place = { block: () => entry!, index: done.push(executed) - 1, hash: executed.hash };
        if (idKey !== undefined) this.#placesById.set(idKey, place);
        return place;
      }),
    );
    entry = encodeEntry(done, this.blocks.length, this.blocks.at(-1)?.blockHash ?? ZERO_HASH);
    return { entry, places };
  }

  #apply(bytes: Uint8Array): Executed | { rejection: Rejection } {
    const json = decodeTransaction(bytes, 0);
    const expected = this.#nonces.get(json.sender) ?? 0;
    const isLeftOut = (bytes[1]! & TxFlag.nonceLeftOut) !== 0;
    if (!isLeftOut && json.nonce !== expected) {
      const facts = { sender: json.sender, expected, received: json.nonce };
      return {
        rejection: {
          code: "NONCE_MISMATCH",
          message: `sender ${json.sender} must use nonce ${expected}, sent ${json.nonce}`,
          facts,
        },
      };
    }
    this.#nonces.set(json.sender, expected + 1);
    const transaction = encoded({ ...json, nonce: expected });
    this.executed.push({ ...json, nonce: expected });
    let status: Receipt["status"] = "success";
    if (json.kind === "deploy") this.#deploy(json, hashOf(transaction));
    if (json.entrypoint === "transfer") status = this.#transfer(json);
    if (json.entrypoint === "loop") status = "halted";
    return { transaction, hash: hashOf(transaction), receipt: receiptOf(json, status) };
  }

  #transfer({ sender, to, args }: TransactionJson): Receipt["status"] {
    const [recipient, amount] = args as [string, string];
    const from = this.balanceOf(to!, sender);
    if (from < BigInt(amount)) return "reverted";
    this.#balances.set(`${to}${sender}`, from - BigInt(amount));
    this.#balances.set(`${to}${recipient}`, this.balanceOf(to!, recipient) + BigInt(amount));
    return "success";
  }

  /** Everyone begins with a million of every token. */
  balanceOf(token: string, holder: string): bigint {
    return this.#balances.get(`${token}${holder}`) ?? 1_000_000n;
  }

  #deploy({ sender, nonce, contract }: TransactionJson, hash: Uint8Array): void {
    const { type, name, symbol, decimals } = contract as Record<string, string | number>;
    const address = addressOf(sender, Number(nonce));
    this.#contracts.set(toHex(address), {
      address,
      kind: "builtin",
      type: String(type),
      codeHash: ZERO_HASH,
      creator: fromHex(sender)!,
      admin: fromHex(sender)!,
      status: "active",
      deployTransactionHash: hash,
      deployedAtHeight: this.blocks.length + 1,
      abi: erc20Abi({ mintable: false, burnable: false, pausable: false, capped: false }),
      metadata: { name, symbol, decimals },
    });
  }

  #query(bytes: Uint8Array): QueryOutcome {
    const { to, entrypoint, args } = decodeTransaction(bytes, 0);
    const at = {
      seq: this.blocks.length,
      blockHeight: this.blocks.length,
      haltReason: undefined,
      rejection: undefined,
    };
    const fn = entrypoint === undefined ? undefined : getErc20FunctionByName(entrypoint);
    const answer = (values: unknown[]): QueryOutcome => ({
      ...at,
      status: "success",
      gasUsed: 24_000,
      returnData: encodeParameters(fn!.outputTypes, values),
    });
    if (entrypoint === "balanceOf") return answer([String(this.balanceOf(to!, String(args![0])))]);
    if (entrypoint === "name") return answer(["Tōkèn “quoted” \u{1F600}"]);
    if (entrypoint === "loop")
      return { ...at, status: "halted", haltReason: "OutOfGas", gasUsed: 1000, returnData: new Uint8Array() };
    if (entrypoint === "transfer")
      return { ...at, status: "reverted", gasUsed: 1000, returnData: insufficientBalance(to!) };
    const rejection: Rejection = {
      code: "UNKNOWN_ENTRYPOINT",
      message: `no entrypoint ${entrypoint}`,
      facts: { entrypoint },
    };
    return { ...at, status: "success", gasUsed: 0, returnData: new Uint8Array(), rejection };
  }
}

function notYet(): never {
  throw new Error("not executed yet");
}

function outcomeOf(places: Place[], isAccepted: boolean): SubmissionOutcome {
  const executed = (index: number) => {
    const place = places[index]!;
    return "rejection" in place ? undefined : place;
  };
  const rejection = (index: number) => {
    const place = places[index]!;
    return "rejection" in place ? place.rejection : undefined;
  };
  return {
    block: (index) => (isAccepted ? undefined : executed(index)?.block()),
    position: (index) => executed(index)?.index ?? 0,
    rejection,
    acceptedHash: (index) => (isAccepted ? executed(index)?.hash : undefined),
  };
}

function split(encode: Encode): Uint8Array[] {
  const out = new ByteWriter();
  const count = encode(out);
  const bytes = out.take();
  const transactions: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = transactionLength(bytes, at);
    transactions.push(bytes.slice(at, at + length));
    at += alignUp(length);
  }
  if (transactions.length !== count) throw new Error(`encode answered ${count}, wrote ${transactions.length}`);
  return transactions;
}

function encoded(transaction: TransactionJson): Uint8Array {
  const out = new ByteWriter();
  encodeTransaction(transaction, out);
  const bytes = out.take();
  return bytes.slice(0, transactionLength(bytes, 0));
}

function hashOf(transaction: Uint8Array): Uint8Array {
  const canonical = Uint8Array.from(transaction);
  canonical[1]! &= ~TxFlag.nonceLeftOut;
  return createHash("sha256").update("polytorus.tx.1").update(canonical).digest();
}

function addressOf(sender: string, nonce: number): Uint8Array {
  return keccak_256(Buffer.from(`${sender}${nonce}`)).slice(12);
}

function insufficientBalance(sender: string): Uint8Array {
  return encodeError(ERC20_ERRORS.ERC20InsufficientBalance, [sender, "1000000", "1000001"]);
}

function receiptOf(json: TransactionJson, status: Receipt["status"]): Uint8Array {
  const out = new ByteWriter();
  const [recipient, amount] = (json.args ?? []) as [string, string];
  const isTransfer = json.entrypoint === "transfer" && status === "success";
  const topicOf = (address: string) => Uint8Array.from([...new Uint8Array(12), ...fromHex(address)!]);
  const { Transfer } = ERC20_EVENTS;
  encodeReceipt(
    {
      status,
      haltReason: status === "halted" ? "OutOfGas" : undefined,
      gasUsed: GAS_USED,
      contractAddress: json.kind === "deploy" ? addressOf(json.sender, Number(json.nonce)) : undefined,
      returnData:
        status === "reverted"
          ? insufficientBalance(json.sender)
          : isTransfer
            ? fromHex(`0x${"1".padStart(64, "0")}`)!
            : new Uint8Array(),
      logs: isTransfer
        ? [
            {
              address: fromHex(json.to!)!,
              topics: [Transfer.topic, topicOf(json.sender), topicOf(recipient)],
              data: fromHex(`0x${BigInt(amount).toString(16).padStart(64, "0")}`)!,
            },
          ]
        : [],
    },
    out,
  );
  return out.take();
}

function encodeEntry(done: Executed[], parentHeight: number, parentHash: Uint8Array): BlockEntry {
  const transactions = new ByteWriter();
  const receipts = new ByteWriter();
  const offsets = done.map(({ transaction, receipt }) => {
    const at = { transaction: transactions.length, receipt: receipts.length };
    transactions.raw(transaction);
    transactions.align();
    receipts.raw(receipt);
    receipts.align();
    return at;
  });
  const out = new ByteWriter();
  out.u8(EntryKind.block);
  out.u8(ENTRY_VERSION);
  out.u16(1);
  out.u32(done.length);
  for (const number of [parentHeight, parentHeight + 1, TIMESTAMP_MS, GAS_USED * done.length]) out.u64(number);
  for (const length of [transactions.length, receipts.length, 0, 0]) out.u32(length);
  out.u64(1337);
  const root = createHash("sha256").update(receipts.written()).update(parentHash).digest();
  for (const hash of [parentHash, root, ZERO_HASH, ZERO_HASH, createHash("sha256").update(root).digest()])
    out.raw(hash);
  if (out.length !== ENTRY_HEADER_BYTES) throw new Error("the header has a wrong length");
  for (const { hash } of done) out.raw(hash);
  for (const { transaction } of offsets) out.u32(transaction);
  for (const { receipt } of offsets) out.u32(receipt);
  out.raw(transactions.written());
  out.raw(receipts.written());
  return BlockEntry.parse(out.take());
}
