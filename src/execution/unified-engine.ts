/**
 * UnifiedContractEngine: dispatches deployments, calls and queries to the engine of the contract's kind, each in a
 * frame with its own gas, checkpoint and logs. Calls between contracts, and what a failed one leaves (nothing), are
 * decided here for every kind of contract alike.
 *
 *   transaction ──▶ admit (static: may reject) ──▶ run ──▶ Frame 0 ── call ──▶ Frame 1 … depth 64
 *                                                           │ engine.execute(host = frame)
 * Always
 *  - admit changes nothing; what it throws is a RejectedError and no gas is charged.
 *  - run never throws for what a contract does: it answers success, reverted or halted.
 *  - A frame that reverts or halts leaves no write and no log; a halted one has spent its gas.
 *  - Reentrancy is allowed: an inner frame sees the writes of the outer ones.
 */
import { createHash } from "node:crypto";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { ByteWriter, readU32, readU64, toLatin1 } from "../encoding/bytes.ts";
import { canonicalJson } from "../encoding/canonical-json.ts";
import { parseAddress, toHex } from "../encoding/hex.ts";
import type { HaltReason } from "../encoding/receipt.ts";
import { codeKey, contractKey } from "../encoding/state-key.ts";
import { BodyForm, optionalFields, TransactionKind, TX_HEADER_BYTES } from "../encoding/transaction.ts";
import { add, fromBigInt, lessThan, newUint256, readBigEndian, subtract, toBigInt } from "../encoding/uint256.ts";
import { EngineError, RejectedError } from "../errors.ts";
import { create2Address, createAddress, decodeContract, encodeContract } from "./contract-record.ts";
import { contractSpace, Frame, type TransactionScope } from "./frame.ts";
import { type GasSchedule, Halt } from "./gas.ts";
import type { BlockContext, CallInput, CallOutcome, CallRequest, ContractEngine, ContractInfo, LoadedCode, Outcome } from "./host.ts";
import type { ChainParameters } from "./parameters.ts";
import type { StateTable } from "./state-table.ts";

const EMPTY = new Uint8Array(0);
/** Compiled programs kept; a built-in's is a few hundred bytes. */
const LOADED_CODES_MAX = 4096;
const CONTRACT_PAUSED = keccak_256(Buffer.from("ContractPaused(address)")).slice(0, 4);

/** A contract that calls can be made to: its record and everything found through it. */
export interface ResolvedContract {
  readonly info: ContractInfo;
  readonly engine: ContractEngine;
  readonly code: LoadedCode;
  readonly space: number;
}

/** What running a transaction came to. `returnData` is not changed afterwards. */
export interface RunResult {
  status: "success" | "reverted" | "halted";
  haltReason: HaltReason | undefined;
  gasUsed: number;
  returnData: Uint8Array;
  contractAddress: Uint8Array | undefined;
}

/** A transaction that was admitted, in place in its batch; set anew for each. */
class Admitted implements CallInput {
  bytes: Uint8Array = EMPTY;
  form = 0;
  start = 0;
  end = 0;
  kind = 0;
  gasLimit = 0;
  intrinsicGas = 0;
  value = 0n;
  senderSlot = 0;
  nonce = 0;
  /** Copied, not a view: a view costs more than the copy. */
  readonly sender = new Uint8Array(20);
  contract: ResolvedContract | undefined;
  deployment: { engine: ContractEngine; code: Uint8Array; contract: Record<string, unknown>; admin: Uint8Array | undefined; address: Uint8Array } | undefined;
  /** setStatus, setAdmin */
  changed: ContractInfo | undefined;
}

export class UnifiedContractEngine {
  readonly #table: StateTable;
  readonly #engines: readonly ContractEngine[];
  readonly #schedule: GasSchedule;
  readonly #parameters: ChainParameters;
  readonly #scope: TransactionScope;
  readonly #frames: Frame[] = [];
  readonly #contracts: number;
  readonly #codes: number;
  #resolved = new Map<number, { change: number; contract: ResolvedContract }>();
  #resolvedGeneration = 0;
  /** Whether a contract record was written in the running block. */
  #recordsChanged = false;
  #loaded = new Map<string, LoadedCode>();
  readonly #transaction = new Admitted();
  readonly #balance = newUint256();
  readonly #amount = newUint256();

  constructor(options: { table: StateTable; engines: readonly ContractEngine[]; schedule: GasSchedule; parameters: ChainParameters }) {
    this.#table = options.table;
    this.#engines = options.engines;
    this.#schedule = options.schedule;
    this.#parameters = options.parameters;
    this.#contracts = options.table.space(contractKey(EMPTY));
    this.#codes = options.table.space(codeKey(EMPTY));
    this.#scope = {
      table: options.table,
      schedule: options.schedule,
      parameters: options.parameters,
      logs: new ByteWriter(),
      logCount: 0,
      block: { height: 0, timestampMs: 0, chainId: options.parameters.chainId, protocolVersion: options.parameters.protocolVersion },
      sender: EMPTY,
      profile: undefined,
      call: (caller, request) => this.#call(caller, request),
    };
  }

  /** Encoded logs of the transaction that ran last, and how many. */
  get logs(): ByteWriter {
    return this.#scope.logs;
  }
  get logCount(): number {
    return this.#scope.logCount;
  }

  beginBlock(block: BlockContext): void {
    this.#scope.block = block;
    this.#recordsChanged = false;
  }

  /** Counts gas by item from the next transaction on, or stops counting. */
  profile(profile: Map<string, number> | undefined): void {
    this.#scope.profile = profile;
  }

  // ── transactions ────────────────────────────────────────────────────────────

  /**
   * Static checks of the encoding at `at`, against the state as it is.
   * @param nonceLeftOut the nonce was already set to the sender's next one by the caller.
   * @throws RejectedError, and nothing was changed.
   */
  admit(bytes: Uint8Array, at: number): void {
    const tx = this.#transaction;
    const schedule = this.#schedule;
    tx.bytes = bytes;
    tx.kind = bytes[at]!;
    tx.form = bytes[at + 2]!;
    tx.start = at + TX_HEADER_BYTES;
    tx.end = tx.start + readU32(bytes, at + 4);
    tx.gasLimit = readU64(bytes, at + 16);
    copyAddress(bytes, at + 24, tx.sender);
    tx.contract = undefined;
    tx.deployment = undefined;
    tx.changed = undefined;
    tx.value = 0n;
    tx.intrinsicGas = schedule.transactionBase + schedule.bodyByte * (tx.end - tx.start);
    if (tx.gasLimit > this.#parameters.transactionGasMax) {
      throw new RejectedError("GAS_LIMIT_TOO_HIGH", `gasLimit ${tx.gasLimit} is above the chain's ${this.#parameters.transactionGasMax}`, { gasLimit: String(tx.gasLimit), transactionGasMax: String(this.#parameters.transactionGasMax) });
    }
    tx.senderSlot = this.#table.accountSlot(bytes, at + 24);
    tx.nonce = readU64(bytes, at + 8);
    const expected = this.#table.nonce(tx.senderSlot);
    if (tx.nonce !== expected) {
      throw new RejectedError("NONCE_MISMATCH", `sender ${toHex(tx.sender)} must use nonce ${expected}, sent ${tx.nonce}`, { sender: toHex(tx.sender), expected, received: tx.nonce });
    }
    if (bytes[at + 1] !== 0) this.#admitOptional(at);
    switch (tx.kind) {
      case TransactionKind.call:
        this.#admitCall(at);
        break;
      case TransactionKind.deploy:
        this.#admitDeploy(at);
        break;
      case TransactionKind.setStatus:
      case TransactionKind.setAdmin:
        this.#admitChange(at);
        break;
      default:
        throw new RejectedError("UNSUPPORTED_TRANSACTION", "no kind of contract of this version can be upgraded", { kind: "upgrade" });
    }
    if (tx.gasLimit < tx.intrinsicGas) {
      throw new RejectedError("INTRINSIC_GAS_TOO_LOW", `gasLimit ${tx.gasLimit} is below the ${tx.intrinsicGas} that this transaction costs before it runs`, { gasLimit: String(tx.gasLimit), intrinsicGas: String(tx.intrinsicGas) });
    }
  }

  #admitOptional(at: number): void {
    const tx = this.#transaction;
    const fields = optionalFields(tx.bytes, at);
    if (fields.validUntil !== undefined) {
      const last = readU64(tx.bytes, fields.validUntil);
      const { height } = this.#scope.block;
      if (height > last) throw new RejectedError("EXPIRED", `valid until height ${last}, the block has height ${height}`, { validUntilHeight: last, height });
    }
    if (fields.value !== undefined) {
      readBigEndian(tx.bytes, fields.value, 32, this.#amount);
      this.#table.load(tx.senderSlot, this.#balance);
      tx.value = toBigInt(this.#amount);
      if (lessThan(this.#balance, this.#amount)) {
        throw new RejectedError("INSUFFICIENT_BALANCE", `sender ${toHex(tx.sender)} has ${toBigInt(this.#balance)}, the value is ${tx.value}`, { balance: String(toBigInt(this.#balance)), value: String(tx.value) });
      }
    }
  }

  #admitCall(at: number): void {
    const tx = this.#transaction;
    tx.contract = this.#resolve(tx.bytes, at + 44);
    if (tx.contract === undefined) {
      if (tx.form === BodyForm.none) return;
      const address = toHex(tx.bytes, at + 44, at + 64);
      throw new EngineError("CONTRACT_NOT_FOUND", `no contract stands at ${address}`, { address });
    }
    if (tx.form === BodyForm.entrypoint || tx.form === BodyForm.json) tx.contract.engine.admitCall(tx.contract.code, tx);
  }

  #admitDeploy(at: number): void {
    const tx = this.#transaction;
    const body = tx.bytes.subarray(tx.start, tx.end);
    const { admin, ...contract } = parseObject(body);
    const type = contract["type"];
    const engine = this.#engines.find((candidate) => typeof type === "string" && candidate.types.includes(type));
    if (engine === undefined) {
      const known = this.#engines.flatMap((candidate) => candidate.types);
      throw new RejectedError("UNSUPPORTED_CONTRACT", `no engine deploys contracts of type ${JSON.stringify(type)}; this daemon has ${known.join(", ")}`, { path: "contract.type", received: type, known });
    }
    const { code, gas } = engine.admitDeploy(contract);
    if (code.length > this.#parameters.codeBytesMax) throw new RejectedError("CODE_REJECTED", `the code has ${code.length} bytes, the chain allows ${this.#parameters.codeBytesMax}`, { bytes: code.length, max: this.#parameters.codeBytesMax });
    const { salt } = optionalFields(tx.bytes, at);
    const address = salt === undefined ? createAddress(tx.sender, tx.nonce) : create2Address(tx.sender, tx.bytes.subarray(salt, salt + 32), body);
    if (this.#table.has(this.#contractSlot(address, 0))) throw new RejectedError("ADDRESS_IN_USE", `a contract already stands at ${toHex(address)}`, { address: toHex(address) });
    tx.intrinsicGas += this.#schedule.deployBase + this.#schedule.codeByte * code.length + gas;
    tx.deployment = { engine, code, contract, admin: parseAdmin(admin, tx.sender), address };
  }

  #admitChange(at: number): void {
    const tx = this.#transaction;
    const contract = this.#resolve(tx.bytes, at + 44);
    const address = toHex(tx.bytes, at + 44, at + 64);
    if (contract === undefined) throw new EngineError("CONTRACT_NOT_FOUND", `no contract stands at ${address}`, { address });
    const admin = contract.info.admin === undefined ? undefined : toHex(contract.info.admin);
    if (admin !== toHex(tx.sender)) throw new RejectedError("NOT_ADMIN", `the admin of ${address} is ${admin ?? "nobody"}, the sender ${toHex(tx.sender)}`, { address, admin: admin ?? null, sender: toHex(tx.sender) });
    if (tx.value !== 0n) throw new RejectedError("INVALID_AMOUNT", "this kind of transaction carries no value", { path: "value", expected: "0", received: String(tx.value) });
    const body = parseObject(tx.bytes.subarray(tx.start, tx.end));
    if (tx.kind === TransactionKind.setStatus) {
      const { status } = body;
      if (status !== "active" && status !== "paused") throw new RejectedError("VALIDATION_ERROR", `status: expected "active" or "paused"`, { path: "status", expected: '"active" or "paused"', received: status });
      tx.changed = { ...contract.info, status };
    } else {
      tx.changed = { ...contract.info, admin: parseAdmin(body["admin"], undefined) };
    }
    tx.intrinsicGas += this.#schedule.stateWrite;
  }

  /** Runs the transaction that was admitted last. Its nonce is used whatever comes of it. */
  run(transactionHash: Uint8Array): RunResult {
    const tx = this.#transaction;
    const scope = this.#scope;
    scope.logs.length = 0;
    scope.logCount = 0;
    scope.sender = tx.sender;
    if (scope.profile !== undefined) {
      scope.profile.set("transactionBase", this.#schedule.transactionBase);
      scope.profile.set("bodyByte", this.#schedule.bodyByte * (tx.end - tx.start));
      const rest = tx.intrinsicGas - this.#schedule.transactionBase - this.#schedule.bodyByte * (tx.end - tx.start);
      if (rest > 0) scope.profile.set("deployment", rest);
    }
    this.#table.setNonce(tx.senderSlot, tx.nonce + 1);
    const gas = tx.gasLimit - tx.intrinsicGas;
    let contractAddress: Uint8Array | undefined;
    let outcome: CallOutcome;
    if (tx.deployment !== undefined) {
      const { deployment } = tx;
      contractAddress = deployment.address;
      outcome = this.#deploy(transactionHash, gas);
    } else if (tx.changed !== undefined) {
      this.#setRecord(tx.changed);
      outcome = { status: "success", returnData: EMPTY, gasUsed: 0 };
    } else if (tx.contract !== undefined) {
      const { contract } = tx;
      outcome = this.#inFrame(0, contract, tx.sender, tx.value, false, gas, (frame) => this.#execute(frame, contract, tx));
    } else {
      if (tx.value !== 0n) this.#moveValue(tx.sender, tx.bytes.slice(tx.start - 20, tx.start), tx.value);
      outcome = { status: "success", returnData: EMPTY, gasUsed: 0 };
    }
    return {
      status: outcome.status,
      haltReason: this.#haltReason(outcome),
      gasUsed: tx.intrinsicGas + outcome.gasUsed,
      returnData: outcome.returnData,
      contractAddress: outcome.status === "success" ? contractAddress : undefined,
    };
  }

  /** Runs the admitted call without a transaction around it: no nonce, no intrinsic gas, nothing may be written. */
  query(): RunResult {
    const tx = this.#transaction;
    const { contract } = tx;
    if (contract === undefined) throw new EngineError("CONTRACT_NOT_FOUND", "no contract stands at this address", {});
    this.#scope.logs.length = 0;
    this.#scope.logCount = 0;
    this.#scope.sender = tx.sender;
    const outcome = this.#inFrame(0, contract, tx.sender, 0n, true, tx.gasLimit, (frame) => this.#execute(frame, contract, tx));
    return { status: outcome.status, haltReason: this.#haltReason(outcome), gasUsed: outcome.gasUsed, returnData: outcome.returnData, contractAddress: undefined };
  }

  /** Prepares a query of the call encoded at `at`. @throws RejectedError, CONTRACT_NOT_FOUND. */
  admitQuery(bytes: Uint8Array, at: number): void {
    const tx = this.#transaction;
    tx.bytes = bytes;
    tx.kind = TransactionKind.call;
    tx.form = bytes[at + 2]!;
    tx.start = at + TX_HEADER_BYTES;
    tx.end = tx.start + readU32(bytes, at + 4);
    tx.gasLimit = readU64(bytes, at + 16);
    copyAddress(bytes, at + 24, tx.sender);
    tx.value = 0n;
    this.#admitCall(at);
  }

  /**
   * To be told when state was reverted from outside. A record changed in the running block carries one change number
   * through all its changes, so that what was resolved meanwhile is forgotten.
   */
  reverted(): void {
    if (!this.#recordsChanged) return;
    this.#resolved.clear();
  }

  #setRecord(info: ContractInfo): void {
    this.#table.set(this.#contractSlot(info.address, 0), encodeContract(info));
    this.#recordsChanged = true;
    this.#resolved.clear();
  }

  // ── contracts ───────────────────────────────────────────────────────────────

  /** The contract at the 20 bytes from `at`, or undefined. */
  contract(address: Uint8Array, at = 0): ResolvedContract | undefined {
    return this.#resolve(address, at);
  }

  #contractSlot(address: Uint8Array, at: number): number {
    return this.#table.spaceAddressSlot(this.#contracts, address, at);
  }

  #resolve(address: Uint8Array, at: number): ResolvedContract | undefined {
    const slot = this.#contractSlot(address, at);
    if (this.#resolvedGeneration !== this.#table.generation) {
      this.#resolved.clear();
      this.#resolvedGeneration = this.#table.generation;
    }
    const change = this.#table.lastChange(slot);
    const known = this.#resolved.get(slot);
    if (known !== undefined && known.change === change) return known.contract;
    const record = this.#table.get(slot);
    if (record === undefined) return undefined;
    const info = decodeContract(address.slice(at, at + 20), record);
    const engine = this.#engines.find((candidate) => candidate.kind === info.kind);
    if (engine === undefined) throw new EngineError("UNSUPPORTED_CONTRACT", `no engine runs contracts of kind ${info.kind}`, { kind: info.kind });
    const contract: ResolvedContract = { info, engine, code: this.#load(info.codeHash), space: contractSpace(this.#table, info.address) };
    if (this.#resolved.size >= LOADED_CODES_MAX) this.#resolved.clear();
    this.#resolved.set(slot, { change, contract });
    return contract;
  }

  #load(codeHash: Uint8Array): LoadedCode {
    const name = toLatin1(codeHash);
    const known = this.#loaded.get(name);
    if (known !== undefined) return known;
    const code = this.#table.get(this.#table.slot(this.#codes, codeHash));
    if (code === undefined) throw new EngineError("INTERNAL_ERROR", `code ${toHex(codeHash)} is missing from the state`, {});
    if (this.#loaded.size >= LOADED_CODES_MAX) this.#loaded.clear();
    const loaded: LoadedCode = { codeHash: codeHash.slice(), code, program: undefined };
    this.#loaded.set(name, loaded);
    return loaded;
  }

  // ── frames ──────────────────────────────────────────────────────────────────

  #execute(frame: Frame, contract: ResolvedContract, input: CallInput): Outcome {
    if (contract.info.status === "paused") return { status: "reverted", returnData: Uint8Array.from([...CONTRACT_PAUSED, ...new Uint8Array(12), ...contract.info.address]) };
    return contract.engine.execute(frame, contract.code, input);
  }

  #deploy(transactionHash: Uint8Array, gas: number): CallOutcome {
    const tx = this.#transaction;
    const { engine, code, contract, admin, address } = tx.deployment!;
    const codeHash = createHash("sha256").update(code).digest();
    const info: ContractInfo = {
      address,
      kind: engine.kind,
      type: contract["type"] as string,
      codeHash,
      creator: tx.sender.slice(),
      admin,
      status: "active",
      deployTransactionHash: transactionHash.slice(),
      deployedAtHeight: this.#scope.block.height,
    };
    const resolved: ResolvedContract = { info, engine, code: { codeHash, code, program: undefined }, space: contractSpace(this.#table, address) };
    return this.#inFrame(0, resolved, tx.sender, tx.value, false, gas, (frame) => {
      const codeSlot = this.#table.slot(this.#codes, codeHash);
      if (!this.#table.has(codeSlot)) this.#table.set(codeSlot, code);
      this.#setRecord(info);
      return engine.deploy(frame, code, contract);
    });
  }

  #call(caller: Frame, request: CallRequest): CallOutcome {
    const { schedule, parameters } = this.#scope;
    caller.charge("callBase", schedule.callBase);
    if (caller.isStatic && request.value !== 0n) throw new Halt("StaticWrite");
    const depth = caller.depth + 1;
    if (depth >= parameters.callDepthMax) return { status: "halted", returnData: EMPTY, gasUsed: 0 };
    const contract = this.#resolve(request.to, 0);
    if (contract === undefined && request.input.form !== BodyForm.none) return { status: "reverted", returnData: EMPTY, gasUsed: 0 };
    if (request.value !== 0n && !this.#covers(caller.address, request.value)) return { status: "reverted", returnData: EMPTY, gasUsed: 0 };
    const gasLimit = Math.min(request.gasLimit, caller.gas.remaining);
    if (contract === undefined) {
      this.#moveValue(caller.address, request.to, request.value);
      return { status: "success", returnData: EMPTY, gasUsed: 0 };
    }
    caller.gas.charge(gasLimit);
    const outcome = this.#inFrame(depth, contract, caller.address, request.value, caller.isStatic || request.isStatic, gasLimit, (frame) => this.#execute(frame, contract, request.input));
    caller.gas.refund(gasLimit - outcome.gasUsed);
    return outcome;
  }

  #inFrame(depth: number, contract: ResolvedContract, caller: Uint8Array, value: bigint, isStatic: boolean, gasLimit: number, body: (frame: Frame) => Outcome): CallOutcome {
    const scope = this.#scope;
    const table = this.#table;
    const checkpoint = table.checkpoint();
    const logLength = scope.logs.length;
    const { logCount } = scope;
    let frame = this.#frames[depth];
    if (frame === undefined) {
      frame = new Frame(scope, depth);
      this.#frames[depth] = frame;
    }
    frame.enter(contract.info.address, caller, value, isStatic, gasLimit, contract.space);
    let outcome: Outcome | undefined;
    try {
      if (value !== 0n) this.#moveValue(caller, contract.info.address, value);
      outcome = body(frame);
    } catch (problem) {
      if (!(problem instanceof Halt)) {
        table.revert(checkpoint);
        this.reverted();
        throw problem;
      }
      frame.gas.exhaust();
      this.#lastHalt = problem.reason;
    }
    if (outcome === undefined || outcome.status === "reverted") {
      table.revert(checkpoint);
      this.reverted();
      scope.logs.length = logLength;
      scope.logCount = logCount;
    }
    if (outcome === undefined) return { status: "halted", returnData: EMPTY, gasUsed: gasLimit };
    return { status: outcome.status, returnData: outcome.returnData, gasUsed: frame.gas.used };
  }

  #lastHalt: HaltReason = "OutOfGas";

  #haltReason(outcome: CallOutcome): HaltReason | undefined {
    return outcome.status === "halted" ? this.#lastHalt : undefined;
  }

  // ── native value ────────────────────────────────────────────────────────────

  #covers(account: Uint8Array, value: bigint): boolean {
    this.#table.load(this.#table.accountSlot(account, 0), this.#balance);
    fromBigInt(value, this.#amount);
    return !lessThan(this.#balance, this.#amount);
  }

  /** The sender's balance was checked. The sum of all balances is fixed at genesis and below 2^256, so that no addition overflows. */
  #moveValue(from: Uint8Array, to: Uint8Array, value: bigint): void {
    const table = this.#table;
    const source = table.accountSlot(from, 0);
    fromBigInt(value, this.#amount);
    table.load(source, this.#balance);
    if (subtract(this.#balance, this.#amount)) throw new Error("native value moved without cover");
    table.store(source, this.#balance);
    const target = table.accountSlot(to, 0);
    table.load(target, this.#balance);
    if (add(this.#balance, this.#amount)) throw new Error("native balance overflow");
    table.store(target, this.#balance);
  }
}

function copyAddress(from: Uint8Array, at: number, to: Uint8Array): void {
  for (let i = 0; i < 20; i++) to[i] = from[at + i]!;
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  let parsed: unknown;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new RejectedError("VALIDATION_ERROR", "the body is not JSON", { path: "body", expected: "canonical JSON" });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new RejectedError("VALIDATION_ERROR", "the body is not a JSON object", { path: "body", expected: "an object" });
  if (canonicalJson(parsed) !== text) throw new RejectedError("VALIDATION_ERROR", "the body is not canonical JSON", { path: "body", expected: "keys sorted, no white space" });
  return parsed as Record<string, unknown>;
}

/** The admin that a body names: null is nobody, and what is not said falls to `otherwise`. */
function parseAdmin(admin: unknown, otherwise: Uint8Array | undefined): Uint8Array | undefined {
  if (admin === undefined) return otherwise?.slice();
  if (admin === null) return undefined;
  const parsed = typeof admin === "string" ? parseAddress(admin) : undefined;
  if (parsed === undefined) throw new RejectedError("INVALID_ADDRESS", "admin: expected an address, or null for nobody", { path: "admin", expected: "an address or null", received: admin });
  return parsed;
}
