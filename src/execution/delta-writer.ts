/**
 * DeltaWriter: what a block has changed, as its delta (encoding/delta.ts): each key whose value differs from what it was when
 * the block began.
 *   UndoLog ── first record of each row, by space ──▶ values before and after ──▶ delta
 * Native code writes the rows whose values are numbers (encoding/row-changes.ts), where there is any.
 */
import { type ByteWriter, compareBytes, writeU32 } from "../encoding/bytes.ts";
import { CHANGE_NUMBERS, ChangeNumber, type RowChangeWriter } from "../encoding/row-changes.ts";
import { StateTag } from "../encoding/state-key.ts";
import { LIMBS, newUint256 } from "../encoding/uint256.ts";
import { Form, NONE, type Space, type StateRows } from "./state-rows.ts";
import { writeRowValue } from "./state-value.ts";
import type { UndoLog } from "./undo-log.ts";

export class DeltaWriter {
  readonly #rows: StateRows;
  readonly #undo: UndoLog;
  readonly #native: RowChangeWriter | undefined;
  readonly #numbers = new Uint32Array(CHANGE_NUMBERS);
  readonly #limbs = newUint256();

  constructor(modules: { rows: StateRows; undo: UndoLog; native: RowChangeWriter | undefined }) {
    this.#rows = modules.rows;
    this.#undo = modules.undo;
    this.#native = modules.native;
  }

  /** Appends the delta. @returns whether records of encrypted handles are among the changes. */
  write(out: ByteWriter): boolean {
    let hasHandles = false;
    for (const space of this.#undo.touched) {
      const groupAt = out.length;
      out.u8(space.prefix.length);
      out.raw(space.prefix);
      const countAt = out.length;
      out.u32(0);
      const count = this.#writeSpace(space, out);
      if (count === 0) out.length = groupAt;
      else writeU32(out.bytes, countAt, count);
      if (count > 0 && space.prefix[0] === StateTag.handle) hasHandles = true;
    }
    return hasHandles;
  }

  #writeSpace(space: Space, out: ByteWriter): number {
    let count = 0;
    let record = space.head;
    if (this.#native !== undefined) {
      const numbers = this.#numbers;
      numbers[ChangeNumber.record] = record;
      numbers[ChangeNumber.length] = out.length;
      numbers[ChangeNumber.count] = 0;
      const { rows, longKeys } = this.#rows;
      this.#native.write({ rows, undo: this.#undo.words, longKeys: longKeys.bytes, out: out.bytes }, numbers);
      record = numbers[ChangeNumber.record]!;
      out.length = numbers[ChangeNumber.length]!;
      count = numbers[ChangeNumber.count]!;
    }
    for (; record !== NONE; record = this.#undo.next(record)) if (this.#writeChange(record, out)) count++;
    return count;
  }

  #writeChange(record: number, out: ByteWriter): boolean {
    const undo = this.#undo;
    const rows = this.#rows;
    const slot = undo.slotOf(record);
    const form = rows.form(slot);
    const before = undo.formOf(record);
    const nonce = rows.nonce(slot);
    rows.readLimbs(slot, this.#limbs, 0);
    if (form === before && !this.#differs(slot, record, form, nonce)) return false;
    rows.writeKey(slot, out);
    writeRowValue(out, form, this.#limbs, 0, nonce, form === Form.bytes ? rows.blobs.get(slot) : undefined);
    writeRowValue(
      out,
      before,
      undo.words,
      undo.limbsAt(record),
      undo.nonceOf(record),
      before === Form.bytes ? undo.blobs.get(record) : undefined,
    );
    return true;
  }

  /** Whether a row holds something else than the record, in the same form; its limbs stand in `#limbs`. */
  #differs(slot: number, record: number, form: number, nonce: number): boolean {
    const undo = this.#undo;
    if (form === Form.bytes) return compareBytes(this.#rows.blobs.get(slot)!, undo.blobs.get(record)!) !== 0;
    const at = undo.limbsAt(record);
    for (let i = 0; i < LIMBS; i++) if (this.#limbs[i] !== undo.words[at + i]) return true;
    return nonce !== undo.nonceOf(record);
  }
}
