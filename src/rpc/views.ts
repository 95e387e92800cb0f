/** The service's bytes as the JSON of the interface: blocks, transactions, contracts, logs, proofs. */
import type {
  BlockJson,
  ContractJson,
  ContractWithAbiJson,
  LocatedTransactionJson,
  ReceiptJson,
  ResultOf,
  StateProofJson,
} from "../client/methods.ts";
import type { BlockEntry } from "../encoding/block-entry.ts";
import { readU32 } from "../encoding/bytes.ts";
import { toHex } from "../encoding/hex.ts";
import { RECEIPT_HEADER_BYTES } from "../encoding/receipt.ts";
import { decodeTransaction } from "../encoding/transaction.ts";
import { MalformedBytesError } from "../errors.ts";
import { errorText } from "./answers.ts";
import type { ContractAbis } from "./contract-abis.ts";
import { historyPageText, JsonText } from "./json-text.ts";
import { BlockReceipts, logText, ReceiptReader, receiptContracts, receiptText, viewOf } from "./receipt-text.ts";
import type { ContractLine, ContractRecord, EventLog, Located, Page, Simulation, StateProof } from "./services.ts";

const FLAG_CONTRACT_ADDRESS = 1;

export function blockView(block: BlockEntry): BlockJson {
  return {
    height: block.height,
    seq: block.seq,
    protocolVersion: block.protocolVersion,
    chainId: block.chainId,
    parentHash: toHex(block.parentHash),
    blockHash: toHex(block.blockHash),
    timestampMs: block.timestampMs,
    stateRoot: toHex(block.stateRoot),
    receiptsRoot: toHex(block.receiptsRoot),
    transactionsRoot: toHex(block.transactionsRoot),
    gasUsed: String(block.gasUsed),
    transactionHashes: Array.from({ length: block.transactionCount }, (_, index) =>
      toHex(block.transactionHash(index)),
    ),
  };
}

/** A block without the hashes of its transactions, from its header alone, as JSON text. */
export function blockHeaderText(block: BlockEntry): string {
  return (
    `{"height":${block.height},"seq":${block.seq},"protocolVersion":${block.protocolVersion},"chainId":${block.chainId}` +
    `,"parentHash":"${toHex(block.parentHash)}","blockHash":"${toHex(block.blockHash)}","timestampMs":${block.timestampMs}` +
    `,"stateRoot":"${toHex(block.stateRoot)}","receiptsRoot":"${toHex(block.receiptsRoot)}"` +
    `,"transactionsRoot":"${toHex(block.transactionsRoot)}","gasUsed":"${block.gasUsed}"` +
    `,"transactionCount":${block.transactionCount}}`
  );
}

export function transactionView({ block, index }: Located): LocatedTransactionJson {
  return {
    transactionHash: toHex(block.transactionHash(index)),
    blockHeight: block.height,
    blockHash: toHex(block.blockHash),
    transactionIndex: index,
    transaction: decodeTransaction(block.bytes, block.transactionAt(index)),
  };
}

export async function receiptView({ block, index }: Located, abis: ContractAbis): Promise<JsonText<ReceiptJson>> {
  const receipts = new BlockReceipts(block, abis);
  await abis.load(receipts.contracts(index));
  return new JsonText(receipts.full(index));
}

export async function receiptPage(
  { items, nextCursor }: Page<Located>,
  abis: ContractAbis,
  log: EventLog,
): Promise<JsonText<ResultOf<"contract_executions">>> {
  await abis.load(items.flatMap(({ block, index }) => new BlockReceipts(block, abis).contracts(index)));
  return historyPageText(
    items.map(({ block, index }) => new BlockReceipts(block, abis).full(index)),
    nextCursor,
    log,
  );
}

export function contractView(contract: ContractLine): ContractJson {
  return {
    address: toHex(contract.address),
    kind: contract.kind,
    type: contract.type,
    codeHash: toHex(contract.codeHash),
    creator: toHex(contract.creator),
    admin: contract.admin === undefined ? null : toHex(contract.admin),
    status: contract.status,
    deployTransactionHash: toHex(contract.deployTransactionHash),
    deployedAtHeight: contract.deployedAtHeight,
    metadata: contract.metadata,
  };
}

export function contractWithAbiView(contract: ContractRecord): ContractWithAbiJson {
  return { ...contractView(contract), abi: contract.abi };
}

interface FoundLog {
  readonly block: BlockEntry;
  readonly transactionIndex: number;
  readonly logIndex: number;
}

export async function logPage(
  { items, nextCursor }: Page<FoundLog>,
  abis: ContractAbis,
  log: EventLog,
): Promise<JsonText<ResultOf<"contract_logs">>> {
  await abis.load(items.map((found) => readerAt(found).logAddress()));
  return historyPageText(
    items.map((found) => foundLogText(found, abis)),
    nextCursor,
    log,
  );
}

/** Stands before the log. */
function readerAt({ block, transactionIndex, logIndex }: FoundLog): ReceiptReader {
  const at = block.receiptAt(transactionIndex);
  if (logIndex >= readU32(block.bytes, at + 4))
    throw new MalformedBytesError("log index", at, `receipt has no log ${logIndex}`);
  const bytes = viewOf(block.bytes);
  const end =
    transactionIndex + 1 < block.transactionCount
      ? block.receiptAt(transactionIndex + 1)
      : block.deltaEnd - block.delta.length;
  const parts = new ReceiptReader(bytes, at + RECEIPT_HEADER_BYTES, end);
  if (bytes[at + 2]! & FLAG_CONTRACT_ADDRESS) parts.raw(20);
  parts.packed();
  for (let skipped = 0; skipped < logIndex; skipped++) parts.skipLog();
  return parts;
}

export function foundLogText(found: FoundLog, abis: ContractAbis): string {
  const { block, transactionIndex, logIndex } = found;
  const place =
    `,"blockHeight":${block.height},"blockHash":"${toHex(block.blockHash)}"` +
    `,"transactionHash":"${toHex(block.transactionHash(transactionIndex))}","transactionIndex":${transactionIndex}`;
  return logText(readerAt(found), logIndex, place, abis);
}

export async function simulationView(
  simulation: Simulation,
  abis: ContractAbis,
): Promise<JsonText<ResultOf<"tx_simulate">>> {
  const { blockHeight } = simulation;
  const sources = simulation.receipts.map((entry, index) => {
    if ("rejection" in entry) return entry.rejection;
    const { receipt, transaction, transactionHash } = entry;
    return {
      hash: viewOf(transactionHash).toString("hex"),
      transaction: viewOf(transaction),
      transactionAt: 0,
      receipt: viewOf(receipt),
      receiptAt: 0,
      receiptEnd: receipt.length,
      blockHeight,
      index,
      abis,
    };
  });
  await abis.load(sources.flatMap((source) => ("code" in source ? [] : receiptContracts(source))));
  const receipts = sources.map((source) => ("code" in source ? `{"error":${errorText(source)}}` : receiptText(source)));
  const stateDiff = simulation.stateDiff.map(({ key, before, after }) => ({
    key: toHex(key),
    before: before === undefined ? null : toHex(before),
    after: after === undefined ? null : toHex(after),
  }));
  return new JsonText(
    `{"receipts":[${receipts.join(",")}],"stateDiff":${JSON.stringify(stateDiff)},"blockHeight":${blockHeight}}`,
  );
}

export function proofView(address: Uint8Array, key: Uint8Array, proof: StateProof): StateProofJson {
  const { terminal } = proof;
  return {
    address: toHex(address),
    key: toHex(key),
    stateKey: toHex(proof.key),
    value: proof.value === undefined ? null : toHex(proof.value),
    stateRoot: toHex(proof.stateRoot),
    blockHeight: proof.blockHeight,
    terminal:
      terminal.kind === "empty"
        ? { kind: "empty" }
        : { kind: terminal.kind, keyHash: toHex(terminal.keyHash), valueHash: toHex(terminal.valueHash) },
    siblings: proof.siblings.map((sibling) => toHex(sibling)),
  };
}
