/**
 * HistoryRows: blocks as rows of `blocks`, `execution_history` and `logs`, straight from the encoded entry.
 * Columns are those of migrations/0001; log_index counts within its transaction.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { readU32, readU64 } from "../encoding/bytes.ts";
import { decodeReceipt, type Receipt } from "../encoding/receipt.ts";
import { BodyForm, TransactionKind, TX_HEADER_BYTES, TxFlag } from "../encoding/transaction.ts";
import { inserting, TableRows, type TableStatement } from "./table-statement.ts";

const KIND_NAMES = Object.fromEntries(Object.entries(TransactionKind).map(([name, kind]) => [kind, name]));
const WORD_BYTES = 32;

export class HistoryRows {
  readonly #blocks;
  readonly #executions;
  readonly #logs;

  /** @param schema quoted. */
  constructor(schema: string) {
    this.#blocks = new TableRows(
      "insert blocks",
      {
        height: "int8",
        seq: "int8",
        block_hash: "bytea",
        parent_hash: "bytea",
        state_root: "bytea",
        receipts_root: "bytea",
        transactions_root: "bytea",
        block_time: "timestamptz",
        protocol_version: "int4",
        transaction_count: "int4",
        gas_used: "int8",
      },
      inserting(`${schema}.blocks`),
    );
    this.#executions = new TableRows(
      "insert executions",
      {
        block_height: "int8",
        transaction_index: "int4",
        transaction_hash: "bytea",
        kind: "text",
        sender: "bytea",
        nonce: "int8",
        contract_address: "bytea",
        entrypoint: "text",
        value: "numeric",
        gas_limit: "int8",
        gas_used: "int8",
        status: "text",
        halt_reason: "text",
        return_data: "bytea",
      },
      inserting(`${schema}.execution_history`),
    );
    this.#logs = new TableRows(
      "insert logs",
      {
        block_height: "int8",
        transaction_index: "int4",
        log_index: "int4",
        address: "bytea",
        topic0: "bytea",
        topic1: "bytea",
        topic2: "bytea",
        topic3: "bytea",
        data: "bytea",
      },
      inserting(`${schema}.logs`),
    );
  }

  get blocks(): number {
    return this.#blocks.count;
  }

  add(block: BlockEntry): void {
    const { columns } = this.#blocks;
    const { height } = block;
    columns.height.addInt8(height);
    columns.seq.addInt8(block.seq);
    columns.block_hash.addBytes(block.blockHash);
    columns.parent_hash.addBytes(block.parentHash);
    columns.state_root.addBytes(block.stateRoot);
    columns.receipts_root.addBytes(block.receiptsRoot);
    columns.transactions_root.addBytes(block.transactionsRoot);
    columns.block_time.addTime(block.timestampMs);
    columns.protocol_version.addInt4(block.protocolVersion);
    columns.transaction_count.addInt4(block.transactionCount);
    columns.gas_used.addInt8(block.gasUsed);
    for (let index = 0; index < block.transactionCount; index++) {
      const receipt = decodeReceipt(block.bytes, block.receiptAt(index));
      this.#addExecution(block, height, index, receipt);
      this.#addLogs(height, index, receipt);
    }
  }

  #addExecution(block: BlockEntry, height: number, index: number, receipt: Receipt): void {
    const { columns } = this.#executions;
    const { bytes } = block;
    const at = block.transactionAt(index);
    columns.block_height.addInt8(height);
    columns.transaction_index.addInt4(index);
    columns.transaction_hash.addBytes(block.transactionHash(index));
    columns.kind.addText(KIND_NAMES[bytes[at]!] ?? "raw");
    columns.sender.addBytes(bytes, at + 24, at + 44);
    columns.nonce.addInt8(readU64(bytes, at + 8));
    if (receipt.contractAddress !== undefined) columns.contract_address.addBytes(receipt.contractAddress);
    else if (bytes[at] === TransactionKind.deploy) columns.contract_address.addNull();
    else columns.contract_address.addBytes(bytes, at + 44, at + 64);
    const nameAt = at + TX_HEADER_BYTES;
    if (bytes[at + 2] !== BodyForm.entrypoint) columns.entrypoint.addNull();
    else columns.entrypoint.addBytes(bytes, nameAt + 1, nameAt + 1 + bytes[nameAt]!);
    columns.value.addText(nativeValue(bytes, at));
    columns.gas_limit.addInt8(readU64(bytes, at + 16));
    columns.gas_used.addInt8(receipt.gasUsed);
    columns.status.addText(receipt.status);
    if (receipt.haltReason === undefined) columns.halt_reason.addNull();
    else columns.halt_reason.addText(receipt.haltReason);
    columns.return_data.addBytes(receipt.returnData);
  }

  #addLogs(height: number, index: number, receipt: Receipt): void {
    const { columns } = this.#logs;
    const topicColumns = [columns.topic0, columns.topic1, columns.topic2, columns.topic3];
    receipt.logs.forEach((log, logIndex) => {
      columns.block_height.addInt8(height);
      columns.transaction_index.addInt4(index);
      columns.log_index.addInt4(logIndex);
      columns.address.addBytes(log.address);
      for (const [i, column] of topicColumns.entries()) {
        const topic = log.topics[i];
        if (topic === undefined) column.addNull();
        else column.addBytes(topic);
      }
      columns.data.addBytes(log.data);
    });
  }

  /** Valid until `clear`. */
  statements(): TableStatement[] {
    return [this.#blocks, this.#executions, this.#logs]
      .filter(({ count }) => count > 0)
      .map((rows) => rows.statement());
  }

  clear(): void {
    for (const rows of [this.#blocks, this.#executions, this.#logs]) rows.clear();
  }
}

/** The native value of an encoded transaction, in decimal. */
function nativeValue(bytes: Uint8Array, at: number): string {
  if ((bytes[at + 1]! & TxFlag.value) === 0) return "0";
  const valueAt = at + TX_HEADER_BYTES + readU32(bytes, at + 4);
  return wholeNumber(bytes, valueAt, valueAt + WORD_BYTES);
}

/** A big-endian number in decimal. */
export function wholeNumber(bytes: Uint8Array, start: number, end: number): string {
  while (start < end && bytes[start] === 0) start++;
  if (end - start > 6) return BigInt(`0x${Buffer.from(bytes.subarray(start, end)).toString("hex")}`).toString();
  let small = 0;
  for (let i = start; i < end; i++) small = small * 256 + bytes[i]!;
  return String(small);
}
