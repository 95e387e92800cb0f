/**
 * ContractAbis: what a contract's calls, answers, errors and logs mean, by its own ABI.
 *   address ── known ──▶ ContractMeaning        ── unknown: load ──▶ service.contract ──▶ known
 * Always
 *  - It is derived from contracts as they are now; upgrades and rollbacks make everything be read again.
 *  - Reading is synchronous; only the first receipt of a contract waits for its ABI.
 */
import {
  type AbiError,
  type AbiEvent,
  type AbiFunction,
  type AbiItem,
  abiErrorOf,
  abiEventOf,
  abiFunctionOf,
  decodeArguments,
  decodeLog,
  namedArguments,
  SELECTOR_BYTES,
  selectorKey,
} from "../encoding/abi.ts";
import {
  type DecodedError,
  decodeErc20Error,
  decodeErc20Log,
  getErc20FunctionByName,
  getErc20FunctionBySelector,
  getErrorBySelector,
} from "../encoding/erc20-abi.ts";
import { fromHex, toHex } from "../encoding/hex.ts";
import { RejectedError } from "../errors.ts";
import type { ContractRecord, EngineService } from "./services.ts";

export interface DecodedLog {
  readonly event: string;
  readonly args: Record<string, unknown>;
}

export interface ContractMeaning {
  /** Whether the contract is the built-in token, whose receipts have a short way. */
  readonly isToken: boolean;
  functionNamed(name: string, argumentCount: number): AbiFunction | undefined;
  /** @param calldata from the selector on. */
  functionSelected(calldata: Uint8Array): AbiFunction | undefined;
  error(revertData: Uint8Array): DecodedError | undefined;
  /** Of an error that the contract itself declares. @param selector the first four bytes of its data. */
  errorName(selector: Uint8Array): string | undefined;
  /** Undefined where the contract declares no such event. */
  log(topics: readonly Uint8Array[], data: Uint8Array): DecodedLog | undefined;
}

/** The built-in token, and what stands for contracts that are not known. */
export const TOKEN_MEANING: ContractMeaning = {
  isToken: true,
  functionNamed: (name) => getErc20FunctionByName(name),
  functionSelected: (calldata) => getErc20FunctionBySelector(calldata),
  error: decodeErc20Error,
  errorName: (selector) => getErrorBySelector(selector)?.name,
  log: (topics, data) => decodeErc20Log(topics, data),
};

/** Contracts kept: a few kilobytes each. */
const KNOWN_MAX = 4096;
/** Built-in tokens listed, those that became known last: a list is gone over from its beginning. */
const LISTED_MAX = 64;
const ADDRESS_BYTES = 20;
const NO_TOKENS = new Uint8Array();

export class ContractAbis {
  readonly #service: Pick<EngineService, "contract" | "contractsVersion">;
  readonly #known = new Map<string, ContractMeaning>();
  #tokens = NO_TOKENS;
  #version = 0;

  constructor(service: Pick<EngineService, "contract" | "contractsVersion">) {
    this.#service = service;
  }

  /** @param address 40 lower-case hex digits. */
  of(address: string): ContractMeaning | undefined {
    this.#keepUp();
    return this.#known.get(address);
  }

  /** Addresses of contracts that are known to be built-in tokens, 20 bytes each: not of all. */
  tokens(): Uint8Array {
    this.#keepUp();
    return this.#tokens;
  }

  #keepUp(): void {
    const version = this.#service.contractsVersion();
    if (version === this.#version) return;
    this.#known.clear();
    this.#tokens = NO_TOKENS;
    this.#version = version;
  }

  /** Resolves when those of the contracts that there are are known; undefined when nothing is to be waited for. */
  load(addresses: readonly string[]): Promise<void> | undefined {
    if (addresses.length === 0) return undefined;
    const missing = addresses.filter((address) => this.of(address) === undefined);
    return missing.length === 0 ? undefined : this.#load([...new Set(missing)]);
  }

  async #load(addresses: readonly string[]): Promise<void> {
    const version = this.#version;
    const found = await Promise.all(addresses.map((address) => this.#service.contract(fromHex(`0x${address}`)!)));
    if (version !== this.#service.contractsVersion()) return;
    for (const [index, contract] of found.entries()) {
      if (contract === undefined) continue;
      if (this.#known.size >= KNOWN_MAX) this.#known.clear();
      const meaning = meaningOf(contract);
      this.#known.set(addresses[index]!, meaning);
      if (meaning.isToken) this.#list(contract.address);
    }
  }

  #list(token: Uint8Array): void {
    const others = this.#tokens.subarray(0, ADDRESS_BYTES * (LISTED_MAX - 1));
    this.#tokens = Buffer.concat([token, others]);
  }
}

/** Those of a staged block's contracts: what the block makes is known with it alone, and goes with it when it is dropped. */
export class StagedAbis {
  readonly #durable: Pick<ContractAbis, "of">;
  readonly #staged = new Map<string, ContractMeaning>();

  /** @param contract answers of the state behind the staged block. */
  static async load(
    addresses: readonly string[],
    durable: Pick<ContractAbis, "of">,
    contract: (address: Uint8Array) => Promise<ContractRecord | undefined>,
  ): Promise<StagedAbis> {
    const abis = new StagedAbis(durable);
    for (const address of new Set(addresses)) {
      if (durable.of(address) !== undefined) continue;
      const found = await contract(fromHex(`0x${address}`)!);
      if (found !== undefined) abis.#staged.set(address, meaningOf(found));
    }
    return abis;
  }

  private constructor(durable: Pick<ContractAbis, "of">) {
    this.#durable = durable;
  }

  of(address: string): ContractMeaning | undefined {
    return this.#durable.of(address) ?? this.#staged.get(address);
  }
}

function meaningOf({ type, abi }: ContractRecord): ContractMeaning {
  return type === "erc20" ? TOKEN_MEANING : new AbiMeaning(abi as readonly AbiItem[]);
}

/** By an ABI that a module carries: items that are not understood are left out. */
class AbiMeaning implements ContractMeaning {
  readonly isToken = false;
  readonly #functions: readonly AbiFunction[];
  readonly #bySelector: ReadonlyMap<number, AbiFunction>;
  readonly #events: ReadonlyMap<string, AbiEvent>;
  readonly #errors: ReadonlyMap<number, AbiError>;

  constructor(abi: readonly AbiItem[]) {
    this.#functions = understood(abi, "function", abiFunctionOf);
    this.#bySelector = new Map(this.#functions.map((fn) => [selectorKey(fn.selector), fn]));
    this.#events = new Map(understood(abi, "event", abiEventOf).map((event) => [toHex(event.topic), event]));
    this.#errors = new Map(understood(abi, "error", abiErrorOf).map((error) => [selectorKey(error.selector), error]));
  }

  functionNamed(name: string, argumentCount: number): AbiFunction | undefined {
    const named = this.#functions.filter((fn) => fn.name === name);
    return named.length === 1 ? named[0] : named.find(({ inputs }) => inputs.length === argumentCount);
  }

  functionSelected(calldata: Uint8Array): AbiFunction | undefined {
    return calldata.length < SELECTOR_BYTES ? undefined : this.#bySelector.get(selectorKey(calldata));
  }

  /** What it does not declare may come from a contract that it called: a token's error, or Solidity's. */
  error(revertData: Uint8Array): DecodedError | undefined {
    const error = revertData.length < SELECTOR_BYTES ? undefined : this.#errors.get(selectorKey(revertData));
    const values = error && decodeArguments(error, revertData);
    if (error === undefined || values === undefined) return decodeErc20Error(revertData);
    const args = namedArguments(error.inputs, values);
    const shown = Object.entries(args).map(([name, value]) => `${name}: ${value}`);
    return { name: error.name, message: `${error.name}(${shown.join(", ")})`, args };
  }

  errorName(selector: Uint8Array): string | undefined {
    return this.#errors.get(selectorKey(selector))?.name;
  }

  log(topics: readonly Uint8Array[], data: Uint8Array): DecodedLog | undefined {
    const event = topics[0] && this.#events.get(toHex(topics[0]));
    const values = event && decodeLog(event, topics, data);
    if (event !== undefined && values !== undefined)
      return { event: event.name, args: namedArguments(event.inputs, values) };
    return undefined;
  }
}

function understood<T>(abi: readonly AbiItem[], type: AbiItem["type"], read: (item: AbiItem) => T): T[] {
  return abi.flatMap((item) => {
    if (item.type !== type) return [];
    try {
      return [read(item)];
    } catch (problem) {
      if (problem instanceof RejectedError) return [];
      throw problem;
    }
  });
}
