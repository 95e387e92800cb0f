/**
 * WasiFrame: one instance of a program as WASI sees it. Each call runs `_start` in a system of its own: what comes in is on
 * standard input, what it answers is on standard output, its exit code says whether it stands.
 *   run(mode, input) ──▶ _start ── import ──▶ charge, bounds ──▶ the library (files, pipes), or the call itself (time, chance)
 * Always
 *  - Nothing of the machine shows: time is the block's, chance a hash of the call, the environment is empty, files are in
 *    memory and gone after the call.
 *  - What the library may be made to hold is bounded, whatever the gas: bytes written, nodes made, lengths of paths.
 */
import { createHash } from "node:crypto";
import { encodeError } from "../../../encoding/abi.ts";
import { readU32, writeU32, writeU64 } from "../../../encoding/bytes.ts";
import { SOLIDITY_ERRORS } from "../../../encoding/erc20-abi.ts";
import { Halt } from "../../../execution/gas.ts";
import type { HostContext, Outcome } from "../../../execution/host.ts";
import type { AbiFrame } from "../abi.ts";
import { GUEST_REVERT, type InstanceSlot } from "../instance-slot.ts";
import { HostRegisters } from "../polytorus/host-registers.ts";
import { hostImports } from "../polytorus/imports.ts";
import { ANSWER_BYTES_MAX } from "../polytorus/polytorus-frame.ts";
import { ANSWER_BYTE_GAS, copyGas } from "../polytorus/prices.ts";
import { Errno, PREVIEW1, SERVED, type ServedImport } from "./preview1.ts";
import {
  RANDOM_WORD_GAS,
  WASI_CALL_GAS,
  WASI_FRAME_GAS,
  WASI_ITEM_GAS,
  WASI_NODE_GAS,
  WASI_PATH_GAS,
} from "./prices.ts";
import { openWasiSystem, type WasiSystem } from "./wasmer-library.ts";

export type WasiMode = "deploy" | "call" | "query" | "upgrade";

/** What a program finds as its first argument. */
const PROGRAM_NAME = "contract";
/** Written by one call, to files and pipes together. */
const WRITTEN_BYTES_MAX = 4 * 1024 * 1024;
/** Files, directories and links made, or opened, by one call: each takes about a kilobyte of the library's memory. */
const NODES_MAX = 256;
/** The library walks a path in steps that cost more the longer it is. */
const PATH_BYTES_MAX = 512;
const ERROR_CHARS_MAX = 4_096;
/** The block's time is in milliseconds. */
const NANOSECONDS_A_MILLISECOND = 1_000_000n;
/** Real time, monotonic, and the processor time of process and thread. */
const CLOCK_ID_MAX = 3;
const RANDOM_DOMAIN = "polytorus.wasi.random.1";
const RANDOM_WORD_BYTES = 32;
const VECTOR_BYTES = 8;
const WORD_BYTES = 32;

export class WasiFrame extends HostRegisters implements AbiFrame {
  readonly imports: WebAssembly.Imports;
  readonly #slot: InstanceSlot;
  #system: WasiSystem | undefined;
  #exitCode = 0;
  #written = 0;
  #nodes = 0;
  /** Hash of the call, made when it is first asked for, and how much of its stream was given out. */
  #seed: Uint8Array | undefined;
  #words = 0;
  #mode: WasiMode = "call";
  #input = new Uint8Array(0);

  constructor(slot: InstanceSlot) {
    super();
    this.#slot = slot;
    const served = Object.entries(SERVED).map(([name, bounds]) => [name, this.#served(name, bounds)] as const);
    this.imports = {
      [PREVIEW1]: { ...Object.fromEntries(served), ...this.#own() },
      polytorus: hostImports(slot, this),
    };
  }

  /** Runs the program. @throws Halt */
  run(mode: WasiMode, input: Uint8Array<ArrayBuffer>): Outcome {
    const slot = this.#slot;
    slot.host.charge("instance", WASI_FRAME_GAS + copyGas(input.length));
    // The library writes where it is told to: every page may change.
    slot.claim(0, slot.bytes.length);
    const system = openWasiSystem(slot.memory, [PROGRAM_NAME, mode], input);
    this.#system = system;
    this.#mode = mode;
    this.#input = input;
    this.#exitCode = 0;
    this.#written = 0;
    this.#nodes = 0;
    this.#seed = undefined;
    this.#words = 0;
    try {
      this.#start();
      return this.#exitCode === 0 ? this.#answer(system) : this.#revert(system);
    } finally {
      this.#system = undefined;
      this.clearRegisters();
      system.close();
    }
  }

  #start(): void {
    try {
      this.#slot.call("_start");
    } catch (thrown) {
      if (thrown !== GUEST_REVERT) throw thrown;
    }
  }

  #answer(system: WasiSystem): Outcome {
    const returnData = system.stdout();
    if (returnData.length > ANSWER_BYTES_MAX) throw new Halt("InvalidOutput");
    this.#slot.host.charge("answer", ANSWER_BYTE_GAS * returnData.length);
    return { status: "success", returnData };
  }

  /** Solidity's Error(string): what it wrote to standard error, or else to standard output, or else its exit code. */
  #revert(system: WasiSystem): Outcome {
    const [error, output] = [system.stderr(), system.stdout()].map((bytes) =>
      Buffer.from(bytes).toString("utf8").trim(),
    );
    const text = (error || output || `exit code ${this.#exitCode}`).slice(0, ERROR_CHARS_MAX);
    const returnData = encodeError(SOLIDITY_ERRORS.Error, [text]);
    this.#slot.host.charge("answer", ANSWER_BYTE_GAS * returnData.length);
    return { status: "reverted", returnData };
  }

  // ── what the library serves ─────────────────────────────────────────────────

  #served(name: string, bounds: ServedImport): (...args: (number | bigint)[]) => number {
    return (...args) => {
      const refusal = this.#admit(bounds, args);
      if (refusal !== Errno.success) return refusal;
      // In a start function there is no call, and so no system.
      const system = this.#system;
      if (system === undefined) throw new Halt("Unreachable");
      return served(system, name, args);
    };
  }

  /** Charges for it. @returns an errno other than 0 when it is beyond a bound. @throws Halt */
  #admit(bounds: ServedImport, args: readonly (number | bigint)[]): number {
    const { host } = this.#slot;
    host.charge("hostCall", WASI_CALL_GAS);
    for (const index of bounds.bytes ?? []) host.charge("hostCopy", copyGas(unsigned(args[index])));
    for (const index of bounds.paths ?? []) {
      const length = unsigned(args[index]);
      if (length > PATH_BYTES_MAX) return Errno.nameTooLong;
      host.charge("hostCall", WASI_PATH_GAS + WASI_ITEM_GAS * length);
    }
    for (const index of bounds.offsets ?? []) {
      if (BigInt.asUintN(64, args[index] as bigint) > WRITTEN_BYTES_MAX) return Errno.fileTooLarge;
      // A file may grow up to there.
      if (bounds.vectors === undefined && !this.#mayWrite(Number(args[index]))) return Errno.noSpace;
    }
    if (bounds.readsDirectory === true) host.charge("hostCall", WASI_NODE_GAS * this.#nodes);
    if (bounds.makesNode === true && ++this.#nodes > NODES_MAX) return Errno.tooManyFiles;
    if (bounds.vectors === undefined) return Errno.success;
    const bytes = this.#vectorBytes(unsigned(args[bounds.vectors]), unsigned(args[bounds.vectors + 1]));
    return bounds.isWrite !== true || this.#mayWrite(bytes) ? Errno.success : Errno.noSpace;
  }

  #mayWrite(bytes: number): boolean {
    if (this.#written + bytes > WRITTEN_BYTES_MAX) return false;
    this.#slot.host.charge("hostCopy", copyGas(bytes));
    this.#written += bytes;
    return true;
  }

  /** Charges for buffers. Where they are no memory's, the library says so: they come to nothing. */
  #vectorBytes(pointer: number, count: number): number {
    const { bytes, host } = this.#slot;
    host.charge("hostCall", WASI_ITEM_GAS * count);
    if (pointer + VECTOR_BYTES * count > bytes.length) return 0;
    let sum = 0;
    for (let at = pointer; at < pointer + VECTOR_BYTES * count; at += VECTOR_BYTES) sum += readU32(bytes, at + 4);
    host.charge("hostCopy", copyGas(sum));
    return sum;
  }

  // ── what the call itself answers ────────────────────────────────────────────

  #own(): WebAssembly.ModuleImports {
    const gas = () => this.#slot.host.charge("hostCall", WASI_CALL_GAS);
    const unsupported = (): number => {
      gas();
      return Errno.notSupported;
    };
    const answerTime = (clock: number, out: number, value: bigint): number => {
      gas();
      if (clock >>> 0 > CLOCK_ID_MAX) return Errno.invalid;
      const at = this.#slot.claim(out, 8);
      new DataView(this.#slot.bytes.buffer).setBigUint64(at, value, true);
      return Errno.success;
    };
    return {
      clock_res_get: (clock: number, out: number): number => answerTime(clock, out, NANOSECONDS_A_MILLISECOND),
      // Every clock is the block's: none moves while the program runs.
      clock_time_get: (clock: number, _precision: bigint, out: number): number =>
        answerTime(clock, out, BigInt(this.#slot.host.block.timestampMs) * NANOSECONDS_A_MILLISECOND),
      random_get: (out: number, length: number): number => {
        gas();
        this.#fillRandom(out, length >>> 0);
        return Errno.success;
      },
      proc_exit: (code: number): void => {
        gas();
        this.#exitCode = code;
        throw GUEST_REVERT;
      },
      sched_yield: (): number => {
        gas();
        return Errno.success;
      },
      // Nothing to wait for; times of files are not kept.
      poll_oneoff: unsupported,
      fd_filestat_set_times: unsupported,
      path_filestat_set_times: unsupported,
    };
  }

  #fillRandom(out: number, length: number): void {
    const slot = this.#slot;
    slot.host.charge("hash", RANDOM_WORD_GAS * Math.ceil(length / RANDOM_WORD_BYTES));
    let at = slot.claim(out, length);
    const end = at + length;
    while (at < end) {
      const word = this.#randomWord().subarray(0, end - at);
      slot.bytes.set(word, at);
      at += word.length;
    }
  }

  #randomWord(): Uint8Array {
    this.#seed ??= callHash(this.#slot.host, this.#mode, this.#input);
    const count = new Uint8Array(4);
    writeU32(count, 0, this.#words++);
    return createHash("sha256").update(this.#seed).update(count).digest();
  }
}

/** Of what the call is: the same on every machine, known to everyone who sees it. */
function callHash(host: HostContext, mode: WasiMode, input: Uint8Array): Uint8Array {
  const { block, address, caller, sender, value } = host;
  const numbers = new Uint8Array(3 * 8);
  writeU64(numbers, 0, block.chainId);
  writeU64(numbers, 8, block.height);
  writeU64(numbers, 16, block.timestampMs);
  const valueText = value.toString(16).padStart(2 * WORD_BYTES, "0");
  const hash = createHash("sha256").update(RANDOM_DOMAIN).update(numbers).update(address).update(caller).update(sender);
  return hash.update(Buffer.from(valueText, "hex")).update(`${mode}\0`).update(input).digest();
}

/** A panic of the library follows from what it was asked, as a trap of the guest's own does. */
function served(system: WasiSystem, name: string, args: readonly (number | bigint)[]): number {
  try {
    return system.imports[name]!(...args);
  } catch (thrown) {
    // The stack's end is the machine's.
    if (thrown instanceof RangeError) throw thrown;
    throw new Halt("Unreachable");
  }
}

function unsigned(value: number | bigint | undefined): number {
  return Number(value) >>> 0;
}
