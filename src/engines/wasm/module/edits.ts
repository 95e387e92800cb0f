/**
 * What rewriting does to one function's body, in the order of its bytes: a scan writes them, the emitter reads them. The
 * arrays are kept from one function to the next.
 */
export const Edit = {
  /** Charge `value` here; nothing when it is 0. */
  charge: 0,
  /** A loop begins, `extra` blocks deep, itself counted: charge `value` and test the gas. */
  loopHead: 1,
  /** The gas in the local goes back to the global, which the callee works on. */
  beforeCall: 2,
  afterCall: 3,
  /** `return` becomes a branch out of `value` blocks. */
  return: 4,
  /** A store of opcode `value`, static offset in `extra`, follows: note its page. */
  store: 5,
  /** A store through local `value`, static offset in `extra`, follows. */
  storeThroughLocal: 6,
  memorySize: 7,
  memoryGrow: 8,
  memoryCopy: 9,
  memoryFill: 10,
  canonicaliseF32: 11,
  canonicaliseF64: 12,
  /** As storeThroughLocal, inside a loop: note the page when the local is in another block than the last time. */
  storeInLoop: 13,
} as const;

const INITIAL_EDITS = 16_384;

export class EditList {
  /** Byte of the module before which the edit goes. */
  at = new Int32Array(INITIAL_EDITS);
  kind = new Uint8Array(INITIAL_EDITS);
  value = new Int32Array(INITIAL_EDITS);
  extra = new Uint32Array(INITIAL_EDITS);
  /** Original bytes that the edit stands for and that are left out. */
  removed = new Uint8Array(INITIAL_EDITS);
  count = 0;

  add(kind: number, at: number, removed: number, value: number, extra: number): number {
    if (this.count === this.at.length) this.#grow();
    const index = this.count++;
    this.kind[index] = kind;
    this.at[index] = at;
    this.removed[index] = removed;
    this.value[index] = value;
    this.extra[index] = extra;
    return index;
  }

  #grow(): void {
    const size = this.at.length * 2;
    this.at = enlarged(this.at, new Int32Array(size));
    this.kind = enlarged(this.kind, new Uint8Array(size));
    this.value = enlarged(this.value, new Int32Array(size));
    this.extra = enlarged(this.extra, new Uint32Array(size));
    this.removed = enlarged(this.removed, new Uint8Array(size));
  }
}

function enlarged<A extends Int32Array | Uint32Array | Uint8Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
