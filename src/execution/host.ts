/**
 * What a contract sees of the world, and what an engine promises: the seam between execution and engines/*.
 *   dispatcher ── admit, deploy, execute ──▶ ContractEngine ── state, logs, calls ──▶ HostContext
 * Always
 *  - Everything behind it is synchronous and deterministic: no clock, no randomness, no I/O.
 *  - The host charges gas for what it does (GasSchedule); the engine charges for its own work.
 *  - A frame's writes and logs are dropped when it reverts or halts.
 */
import type { ContractAbi } from "../encoding/abi.ts";
import type { HaltReason } from "../encoding/receipt.ts";
import type { Limbs } from "../encoding/uint256.ts";
import type { GasMeter } from "./gas.ts";

export type ContractKind = "builtin" | "wasm" | "privacy";

/** The record of a contract, a leaf of the state tree. Addresses are 20 bytes, hashes 32. */
export interface ContractInfo {
  readonly address: Uint8Array;
  readonly kind: ContractKind;
  /** What `contract.type` of the deployment said: "erc20", … */
  readonly type: string;
  readonly codeHash: Uint8Array;
  readonly creator: Uint8Array;
  /** Who may upgrade, pause and hand on; undefined when nobody may. */
  readonly admin: Uint8Array | undefined;
  readonly status: "active" | "paused";
  readonly deployTransactionHash: Uint8Array;
  readonly deployedAtHeight: number;
}

export interface BlockContext {
  readonly height: number;
  readonly timestampMs: number;
  readonly chainId: number;
  readonly protocolVersion: number;
}

/**
 * The arguments of a call, in place inside a larger buffer (a batch, a block): engines must not keep `bytes`.
 * `form` is BodyForm of encoding/transaction.ts: none, calldata, entrypoint with tagged arguments, or JSON.
 */
export interface CallInput {
  readonly form: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** How a frame ended. The bytes of returnData are not changed after they were handed out. */
export interface Outcome {
  readonly status: "success" | "reverted";
  /** ABI-encoded result, or the error that the contract raised. */
  readonly returnData: Uint8Array;
}

/** Identifies one value of the state for as long as the transaction runs. */
export type Slot = number;

export interface CallRequest {
  readonly to: Uint8Array;
  readonly input: CallInput;
  /** Native value moved from this contract to `to`. */
  readonly value: bigint;
  /** At most this much of the caller's remaining gas; the rest stays with the caller whatever happens. */
  readonly gasLimit: number;
  /** The callee may not write. */
  readonly isStatic: boolean;
}

export interface CallOutcome {
  readonly status: "success" | "reverted" | "halted";
  readonly returnData: Uint8Array;
  readonly gasUsed: number;
  /** Why it halted. */
  readonly haltReason?: HaltReason | undefined;
}

export interface DeployRequest {
  /** Of code that is on the chain, and of the caller's own kind. */
  readonly codeHash: Uint8Array;
  /** The message of the constructor: JSON, as the deploying contract wrote it. */
  readonly init: Uint8Array;
  readonly admin: Uint8Array | undefined;
  /** Where the contract is to stand; undefined: derived from this contract and a count, as Ethereum does. */
  readonly address: Uint8Array | undefined;
  readonly value: bigint;
  readonly gasLimit: number;
}

export interface UpgradeRequest {
  readonly to: Uint8Array;
  readonly codeHash: Uint8Array;
  /** What the new code is told: JSON, as the upgrading contract wrote it. */
  readonly message: Uint8Array;
  readonly gasLimit: number;
}

/** Who calls what, as admission knows it. Addresses are 20 bytes, valid during the call. */
export interface AdmittedCall {
  readonly sender: Uint8Array;
  readonly contractAddress: Uint8Array;
  /** Whether the state has a record of an encrypted value. */
  hasHandle(handle: Uint8Array): boolean;
}

export interface HostContext {
  readonly block: BlockContext;
  readonly gas: GasMeter;
  /** This contract. */
  readonly address: Uint8Array;
  /** Who called this frame. */
  readonly caller: Uint8Array;
  /** Who signed or submitted the transaction. */
  readonly sender: Uint8Array;
  /** Native value that came with the call. */
  readonly value: bigint;
  /** Writing halts: a query, or inside a static call. */
  readonly isStatic: boolean;

  /** Spends gas on the engine's own work. @param item what a breakdown of gas calls it. @throws Halt OutOfGas */
  charge(item: string, amount: number): void;

  /** This contract's state. Absent is undefined; the bytes belong to the caller. Charges by read and byte. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** Key and value are copied. */
  set(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  /** Entries with start ≤ key < end (undefined: to the last key) in byte order; sees this transaction's own writes. Charges per entry. */
  range(
    start: Uint8Array,
    end: Uint8Array | undefined,
    reverse?: boolean,
  ): Iterable<{ key: Uint8Array; value: Uint8Array }>;

  /**
   * What the privacy engine keeps of an encrypted value, by its handle of 32 bytes: state that its contracts share, since
   * a handle may be given to another contract. Charged as `get` and `set`; a record is not to be changed where it stands, and
   * is good until the next one is set.
   */
  getHandle(handle: Uint8Array): Uint8Array | undefined;
  setHandle(handle: Uint8Array, record: Uint8Array): void;

  /**
   * The same state, for values that are a uint256 under a key of a 4-byte prefix and an address: no allocation.
   * As bytes the key is the prefix then the address, the value the shortest big-endian form, and zero is absent.
   * @param prefix four ASCII bytes, first in the low byte (`keyPrefix("bal:")`).
   * @param address bytes that hold the 20 bytes of the address from `at`.
   */
  slot(prefix: number, address: Uint8Array, at: number): Slot;
  /** Charges a read. */
  load(slot: Slot, out: Limbs): void;
  /** Charges a write. */
  store(slot: Slot, value: Limbs): void;

  /** Topics and data are copied. */
  log(topics: readonly Uint8Array[], data: Uint8Array): void;
  /**
   * The log that tokens make most: a topic, two addresses as indexed arguments, and a uint256 as data. The same bytes and the
   * same gas as `log` with the words spelled out, without making them.
   */
  logPair(
    topic: Uint8Array,
    first: Uint8Array,
    firstAt: number,
    second: Uint8Array,
    secondAt: number,
    value: Limbs,
  ): void;
  /** Native balance of any account. Charges a read. */
  balanceOf(address: Uint8Array): bigint;
  /** Runs another contract in a frame of its own. Never throws for what the callee does. */
  call(request: CallRequest): CallOutcome;

  /** All native value that there is. Charges a read. */
  nativeSupply(): bigint;
  /** Takes native value of this contract out of existence. The balance covers it. Charges two writes. */
  burn(value: bigint): void;
  /** The record of any contract. Charges a read. */
  contractInfo(address: Uint8Array): ContractInfo | undefined;
  /** A value of another contract's state. Charges as `get`. */
  rawState(address: Uint8Array, key: Uint8Array): Uint8Array | undefined;
  /** The number that stands for a code of the chain, from 1 in the order of first deployment. Charges a read. */
  codeId(codeHash: Uint8Array): number;
  codeHashOf(codeId: number): Uint8Array | undefined;
  /** Deploys code that is on the chain. Never throws for what the new contract does. */
  deploy(request: DeployRequest): CallOutcome & { readonly address: Uint8Array };
  /** Gives a contract other code, in this contract's name: it must be the admin. */
  upgrade(request: UpgradeRequest): CallOutcome;
  /** Hands a contract on, in this contract's name. @param admin undefined for nobody. */
  setAdmin(to: Uint8Array, admin: Uint8Array | undefined): CallOutcome;
}

/**
 * Runs contracts of one kind. One instance serves every contract of its kind; it may cache by code hash only,
 * since a block may be rolled back.
 */
export interface ContractEngine {
  readonly kind: ContractKind;
  /** `contract.type` values that it deploys. */
  readonly types: readonly string[];
  /** Prefixes (`keyPrefix`) under which its contracts keep a value for each address: a hint of what a call will read. */
  readonly addressPrefixes: readonly number[];
  /**
   * Static checks of a deployment, before anything runs or is charged.
   * @param contract the `contract` object of the transaction, as JSON.
   * @param codeByHash code that the chain has already, for deployments that name it instead of carrying it.
   * @returns what is stored under the code hash, and the gas that admission costs.
   * @throws RejectedError (VALIDATION_ERROR, INVALID_AMOUNT, INVALID_ADDRESS, CODE_REJECTED …) naming the path.
   */
  admitDeploy(
    contract: Record<string, unknown>,
    codeByHash: (codeHash: Uint8Array) => Uint8Array | undefined,
  ): { code: Uint8Array; gas: number };
  /** Runs the constructor inside the new contract's frame. */
  deploy(host: HostContext, code: Uint8Array, contract: Record<string, unknown>): Outcome;
  /**
   * Static checks of an upgrade, as those of a deployment. Left out: contracts of this kind keep their code.
   * @param contract the `contract` object: code as for a deployment, and the message that the new code gets.
   */
  admitUpgrade?(
    contract: Record<string, unknown>,
    codeByHash: (codeHash: Uint8Array) => Uint8Array | undefined,
  ): { code: Uint8Array; gas: number };
  /** Runs inside the frame of a contract that has got this code in place of another. @param message of the upgrade. */
  upgrade?(host: HostContext, code: Uint8Array, message: unknown): Outcome;
  /**
   * Static checks of a call by entrypoint, before anything runs.
   * @throws RejectedError UNKNOWN_ENTRYPOINT, INVALID_CALLDATA, INVALID_AMOUNT, INVALID_ADDRESS. Calldata that does not
   *         decode is no rejection: the contract reverts with no data, as on Ethereum.
   */
  admitCall(code: LoadedCode, input: CallInput, call: AdmittedCall): void;
  execute(host: HostContext, code: LoadedCode, input: CallInput): Outcome;
  /**
   * For code whose `transfer(address,uint256)`, called by entrypoint, does no more than move a balance and log it (`logPair`):
   * what a shortcut for it needs. Undefined when it does more, or the engine has no such code.
   */
  plainTransfer?(code: LoadedCode): PlainTransfer | undefined;
  /** The contract's interface, for `contract_get`, the command line and typed clients. */
  describe(code: LoadedCode): ContractAbi;
  /** What the contract says of itself besides, for `contract_get`: a token's name, what a module speaks. */
  metadata?(code: LoadedCode): Record<string, unknown>;
}

export interface PlainTransfer {
  /** `keyPrefix` of the balances. */
  readonly balancePrefix: number;
  /** First topic of the log, 32 bytes. */
  readonly topic: Uint8Array;
}

/** A contract's code by hash. `program` is the engine's own compiled form, made once by `load` and cached by the dispatcher. */
export interface LoadedCode {
  readonly codeHash: Uint8Array;
  readonly code: Uint8Array;
  program: unknown;
}

export type { ContractAbi };

export function keyPrefix(text: string): number {
  if (text.length !== 4) throw new RangeError(`a key prefix has 4 characters, not ${text.length}`);
  return (
    (text.charCodeAt(0) | (text.charCodeAt(1) << 8) | (text.charCodeAt(2) << 16) | (text.charCodeAt(3) << 24)) >>> 0
  );
}
