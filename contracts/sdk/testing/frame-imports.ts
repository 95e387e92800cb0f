/**
 * The imports of module "polytorus" over a test chain's state, one set a frame: the semantics of the engine, without gas.
 * Memory is reached through `memory()`, since it may grow.
 */
import { createHash } from "node:crypto";
import { keccak_256 } from "@noble/hashes/sha3.js";
import secp256k1 from "secp256k1";
import { fromHex, toHex } from "../../../src/encoding/hex.ts";
import type { TestState } from "./test-state.ts";

const ADDRESS_BYTES = 20;
const WORD_BYTES = 32;
const SIGNATURE_BYTES = 65;
const ITERATORS_MAX = 16;
const TOPICS_MAX = 4;
const STATUS_CODES = { success: 0, reverted: 1, halted: 2 } as const;

export interface TestFrame {
  readonly self: string;
  readonly caller: string;
  readonly sender: string;
  readonly value: bigint;
  readonly input: Uint8Array;
  readonly isStatic: boolean;
  readonly gasLimit: bigint;
}

export interface TestOutcome {
  readonly status: "success" | "reverted" | "halted";
  readonly returnData: Uint8Array;
  /** Why it halted: the trap's message. */
  readonly reason?: string;
}

export interface FrameWorld {
  readonly state: TestState;
  readonly height: number;
  readonly timestampMs: number;
  readonly chainId: number;
  run(frame: TestFrame): TestOutcome;
}

/** Thrown through the contract's frames, as the engine's own exceptions are. */
export class FrameRevert extends Error {
  readonly data: Uint8Array;
  constructor(data: Uint8Array) {
    super("reverted");
    this.data = data;
  }
}

export class FrameHalt extends Error {}

export class FrameImports {
  answer: Uint8Array = new Uint8Array();
  readonly #world: FrameWorld;
  readonly #frame: TestFrame;
  readonly #memory: () => Uint8Array;
  readonly #iterators: Iterator<[string, Uint8Array]>[] = [];
  #register: Uint8Array = new Uint8Array();

  constructor(world: FrameWorld, frame: TestFrame, memory: () => Uint8Array) {
    this.#world = world;
    this.#frame = frame;
    this.#memory = memory;
  }

  /** The functions by the names that contracts import. */
  functions(): Record<string, (...args: never[]) => unknown> {
    return {
      input_length: () => this.#frame.input.length,
      input_read: (out: number, offset: number, length: number) => this.#copy(this.#frame.input, out, offset, length),
      return_data: (data: number, length: number) => {
        this.answer = this.#read(data, length);
      },
      revert: (data: number, length: number) => {
        throw new FrameRevert(this.#read(data, length));
      },
      context: (out: number) => this.#write(out, this.#context()),
      state_get: (key: number, keyLength: number, out: number, capacity: number) => {
        const value = this.#own().get(toHex(this.#read(key, keyLength)));
        if (value === undefined) return -1;
        this.#register = value;
        this.#write(out, value.subarray(0, capacity >>> 0));
        return value.length;
      },
      state_set: (key: number, keyLength: number, value: number, valueLength: number) => {
        this.#refuseStatic();
        this.#own().set(toHex(this.#read(key, keyLength)), this.#read(value, valueLength));
      },
      state_delete: (key: number, keyLength: number) => {
        this.#refuseStatic();
        this.#own().delete(toHex(this.#read(key, keyLength)));
      },
      range_open: (start: number, startLength: number, end: number, endLength: number, reverse: number) =>
        this.#openRange(this.#read(start, startLength), this.#read(end, endLength), reverse !== 0),
      range_next: (iterator: number) => this.#nextOf(iterator),
      result_length: () => this.#register.length,
      result_read: (out: number, offset: number, length: number) => this.#copy(this.#register, out, offset, length),
      log: (topics: number, count: number, data: number, length: number) => this.#log(topics, count, data, length),
      call: (to: number, value: number, input: number, length: number, gasLimit: bigint, flags: number) =>
        this.#call(to, value, this.#read(input, length), gasLimit, (flags & 1) !== 0),
      balance: (address: number, out: number) => {
        const balance = this.#world.state.balances.get(toHex(this.#read(address, ADDRESS_BYTES))) ?? 0n;
        this.#write(out, word(balance));
      },
      keccak256: (data: number, length: number, out: number) => this.#write(out, keccak_256(this.#read(data, length))),
      sha256: (data: number, length: number, out: number) =>
        this.#write(out, createHash("sha256").update(this.#read(data, length)).digest()),
      recover: (hash: number, signature: number, out: number) => this.#recover(hash, signature, out),
      gas_remaining: () => this.#frame.gasLimit,
    };
  }

  #own(): Map<string, Uint8Array> {
    return this.#world.state.of(this.#frame.self);
  }

  #refuseStatic(): void {
    if (this.#frame.isStatic) throw new FrameHalt("a static call may not write");
  }

  #context(): Uint8Array {
    const { self, caller, sender, value } = this.#frame;
    const numbers = Buffer.alloc(24);
    numbers.writeBigUInt64LE(BigInt(this.#world.height), 0);
    numbers.writeBigUInt64LE(BigInt(this.#world.timestampMs), 8);
    numbers.writeBigUInt64LE(BigInt(this.#world.chainId), 16);
    return Buffer.concat([...[self, caller, sender].map((address) => fromHex(address)!), word(value), numbers]);
  }

  #openRange(start: Uint8Array, end: Uint8Array, isReversed: boolean): number {
    if (this.#iterators.length === ITERATORS_MAX) throw new FrameHalt(`more than ${ITERATORS_MAX} iterators`);
    const [first, last] = [toHex(start), toHex(end)];
    const inside = [...this.#own()].filter(([key]) => key >= first && (end.length === 0 || key < last));
    inside.sort(([a], [b]) => (a < b ? -1 : 1));
    this.#iterators.push((isReversed ? inside.reverse() : inside)[Symbol.iterator]());
    return this.#iterators.length - 1;
  }

  #nextOf(iterator: number): number {
    const entries = this.#iterators[iterator];
    if (entries === undefined) throw new FrameHalt(`no iterator ${iterator} is open`);
    const next = entries.next();
    if (next.done === true) return 0;
    const key = fromHex(next.value[0])!;
    const keyLength = Buffer.alloc(4);
    keyLength.writeUInt32LE(key.length);
    this.#register = Buffer.concat([keyLength, key, next.value[1]]);
    return 1;
  }

  #log(topics: number, count: number, data: number, length: number): void {
    this.#refuseStatic();
    if (count >>> 0 > TOPICS_MAX) throw new FrameHalt(`more than ${TOPICS_MAX} topics`);
    const words = Array.from({ length: count }, (_, i) => this.#read(topics + i * WORD_BYTES, WORD_BYTES));
    this.#world.state.logs.push({ address: this.#frame.self, topics: words, data: this.#read(data, length) });
  }

  #call(to: number, value: number, input: Uint8Array, gasLimit: bigint, isStatic: boolean): number {
    const amount = value === 0 ? 0n : BigInt(toHex(this.#read(value, WORD_BYTES)));
    if (amount !== 0n) this.#refuseStatic();
    const outcome = this.#world.run({
      self: toHex(this.#read(to, ADDRESS_BYTES)),
      caller: this.#frame.self,
      sender: this.#frame.sender,
      value: amount,
      input,
      isStatic: isStatic || this.#frame.isStatic,
      gasLimit: gasLimit === 0n ? this.#frame.gasLimit : gasLimit,
    });
    this.#register = outcome.returnData;
    return STATUS_CODES[outcome.status];
  }

  #recover(hash: number, signature: number, out: number): number {
    const signed = this.#read(signature, SIGNATURE_BYTES);
    const recovery = signed[SIGNATURE_BYTES - 1]! - 27;
    if (recovery !== 0 && recovery !== 1) return 0;
    try {
      const point = secp256k1.ecdsaRecover(signed.subarray(0, 64), recovery, this.#read(hash, WORD_BYTES), false);
      this.#write(out, keccak_256(point.subarray(1)).subarray(12));
      return 1;
    } catch {
      // The lengths are right: the library throws for values that are no signature.
      return 0;
    }
  }

  #read(pointer: number, length: number): Uint8Array {
    const memory = this.#memory();
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    if (end > memory.length) throw new FrameHalt(`bytes ${start} to ${end} are outside of memory`);
    return memory.slice(start, end);
  }

  #write(pointer: number, bytes: Uint8Array): void {
    const memory = this.#memory();
    const start = pointer >>> 0;
    if (start + bytes.length > memory.length) throw new FrameHalt(`byte ${start} is outside of memory`);
    memory.set(bytes, start);
  }

  #copy(source: Uint8Array, out: number, offset: number, length: number): void {
    const start = offset >>> 0;
    const end = start + (length >>> 0);
    if (end > source.length) throw new FrameHalt(`bytes ${start} to ${end} are outside of ${source.length}`);
    this.#write(out, source.subarray(start, end));
  }
}

function word(value: bigint): Uint8Array {
  return Buffer.from(value.toString(16).padStart(2 * WORD_BYTES, "0"), "hex");
}
