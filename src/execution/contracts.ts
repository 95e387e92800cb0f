/**
 * Contracts: the records of deployed contracts and their code, read from the state table and kept as long as they stand.
 *   address ── record (a state leaf) ──▶ kind, status, admin, code hash ── code (a leaf) ──▶ LoadedCode, compiled once
 * Always
 *  - What `resolve` answers is the state as of this very moment of the running block.
 */
import { toLatin1 } from "../encoding/bytes.ts";
import { toHex } from "../encoding/hex.ts";
import { codeKey, contractKey } from "../encoding/state-key.ts";
import { EngineError } from "../errors.ts";
import { CodeNumbers } from "./code-numbers.ts";
import { decodeContract, encodeContract } from "./contract-record.ts";
import { contractSpace } from "./frame.ts";
import type { ContractEngine, ContractInfo, LoadedCode } from "./host.ts";
import type { StateTable } from "./state-table.ts";

/** A contract that calls can be made to: its record and everything found through it. */
export interface ResolvedContract {
  readonly info: ContractInfo;
  readonly engine: ContractEngine;
  readonly code: LoadedCode;
  /** The state table's number for this contract's keys. */
  readonly space: number;
}

/** Records and compiled programs kept; a built-in's is a few hundred bytes. */
const KEPT_MAX = 4096;
/** Code kept: about a thousand WebAssembly contracts of usual size. */
const KEPT_BYTES_MAX = 256 * 1024 * 1024;
const EMPTY = new Uint8Array(0);

export class Contracts {
  readonly engines: readonly ContractEngine[];
  readonly numbers: CodeNumbers;
  readonly #table: StateTable;
  readonly #records: number;
  readonly #codes: number;
  #resolved = new Map<number, { change: number; contract: ResolvedContract }>();
  #generation = 0;
  #loaded = new Map<string, LoadedCode>();
  #loadedBytes = 0;
  /** Whether a record was written in the running block. */
  #isChanged = false;

  constructor(table: StateTable, engines: readonly ContractEngine[]) {
    this.engines = engines;
    this.numbers = new CodeNumbers(table);
    this.#table = table;
    this.#records = table.space(contractKey(EMPTY));
    this.#codes = table.space(codeKey(EMPTY));
  }

  beginBlock(): void {
    this.#isChanged = false;
  }

  /**
   * State was reverted. A record changed in the running block carries one change number through all its changes, so that
   * what was resolved meanwhile is forgotten.
   */
  reverted(): void {
    if (this.#isChanged) this.#resolved.clear();
  }

  has(address: Uint8Array): boolean {
    return this.#table.has(this.#table.spaceAddressSlot(this.#records, address, 0));
  }

  /** The contract at the 20 bytes from `at`, or undefined. */
  resolve(address: Uint8Array, at: number): ResolvedContract | undefined {
    const slot = this.#table.spaceAddressSlot(this.#records, address, at);
    if (this.#generation !== this.#table.generation) {
      this.#resolved.clear();
      this.#generation = this.#table.generation;
    }
    const change = this.#table.lastChange(slot);
    const known = this.#resolved.get(slot);
    if (known !== undefined && known.change === change) return known.contract;
    const record = this.#table.get(slot);
    if (record === undefined) return undefined;
    const info = decodeContract(address.slice(at, at + 20), record);
    const engine = this.engines.find((candidate) => candidate.kind === info.kind);
    if (engine === undefined)
      throw new EngineError("UNSUPPORTED_CONTRACT", `no engine runs contracts of kind ${info.kind}`, {
        kind: info.kind,
      });
    const contract: ResolvedContract = {
      info,
      engine,
      code: this.#load(info.codeHash),
      space: contractSpace(this.#table, info.address),
    };
    if (this.#resolved.size >= KEPT_MAX) this.#resolved.clear();
    this.#resolved.set(slot, { change, contract });
    return contract;
  }

  setRecord(info: ContractInfo): void {
    this.#table.set(this.#table.spaceAddressSlot(this.#records, info.address, 0), encodeContract(info));
    this.#isChanged = true;
    this.#resolved.clear();
  }

  /** Whether the running block has changed the record of a contract that stood before it. */
  isChanged(): boolean {
    return this.#isChanged && this.#table.overwrites(this.#records);
  }

  /** Keeps code under its hash and gives it a number, unless it is there. */
  setCode(codeHash: Uint8Array, code: Uint8Array): void {
    const slot = this.#table.slot(this.#codes, codeHash);
    if (this.#table.has(slot)) return;
    this.#table.set(slot, code);
    this.numbers.give(codeHash);
  }

  hasCode(codeHash: Uint8Array): boolean {
    return this.#table.has(this.#table.slot(this.#codes, codeHash));
  }

  /** Code that the chain has, by its hash. */
  code(codeHash: Uint8Array): Uint8Array | undefined {
    return this.#table.get(this.#table.slot(this.#codes, codeHash));
  }

  #load(codeHash: Uint8Array): LoadedCode {
    const name = toLatin1(codeHash);
    const known = this.#loaded.get(name);
    if (known !== undefined) return known;
    const code = this.code(codeHash);
    if (code === undefined)
      throw new EngineError("INTERNAL_ERROR", `code ${toHex(codeHash)} is missing from the state`, {});
    if (this.#loaded.size >= KEPT_MAX || this.#loadedBytes + code.length > KEPT_BYTES_MAX) {
      this.#loaded.clear();
      this.#resolved.clear();
      this.#loadedBytes = 0;
    }
    this.#loadedBytes += code.length;
    const loaded: LoadedCode = { codeHash: codeHash.slice(), code, program: undefined };
    this.#loaded.set(name, loaded);
    return loaded;
  }
}
