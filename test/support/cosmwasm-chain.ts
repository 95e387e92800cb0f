/**
 * CosmWasmChain: CosmWasm contracts on the executor itself, one transaction a block, spoken to as a CosmWasm chain is: messages,
 * code numbers, events. Height and time stay where a test puts them; funds and state can be set from outside. Every transaction is
 * traced, and the trace held to the receipt.
 */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter, readU32 } from "../../src/encoding/bytes.ts";
import { type CosmWasmEvent, decodeEvent } from "../../src/encoding/cosmwasm-event.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { decodeReceipt, type HaltReason, type Log } from "../../src/encoding/receipt.ts";
import { contractStatePrefix, parameterKey } from "../../src/encoding/state-key.ts";
import {
  BodyForm,
  decodeArguments,
  encodeTransaction,
  type TransactionJson,
  TransactionKind,
} from "../../src/encoding/transaction.ts";
import { fromBigInt, newUint256 } from "../../src/encoding/uint256.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import { Addresses } from "../../src/engines/wasm/cosmwasm/addresses.ts";
import { CosmWasmAbi } from "../../src/engines/wasm/cosmwasm/cosmwasm-abi.ts";
import { revertText } from "../../src/engines/wasm/cosmwasm/revert-text.ts";
import { WasmContractEngine, type WasmEngineOptions } from "../../src/engines/wasm/wasm-engine.ts";
import { RejectedError } from "../../src/errors.ts";
import { BlockExecutor } from "../../src/execution/block-executor.ts";
import { CallTracer } from "../../src/execution/call-tracer.ts";
import { GAS_SCHEDULE_1 } from "../../src/execution/gas.ts";
import type { CallInput, ContractInfo, LoadedCode } from "../../src/execution/host.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { expectTraceOf } from "./trace-rules.ts";

export const { addressPrefix: PREFIX, denom: DENOM } = DEFAULT_PARAMETERS;
const GAS = 1e10;
const EMPTY = new Uint8Array(0);
const NOBODY = `0x${"00".repeat(20)}`;

export interface CallResult {
  readonly status: "success" | "reverted" | "halted";
  readonly haltReason: HaltReason | undefined;
  readonly returnData: Uint8Array;
  /** Beyond what any transaction of its kind and length costs. */
  readonly gasUsed: number;
  /** The error's text, unless it succeeded. */
  readonly error: string;
  readonly events: readonly CosmWasmEvent[];
  readonly logs: readonly Log[];
}

export class CosmWasmChain {
  readonly addresses = new Addresses(PREFIX);
  readonly engine: WasmContractEngine;
  readonly executor: BlockExecutor;
  height = 12_345;
  timestampMs = 1_700_000_000_123;
  #seq = 0;

  constructor(options: Partial<WasmEngineOptions> = {}) {
    const abis = [new CosmWasmAbi({ addressPrefix: PREFIX, denom: DENOM })];
    this.engine = new WasmContractEngine({ abis, ...options });
    this.executor = new BlockExecutor({
      snapshot: { get: () => undefined, range: () => [], appliedSeq: () => -1 },
      tree: new PortableStateTree(),
      hasher: portableHasher,
      engines: [new BuiltinEngine(), this.engine],
      parameters: DEFAULT_PARAMETERS,
    });
    this.executor.genesis([]);
  }

  /** An address for a name. */
  account(name: string): Uint8Array {
    return new Uint8Array(createHash("sha256").update(name).digest().subarray(0, 20));
  }

  text(address: Uint8Array): string {
    return this.addresses.text(address);
  }

  // ── the state, from outside ─────────────────────────────────────────────────

  fund(address: Uint8Array, amount: bigint): void {
    this.setBalance(address, this.balanceOf(address) + amount);
  }

  balanceOf(address: Uint8Array): bigint {
    return this.executor.engine.ledger.balanceOf(address);
  }

  setBalance(address: Uint8Array, amount: bigint): void {
    const { table, engine } = this.executor;
    const limbs = newUint256();
    fromBigInt(engine.ledger.supply() + amount - this.balanceOf(address), limbs);
    table.store(table.slotOfKey(parameterKey("nativeSupply")), limbs);
    fromBigInt(amount, limbs);
    table.store(table.accountSlot(address, 0), limbs);
    this.#seal();
  }

  info(address: Uint8Array): ContractInfo {
    return this.executor.engine.contracts.resolve(address, 0)!.info;
  }

  codeOf(address: Uint8Array): LoadedCode {
    return this.executor.engine.contracts.resolve(address, 0)!.code;
  }

  stateOf(address: Uint8Array): Map<string, Uint8Array> {
    const { table } = this.executor;
    const entries = table.range(table.space(contractStatePrefix(address)), EMPTY, undefined);
    return new Map([...entries].map(({ key, value }) => [Buffer.from(key).toString("latin1"), value]));
  }

  setState(address: Uint8Array, key: string, value: string | undefined): void {
    const { table } = this.executor;
    const slot = table.slot(table.space(contractStatePrefix(address)), Buffer.from(key, "latin1"));
    table.set(slot, value === undefined ? undefined : new Uint8Array(Buffer.from(value)));
    this.#seal();
  }

  /** Admits code and keeps it, as a first deployment does. @returns its number. @throws RejectedError */
  store(wasm: Uint8Array): number {
    const { code } = this.engine.admitDeploy({ type: "wasm", code: toHex(wasm), init: {} }, () => undefined);
    const codeHash = new Uint8Array(createHash("sha256").update(code).digest());
    this.executor.engine.contracts.setCode(codeHash, code);
    this.#seal();
    return this.executor.engine.contracts.numbers.numberOf(codeHash)!;
  }

  codeHash(codeId: number): Uint8Array {
    return this.executor.engine.contracts.numbers.codeHashOf(codeId)!;
  }

  // ── transactions ────────────────────────────────────────────────────────────

  instantiate(
    sender: Uint8Array,
    codeId: number,
    message: unknown,
    { admin, value = 0n, gas = GAS }: { admin?: Uint8Array; value?: bigint; gas?: number } = {},
  ): CallResult & { address: Uint8Array } {
    const code = { type: "wasm", codeHash: toHex(this.codeHash(codeId)) };
    const contract = { ...code, init: message, admin: admin === undefined ? null : toHex(admin) };
    return this.#send({ kind: "deploy", sender: toHex(sender), contract, value: String(value), gasLimit: gas });
  }

  execute(sender: Uint8Array, to: Uint8Array, message: unknown, { value = 0n, gas = GAS } = {}): CallResult {
    const call = { sender: toHex(sender), to: toHex(to), msg: message };
    return this.#send({ kind: "call", ...call, value: String(value), gasLimit: gas });
  }

  /** Runs a call in any form of body. */
  submit(sender: Uint8Array, to: Uint8Array, { form, bytes, start, end }: CallInput): CallResult {
    const body =
      form === BodyForm.entrypoint
        ? decodeArguments(bytes, start)
        : form === BodyForm.calldata
          ? { calldata: toHex(bytes, start, end) }
          : {};
    return this.#send({ kind: "call", sender: toHex(sender), to: toHex(to), gasLimit: GAS, ...body });
  }

  migrate(sender: Uint8Array, to: Uint8Array, codeId: number, message: unknown): CallResult {
    const contract = { type: "wasm", codeHash: toHex(this.codeHash(codeId)), message };
    return this.#send({ kind: "upgrade", sender: toHex(sender), to: toHex(to), contract, gasLimit: GAS });
  }

  #send(transaction: TransactionJson & { gasLimit: number }): CallResult & { address: Uint8Array } {
    const intrinsic = intrinsicGas(encoded(transaction));
    const entry = this.#execute(encoded({ ...transaction, gasLimit: transaction.gasLimit + intrinsic }));
    const { status, haltReason, returnData, gasUsed, logs, contractAddress } = decodeReceipt(
      entry.bytes,
      entry.receiptAt(0),
    );
    const result = { status, haltReason, returnData, gasUsed: gasUsed - intrinsic, logs };
    return { ...told(result), address: contractAddress ?? EMPTY };
  }

  #seal(): void {
    this.#execute(undefined);
  }

  /** @throws RejectedError when the transaction is in no block. */
  #execute(transaction: Uint8Array | undefined): BlockEntry {
    const tracer = new CallTracer();
    this.executor.engine.observe(tracer);
    const { entry, rejected } = this.executor.execute(
      {
        height: this.height,
        seq: ++this.#seq,
        timestampMs: this.timestampMs,
        parentHash: new Uint8Array(32),
        transactions: transaction ?? EMPTY,
        submissionEnds: Uint32Array.from(transaction === undefined ? [] : [1]),
      },
      true,
    );
    const [rejection] = rejected;
    this.executor.engine.observe(undefined);
    if (rejection !== undefined) throw new RejectedError(rejection.code, rejection.message, rejection.facts);
    const block = new BlockEntry(entry!);
    if (transaction !== undefined && transaction[0] !== TransactionKind.setAdmin) {
      const trace = tracer.trace();
      expectTraceOf(block, 0, trace);
      expect(trace.frames.filter(({ items }) => items["other"] !== undefined)).toEqual([]);
    }
    return block;
  }

  // ── queries ─────────────────────────────────────────────────────────────────

  rawQuery(to: Uint8Array, message: unknown): CallResult {
    const { engine } = this.executor;
    engine.admitQuery(encoded({ kind: "call", sender: NOBODY, to: toHex(to), msg: message, gasLimit: GAS }), 0);
    const { status, haltReason, returnData, gasUsed } = engine.query();
    return told({ status, haltReason, returnData, gasUsed, logs: [] });
  }

  /** A query's answer. @throws Error with the contract's error. */
  query<T>(to: Uint8Array, message: unknown): T {
    const { status, returnData, error } = this.rawQuery(to, message);
    if (status !== "success") throw new Error(error);
    return JSON.parse(Buffer.from(returnData).toString("utf8")) as T;
  }
}

function told(result: Omit<CallResult, "error" | "events">): CallResult {
  const { status, haltReason, returnData, logs } = result;
  const error = status === "success" ? "" : status === "reverted" ? revertText(returnData) : haltReason!;
  return { ...result, error, events: logs.map(({ topics, data }) => decodeEvent(topics, data)!) };
}

function encoded(transaction: TransactionJson): Uint8Array {
  const out = new ByteWriter(1024);
  encodeTransaction(transaction, out);
  return out.take();
}

function intrinsicGas(transaction: Uint8Array): number {
  const { transactionBase, bodyByte, deployBase, stateWrite } = GAS_SCHEDULE_1;
  const more =
    transaction[0] === TransactionKind.deploy
      ? deployBase
      : transaction[0] === TransactionKind.upgrade
        ? stateWrite
        : 0;
  return transactionBase + bodyByte * readU32(transaction, 4) + more;
}
