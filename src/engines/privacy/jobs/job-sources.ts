/** What a job needs of the state: the circuits of its contract, and the values of constants. Both never change. */

import { type Handle, Origin, originOf, typeOfHandle } from "../../../encoding/encrypted-handle.ts";
import { toHex } from "../../../encoding/hex.ts";
import { codeKey, handleKey } from "../../../encoding/state-key.ts";
import { EngineError } from "../../../errors.ts";
import { decodeHandleRecord } from "../handle-record.ts";
import { compilePrivacyCode } from "../privacy-engine.ts";
import type { PrivacyProgram } from "../privacy-program.ts";

const PROGRAMS_KEPT = 256;
const CONSTANTS_KEPT = 65_536;

/** A leaf of the state, by its whole key. */
export type ReadLeaf = (key: Uint8Array) => Promise<Uint8Array | undefined>;

export class JobSources {
  readonly #leaf: ReadLeaf;
  readonly #programs = new Map<string, PrivacyProgram>();
  readonly #constants = new Map<string, readonly boolean[]>();

  constructor(leaf: ReadLeaf) {
    this.#leaf = leaf;
  }

  async program(codeHash: Uint8Array): Promise<PrivacyProgram> {
    const name = toHex(codeHash);
    const known = this.#programs.get(name);
    if (known !== undefined) return known;
    const code = await this.#leaf(codeKey(codeHash));
    if (code === undefined) throw new EngineError("INTERNAL_ERROR", `code ${name} is missing from the state`, {});
    const program = compilePrivacyCode(code);
    if (this.#programs.size >= PROGRAMS_KEPT) this.#programs.clear();
    this.#programs.set(name, program);
    return program;
  }

  /** Bits of the constants among `handles`, by handle. */
  async constants(handles: readonly Handle[]): Promise<Map<string, readonly boolean[]>> {
    const found = new Map<string, readonly boolean[]>();
    for (const handle of handles)
      if (originOf(handle) === Origin.constant) found.set(toHex(handle), await this.#constant(handle));
    return found;
  }

  async #constant(handle: Handle): Promise<readonly boolean[]> {
    const name = toHex(handle);
    const known = this.#constants.get(name);
    if (known !== undefined) return known;
    const bits = await readConstant(handle, this.#leaf);
    if (bits === undefined) throw new EngineError("INTERNAL_ERROR", `constant ${name} is missing from the state`, {});
    if (this.#constants.size >= CONSTANTS_KEPT) this.#constants.clear();
    this.#constants.set(name, bits);
    return bits;
  }
}

/** Undefined when the state has no such constant. */
export async function readConstant(handle: Handle, leaf: ReadLeaf): Promise<readonly boolean[] | undefined> {
  const record = await leaf(handleKey(handle));
  if (record === undefined) return undefined;
  const { source } = decodeHandleRecord(handle, record);
  if (source.origin !== Origin.constant) return undefined;
  const { value } = source;
  return Array.from({ length: typeOfHandle(handle)!.bits }, (_, bit) => ((value[bit >> 3]! >> (bit & 7)) & 1) === 1);
}
