/**
 * A chain in memory for CosmWasm contracts: everything that HostContext promises, over Maps with an undo log, without blocks,
 * nonces and a tree. One engine runs all contracts, as on the real chain.
 */
import { createHash } from "node:crypto";
import { compareBytes } from "../../src/encoding/bytes.ts";
import { canonicalJson } from "../../src/encoding/canonical-json.ts";
import { toHex } from "../../src/encoding/hex.ts";
import type { Log } from "../../src/encoding/receipt.ts";
import { BodyForm } from "../../src/encoding/transaction.ts";
import { Addresses } from "../../src/engines/wasm/cosmwasm/addresses.ts";
import { CosmWasmAbi } from "../../src/engines/wasm/cosmwasm/cosmwasm-abi.ts";
import { decodeEvent } from "../../src/engines/wasm/cosmwasm/events.ts";
import type { GuestEvent } from "../../src/engines/wasm/cosmwasm/response.ts";
import { revertText } from "../../src/engines/wasm/cosmwasm/revert-text.ts";
import { WasmContractEngine } from "../../src/engines/wasm/wasm-engine.ts";
import { GAS_SCHEDULE_1, GasMeter, Halt } from "../../src/execution/gas.ts";
import type {
  CallInput,
  CallOutcome,
  CallRequest,
  ContractInfo,
  DeployRequest,
  HostContext,
  LoadedCode,
  Outcome,
  UpgradeRequest,
} from "../../src/execution/host.ts";

export const PREFIX = "poly";
export const DENOM = "upoly";
const DEPTH_MAX = 64;
const VALUE_BYTES_MAX = 128 * 1024;
const EMPTY = new Uint8Array(0);

export interface CallResult extends CallOutcome {
  /** The error's text, unless it succeeded. */
  readonly error: string;
  readonly events: readonly GuestEvent[];
  readonly logs: readonly Log[];
}

interface Code {
  readonly id: number;
  readonly loaded: LoadedCode;
}

export class CosmWasmChain {
  readonly addresses = new Addresses(PREFIX);
  readonly engine: WasmContractEngine;
  height = 12_345;
  timestampMs = 1_700_000_000_123;
  readonly state = new Map<string, Map<string, Uint8Array>>();
  readonly balances = new Map<string, bigint>();
  readonly contracts = new Map<string, ContractInfo>();
  readonly codes: Code[] = [];
  logs: Log[] = [];
  undo: (() => void)[] = [];
  #made = 0;

  constructor(engine = new WasmContractEngine({ abis: [new CosmWasmAbi({ addressPrefix: PREFIX, denom: DENOM })] })) {
    this.engine = engine;
  }

  /** An address for a name. */
  account(name: string): Uint8Array {
    return new Uint8Array(createHash("sha256").update(name).digest().subarray(0, 20));
  }

  text(address: Uint8Array): string {
    return this.addresses.text(address);
  }

  fund(address: Uint8Array, amount: bigint): void {
    this.setBalance(address, this.balanceOf(address) + amount);
  }

  balanceOf(address: Uint8Array): bigint {
    return this.balances.get(toHex(address)) ?? 0n;
  }

  setBalance(address: Uint8Array, amount: bigint): void {
    this.put(this.balances, toHex(address), amount);
  }

  /** Sets or deletes an entry so that it can be undone. */
  put<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
    const old = map.get(key);
    this.undo.push(() => (old === undefined ? map.delete(key) : map.set(key, old)));
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }

  spaceOf(address: Uint8Array): Map<string, Uint8Array> {
    const name = toHex(address);
    let space = this.state.get(name);
    if (space === undefined) {
      space = new Map();
      this.state.set(name, space);
    }
    return space;
  }

  /** Admits code. @returns its number. @throws RejectedError */
  store(wasm: Uint8Array): number {
    const { code } = this.engine.admitDeploy({ type: "wasm", code: toHex(wasm), init: {} }, () => undefined);
    const codeHash = new Uint8Array(createHash("sha256").update(code).digest());
    const known = this.codes.find(({ loaded }) => Buffer.from(loaded.codeHash).equals(codeHash));
    if (known !== undefined) return known.id;
    const id = this.codes.length + 1;
    this.codes.push({ id, loaded: { codeHash, code, program: undefined } });
    return id;
  }

  codeOf(codeHash: Uint8Array): Code {
    return this.codes.find(({ loaded }) => Buffer.from(loaded.codeHash).equals(codeHash))!;
  }

  // ── from outside ────────────────────────────────────────────────────────────

  instantiate(
    sender: Uint8Array,
    codeId: number,
    message: unknown,
    { admin, value = 0n, gas = 1e10 }: { admin?: Uint8Array; value?: bigint; gas?: number } = {},
  ): CallResult & { address: Uint8Array } {
    const { codeHash } = this.codes[codeId - 1]!.loaded;
    const init = Buffer.from(canonicalJson(message), "utf8");
    let address = EMPTY;
    const result = this.#transaction(() => {
      const outcome = this.deploy(0, sender, sender, {
        codeHash,
        init,
        admin,
        address: undefined,
        value,
        gasLimit: gas,
      });
      address = outcome.address as Uint8Array<ArrayBuffer>;
      return outcome;
    });
    return { ...result, address };
  }

  execute(sender: Uint8Array, to: Uint8Array, message: unknown, { value = 0n, gas = 1e10 } = {}): CallResult {
    return this.#transaction(() =>
      this.call(0, sender, sender, { to, input: json(message), value, gasLimit: gas, isStatic: false }),
    );
  }

  /** Runs a call in any form of body. */
  submit(sender: Uint8Array, to: Uint8Array, input: CallInput, gas = 1e10): CallResult {
    return this.#transaction(() =>
      this.call(0, sender, sender, { to, input, value: 0n, gasLimit: gas, isStatic: false }),
    );
  }

  migrate(sender: Uint8Array, to: Uint8Array, codeId: number, message: unknown, gas = 1e10): CallResult {
    const { codeHash } = this.codes[codeId - 1]!.loaded;
    const bytes = Buffer.from(canonicalJson(message), "utf8");
    return this.#transaction(() => this.upgrade(0, sender, sender, { to, codeHash, message: bytes, gasLimit: gas }));
  }

  rawQuery(to: Uint8Array, message: unknown, gas = 1e10): CallResult {
    return this.#transaction(() =>
      this.call(0, new Uint8Array(20), new Uint8Array(20), {
        to,
        input: json(message),
        value: 0n,
        gasLimit: gas,
        isStatic: true,
      }),
    );
  }

  /** A query's answer. @throws Error with the contract's error. */
  query<T>(to: Uint8Array, message: unknown): T {
    const { status, returnData, error } = this.rawQuery(to, message);
    if (status !== "success") throw new Error(error);
    return JSON.parse(Buffer.from(returnData).toString("utf8")) as T;
  }

  #transaction(run: () => CallOutcome): CallResult {
    this.logs = [];
    this.undo = [];
    const outcome = run();
    const events = this.logs.map(({ topics, data }) => decodeEvent(topics, data)!);
    const error =
      outcome.status === "success"
        ? ""
        : outcome.status === "reverted"
          ? revertText(outcome.returnData)
          : outcome.haltReason!;
    return { ...outcome, error, events, logs: this.logs };
  }

  // ── frames ──────────────────────────────────────────────────────────────────

  call(depth: number, caller: Uint8Array, sender: Uint8Array, request: CallRequest): CallOutcome {
    const { to, input, value, gasLimit, isStatic } = request;
    const info = this.contracts.get(toHex(to));
    return this.#inFrame(depth, to, caller, sender, value, isStatic, gasLimit, (frame) => {
      if (info === undefined) {
        if (input.form !== BodyForm.none) return { status: "reverted", returnData: EMPTY };
        return { status: "success", returnData: EMPTY };
      }
      return this.engine.execute(frame, this.codeOf(info.codeHash).loaded, input);
    });
  }

  deploy(
    depth: number,
    caller: Uint8Array,
    sender: Uint8Array,
    { codeHash, init, admin, address: wanted, value, gasLimit }: DeployRequest,
  ): CallOutcome & { address: Uint8Array } {
    this.#made++;
    const address = wanted ?? this.account(`contract ${this.#made}`);
    if (this.contracts.has(toHex(address))) return { status: "reverted", returnData: EMPTY, gasUsed: 0, address };
    const outcome = this.#inFrame(depth, address, caller, sender, value, false, gasLimit, (frame) => {
      this.put(this.contracts, toHex(address), {
        address,
        kind: "wasm",
        type: "wasm",
        codeHash,
        creator: caller.slice(),
        admin,
        status: "active",
        deployTransactionHash: new Uint8Array(32),
        deployedAtHeight: this.height,
      });
      return this.engine.deploy(frame, this.codeOf(codeHash).loaded.code, { type: "wasm", init });
    });
    return { ...outcome, address };
  }

  upgrade(
    depth: number,
    caller: Uint8Array,
    sender: Uint8Array,
    { to, codeHash, message, gasLimit }: UpgradeRequest,
  ): CallOutcome {
    const info = this.contracts.get(toHex(to));
    if (info?.admin === undefined || toHex(info.admin) !== toHex(caller))
      return { status: "reverted", returnData: EMPTY, gasUsed: 0 };
    return this.#inFrame(depth, to, caller, sender, 0n, false, gasLimit, (frame) => {
      this.put(this.contracts, toHex(to), { ...info, codeHash });
      return this.engine.upgrade(frame, this.codeOf(codeHash).loaded.code, message);
    });
  }

  setAdmin(caller: Uint8Array, to: Uint8Array, admin: Uint8Array | undefined): CallOutcome {
    const info = this.contracts.get(toHex(to));
    if (info?.admin === undefined || toHex(info.admin) !== toHex(caller))
      return { status: "reverted", returnData: EMPTY, gasUsed: 0 };
    this.put(this.contracts, toHex(to), { ...info, admin });
    return { status: "success", returnData: EMPTY, gasUsed: 0 };
  }

  #inFrame(
    depth: number,
    to: Uint8Array,
    caller: Uint8Array,
    sender: Uint8Array,
    value: bigint,
    isStatic: boolean,
    gasLimit: number,
    body: (frame: TestFrame) => Outcome,
  ): CallOutcome {
    if (depth >= DEPTH_MAX) return { status: "halted", returnData: EMPTY, gasUsed: 0, haltReason: "CallDepth" };
    const undoMark = this.undo.length;
    const logMark = this.logs.length;
    const frame = new TestFrame(this, depth, to.slice(), caller, sender, value, isStatic, gasLimit);
    const revert = () => {
      while (this.undo.length > undoMark) this.undo.pop()!();
      this.logs.length = logMark;
    };
    try {
      if (value > this.balanceOf(caller)) return { status: "reverted", returnData: EMPTY, gasUsed: 0 };
      if (value > 0n) {
        this.setBalance(caller, this.balanceOf(caller) - value);
        this.setBalance(to, this.balanceOf(to) + value);
      }
      const outcome = body(frame);
      if (outcome.status === "reverted") revert();
      return { ...outcome, gasUsed: frame.gas.used };
    } catch (thrown) {
      revert();
      if (!(thrown instanceof Halt)) throw thrown;
      return { status: "halted", returnData: EMPTY, gasUsed: gasLimit, haltReason: thrown.reason };
    }
  }
}

export function json(message: unknown): CallInput {
  const bytes = Buffer.from(canonicalJson(message), "utf8");
  // Somewhere inside a larger buffer, as in a batch.
  const whole = new Uint8Array(bytes.length + 7).fill(0x7b);
  whole.set(bytes, 3);
  return { form: BodyForm.json, bytes: whole, start: 3, end: 3 + bytes.length };
}

class TestFrame implements HostContext {
  readonly gas: GasMeter;
  readonly #chain: CosmWasmChain;
  readonly #depth: number;
  readonly address: Uint8Array;
  readonly caller: Uint8Array;
  readonly sender: Uint8Array;
  readonly value: bigint;
  readonly isStatic: boolean;

  constructor(
    chain: CosmWasmChain,
    depth: number,
    address: Uint8Array,
    caller: Uint8Array,
    sender: Uint8Array,
    value: bigint,
    isStatic: boolean,
    gasLimit: number,
  ) {
    this.#chain = chain;
    this.#depth = depth;
    this.address = address;
    this.caller = caller;
    this.sender = sender;
    this.value = value;
    this.isStatic = isStatic;
    this.gas = new GasMeter(gasLimit);
  }

  charge(_item: string, amount: number): void {
    this.gas.charge(amount);
  }

  get block() {
    const { height, timestampMs } = this.#chain;
    return { height, timestampMs, chainId: 1337, protocolVersion: 1 };
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.gas.charge(GAS_SCHEDULE_1.stateRead);
    return this.#chain.spaceOf(this.address).get(latin1(key))?.slice();
  }

  set(key: Uint8Array, value: Uint8Array): void {
    this.#checkWrite();
    if (value.length > VALUE_BYTES_MAX) throw new Halt("StateLimit");
    this.gas.charge(GAS_SCHEDULE_1.stateWrite + GAS_SCHEDULE_1.stateWriteByte * (key.length + value.length));
    this.#chain.put(this.#chain.spaceOf(this.address), latin1(key), value.slice());
  }

  delete(key: Uint8Array): void {
    this.#checkWrite();
    this.gas.charge(GAS_SCHEDULE_1.stateWrite);
    this.#chain.put(this.#chain.spaceOf(this.address), latin1(key), undefined);
  }

  *range(
    start: Uint8Array,
    end: Uint8Array | undefined,
    reverse = false,
  ): Generator<{ key: Uint8Array; value: Uint8Array }> {
    this.gas.charge(GAS_SCHEDULE_1.stateRead);
    const entries = [...this.#chain.spaceOf(this.address)]
      .map(([key, value]) => ({ key: new Uint8Array(Buffer.from(key, "latin1")), value }))
      .filter(({ key }) => compareBytes(start, key) <= 0 && (end === undefined || compareBytes(key, end) < 0))
      .sort((a, b) => compareBytes(a.key, b.key) * (reverse ? -1 : 1));
    for (const entry of entries) {
      this.gas.charge(GAS_SCHEDULE_1.rangeEntry);
      yield entry;
    }
  }

  slot(): never {
    throw new Error("slots are for built-in contracts");
  }
  load(): never {
    throw new Error("slots are for built-in contracts");
  }
  store(): never {
    throw new Error("slots are for built-in contracts");
  }
  logPair(): never {
    throw new Error("pair logs are for tokens");
  }

  log(topics: readonly Uint8Array[], data: Uint8Array): void {
    this.#checkWrite();
    const { logBase, logTopic, logByte } = GAS_SCHEDULE_1;
    this.gas.charge(logBase + logTopic * topics.length + logByte * data.length);
    this.#chain.logs.push({ address: this.address, topics: topics.map((topic) => topic.slice()), data: data.slice() });
  }

  call(request: CallRequest): CallOutcome {
    return this.#inner(request.gasLimit, (gasLimit) =>
      this.#chain.call(this.#depth + 1, this.address, this.sender, {
        ...request,
        gasLimit,
        isStatic: this.isStatic || request.isStatic,
      }),
    );
  }

  deploy(request: DeployRequest): CallOutcome & { address: Uint8Array } {
    return this.#inner(request.gasLimit, (gasLimit) =>
      this.#chain.deploy(this.#depth + 1, this.address, this.sender, { ...request, gasLimit }),
    );
  }

  upgrade(request: UpgradeRequest): CallOutcome {
    return this.#inner(request.gasLimit, (gasLimit) =>
      this.#chain.upgrade(this.#depth + 1, this.address, this.sender, { ...request, gasLimit }),
    );
  }

  #inner<Result extends CallOutcome>(wanted: number, run: (gasLimit: number) => Result): Result {
    this.gas.charge(GAS_SCHEDULE_1.callBase);
    const gasLimit = Math.min(wanted, this.gas.remaining);
    this.gas.charge(gasLimit);
    const outcome = run(gasLimit);
    this.gas.refund(gasLimit - outcome.gasUsed);
    return outcome;
  }

  setAdmin(to: Uint8Array, admin: Uint8Array | undefined): CallOutcome {
    return this.#chain.setAdmin(this.address, to, admin);
  }

  balanceOf(address: Uint8Array): bigint {
    this.gas.charge(GAS_SCHEDULE_1.stateRead);
    return this.#chain.balanceOf(address);
  }

  nativeSupply(): bigint {
    return [...this.#chain.balances.values()].reduce((sum, balance) => sum + balance, 0n);
  }

  burn(value: bigint): void {
    this.#chain.setBalance(this.address, this.#chain.balanceOf(this.address) - value);
  }

  contractInfo(address: Uint8Array): ContractInfo | undefined {
    return this.#chain.contracts.get(toHex(address));
  }

  rawState(address: Uint8Array, key: Uint8Array): Uint8Array | undefined {
    this.gas.charge(GAS_SCHEDULE_1.stateRead);
    return this.#chain.spaceOf(address).get(latin1(key));
  }

  codeId(codeHash: Uint8Array): number {
    return this.#chain.codeOf(codeHash).id;
  }

  codeHashOf(codeId: number): Uint8Array | undefined {
    return this.#chain.codes[codeId - 1]?.loaded.codeHash;
  }

  #checkWrite(): void {
    if (this.isStatic) throw new Halt("StaticWrite");
  }
}

function latin1(key: Uint8Array): string {
  return Buffer.from(key).toString("latin1");
}
