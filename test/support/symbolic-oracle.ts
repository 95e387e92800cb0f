/** What handles stand for, found by following their records down to inputs and constants, with the plain evaluation. */
import { type Handle, Origin, typeOfHandle } from "../../src/encoding/encrypted-handle.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { codeKey, handleKey } from "../../src/encoding/state-key.ts";
import { evaluateCircuit } from "../../src/engines/privacy/circuit/evaluate.ts";
import { decodeHandleRecord, permissionsOf } from "../../src/engines/privacy/handle-record.ts";
import { compilePrivacyCode } from "../../src/engines/privacy/privacy-engine.ts";
import type { PrivacyProgram } from "../../src/engines/privacy/privacy-program.ts";
import type { StateTable } from "../../src/execution/state-table.ts";

export class SymbolicOracle {
  readonly #table: StateTable;
  readonly #known = new Map<string, bigint>();
  readonly #programs = new Map<string, PrivacyProgram>();

  constructor(table: StateTable) {
    this.#table = table;
  }

  /** What a ciphertext that was sent holds. */
  input(handle: Handle, value: bigint): void {
    this.#known.set(toHex(handle), value);
  }

  value(handle: Handle): bigint {
    const known = this.#known.get(toHex(handle));
    if (known !== undefined) return known;
    const { source } = this.#record(handle);
    let value: bigint;
    if (source.origin === Origin.constant) {
      value = source.value.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    } else if (source.origin === Origin.computed) {
      const { circuit } = this.#program(source.codeHash).circuits[source.circuit]!;
      const inputs = source.inputs.map((input) => this.value(input));
      value = evaluateCircuit(circuit, inputs)[source.output]!;
    } else throw new Error(`the value of the input ${toHex(handle)} was not told`);
    if (value >> BigInt(typeOfHandle(handle)!.bits) !== 0n) throw new Error(`${value} is too wide`);
    this.#known.set(toHex(handle), value);
    return value;
  }

  permissions(handle: Handle, account: Uint8Array): number {
    return permissionsOf(this.#record(handle), account);
  }

  #record(handle: Handle) {
    const bytes = this.#leaf(handleKey(handle));
    if (bytes === undefined) throw new Error(`the state has no handle ${toHex(handle)}`);
    return decodeHandleRecord(handle, bytes);
  }

  #program(codeHash: Uint8Array): PrivacyProgram {
    const name = toHex(codeHash);
    const known = this.#programs.get(name);
    if (known !== undefined) return known;
    const program = compilePrivacyCode(this.#leaf(codeKey(codeHash))!);
    this.#programs.set(name, program);
    return program;
  }

  #leaf(key: Uint8Array): Uint8Array | undefined {
    return this.#table.get(this.#table.slotOfKey(key))?.slice();
  }
}
