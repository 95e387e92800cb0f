/**
 * HandleLeaf: the record of one handle as it stands in the state, looked at and changed as bytes (handle-record.ts has the
 * layout): a block touches several a call and decodes none. One that stands in the state is copied before it is changed.
 */
import { readU32, readU64, writeU32, writeU64 } from "../../encoding/bytes.ts";
import { type Handle, Origin, originOf } from "../../encoding/encrypted-handle.ts";
import { ACCESS_BYTES, ACCESSES_MAX, Permission, RECORD_AT, UNHELD_BLOCKS_MAX } from "./handle-record.ts";
import type { RecordRoom } from "./record-room.ts";

export class HandleLeaf {
  readonly handle: Handle;
  bytes: Uint8Array;
  isChanged: boolean;

  readonly #room: RecordRoom;
  /** Whether the bytes may be written to. */
  #isOwn: boolean;

  /** @param isNew it is not yet in the state. */
  constructor(room: RecordRoom, handle: Handle, bytes: Uint8Array, isNew: boolean) {
    this.#room = room;
    this.handle = handle;
    this.bytes = bytes;
    this.isChanged = isNew;
    this.#isOwn = isNew;
  }

  get isConstant(): boolean {
    return originOf(this.handle) === Origin.constant;
  }

  isOfKey(keyId: Uint8Array): boolean {
    return isAt(this.bytes, RECORD_AT.keyId, keyId);
  }

  keyId(): Uint8Array {
    return this.bytes.slice(RECORD_AT.keyId, RECORD_AT.contract);
  }

  /** What an account may do: its contract, and whoever computes with a constant, may use it. */
  permissions(account: Uint8Array): number {
    if (this.isConstant) return Permission.use | Permission.decrypt;
    const at = this.#accessOf(account);
    const listed = at < 0 ? 0 : this.bytes[at + ACCESS_BYTES - 1]!;
    return isAt(this.bytes, RECORD_AT.contract, account) ? listed | Permission.use : listed;
  }

  /** @returns false when its list is full. */
  allow(account: Uint8Array, permissions: number): boolean {
    const at = this.#accessOf(account);
    if (at >= 0) {
      const last = at + ACCESS_BYTES - 1;
      if ((this.bytes[last]! & permissions) === permissions) return true;
      this.#change();
      this.bytes[last]! |= permissions;
      return true;
    }
    const count = this.bytes[RECORD_AT.accesses]!;
    if (count >= ACCESSES_MAX) return false;
    const longer = this.#room.extend(this.bytes, ACCESS_BYTES);
    longer.set(account, longer.length - ACCESS_BYTES);
    longer[longer.length - 1] = permissions;
    longer[RECORD_AT.accesses] = count + 1;
    this.bytes = longer;
    this.#isOwn = true;
    this.isChanged = true;
    return true;
  }

  /** One more, or one less, place of a state holds it. */
  count(change: 1 | -1, height: number): void {
    this.#change();
    const references = readU32(this.bytes, RECORD_AT.references) + change;
    writeU32(this.bytes, RECORD_AT.references, references);
    if (references === 0) writeU64(this.bytes, RECORD_AT.height, height);
  }

  isExpired(height: number): boolean {
    return (
      !this.isConstant &&
      readU32(this.bytes, RECORD_AT.references) === 0 &&
      height > readU64(this.bytes, RECORD_AT.height) + UNHELD_BLOCKS_MAX
    );
  }

  /** Before its bytes are written to. */
  #change(): void {
    this.isChanged = true;
    if (this.#isOwn) return;
    const { bytes } = this;
    this.bytes = this.#room.make(bytes.length);
    this.bytes.set(bytes);
    this.#isOwn = true;
  }

  #accessOf(account: Uint8Array): number {
    const { bytes } = this;
    for (let left = bytes[RECORD_AT.accesses]!, at = bytes.length; left > 0; left--) {
      at -= ACCESS_BYTES;
      if (isAt(bytes, at, account)) return at;
    }
    return -1;
  }
}

function isAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}
