/**
 * The methods of the JSON-RPC interface as TypeScript types: what the daemon's method table is checked against, and what
 * the client offers. JSON throughout: bytes are 0x hex, amounts and gas decimal strings, heights and nonces numbers.
 */

import type { TransactionJson } from "../encoding/transaction.ts";
import type { AdminMethods } from "./admin-methods.ts";
import type { DevMethods } from "./dev-methods.ts";
import type { ContractAnalyticsJson, ContractHealthJson, PerformanceJson } from "./metrics.ts";
import type { JobJson, PrivacyMethods } from "./privacy-methods.ts";
import type { StorageMethods } from "./storage-methods.ts";
import type { TraceJson } from "./trace.ts";

export type { TransactionJson } from "../encoding/transaction.ts";
export type { TraceFrameJson, TraceJson, TraceOmittedJson, TraceStepJson } from "./trace.ts";

/** A transaction whose gas limit is asked for. */
export type UnlimitedTransactionJson = Omit<TransactionJson, "gasLimit"> & Partial<Pick<TransactionJson, "gasLimit">>;

/** What must have happened before `tx_submit` answers. */
export type Wait = "accepted" | "executed" | "durable";

export interface RpcErrorJson {
  /** JSON-RPC's number, one a family of reactions. */
  code: number;
  message: string;
  data: { code: string; hint: string; [fact: string]: unknown };
}

/** Stands in the place of a transaction that was refused: nothing of it ran. */
export interface RejectionJson {
  error: RpcErrorJson;
}

export interface LogJson {
  address: string;
  topics: string[];
  data: string;
  logIndex: number;
  /** Set when the event is known. */
  event?: string;
  args?: Record<string, unknown>;
}

export interface RevertJson {
  /** Null when the data is no error that is known. */
  name: string | null;
  message: string;
  data: string;
  args: Record<string, unknown>;
}

export interface ReceiptSummaryJson {
  transactionHash: string;
  status: "success" | "reverted" | "halted";
  gasUsed: string;
  contractAddress?: string;
}

export interface ReceiptJson {
  transactionHash: string;
  blockHeight: number;
  transactionIndex: number;
  sender: string;
  /** Null for a deployment. */
  to: string | null;
  /** Null unless the transaction deployed a contract. */
  contractAddress: string | null;
  status: "success" | "reverted" | "halted";
  gasUsed: string;
  gasLimit: string;
  returnData: string;
  /** The decoded return data, where the entrypoint is known. */
  result?: unknown;
  revert?: RevertJson;
  haltReason?: string;
  logs: LogJson[];
}

export interface AcceptedJson {
  transactionHash: string;
}

export interface BlockJson {
  height: number;
  seq: number;
  protocolVersion: number;
  chainId: number;
  parentHash: string;
  blockHash: string;
  timestampMs: number;
  stateRoot: string;
  receiptsRoot: string;
  transactionsRoot: string;
  gasUsed: string;
  transactionHashes: string[];
}

export interface LocatedTransactionJson {
  transactionHash: string;
  blockHeight: number;
  blockHash: string;
  transactionIndex: number;
  transaction: TransactionJson;
}

/** One transaction in a list. */
export interface TransactionLineJson {
  transactionHash: string;
  blockHeight: number;
  transactionIndex: number;
  /** Of its block. */
  timestampMs: number;
  kind: TransactionJson["kind"];
  sender: string;
  /** Null for a deployment. */
  to: string | null;
  contractAddress: string | null;
  /** Of a call; null where neither the call nor the contract's interface names it. */
  entrypoint: string | null;
  status: "success" | "reverted" | "halted";
  gasUsed: string;
  gasLimit: string;
}

/** A setting in effect; secrets are masked. */
export interface SettingJson {
  key: string;
  /** As `config show` writes it; empty where it is not set. */
  value: string;
  /** "default", a file, a variable or a flag. */
  origin: string;
  meaning: string;
}

export interface ContractJson {
  address: string;
  kind: string;
  type: string;
  codeHash: string;
  creator: string;
  admin: string | null;
  status: "active" | "paused";
  deployTransactionHash: string;
  deployedAtHeight: number;
  metadata: Record<string, unknown>;
}

export interface ContractWithAbiJson extends ContractJson {
  abi: readonly unknown[];
}

export interface PageJson<T> {
  items: T[];
  /** Null on the last page. */
  nextCursor: string | null;
}

export interface HistoryPageJson<T> extends PageJson<T> {
  /** Where older blocks were pruned: the page knows nothing of what was below this one. */
  lowestHeight?: number;
}

export interface FoundLogJson extends LogJson {
  blockHeight: number;
  blockHash: string;
  transactionHash: string;
  transactionIndex: number;
}

export interface StateProofJson {
  address: string;
  key: string;
  /** The whole key of the state tree, whose SHA-256 is the path. */
  stateKey: string;
  /** Null when the proof shows that the key is absent. */
  value: string | null;
  stateRoot: string;
  blockHeight: number;
  terminal: { kind: "leaf" | "otherLeaf"; keyHash: string; valueHash: string } | { kind: "empty" };
  /** From the terminal up to the root. */
  siblings: string[];
}

export interface QueryAnswerJson {
  result?: unknown;
  returnData: string;
  gasUsed: string;
  cached: boolean;
  /** Of a cached answer: how long ago it was computed. */
  ageMs?: number;
  seq: number;
  blockHeight: number;
}

export interface EngineInfoJson {
  version: string;
  chainId: number;
  height: number;
  stateRoot: string;
  blockMode: "auto" | "driven";
  storage: { kind: string; [fact: string]: unknown };
  contractKinds: string[];
  /** What this connection may do. */
  role: "reader" | "submitter" | "deployer" | "admin";
  limits: Record<string, unknown>;
  [fact: string]: unknown;
}

export interface QueryParams {
  address: string;
  entrypoint?: string | undefined;
  args?: readonly unknown[] | undefined;
  calldata?: string | undefined;
  msg?: unknown;
  caller?: string | undefined;
  gasLimit?: number | string | undefined;
  cache?: "use" | "bypass" | undefined;
  at?: number | undefined;
}

export interface PageParams {
  cursor?: string | undefined;
  limit?: number | undefined;
}

export interface BlockParams {
  height: number;
  parentHash: string;
  timestampMs: number;
  transactions: readonly TransactionJson[];
}

export interface ExecutedBlockJson {
  height: number;
  stateRoot: string;
  gasUsed: string;
  receipts: (ReceiptJson | RejectionJson)[];
}

type NoParams = Record<string, never>;
interface ByTransactionHash {
  transactionHash: string;
}
interface ByAddress {
  address: string;
}

export interface Methods extends PrivacyMethods, AdminMethods, DevMethods, StorageMethods {
  engine_info: { params: NoParams; result: EngineInfoJson };
  engine_config: { params: NoParams; result: { items: SettingJson[] } };
  tx_submit: { params: { transaction: TransactionJson; wait?: Wait | undefined }; result: ReceiptJson | AcceptedJson };
  tx_submitBatch: {
    params: {
      transactions: readonly TransactionJson[];
      wait?: Wait | undefined;
      receipts?: "full" | "summary" | undefined;
    };
    result: {
      /** Null when no transaction is in a block: all were rejected, or only accepted. */
      blockHeight: number | null;
      receipts: (ReceiptJson | ReceiptSummaryJson | AcceptedJson | RejectionJson)[];
    };
  };
  tx_simulate: {
    params: { transactions: readonly TransactionJson[]; at?: number | undefined };
    result: {
      receipts: (ReceiptJson | RejectionJson)[];
      stateDiff: { key: string; before: string | null; after: string | null }[];
      blockHeight: number;
    };
  };
  tx_estimateGas: {
    params: { transaction: UnlimitedTransactionJson };
    result: { gasLimit: string; breakdown: Record<string, string> };
  };
  tx_get: { params: ByTransactionHash; result: LocatedTransactionJson };
  tx_receipt: { params: ByTransactionHash; result: ReceiptJson };
  tx_trace: { params: ByTransactionHash; result: TraceJson };
  tx_list: {
    params: PageParams & { address?: string | undefined; blockHeight?: number | undefined };
    result: HistoryPageJson<TransactionLineJson>;
  };
  block_execute: { params: BlockParams; result: ExecutedBlockJson };
  block_commit: {
    params: { height: number; stateRoot: string };
    result: { height: number; stateRoot: string; blockHash: string };
  };
  block_discard: { params: NoParams; result: NoParams };
  block_apply: { params: BlockParams; result: ExecutedBlockJson & { blockHash: string } };
  block_rollback: { params: { toHeight: number }; result: { height: number; stateRoot: string } };
  block_get: {
    params: { height?: number | "latest" | undefined; blockHash?: string | undefined };
    result: BlockJson;
  };
  block_list: { params: PageParams; result: HistoryPageJson<BlockHeaderJson> };
  contract_query: { params: QueryParams; result: QueryAnswerJson };
  contract_get: { params: ByAddress; result: ContractWithAbiJson };
  contract_list: {
    params: PageParams & {
      kind?: string | undefined;
      creator?: string | undefined;
      status?: "active" | "paused" | undefined;
      query?: string | undefined;
    };
    result: PageJson<ContractJson>;
  };
  contract_state: {
    params: PageParams & ByAddress & { prefix?: string | undefined };
    result: PageJson<{ key: string; value: string }>;
  };
  contract_logs: {
    params: PageParams & {
      address?: string | undefined;
      topics?: readonly (string | readonly string[] | null)[] | undefined;
      fromBlock?: number | undefined;
      toBlock?: number | undefined;
      transactionHash?: string | undefined;
      /** Left out: oldest first. */
      order?: "oldest" | "newest" | undefined;
    };
    result: HistoryPageJson<FoundLogJson>;
  };
  metrics_performance: { params: NoParams; result: PerformanceJson };
  contract_health: { params: ByAddress; result: ContractHealthJson };
  contract_analytics: { params: ByAddress; result: ContractAnalyticsJson };
  contract_executions: { params: PageParams & ByAddress; result: HistoryPageJson<ReceiptJson> };
  account_get: {
    params: ByAddress;
    result: { address: string; bech32: string; nonce: number; balance: string };
  };
  log_entries: {
    params: { fromSeq: number; bytesMax?: number | undefined };
    result: { firstSeq: number; lastSeq: number; entries: string[] };
  };
  state_root: { params: { at?: number | undefined }; result: { stateRoot: string; blockHeight: number } };
  state_proof: { params: { address: string; key: string; at?: number | undefined }; result: StateProofJson };
  subscribe: { params: EventSelectionJson; result: { subscription: string; cursor: string } };
  unsubscribe: { params: { subscription: string }; result: { subscription: string; cursor: string } };
  "rpc.discover": { params: NoParams; result: Record<string, unknown> };
}

/** What streams tell of. */
export type EventType = "newBlocks" | "logs" | "receipts" | "jobs";

/** Which events, and from where on: behind a cursor, from the block at a height, or from now on. */
export interface EventSelectionJson {
  readonly types: readonly EventType[];
  /** Of the contract: logs that it made, receipts of transactions that deployed or called it or in which it logged, its jobs. */
  readonly address?: string | undefined;
  readonly topics?: readonly (string | readonly string[] | null)[] | undefined;
  readonly transactionHash?: string | undefined;
  readonly since?: string | undefined;
  readonly fromBlock?: number | undefined;
}

/** Of an event: true when a rollback took it back. Events are taken back in the reverse of their order. */
interface Removable {
  removed: boolean;
}

/** A block without the hashes of its transactions. */
export type BlockHeaderJson = Omit<BlockJson, "transactionHashes"> & { transactionCount: number };

export interface EventResults {
  newBlocks: BlockHeaderJson & Removable;
  logs: FoundLogJson & Removable;
  receipts: ReceiptJson & Removable;
  jobs: JobJson;
}

/** What happened, and the cursor behind it. */
export type StreamedEvent<T extends EventType = EventType> = {
  [K in T]: { readonly type: K; readonly cursor: string; readonly result: EventResults[K] };
}[T];

/** An event, or how far a stream has come that has nothing to tell. */
export type Heard = StreamedEvent | { readonly cursor: string };

export type MethodName = keyof Methods;
export type ParamsOf<M extends MethodName> = Methods[M]["params"];
export type ResultOf<M extends MethodName> = Methods[M]["result"];
