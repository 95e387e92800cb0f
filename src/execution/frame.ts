/**
 * Frame: one contract's view of the world while it runs, and the one place where host functions are priced.
 * Frames are reused: one a depth, set up anew for every call.
 */
import type { ByteWriter } from "../encoding/bytes.ts";
import { writePacked } from "../encoding/receipt.ts";
import { contractStatePrefix, handleKey } from "../encoding/state-key.ts";
import { byteLength, isZero, type Limbs, writeBigEndian, writeShortest } from "../encoding/uint256.ts";
import type { Contracts } from "./contracts.ts";
import { GasMeter, type GasSchedule, Halt } from "./gas.ts";
import type {
  BlockContext,
  CallOutcome,
  CallRequest,
  ContractInfo,
  DeployRequest,
  HostContext,
  Slot,
  UpgradeRequest,
} from "./host.ts";
import type { NativeLedger } from "./native-ledger.ts";
import type { ExecutionObserver } from "./observer.ts";
import type { ChainParameters } from "./parameters.ts";
import type { StateTable } from "./state-table.ts";

/** Address, number of topics, one full topic, two addresses, one word, each with its length. */
const PAIR_LOG_BYTES_MAX = 20 + 1 + 33 + 2 * 21 + 33;

const HANDLES = handleKey(new Uint8Array(0));

/** What all frames of one transaction share. */
export interface TransactionScope {
  readonly table: StateTable;
  readonly contracts: Contracts;
  readonly ledger: NativeLedger;
  readonly schedule: GasSchedule;
  readonly parameters: ChainParameters;
  /** Of the transaction, which is hashed when it is asked for. */
  transactionHash: () => Uint8Array;
  /** Where the logs of the transaction are appended (encoding/receipt.ts). */
  logs: ByteWriter;
  logCount: number;
  block: BlockContext;
  readonly sender: Uint8Array;
  /** Told what happens, when someone asked for a trace or a breakdown of gas. */
  observer: ExecutionObserver | undefined;
  /** What a frame asks for that runs in the frame below. */
  call(caller: Frame, request: CallRequest): CallOutcome;
  deploy(caller: Frame, request: DeployRequest): CallOutcome & { address: Uint8Array };
  upgrade(caller: Frame, request: UpgradeRequest): CallOutcome;
  setAdmin(caller: Frame, to: Uint8Array, admin: Uint8Array | undefined): CallOutcome;
}

export class Frame implements HostContext {
  readonly gas = new GasMeter();
  readonly depth: number;
  readonly #scope: TransactionScope;
  address!: Uint8Array;
  caller!: Uint8Array;
  value = 0n;
  isStatic = false;
  #space = 0;
  readonly #handles: number;

  constructor(scope: TransactionScope, depth: number) {
    this.#scope = scope;
    this.#handles = scope.table.space(HANDLES);
    this.depth = depth;
  }

  /** @param space the state table's number for this contract's keys. */
  enter(
    address: Uint8Array,
    caller: Uint8Array,
    value: bigint,
    isStatic: boolean,
    gasLimit: number,
    space: number,
  ): void {
    this.address = address;
    this.caller = caller;
    this.value = value;
    this.isStatic = isStatic;
    this.gas.reset(gasLimit);
    this.#space = space;
  }

  get block(): BlockContext {
    return this.#scope.block;
  }
  get sender(): Uint8Array {
    return this.#scope.sender;
  }

  charge(item: string, amount: number): void {
    this.gas.charge(amount);
    const { observer } = this.#scope;
    if (observer !== undefined) observer.charged(item, amount);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const { observer } = this.#scope;
    const value = this.#read(this.#space, key);
    if (observer !== undefined) observer.read(key, value);
    return value;
  }

  rawState(address: Uint8Array, key: Uint8Array): Uint8Array | undefined {
    const { table, observer } = this.#scope;
    const value = this.#read(contractSpace(table, address), key);
    if (observer !== undefined) observer.read(key, value, address);
    return value;
  }

  #read(space: number, key: Uint8Array): Uint8Array | undefined {
    const { table } = this.#scope;
    this.#checkKey(key);
    this.#chargeRead();
    return this.#chargeBytes(table.get(table.slot(space, key)));
  }

  getHandle(handle: Uint8Array): Uint8Array | undefined {
    const { table } = this.#scope;
    this.#checkKey(handle);
    this.#chargeRead();
    return this.#chargeBytes(table.view(table.slot(this.#handles, handle)));
  }

  #chargeBytes(value: Uint8Array | undefined): Uint8Array | undefined {
    if (value !== undefined) this.charge("stateReadByte", this.#scope.schedule.stateReadByte * value.length);
    return value;
  }

  #chargeRead(): void {
    this.charge("stateRead", this.#scope.schedule.stateRead);
  }

  set(key: Uint8Array, value: Uint8Array): void {
    this.#set(this.#space, key, value);
  }

  setHandle(handle: Uint8Array, record: Uint8Array): void {
    this.#set(this.#handles, handle, record);
  }

  #set(space: number, key: Uint8Array, value: Uint8Array): void {
    const { schedule, table, parameters, observer } = this.#scope;
    this.#checkWrite(key);
    if (value.length > parameters.stateValueBytesMax) throw new Halt("StateLimit");
    const slot = table.slot(space, key);
    this.charge(
      table.has(slot) ? "stateWrite" : "stateCreate",
      table.has(slot) ? schedule.stateWrite : schedule.stateCreate,
    );
    this.charge("stateWriteByte", schedule.stateWriteByte * (key.length + value.length));
    if (observer !== undefined && space === this.#space) observer.wrote(key, table.get(slot), value);
    table.set(slot, value);
  }

  delete(key: Uint8Array): void {
    const { schedule, table, observer } = this.#scope;
    this.#checkWrite(key);
    this.charge("stateWrite", schedule.stateWrite);
    const slot = table.slot(this.#space, key);
    if (observer !== undefined) observer.wrote(key, table.get(slot), undefined);
    if (table.has(slot)) table.set(slot, undefined);
  }

  balanceOf(address: Uint8Array): bigint {
    this.#chargeRead();
    const { ledger, observer } = this.#scope;
    const balance = ledger.balanceOf(address);
    if (observer !== undefined) observer.balanceRead(address, balance);
    return balance;
  }

  nativeSupply(): bigint {
    this.#chargeRead();
    return this.#scope.ledger.supply();
  }

  burn(value: bigint): void {
    if (this.isStatic) throw new Halt("StaticWrite");
    this.charge("stateWrite", 2 * this.#scope.schedule.stateWrite);
    this.#scope.ledger.burn(this.address, value);
  }

  contractInfo(address: Uint8Array): ContractInfo | undefined {
    this.#chargeRead();
    return this.#scope.contracts.resolve(address, 0)?.info;
  }

  codeId(codeHash: Uint8Array): number {
    this.#chargeRead();
    return this.#scope.contracts.numbers.numberOf(codeHash)!;
  }

  codeHashOf(codeId: number): Uint8Array | undefined {
    this.#chargeRead();
    return this.#scope.contracts.numbers.codeHashOf(codeId);
  }

  *range(
    start: Uint8Array,
    end: Uint8Array | undefined,
    reverse = false,
  ): Generator<{ key: Uint8Array; value: Uint8Array }> {
    const { schedule, table, observer } = this.#scope;
    this.charge("stateRead", schedule.stateRead);
    for (const entry of table.range(this.#space, start, end, reverse)) {
      this.charge("rangeEntry", schedule.rangeEntry + schedule.stateReadByte * (entry.key.length + entry.value.length));
      if (observer !== undefined) observer.read(entry.key, entry.value);
      yield entry;
    }
  }

  slot(prefix: number, address: Uint8Array, at: number): Slot {
    return this.#scope.table.addressSlot(this.#space, prefix, address, at);
  }

  load(slot: Slot, out: Limbs): void {
    const { schedule, table, observer } = this.#scope;
    this.charge("stateRead", schedule.stateRead);
    table.load(slot, out);
    if (observer !== undefined) observer.read(table.keyOf(slot), table.get(slot));
  }

  store(slot: Slot, value: Limbs): void {
    if (this.isStatic) throw new Halt("StaticWrite");
    const { schedule, table, observer } = this.#scope;
    if (table.has(slot)) this.charge("stateWrite", schedule.stateWrite);
    else if (isZero(value)) this.charge("stateRead", schedule.stateRead);
    else this.charge("stateCreate", schedule.stateCreate);
    const before = observer === undefined ? undefined : table.get(slot);
    table.store(slot, value);
    if (observer !== undefined) observer.wrote(table.keyOf(slot), before, table.get(slot));
  }

  log(topics: readonly Uint8Array[], data: Uint8Array): void {
    if (this.isStatic) throw new Halt("StaticWrite");
    const scope = this.#scope;
    const { schedule, logs } = scope;
    this.charge("log", schedule.logBase + schedule.logTopic * topics.length + schedule.logByte * data.length);
    if (scope.logCount >= scope.parameters.logsMax || topics.length > 255) throw new Halt("LogLimit");
    logs.copy(this.address, 0, 20);
    logs.u8(topics.length);
    for (const topic of topics) writePacked(logs, topic, 0, topic.length);
    writePacked(logs, data, 0, data.length);
    scope.logCount++;
    if (scope.observer !== undefined) scope.observer.logged(topics, data);
  }

  logPair(
    topic: Uint8Array,
    first: Uint8Array,
    firstAt: number,
    second: Uint8Array,
    secondAt: number,
    value: Limbs,
  ): void {
    if (this.isStatic) throw new Halt("StaticWrite");
    const scope = this.#scope;
    const { schedule, logs } = scope;
    this.charge("log", schedule.logBase + 3 * schedule.logTopic + 32 * schedule.logByte);
    if (scope.logCount >= scope.parameters.logsMax) throw new Halt("LogLimit");
    logs.ensure(PAIR_LOG_BYTES_MAX);
    logs.copy(this.address, 0, 20);
    logs.u8(3);
    writePacked(logs, topic, 0, 32);
    writeAddressTopic(logs, first, firstAt);
    writeAddressTopic(logs, second, secondAt);
    const length = byteLength(value);
    logs.bytes[logs.length] = length;
    writeShortest(value, 0, length, logs.bytes, logs.length + 1);
    logs.length += 1 + length;
    scope.logCount++;
    if (scope.observer !== undefined) {
      const topics = [topic.subarray(0, 32), addressWord(first, firstAt), addressWord(second, secondAt)];
      scope.observer.logged(topics, valueWord(value));
    }
  }

  call(request: CallRequest): CallOutcome {
    return this.#scope.call(this, request);
  }

  deploy(request: DeployRequest): CallOutcome & { address: Uint8Array } {
    return this.#scope.deploy(this, request);
  }

  upgrade(request: UpgradeRequest): CallOutcome {
    return this.#scope.upgrade(this, request);
  }

  setAdmin(to: Uint8Array, admin: Uint8Array | undefined): CallOutcome {
    return this.#scope.setAdmin(this, to, admin);
  }

  #checkKey(key: Uint8Array): void {
    if (key.length > this.#scope.parameters.stateKeyBytesMax) throw new Halt("StateLimit");
  }

  #checkWrite(key: Uint8Array): void {
    if (this.isStatic) throw new Halt("StaticWrite");
    this.#checkKey(key);
  }
}

/** An address as a packed word: without the zero bytes before it, nor those that it begins with. */
function writeAddressTopic(out: ByteWriter, address: Uint8Array, at: number): void {
  let start = at;
  while (start < at + 20 && address[start] === 0) start++;
  const { bytes } = out;
  let to = out.length;
  bytes[to++] = at + 20 - start;
  for (let i = start; i < at + 20; i++) bytes[to++] = address[i]!;
  out.length = to;
}

function addressWord(address: Uint8Array, at: number): Uint8Array {
  const word = new Uint8Array(32);
  word.set(address.subarray(at, at + 20), 12);
  return word;
}

function valueWord(value: Limbs): Uint8Array {
  const word = new Uint8Array(32);
  writeBigEndian(value, 0, word, 0);
  return word;
}

/** The space of a contract's own keys. */
export function contractSpace(table: StateTable, address: Uint8Array): number {
  return table.space(contractStatePrefix(address));
}
