/**
 * What the front end calls. The daemon injects it; rpc knows neither the sequencer nor a storage.
 * Always
 *  - Whatever is answered is durable, unless `wait` asked for less. Rejections promise with EngineError.
 *  - Transactions and queries pass as canonical encodings (encoding/transaction.ts), written straight into the
 *    buffer that goes to the executor: one parse, one copy.
 */
import type { PerformanceJson } from "../client/metrics.ts";
import type {
  CiphertextJson,
  CollectedJson,
  JobJson,
  KeyJson,
  PrivacyMethods,
  SchemeJson,
} from "../client/privacy-methods.ts";
import type { StorageMethods } from "../client/storage-methods.ts";
import type { BlockEntry } from "../encoding/block-entry.ts";
import type { ByteWriter } from "../encoding/bytes.ts";
import type { TransactionJson } from "../encoding/transaction.ts";
import type { EngineError, ErrorCode, ErrorFacts } from "../errors.ts";
import type { Trace } from "../execution/call-tracer.ts";

export type Wait = "accepted" | "executed" | "durable";

/** A transaction or block that was refused: what JSON-RPC shows as `error`. */
export interface Rejection {
  code: ErrorCode;
  message: string;
  facts: ErrorFacts;
}

/** Appends canonical encodings; answers how many. What it throws reaches the caller of `submit` and nothing was queued. */
export type Encode = (out: ByteWriter) => number;

/** Where the transactions of one submission went; index is the order in which `encode` wrote them. */
export interface SubmissionOutcome {
  /** The block that holds transaction `index`: an older one where its id was known already; undefined when it was rejected. */
  block(index: number): BlockEntry | undefined;
  /** Its position in that block. */
  position(index: number): number;
  rejection(index: number): Rejection | undefined;
  /** For `wait: "accepted"`: known before execution because nonce or id was stated. */
  acceptedHash(index: number): Uint8Array | undefined;
}

export interface Sink<T> {
  settle(outcome: T): void;
  fail(error: EngineError): void;
}

export interface QueryOutcome {
  status: "success" | "reverted" | "halted";
  haltReason: string | undefined;
  gasUsed: number;
  returnData: Uint8Array;
  seq: number;
  blockHeight: number;
  /** True when the answer came from a result cache; absent is false. */
  cached?: boolean | undefined;
  /** How long ago a cached answer was computed. */
  ageMs?: number | undefined;
  /** Set instead of the rest when the query was not run at all. */
  rejection: Rejection | undefined;
}

/** A transaction that was simulated: receipt in canonical encoding (encoding/receipt.ts). */
export interface Simulation {
  receipts: (
    | { receipt: Uint8Array; transaction: Uint8Array; transactionHash: Uint8Array }
    | { rejection: Rejection }
  )[];
  stateDiff: { key: Uint8Array; before: Uint8Array | undefined; after: Uint8Array | undefined }[];
  blockHeight: number;
}

export interface GasEstimate {
  gasLimit: number;
  /** Gas by item of the schedule: transactionBase, body, stateReads, … */
  breakdown: Record<string, number>;
}

export interface Located {
  block: BlockEntry;
  index: number;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | undefined;
}

export interface LogQuery {
  address?: Uint8Array | undefined;
  topics?: readonly (Uint8Array | Uint8Array[] | null)[] | undefined;
  fromBlock?: number | undefined;
  toBlock?: number | undefined;
  transactionHash?: Uint8Array | undefined;
  cursor?: string | undefined;
  limit: number;
  /** Left out: oldest first. */
  newestFirst?: boolean | undefined;
}

export interface ContractFilter {
  kind?: string | undefined;
  creator?: Uint8Array | undefined;
  status?: string | undefined;
  /** Part of the name or symbol. */
  query?: string | undefined;
  cursor?: string | undefined;
  limit: number;
}

/** As a list has it. */
export interface ContractLine {
  address: Uint8Array;
  kind: string;
  type: string;
  codeHash: Uint8Array;
  creator: Uint8Array;
  admin: Uint8Array | undefined;
  status: "active" | "paused";
  deployTransactionHash: Uint8Array;
  deployedAtHeight: number;
  /** What the contract says of itself: an ERC-20's name, symbol, decimals and options. */
  metadata: Record<string, unknown>;
}

export interface ContractRecord extends ContractLine {
  /** Ethereum's JSON ABI. */
  abi: readonly unknown[];
}

export interface StateProof {
  key: Uint8Array;
  value: Uint8Array | undefined;
  stateRoot: Uint8Array;
  blockHeight: number;
  /** The leaf where the key's path ends: its own, or one that shares the path so far; or nothing. */
  terminal: { kind: "leaf"; keyHash: Uint8Array; valueHash: Uint8Array } | { kind: "empty" };
  /** From the terminal up to the root. */
  siblings: Uint8Array[];
}

/** "latest", a height, or a block hash. */
export type BlockReference = "latest" | number | Uint8Array;

export interface HealthReport {
  status: "ready" | "degraded" | "replica" | "starting" | "stopping";
  live: boolean;
  canWrite: boolean;
  canRead: boolean;
  backends: Record<string, { status: string; [fact: string]: unknown }>;
}

/** Which logs and receipts someone wants to hear of; what is left out lets everything pass. */
export interface EventCriteria {
  address?: Uint8Array | undefined;
  topics?: readonly (Uint8Array | Uint8Array[] | null)[] | undefined;
}

export interface EventMatcher {
  /** Which logs of a transaction's receipt match, by their place in it. */
  logs(block: BlockEntry, transactionIndex: number): number[];
  /** Whether the transaction deployed or called the contract, or the contract logged in it. */
  touches(block: BlockEntry, transactionIndex: number): boolean;
}

/** The log as streams read it: every durable entry by its seq, rollbacks among them. */
export interface EventLog {
  /** Seq of the newest durable entry; -1 before the first. */
  readonly durableSeq: number;
  /** Height of the newest block; -1 before the first. */
  readonly headHeight: number;
  /** What the log begins with: 0, or where older blocks were pruned; -1 before the first. */
  readonly lowestSeq: number;
  readonly lowestHeight: number;
  /** Undefined when the log does not have it yet, or no longer. */
  entry(seq: number): BlockEntry | undefined;
  /** Its header alone. */
  header(seq: number): BlockEntry | undefined;
  /** Seqs of the blocks that a rollback took back, newest first. */
  undone(rollback: BlockEntry): number[];
  /** Seq of the block that stands at a height; undefined when there is none. */
  seqOfHeight(height: number): number | undefined;
  matcher(criteria: EventCriteria): EventMatcher;
  /** Calls `listener` with each entry when it is durable, in order. @returns what ends that. */
  watch(listener: (entry: BlockEntry) => void): () => void;
}

/** What was measured; the shapes are those of their methods' answers. */
export interface EngineInsights {
  performance(): Promise<Record<string, unknown>>;
  /** Of that, what is known without asking anybody. */
  cacheUse(): PerformanceJson["cache"];
  /** Of a contract that exists. */
  contractHealth(address: Uint8Array): Promise<Record<string, unknown>>;
  contractAnalytics(address: Uint8Array): Promise<Record<string, unknown>>;
}

/** Keys, ciphertexts and jobs of privacy contracts, answered as JSON-RPC shows them. */
export interface PrivacyService {
  schemes(): SchemeJson[];
  /** @param submitter whose uploads are counted together; undefined for whoever said nothing of themselves. */
  putKey(
    part: PrivacyMethods["privacy_putKey"]["params"],
    submitter?: string,
  ): Promise<PrivacyMethods["privacy_putKey"]["result"]>;
  /** @throws RejectedError PRIVACY_KEY_UNKNOWN */
  key(keyId: Uint8Array): KeyJson;
  /** In the order of their ids. */
  keys(): KeyJson[];
  /** @throws RejectedError PRIVACY_KEY_UNKNOWN, PRIVACY_KEY_IN_USE */
  withdrawKey(keyId: Uint8Array): Promise<KeyJson>;
  /** Lets go, now, of what may go. */
  collect(): Promise<CollectedJson>;
  putCiphertext(
    part: PrivacyMethods["privacy_putCiphertext"]["params"],
    submitter?: string,
  ): Promise<PrivacyMethods["privacy_putCiphertext"]["result"]>;
  /** @param account whose right to it is checked; undefined: the caller may see everything that is here. */
  ciphertext(handle: Uint8Array, account: Uint8Array | undefined): Promise<CiphertextJson>;
  /** In the order in which they were ordered. */
  jobs(filter: { status?: string | undefined; contract?: string | undefined }): { items: JobJson[]; open: number };
  /** Jobs that changed after `version`, in that order, at most `limit`; and the version to go on from. */
  jobsSince(version: number, limit: number): { items: JobJson[]; version: number };
  /** @param reference a job's id, or the handle of one of its results. */
  job(reference: Uint8Array, waitMs: number): Promise<JobJson>;
  cancelJob(reference: Uint8Array): Promise<JobJson>;
  explain(handle: Uint8Array, account: Uint8Array): Promise<PrivacyMethods["privacy_explain"]["result"]>;
}

/** What the storage is made of and how it does. */
export interface StorageInsights {
  connectivity(): Promise<StorageMethods["storage_connectivity"]["result"]>;
  stats(): StorageMethods["storage_stats"]["result"];
  info(): Promise<StorageMethods["storage_info"]["result"]>;
  /** @throws EngineError STORAGE_ERROR, retryable, when Redis can't be cleared now. */
  clearCache(): Promise<StorageMethods["storage_clearCache"]["result"]>;
}

export interface EngineService extends EngineInsights {
  /** Absent where nothing is known of a storage. */
  readonly storage?: StorageInsights | undefined;
  /** Absent where there are no privacy contracts. */
  readonly privacy?: PrivacyService | undefined;
  readonly events: EventLog;

  info(): Record<string, unknown>;
  health(): HealthReport;

  /** Mode auto. All transactions of one call are executed in one block, in order. */
  submit(encode: Encode, wait: Wait, sink: Sink<SubmissionOutcome>): void;
  /**
   * One read-only call, encoded as a call transaction whose sender is the caller. `bypassCache` runs it whatever is cached.
   * @param followsWrites whether it has to see what was submitted before and is not answered yet; left out: it has.
   */
  query(encode: Encode, sink: Sink<QueryOutcome>, bypassCache: boolean, followsWrites?: boolean): void;

  simulate(transactions: readonly TransactionJson[], at: number | undefined): Promise<Simulation>;
  estimateGas(transaction: TransactionJson): Promise<GasEstimate>;
  /** Runs a transaction of a durable block once more and watches it. @throws EngineError PRUNED with the lowest height. */
  trace(located: Located): Promise<Trace>;
  queryAt(transaction: TransactionJson, at: number): Promise<QueryOutcome>;

  /** Mode driven. */
  blockExecute(block: {
    height: number;
    parentHash: Uint8Array;
    timestampMs: number;
    encode: Encode;
  }): Promise<{ block: BlockEntry; outcome: SubmissionOutcome }>;
  blockCommit(height: number, stateRoot: Uint8Array): Promise<BlockEntry>;
  blockDiscard(): Promise<void>;
  blockRollback(toHeight: number): Promise<BlockEntry>;

  block(reference: BlockReference): Promise<BlockEntry | undefined>;
  transaction(hash: Uint8Array): Promise<Located | undefined>;
  logs(query: LogQuery): Promise<Page<{ block: BlockEntry; transactionIndex: number; logIndex: number }>>;
  executions(query: { contract: Uint8Array; cursor?: string | undefined; limit: number }): Promise<Page<Located>>;

  contract(address: Uint8Array): Promise<ContractRecord | undefined>;
  /** The same behind the staged block. */
  stagedContract(address: Uint8Array): Promise<ContractRecord | undefined>;
  /** Another number since a contract that stood already got other code or another record, or blocks were rolled back. */
  contractsVersion(): number;
  contracts(query: ContractFilter): Promise<Page<ContractLine>>;
  contractState(query: {
    address: Uint8Array;
    prefix?: Uint8Array | undefined;
    cursor?: string | undefined;
    limit: number;
  }): Promise<Page<{ key: Uint8Array; value: Uint8Array }>>;
  account(address: Uint8Array): Promise<{ nonce: number; balance: bigint }>;
  /** Durable entries from one on, as many as fit in a bound, at least one if it is not 0 and there is one. */
  logEntries(fromSeq: number, bytesMax: number | undefined): Promise<LogEntries>;
  stateRoot(at: number | undefined): Promise<{ stateRoot: Uint8Array; blockHeight: number }>;
  /** Key is a whole state key: tag, contract, key (DESIGN: account, contract, code, state, chain parameter). */
  stateProof(key: Uint8Array, at: number | undefined): Promise<StateProof>;
}

export interface LogEntries {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly entries: readonly Uint8Array[];
}
