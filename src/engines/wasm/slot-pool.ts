/**
 * SlotPool: instances that wait for the next call of their code. A contract that is entered again while it runs takes
 * another instance.
 * Always
 *  - A slot in the pool is as new.
 *  - Live memories are bounded: each takes 10 GB of address space, of which a process has room for about 13,000, and
 *    the pages that it ever touched. Those in use are at most one for each level of calls.
 */
import type { AbiProgram } from "./abi.ts";
import { InstanceSlot, type SlotModule, type StackBudget } from "./instance-slot.ts";

export interface SlotLimits {
  readonly slotsMax: number;
  /** Bytes of memory that waiting instances hold, counted as if every page was touched. */
  readonly bytesMax: number;
}

export class SlotPool {
  readonly #limits: SlotLimits;
  readonly #stack: StackBudget;
  /** Modules with waiting instances, the one used longest ago first. */
  readonly #modules = new Set<SlotModule>();
  #newest: SlotModule | undefined;
  #live = 0;
  #waitingBytes = 0;

  constructor(limits: SlotLimits, stack: StackBudget) {
    this.#limits = limits;
    this.#stack = stack;
  }

  /** Instances in use and waiting. */
  get live(): number {
    return this.#live;
  }

  /** A slot as new, which the caller owns until `give` or `drop`. @throws Halt when the module cannot be instantiated. */
  take(module: SlotModule, program: AbiProgram): InstanceSlot {
    const waiting = module.waiting.pop();
    if (waiting !== undefined) {
      this.#waitingBytes -= waiting.memoryBytes;
      return waiting;
    }
    while (this.#live >= this.#limits.slotsMax && this.#evict());
    const slot = new InstanceSlot(module, program, this.#stack);
    this.#live++;
    return slot;
  }

  /** Takes a slot back after its call. */
  give(slot: InstanceSlot): void {
    if (!slot.end()) {
      this.drop();
      return;
    }
    const { module } = slot;
    module.waiting.push(slot);
    this.#waitingBytes += slot.memoryBytes;
    if (this.#newest !== module) {
      this.#modules.delete(module);
      this.#modules.add(module);
      this.#newest = module;
    }
    while (this.#waitingBytes > this.#limits.bytesMax && this.#evict());
  }

  /** A slot that was taken is not given back: the collector has it. */
  drop(): void {
    this.#live--;
  }

  /** Forgets the waiting instances of a module. */
  forget(module: SlotModule): void {
    while (this.#discard(module));
    this.#modules.delete(module);
    if (this.#newest === module) this.#newest = undefined;
  }

  /** @returns false when no instance waits. */
  #evict(): boolean {
    for (const module of this.#modules) {
      if (this.#discard(module)) return true;
      this.forget(module);
    }
    return false;
  }

  #discard(module: SlotModule): boolean {
    const slot = module.waiting.shift();
    if (slot === undefined) return false;
    this.#waitingBytes -= slot.memoryBytes;
    this.#live--;
    return true;
  }
}
