/**
 * UnifiedContractEngine: dispatches deployments, calls and queries to the engine of the contract's kind, each in a
 * frame with its own gas, checkpoint and logs. Calls between contracts, and what a failed one leaves (nothing), are
 * decided here for every kind of contract alike.
 *
 *   transaction ──▶ Admission (static: may reject) ──▶ run ──▶ Frame 0 ── call ──▶ Frame 1 … depth 64
 *                                                              │ engine.execute(host = frame)
 * Always
 *  - run never throws for what a contract does: its receipt says success, reverted or halted.
 *  - A frame that reverts or halts leaves no write and no log; a halted one has spent its gas.
 *  - Reentrancy is allowed: an inner frame sees the writes of the outer ones.
 */
import { encodeError } from "../encoding/abi.ts";
import { ByteWriter } from "../encoding/bytes.ts";
import { ENGINE_ERRORS } from "../encoding/erc20-abi.ts";
import { toHex } from "../encoding/hex.ts";
import {
  HALT_REASONS,
  type HaltReason,
  RECEIPT_HEADER_BYTES,
  ReceiptStatus,
  writePacked,
  writeReceiptHeader,
} from "../encoding/receipt.ts";
import { ArgTag, BodyForm, TransactionKind, TX_HEADER_BYTES } from "../encoding/transaction.ts";
import { EngineError } from "../errors.ts";
import { Admission } from "./admission.ts";
import { Contracts, type ResolvedContract } from "./contracts.ts";
import { Frame, type TransactionScope } from "./frame.ts";
import { type GasSchedule, Halt } from "./gas.ts";
import type { BlockContext, CallInput, CallOutcome, CallRequest, ContractEngine, Outcome } from "./host.ts";
import { type Installation, Lifecycle, NO_WORK, REFUSED, TOO_DEEP } from "./lifecycle.ts";
import { NativeLedger } from "./native-ledger.ts";
import type { ExecutionObserver, FrameKind, Refusal } from "./observer.ts";
import type { ChainParameters } from "./parameters.ts";
import type { StateTable } from "./state-table.ts";

const EMPTY = new Uint8Array(0);
const ADDRESS_BYTES = 20;
/** The input of a frame that runs no call: a deployment's or an upgrade's. */
const NO_INPUT: CallInput = { form: BodyForm.none, bytes: EMPTY, start: 0, end: 0 };
const NO_HASH = () => EMPTY;
/** Logs are written behind the room that header, contract address and one word of return data take. */
const RECEIPT_GAP_BYTES = RECEIPT_HEADER_BYTES + ADDRESS_BYTES + 33;

/** What running a transaction came to; the receipt has the rest. */
export interface RunResult {
  status: "success" | "reverted" | "halted";
  haltReason: HaltReason | undefined;
  gasUsed: number;
  returnData: Uint8Array;
  /** Of a query: with another gas limit that covers `gasUsed`, the contract might have done something else. */
  isGasSensitive: boolean;
}

export class UnifiedContractEngine {
  readonly contracts: Contracts;
  readonly ledger: NativeLedger;
  readonly #table: StateTable;
  readonly #scope: TransactionScope;
  readonly #admission: Admission;
  readonly #frames: Frame[] = [];
  readonly #queryLogs = new ByteWriter();
  /** A contract has called another: it gave it a part of its gas. */
  #hasCalled = false;
  readonly #result: RunResult = {
    status: "success",
    haltReason: undefined,
    gasUsed: 0,
    returnData: EMPTY,
    isGasSensitive: false,
  };
  readonly #lifecycle: Lifecycle;

  constructor(options: {
    table: StateTable;
    engines: readonly ContractEngine[];
    schedule: GasSchedule;
    parameters: ChainParameters;
  }) {
    const { table, schedule, parameters } = options;
    this.#table = table;
    this.contracts = new Contracts(table, options.engines);
    this.ledger = new NativeLedger(table);
    this.#admission = new Admission(table, this.contracts, schedule, parameters);
    this.#scope = {
      table,
      contracts: this.contracts,
      ledger: this.ledger,
      schedule,
      parameters,
      transactionHash: NO_HASH,
      logs: this.#queryLogs,
      logCount: 0,
      block: { height: 0, timestampMs: 0, chainId: parameters.chainId, protocolVersion: parameters.protocolVersion },
      sender: this.#admission.sender,
      observer: undefined,
      call: (caller, request) => this.#call(caller, request),
      deploy: (caller, request) => this.#lifecycle.deployFrom(caller, request),
      upgrade: (caller, request) => this.#lifecycle.upgradeFrom(caller, request),
      setAdmin: (caller, to, admin) => this.#lifecycle.setAdminFrom(caller, to, admin),
    };
    this.#lifecycle = new Lifecycle(this.#scope, (caller, installation, value, gasLimit) =>
      this.#below(caller, installation.contract, value, false, gasLimit, NO_INPUT, installation),
    );
    this.beginBlock(this.#scope.block);
  }

  beginBlock(block: BlockContext): void {
    this.#scope.block = block;
    this.#admission.beginBlock(block);
    this.contracts.beginBlock();
  }

  /** To be told when state was reverted from outside. */
  reverted(): void {
    this.contracts.reverted();
  }

  /** Tells `observer` what happens from the next transaction on; undefined: nobody. */
  observe(observer: ExecutionObserver | undefined): void {
    this.#scope.observer = observer;
  }

  /**
   * Brings the state that the transaction at `at` is likely to use near the processor: the sender's account, and what the
   * contract keeps by address of the sender and of the address arguments.
   */
  touch(bytes: Uint8Array, at: number): void {
    const table = this.#table;
    table.touchAccount(bytes, at + 24);
    if (bytes[at] !== TransactionKind.call || bytes[at + 2] !== BodyForm.entrypoint) return;
    const contract = this.contracts.resolve(bytes, at + 44);
    if (contract === undefined) return;
    for (const prefix of contract.engine.addressPrefixes) {
      table.touchAddress(contract.space, prefix, bytes, at + 24);
      const argument = at + TX_HEADER_BYTES + 2 + bytes[at + TX_HEADER_BYTES]!;
      if (bytes[argument] === ArgTag.address) table.touchAddress(contract.space, prefix, bytes, argument + 1);
    }
  }

  /** Static checks of the encoding at `at`. @throws RejectedError, CONTRACT_NOT_FOUND; nothing was changed. */
  admit(bytes: Uint8Array, at: number): void {
    this.#admission.admit(bytes, at);
  }

  /** Static checks of a query, encoded as a call. @throws RejectedError, CONTRACT_NOT_FOUND. */
  admitQuery(bytes: Uint8Array, at: number): void {
    this.#admission.admitQuery(bytes, at);
  }

  /**
   * Runs the transaction that was admitted last, and appends its receipt. Its nonce is used whatever comes of it.
   * @param transactionHash asked for when a contract is deployed, which keeps it.
   * @returns valid until the next run.
   */
  run(transactionHash: () => Uint8Array, receipts: ByteWriter): RunResult {
    const tx = this.#admission;
    const start = receipts.length;
    receipts.ensure(RECEIPT_GAP_BYTES);
    receipts.length = start + RECEIPT_GAP_BYTES;
    this.#scope.logs = receipts;
    this.#scope.logCount = 0;
    this.#scope.transactionHash = transactionHash;
    if (this.#scope.observer !== undefined)
      for (const [item, amount] of tx.intrinsicItems()) this.#scope.observer.charged(item, amount);
    this.#table.setNonce(tx.senderSlot, tx.nonce + 1);
    const outcome = this.#dispatch(tx.gasLimit - tx.intrinsicGas);
    const result = this.#result;
    result.status = outcome.status;
    result.haltReason = outcome.haltReason;
    result.gasUsed = tx.intrinsicGas + outcome.gasUsed;
    result.returnData = outcome.returnData;
    this.#writeReceipt(receipts, start, outcome.status === "success" ? tx.deployment?.address : undefined);
    return result;
  }

  #dispatch(gas: number): CallOutcome {
    const tx = this.#admission;
    if (tx.contract !== undefined) return this.#inFrame(0, tx.contract, tx.sender, tx.value, false, gas, tx, undefined);
    const installation =
      tx.deployment === undefined ? tx.upgrade : this.#lifecycle.deployment(tx.deployment, tx.sender);
    if (installation !== undefined)
      return this.#inFrame(0, installation.contract, tx.sender, tx.value, false, gas, NO_INPUT, installation);
    if (tx.changed !== undefined) this.contracts.setRecord(tx.changed);
    else {
      const to = tx.bytes.slice(tx.start - ADDRESS_BYTES, tx.start);
      if (tx.value !== 0n) this.ledger.move(tx.sender, to, tx.value);
      this.#tellUnrun({ to, value: tx.value, gasLimit: gas, input: tx }, tx.sender, NO_WORK, undefined);
    }
    return NO_WORK;
  }

  /** Puts header, address and return data in front of the logs, which move up to them. */
  #writeReceipt(receipts: ByteWriter, start: number, contractAddress: Uint8Array | undefined): void {
    const { status, haltReason, gasUsed, returnData } = this.#result;
    const logsStart = start + RECEIPT_GAP_BYTES;
    const logsEnd = receipts.length;
    const needed = RECEIPT_GAP_BYTES + returnData.length + 5;
    let logs: Uint8Array | undefined;
    if (returnData.length > 32) logs = receipts.bytes.slice(logsStart, logsEnd);
    receipts.length = start + RECEIPT_HEADER_BYTES;
    receipts.ensure(needed);
    if (contractAddress !== undefined) receipts.raw(contractAddress);
    writePacked(receipts, returnData, 0, returnData.length);
    const end = receipts.length;
    if (logs !== undefined) receipts.raw(logs);
    else {
      receipts.bytes.copyWithin(end, logsStart, logsEnd);
      receipts.length = end + logsEnd - logsStart;
    }
    const halt = haltReason === undefined ? 0 : HALT_REASONS.indexOf(haltReason);
    writeReceiptHeader(
      receipts,
      start,
      ReceiptStatus[status],
      halt,
      contractAddress === undefined ? 0 : 1,
      this.#scope.logCount,
      gasUsed,
    );
  }

  /** Runs the admitted call without a transaction around it: no nonce, no intrinsic gas, nothing may be written. */
  query(): RunResult {
    const { contract, sender, gasLimit } = this.#admission;
    if (contract === undefined) throw new EngineError("CONTRACT_NOT_FOUND", "no contract stands at this address", {});
    this.#queryLogs.length = 0;
    this.#scope.logs = this.#queryLogs;
    this.#scope.logCount = 0;
    this.#hasCalled = false;
    const outcome = this.#inFrame(0, contract, sender, 0n, true, gasLimit, this.#admission, undefined);
    const result = this.#result;
    result.isGasSensitive = this.#hasCalled || this.#frame(0).gas.isObserved;
    result.status = outcome.status;
    result.haltReason = outcome.haltReason;
    result.gasUsed = outcome.gasUsed;
    result.returnData = outcome.returnData;
    return result;
  }

  /** Tells of a call in which no contract runs. */
  #tellUnrun(
    { to, value, gasLimit, input }: Omit<CallRequest, "isStatic">,
    caller: Uint8Array,
    outcome: CallOutcome,
    refusal: Refusal | undefined,
  ): CallOutcome {
    const { observer } = this.#scope;
    if (observer === undefined) return outcome;
    observer.entered({ kind: "call", address: to, caller, value, gasLimit, input });
    observer.left(outcome, outcome.haltReason, refusal);
    return outcome;
  }

  // ── frames ──────────────────────────────────────────────────────────────────

  #call(caller: Frame, request: CallRequest): CallOutcome {
    const { schedule, parameters } = this.#scope;
    const { to, input, value } = request;
    this.#hasCalled = true;
    caller.charge("callBase", schedule.callBase);
    if (caller.isStatic && value !== 0n) throw new Halt("StaticWrite");
    if (caller.depth + 1 >= parameters.callDepthMax)
      return this.#tellUnrun(request, caller.address, TOO_DEEP, "callDepth");
    const contract = this.contracts.resolve(to, 0);
    if (contract === undefined && input.form !== BodyForm.none)
      return this.#tellUnrun(request, caller.address, REFUSED, "noContract");
    if (value !== 0n && !this.ledger.covers(caller.address, value))
      return this.#tellUnrun(request, caller.address, REFUSED, "valueNotCovered");
    if (contract === undefined) {
      if (value !== 0n) this.ledger.move(caller.address, to, value);
      return this.#tellUnrun(request, caller.address, NO_WORK, undefined);
    }
    const isStatic = caller.isStatic || request.isStatic;
    return this.#below(caller, contract, value, isStatic, request.gasLimit, input, undefined);
  }

  /** Runs a contract in the frame below, on gas of the caller. */
  #below(
    caller: Frame,
    contract: ResolvedContract,
    value: bigint,
    isStatic: boolean,
    wantedGas: number,
    input: CallInput,
    installation: Installation | undefined,
  ): CallOutcome {
    const gasLimit = Math.max(0, Math.min(Math.floor(wantedGas), caller.gas.remaining));
    caller.gas.charge(gasLimit);
    const depth = caller.depth + 1;
    const outcome = this.#inFrame(depth, contract, caller.address, value, isStatic, gasLimit, input, installation);
    caller.gas.refund(gasLimit - outcome.gasUsed);
    return outcome;
  }

  /** @param installation set: the contract is made, or gets other code, in this frame. */
  #inFrame(
    depth: number,
    contract: ResolvedContract,
    caller: Uint8Array,
    value: bigint,
    isStatic: boolean,
    gasLimit: number,
    input: CallInput,
    installation: Installation | undefined,
  ): CallOutcome {
    const scope = this.#scope;
    const table = this.#table;
    const checkpoint = table.checkpoint();
    const logsEnd = scope.logs.length;
    const { logCount } = scope;
    const frame = this.#frame(depth);
    frame.enter(contract.info.address, caller, value, isStatic, gasLimit, contract.space);
    const { observer } = scope;
    if (observer !== undefined) {
      const kind: FrameKind = installation?.kind ?? (isStatic ? "static" : "call");
      const { address } = contract.info;
      const message = installation?.description;
      observer.entered({ kind, address, contract, caller, value, gasLimit, input, message });
    }
    let outcome: Outcome | undefined;
    let haltReason: HaltReason = "OutOfGas";
    try {
      if (value !== 0n) this.ledger.move(caller, contract.info.address, value);
      outcome =
        installation === undefined ? this.#execute(frame, contract, input) : this.#lifecycle.run(frame, installation);
    } catch (problem) {
      if (!(problem instanceof Halt)) {
        table.revert(checkpoint);
        this.contracts.reverted();
        throw problem;
      }
      haltReason = problem.reason;
    }
    if (outcome === undefined || outcome.status === "reverted") {
      table.revert(checkpoint);
      this.contracts.reverted();
      scope.logs.length = logsEnd;
      scope.logCount = logCount;
    }
    const ended: CallOutcome =
      outcome === undefined
        ? { status: "halted", returnData: EMPTY, gasUsed: gasLimit, haltReason }
        : { status: outcome.status, returnData: outcome.returnData, gasUsed: frame.gas.used };
    if (observer !== undefined) observer.left(ended, ended.haltReason, undefined);
    return ended;
  }

  #frame(depth: number): Frame {
    let frame = this.#frames[depth];
    if (frame === undefined) {
      frame = new Frame(this.#scope, depth);
      this.#frames[depth] = frame;
    }
    return frame;
  }

  #execute(frame: Frame, contract: ResolvedContract, input: CallInput): Outcome {
    const { info } = contract;
    if (info.status === "paused")
      return { status: "reverted", returnData: encodeError(ENGINE_ERRORS.ContractPaused, [toHex(info.address)]) };
    return contract.engine.execute(frame, contract.code, input);
  }
}
