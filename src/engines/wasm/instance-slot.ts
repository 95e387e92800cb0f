/**
 * InstanceSlot: a memory and an instance of one module, used for one call after the other. Making an instance costs
 * fifty times what putting one back costs, so that a call finds an instance as if it were new, and leaves it so.
 *
 *   begin(host) ──▶ call(export, …) … ──▶ settle ──▶ end: memory and globals as they were
 *                     │ import ──▶ AbiFrame ──▶ host; `outside` around what may run other contracts
 *                     ▼ trap
 *                   Halt OutOfGas · StackOverflow · Unreachable, or a fault of the host, which is no receipt
 *
 * Gas: the frame's meter is the account. `$gas` is set from it when the guest is entered; what the guest used is charged
 * by `settle`. Host functions charge the meter at once and do not touch `$gas`: reading and writing it costs as much as
 * most of them. The guest may so use up to the frame's limit a second time before `settle` finds the account overdrawn,
 * at the same instruction on every machine.
 * Always
 *  - A call begins with the memory, globals and table of a new instance whose start function has run, whatever ran before.
 *    The start function cannot reach the host; every call pays for it, whether it ran or an earlier run is restored.
 *  - After a trap, or anything thrown through the guest, the whole memory is restored; after physical growth the
 *    instance is not used again.
 */
import { EngineError } from "../../errors.ts";
import { Halt } from "../../execution/gas.ts";
import type { HostContext } from "../../execution/host.ts";
import type { AbiFrame, AbiProgram } from "./abi.ts";
import { hostFault } from "./host-fault.ts";
import { MemoryImage } from "./memory-image.ts";
import { DIRTY_BLOCK_SHIFT, DIRTY_PAGE_SHIFT } from "./module/dirty-pages.ts";
import type { InstrumentedModule } from "./module/instrument.ts";
import { STACK_HEIGHT, STACK_HEIGHT_NESTED, START_UNITS_MAX, WASM_GAS_RATIO } from "./wasm-gas.ts";

/** What instances need to know of a module besides its compiled form. */
export type ModuleLayout = Pick<
  InstrumentedModule,
  "initialPages" | "slackPages" | "maxPages" | "tracksDirtyPages" | "hasStart"
>;

export interface SlotModule {
  /** The code's hash, one char a byte. */
  readonly key: string;
  readonly layout: ModuleLayout;
  readonly compiled: WebAssembly.Module;
  /** Set by the first instance, after its start function. */
  image: MemoryImage | undefined;
  /** What the start function uses, in units of the rewriter. */
  startUnits: number;
  /** Instances that wait for a call: the pool's. */
  readonly waiting: InstanceSlot[];
}

/** Stack height that is left for the contracts of the running transaction, whichever instances they run on. */
export interface StackBudget {
  left: number;
}

/** Thrown by an ABI's import that ends the call as reverted; the ABI keeps the revert's data and catches it. */
export const GUEST_REVERT: object = Object.freeze({ name: "GuestRevert" });

/** Functions that take fewer parameters leave the rest alone. */
type GuestFunction = (a: number, b: number, c: number) => number | bigint | undefined;

/** The halves of two masks, read as numbers: arithmetic on a bigint costs more than this detour. */
const MASK = new BigInt64Array(2);
/** Of a mask: marks of more blocks than it has bits are all of them. */
const MASK_BIT_LAST = 63;
const MASK_HALVES = new Int32Array(MASK.buffer);

export class InstanceSlot {
  readonly module: SlotModule;
  readonly frame: AbiFrame;
  readonly #stack: StackBudget;
  #host: HostContext | undefined;
  #memory!: WebAssembly.Memory;
  #bytes!: Uint8Array<ArrayBuffer>;
  #exports!: WebAssembly.Exports;
  /** Exports that were called: an instance's exports are slow to look up. */
  readonly #functions = new Map<string, GuestFunction>();
  #gas!: WebAssembly.Global<bigint>;
  #stackLeft!: WebAssembly.Global<number>;
  #pages!: WebAssembly.Global<number>;
  #dirty!: WebAssembly.Global<bigint>;
  #blocks!: WebAssembly.Global<bigint>;
  #reset!: () => void;
  /** Of the memory when the start function has run. */
  #baseBytes = 0;
  /** Units of gas that the guest was last known to have, and units used that make no whole gas yet. */
  #known = 0;
  #fraction = 0;
  /** Pages and blocks that the host wrote to. */
  #dirtyLow = 0;
  #dirtyHigh = 0;
  #blocksLow = 0;
  #blocksHigh = 0;
  #isRunning = false;
  /** Something was thrown through the guest: it stopped in the middle of what it did. */
  #isTorn = false;

  /** @param program of the module's code. @param stack shared by all slots of an engine. */
  constructor(module: SlotModule, program: AbiProgram, stack: StackBudget) {
    this.module = module;
    this.#stack = stack;
    this.frame = program.link(this);
    this.#instantiate();
  }

  #instantiate(): void {
    const { layout, compiled } = this.module;
    try {
      const initial = layout.initialPages + layout.slackPages;
      this.#memory = new WebAssembly.Memory({ initial, maximum: layout.maxPages });
      this.#exports = new WebAssembly.Instance(compiled, { ...this.frame.imports, $m: { m: this.#memory } }).exports;
    } catch (thrown) {
      // A segment that lies outside memory or table: the module's own doing, the same everywhere.
      if (thrown instanceof WebAssembly.RuntimeError) throw new Halt("Unreachable");
      throw hostFault("a WebAssembly instance could not be made", thrown);
    }
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#functions.clear();
    this.#isTorn = false;
    this.#forgetMarks();
    this.#gas = this.#exports["$gas"] as WebAssembly.Global<bigint>;
    this.#stackLeft = this.#exports["$stack"] as WebAssembly.Global<number>;
    this.#pages = this.#exports["$pages"] as WebAssembly.Global<number>;
    this.#dirty = this.#exports["$dirty"] as WebAssembly.Global<bigint>;
    this.#blocks = this.#exports["$blocks"] as WebAssembly.Global<bigint>;
    this.#reset = this.#exports["$reset"] as () => void;
    if (layout.hasStart) this.#start();
    this.#baseBytes = this.#memory.buffer.byteLength;
    this.module.image ??= new MemoryImage(this.bytes);
  }

  /** @throws Halt when the start function traps, calls the host, or takes more than START_UNITS_MAX: so does every call. */
  #start(): void {
    this.#gas.value = BigInt(START_UNITS_MAX);
    this.call("$start");
    const left = Number(this.#gas.value);
    if (left < 0) throw new Halt("OutOfGas");
    this.module.startUnits = START_UNITS_MAX - left;
  }

  // ── a call ──────────────────────────────────────────────────────────────────

  /** The frame that runs. @throws Halt Unreachable in a start function, which belongs to no frame. */
  get host(): HostContext {
    if (this.#host === undefined) throw new Halt("Unreachable");
    return this.#host;
  }

  /** Enters a frame. @throws Halt */
  begin(host: HostContext): void {
    this.#host = host;
    this.#fraction = 0;
    this.#enter();
  }

  #enter(): void {
    const { left } = this.#stack;
    if (left < 0) throw new Halt("StackOverflow");
    if (left !== STACK_HEIGHT) this.#stackLeft.value = left;
    this.#fraction += this.module.startUnits;
    this.#resume();
  }

  /** Whether the module exports a function of this name. */
  has(name: string): boolean {
    return typeof this.#exports[name] === "function";
  }

  /**
   * Calls an exported function. Imports may call in turn (`allocate`): such an inner call throws what it throws as it is.
   * @throws Halt for what the contract did; EngineError INTERNAL_ERROR for faults of the host; GUEST_REVERT.
   */
  call(name: string, a = 0, b = 0, c = 0): number | bigint | undefined {
    const run = this.#functions.get(name) ?? this.#function(name);
    if (this.#isRunning) return run(a, b, c);
    this.#isRunning = true;
    try {
      return run(a, b, c);
    } catch (thrown) {
      this.#isTorn = true;
      throw this.#classify(thrown);
    } finally {
      this.#isRunning = false;
    }
  }

  #function(name: string): GuestFunction {
    const run = this.#exports[name] as GuestFunction;
    this.#functions.set(name, run);
    return run;
  }

  #classify(thrown: unknown): unknown {
    if (thrown instanceof Halt || thrown === GUEST_REVERT || thrown instanceof EngineError) return thrown;
    if (!(thrown instanceof WebAssembly.RuntimeError)) return hostFault("the WebAssembly host failed", thrown);
    if (this.#pages.value < 0) return hostFault("no memory is left for a contract's, below the chain's limit");
    if (this.#gas.value < 0n) return new Halt("OutOfGas");
    return new Halt(this.#stackLeft.value < 0 ? "StackOverflow" : "Unreachable");
  }

  /** Charges what the guest used since it was entered. @throws Halt OutOfGas */
  settle(): void {
    const now = Number(this.#gas.value);
    if (now < 0) throw new Halt("OutOfGas");
    const used = this.#known - now + this.#fraction;
    this.#known = now;
    const whole = Math.floor(used / WASM_GAS_RATIO);
    this.#fraction = used - whole * WASM_GAS_RATIO;
    this.host.charge("instructions", whole);
  }

  /** Charges what is left to charge, a begun gas as a whole one. @throws Halt OutOfGas */
  finish(): void {
    this.settle();
    if (this.#fraction > 0) this.host.charge("instructions", 1);
    this.#fraction = 0;
  }

  /** The account is what the guest has from here on. */
  #resume(): void {
    this.#known = this.host.gas.remaining * WASM_GAS_RATIO - this.#fraction;
    this.#gas.value = BigInt(this.#known);
  }

  /** Around host work that reads the account or runs other contracts: calls, deployments. */
  outside<Result>(work: () => Result): Result {
    this.settle();
    const budget = this.#stack;
    const { left } = budget;
    budget.left = this.#stackLeft.value - STACK_HEIGHT_NESTED;
    try {
      return work();
    } finally {
      budget.left = left;
      this.#resume();
    }
  }

  /** Makes the instance as new within one frame: for ABIs whose calls have several entry points. @throws Halt as `begin`. */
  renew(): void {
    const { host } = this;
    this.settle();
    if (!this.end()) this.#instantiate();
    this.#host = host;
    this.#enter();
  }

  /** Puts everything back. @returns false when the instance must not be used again. */
  end(): boolean {
    this.#host = undefined;
    if (this.#memory.buffer.byteLength !== this.#baseBytes) return false;
    const image = this.module.image!;
    if (this.#isTorn || !this.module.layout.tracksDirtyPages) image.restoreAll(this.#bytes);
    else {
      MASK[0] = this.#dirty.value;
      MASK[1] = this.#blocks.value;
      const low = MASK_HALVES[0]! | this.#dirtyLow;
      const high = MASK_HALVES[1]! | this.#dirtyHigh;
      image.restore(this.#bytes, low, high, MASK_HALVES[2]! | this.#blocksLow, MASK_HALVES[3]! | this.#blocksHigh);
    }
    this.#forgetMarks();
    this.#isTorn = false;
    this.#reset();
    return true;
  }

  #forgetMarks(): void {
    this.#dirtyLow = 0;
    this.#dirtyHigh = 0;
    this.#blocksLow = 0;
    this.#blocksHigh = 0;
  }

  /** Bytes of its memory as new. */
  get memoryBytes(): number {
    return this.#baseBytes;
  }

  // ── memory ──────────────────────────────────────────────────────────────────

  /** For ABIs that hand it on: what is written through it counts as changed only where it was claimed. */
  get memory(): WebAssembly.Memory {
    return this.#memory;
  }

  /** The whole memory. Stale as soon as the guest runs again, since growing detaches it. */
  get bytes(): Uint8Array<ArrayBuffer> {
    // A detached view has no bytes; a memory always has some.
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.#memory.buffer);
    return this.#bytes;
  }

  /** Whether the bytes lie in memory. @param pointer as the guest passed it, signed or not. */
  isInside(pointer: number, length: number): boolean {
    return (pointer >>> 0) + (length >>> 0) <= this.bytes.length;
  }

  /** The guest's bytes, in place: valid until the guest runs. @throws Halt Unreachable when they lie outside. */
  view(pointer: number, length: number): Uint8Array<ArrayBuffer> {
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    const { bytes } = this;
    if (end > bytes.length) throw new Halt("Unreachable");
    return bytes.subarray(start, end);
  }

  /**
   * The guest's bytes for a host function that does not keep them: short ones are copied to a buffer, which costs less than
   * a view. @param which of SCRATCHES buffers; valid until it is asked for again. @throws Halt Unreachable
   */
  lend(pointer: number, length: number, which: number): Uint8Array {
    const buffers = SCRATCH[which]!;
    if (!(length >= 0 && length < buffers.length)) return this.view(pointer, length);
    const start = pointer >>> 0;
    const { bytes } = this;
    if (start + length > bytes.length) throw new Halt("Unreachable");
    const lent = buffers[length]!;
    for (let i = 0; i < length; i++) lent[i] = bytes[start + i]!;
    return lent;
  }

  /** A copy of the guest's bytes. @throws Halt Unreachable when they lie outside. */
  read(pointer: number, length: number): Uint8Array<ArrayBuffer> {
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    const { bytes } = this;
    if (end > bytes.length) throw new Halt("Unreachable");
    return bytes.slice(start, end);
  }

  /** Writes `source` from `from` to `to` into memory. @throws Halt Unreachable when it does not fit. */
  write(pointer: number, source: Uint8Array, from = 0, to = source.length): void {
    const length = to - from;
    const start = this.claim(pointer, length);
    const bytes = this.#bytes;
    if (length > COPIED_BY_BYTE_MAX) {
      bytes.set(from === 0 && to === source.length ? source : source.subarray(from, to), start);
    } else for (let i = 0; i < length; i++) bytes[start + i] = source[from + i]!;
  }

  /**
   * Where the host may write `length` bytes: they count as changed.
   * @returns the pointer, unsigned; `bytes` is then current. @throws Halt Unreachable when they lie outside.
   */
  claim(pointer: number, length: number): number {
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    if (end > this.bytes.length) throw new Halt("Unreachable");
    if (start === end) return start;
    const lastBlock = (end - 1) >>> DIRTY_BLOCK_SHIFT;
    const firstBlock = Math.max(start >>> DIRTY_BLOCK_SHIFT, lastBlock - MASK_BIT_LAST);
    for (let block = firstBlock; block <= lastBlock; block++) {
      if ((block & 32) === 0) this.#blocksLow |= 1 << block;
      else this.#blocksHigh |= 1 << block;
    }
    const lastPage = (end - 1) >>> DIRTY_PAGE_SHIFT;
    for (let page = start >>> DIRTY_PAGE_SHIFT; page <= lastPage; page++) {
      if ((page & 32) === 0) this.#dirtyLow |= 1 << page;
      else this.#dirtyHigh |= 1 << page;
    }
    return start;
  }
}

/** Shorter copies are done faster in a loop than through a view. */
const COPIED_BY_BYTE_MAX = 48;

/** A log's topics and its data, or a key and a value. */
const SCRATCHES = 5;
const SCRATCH_BYTES_MAX = 64;
const SCRATCH: readonly (readonly Uint8Array[])[] = Array.from({ length: SCRATCHES }, () =>
  Array.from({ length: SCRATCH_BYTES_MAX + 1 }, (_, length) => new Uint8Array(length)),
);
