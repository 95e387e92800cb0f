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
  /** By module, the one used longest ago first. */
  readonly #waiting = new Map<string, InstanceSlot[]>();
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
    const slots = this.#waiting.get(module.key);
    const waiting = slots?.pop();
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
    const { key } = slot.module;
    const slots = this.#waiting.get(key) ?? [];
    slots.push(slot);
    this.#waiting.delete(key);
    this.#waiting.set(key, slots);
    this.#waitingBytes += slot.memoryBytes;
    while (this.#waitingBytes > this.#limits.bytesMax && this.#evict());
  }

  /** A slot that was taken is not given back: the collector has it. */
  drop(): void {
    this.#live--;
  }

  /** Forgets the waiting instances of a module. */
  forget(key: string): void {
    for (const slot of this.#waiting.get(key) ?? []) this.#remove(slot);
    this.#waiting.delete(key);
  }

  /** @returns false when no instance waits. */
  #evict(): boolean {
    for (const [key, slots] of this.#waiting) {
      const slot = slots.shift();
      if (slots.length === 0) this.#waiting.delete(key);
      if (slot === undefined) continue;
      this.#remove(slot);
      return true;
    }
    return false;
  }

  #remove(slot: InstanceSlot): void {
    this.#waitingBytes -= slot.memoryBytes;
    this.#live--;
  }
}
