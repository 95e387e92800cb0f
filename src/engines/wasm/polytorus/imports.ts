/**
 * The imports of the polytorus ABI, module "polytorus": bytes in and out through pointer and length, i32 unless said.
 *
 *   input_length() → length                         input_read(ptr, offset, length)
 *   return_data(ptr, length)                        revert(ptr, length): never returns
 *   context(ptr): 116 bytes: self 20, caller 20, sender 20, value 32 (big-endian), height u64, timestampMs u64,
 *                 chainId u64 (little-endian)
 *   state_get(keyPtr, keyLen, outPtr, outCapacity) → length or -1     writes what fits; the register has the whole value
 *   state_set(keyPtr, keyLen, valuePtr, valueLen)   state_delete(keyPtr, keyLen)
 *   range_open(startPtr, startLen, endPtr, endLen, reverse) → iterator; start ≤ key < end, endLen 0: no end
 *   range_next(iterator) → 1, and the register has u32 keyLen ‖ key ‖ value; 0 at the end
 *   result_length() → length                        result_read(ptr, offset, length)
 *   log(topicsPtr, topicCount, dataPtr, dataLen)    topics of 32 bytes, at most 4
 *   call(toPtr, valuePtr or 0, inputPtr, inputLen, gasLimit i64 (0: all), flags 1: static) → 0 success, 1 reverted, 2 halted
 *   balance(addressPtr, outPtr 32)                  gas_remaining() → i64
 *   keccak256(ptr, length, outPtr 32)               sha256(ptr, length, outPtr 32)
 *   recover(hashPtr, signaturePtr 65: r ‖ s ‖ v, outPtr 20) → 1, or 0 when it is no signature
 * and env.abort(message, file, line, column), as AssemblyScript calls it.
 *
 * Always
 *  - Gas is charged before the work; a pointer outside memory halts with Unreachable.
 */
import { hash } from "node:crypto";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { readU32, writeU32, writeU64 } from "../../../encoding/bytes.ts";
import { toHex } from "../../../encoding/hex.ts";
import { BodyForm } from "../../../encoding/transaction.ts";
import { Halt } from "../../../execution/gas.ts";
import type { CallRequest } from "../../../execution/host.ts";
import { recoverSigner } from "../../builtin/signature-recovery.ts";
import type { InstanceSlot } from "../instance-slot.ts";
import type { ValueType } from "../module/wasm-types.ts";
import type { HostRegisters } from "./host-registers.ts";
import type { PolytorusFrame } from "./polytorus-frame.ts";
import { CONTEXT_GAS, copyGas, HOST_CALL_GAS, keccakGas, RECOVER_GAS, sha256Gas } from "./prices.ts";

const ADDRESS_BYTES = 20;
const WORD_BYTES = 32;
const CONTEXT_BYTES = 116;
const SIGNATURE_BYTES = 65;
const TOPICS_MAX = 4;
/** Lists of so many topics, filled for each log: the host copies them. */
const TOPICS: readonly Uint8Array[][] = Array.from({ length: TOPICS_MAX + 1 }, (_, count) =>
  new Array<Uint8Array>(count).fill(new Uint8Array(0)),
);
/** Code units of an AssemblyScript string that a revert repeats. */
const ABORT_CHARS_MAX = 256;
const STATUS_CODES = { success: 0, reverted: 1, halted: 2 } as const;

interface Signature {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

function signature(params: number, results = 0): Signature {
  return { params: Array<ValueType>(params).fill("i32"), results: Array<ValueType>(results).fill("i32") };
}

/** What is no part of how a call arrives and answers: other ABIs offer the same. */
export const HOST_IMPORTS: ReadonlyMap<string, Signature> = new Map([
  ["polytorus.context", signature(1)],
  ["polytorus.state_get", signature(4, 1)],
  ["polytorus.state_set", signature(4)],
  ["polytorus.state_delete", signature(2)],
  ["polytorus.range_open", signature(5, 1)],
  ["polytorus.range_next", signature(1, 1)],
  ["polytorus.result_length", signature(0, 1)],
  ["polytorus.result_read", signature(3)],
  ["polytorus.log", signature(4)],
  ["polytorus.call", { params: ["i32", "i32", "i32", "i32", "i64", "i32"], results: ["i32"] }],
  ["polytorus.balance", signature(2)],
  ["polytorus.keccak256", signature(3)],
  ["polytorus.sha256", signature(3)],
  ["polytorus.recover", signature(3, 1)],
  ["polytorus.gas_remaining", { params: [], results: ["i64"] }],
]);

export const POLYTORUS_IMPORTS: ReadonlyMap<string, Signature> = new Map([
  ["polytorus.input_length", signature(0, 1)],
  ["polytorus.input_read", signature(3)],
  ["polytorus.return_data", signature(2)],
  ["polytorus.revert", signature(2)],
  ...HOST_IMPORTS,
  ["env.abort", signature(4)],
]);

export function polytorusImports(slot: InstanceSlot, frame: PolytorusFrame): WebAssembly.Imports {
  return {
    polytorus: { ...inputImports(slot, frame), ...hostImports(slot, frame) },
    env: { abort: abortImport(slot, frame) },
  };
}

/** HOST_IMPORTS over an instance. */
export function hostImports(slot: InstanceSlot, registers: HostRegisters): WebAssembly.ModuleImports {
  return { ...callImports(slot, registers), ...stateImports(slot, registers), ...hashImports(slot) };
}

// ── the call itself: input, answer, context, other contracts ──────────────────

function inputImports(slot: InstanceSlot, frame: PolytorusFrame): WebAssembly.ModuleImports {
  return {
    input_length(): number {
      slot.host.charge("hostCall", HOST_CALL_GAS);
      return frame.inputEnd - frame.inputStart;
    },
    input_read(pointer: number, offset: number, length: number): void {
      slot.host.charge("hostCopy", copyGas(length >>> 0));
      copyTo(slot, pointer, frame.input, frame.inputStart + (offset >>> 0), length, frame.inputEnd);
    },
    return_data(pointer: number, length: number): void {
      frame.setAnswer(pointer, length);
    },
    revert(pointer: number, length: number): void {
      frame.revert(pointer, length);
    },
  };
}

function callImports(slot: InstanceSlot, registers: HostRegisters): WebAssembly.ModuleImports {
  return {
    context(pointer: number): void {
      slot.host.charge("hostCall", CONTEXT_GAS);
      writeContext(slot, pointer);
    },
    call(to: number, value: number, input: number, inputLength: number, gasLimit: bigint, flags: number): number {
      slot.host.charge("hostCall", HOST_CALL_GAS);
      const request = callRequest(slot, to, value, input, inputLength, gasLimit, flags);
      const outcome = slot.outside(() => slot.host.call(request));
      registers.register = outcome.returnData;
      return STATUS_CODES[outcome.status];
    },
    balance(address: number, out: number): void {
      slot.host.charge("hostCall", HOST_CALL_GAS);
      const balance = slot.host.balanceOf(slot.view(address, ADDRESS_BYTES));
      writeWord(balance, slot.bytes, slot.claim(out, WORD_BYTES));
    },
    gas_remaining(): bigint {
      slot.host.charge("hostCall", HOST_CALL_GAS);
      slot.settle();
      return BigInt(slot.host.gas.observe());
    },
    log(topics: number, topicCount: number, data: number, dataLength: number): void {
      slot.host.charge("hostCall", HOST_CALL_GAS);
      const count = topicCount >>> 0;
      if (count > TOPICS_MAX) throw new Halt("LogLimit");
      const words = TOPICS[count]!;
      for (let i = 0; i < count; i++) words[i] = slot.lend(topics + i * WORD_BYTES, WORD_BYTES, i);
      slot.host.log(words, slot.lend(data, dataLength, TOPICS_MAX));
    },
  };
}

function callRequest(
  slot: InstanceSlot,
  to: number,
  value: number,
  input: number,
  inputLength: number,
  gasLimit: bigint,
  flags: number,
): CallRequest {
  if (!slot.isInside(input, inputLength)) throw new Halt("Unreachable");
  const start = input >>> 0;
  const end = start + (inputLength >>> 0);
  const asked = gasLimit === 0n ? slot.host.gas.limit : Number(BigInt.asUintN(64, gasLimit));
  return {
    to: slot.read(to, ADDRESS_BYTES),
    // In place: this contract's memory stands still while the callee runs.
    input: { form: end === start ? BodyForm.none : BodyForm.calldata, bytes: slot.bytes, start, end },
    value: value === 0 ? 0n : BigInt(toHex(slot.view(value, WORD_BYTES))),
    gasLimit: asked,
    isStatic: (flags & 1) === 1,
  };
}

function writeContext(slot: InstanceSlot, pointer: number): void {
  const { host } = slot;
  const { address, caller, sender, block } = host;
  const at = slot.claim(pointer, CONTEXT_BYTES);
  const { bytes } = slot;
  for (let i = 0; i < ADDRESS_BYTES; i++) {
    bytes[at + i] = address[i]!;
    bytes[at + 20 + i] = caller[i]!;
    bytes[at + 40 + i] = sender[i]!;
  }
  writeWord(host.value, bytes, at + 60);
  writeU64(bytes, at + 92, block.height);
  writeU64(bytes, at + 100, block.timestampMs);
  writeU64(bytes, at + 108, block.chainId);
}

function writeWord(value: bigint, bytes: Uint8Array, at: number): void {
  bytes.fill(0, at, at + WORD_BYTES);
  let rest = value;
  for (let i = at + WORD_BYTES - 1; rest > 0n; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}

/** Copies `length` bytes of `source` from `from` into memory. @throws Halt Unreachable when source or memory end before. */
function copyTo(
  slot: InstanceSlot,
  pointer: number,
  source: Uint8Array,
  from: number,
  length: number,
  sourceEnd: number,
): void {
  const to = from + (length >>> 0);
  if (to > sourceEnd) throw new Halt("Unreachable");
  slot.write(pointer, source, from, to);
}

// ── state ─────────────────────────────────────────────────────────────────────

function stateImports(slot: InstanceSlot, registers: HostRegisters): WebAssembly.ModuleImports {
  return {
    state_get(key: number, keyLength: number, out: number, capacity: number): number {
      const { host } = slot;
      host.charge("hostCopy", copyGas(keyLength >>> 0));
      const value = host.get(slot.lend(key, keyLength, 0));
      if (value === undefined) return -1;
      host.charge("hostCopy", copyGas(value.length));
      registers.register = value;
      slot.write(out, value, 0, Math.min(value.length, capacity >>> 0));
      return value.length;
    },
    state_set(key: number, keyLength: number, value: number, valueLength: number): void {
      const { host } = slot;
      host.charge("hostCopy", copyGas((keyLength >>> 0) + (valueLength >>> 0)));
      host.set(slot.lend(key, keyLength, 0), slot.lend(value, valueLength, 1));
    },
    state_delete(key: number, keyLength: number): void {
      const { host } = slot;
      host.charge("hostCopy", copyGas(keyLength >>> 0));
      host.delete(slot.lend(key, keyLength, 0));
    },
    range_open(start: number, startLength: number, end: number, endLength: number, reverse: number): number {
      const { host } = slot;
      host.charge("hostCopy", copyGas((startLength >>> 0) + (endLength >>> 0)));
      const first = slot.read(start, startLength);
      const last = endLength === 0 ? undefined : slot.read(end, endLength);
      return registers.openIterator(host.range(first, last, reverse !== 0));
    },
    range_next(iterator: number): number {
      slot.host.charge("hostCall", HOST_CALL_GAS);
      const next = registers.iterator(iterator).next();
      if (next.done === true) return 0;
      const { key, value } = next.value;
      slot.host.charge("hostCopy", copyGas(key.length + value.length));
      const entry = new Uint8Array(4 + key.length + value.length);
      writeU32(entry, 0, key.length);
      entry.set(key, 4);
      entry.set(value, 4 + key.length);
      registers.register = entry;
      return 1;
    },
    result_length(): number {
      slot.host.charge("hostCall", HOST_CALL_GAS);
      return registers.register.length;
    },
    result_read(pointer: number, offset: number, length: number): void {
      slot.host.charge("hostCopy", copyGas(length >>> 0));
      copyTo(slot, pointer, registers.register, offset >>> 0, length, registers.register.length);
    },
  };
}

// ── hashes and signatures ─────────────────────────────────────────────────────

function hashImports(slot: InstanceSlot): WebAssembly.ModuleImports {
  return {
    keccak256(pointer: number, length: number, out: number): void {
      slot.host.charge("hash", keccakGas(length >>> 0));
      slot.write(out, keccak_256(slot.view(pointer, length)));
    },
    sha256(pointer: number, length: number, out: number): void {
      slot.host.charge("hash", sha256Gas(length >>> 0));
      slot.write(out, hash("sha256", slot.view(pointer, length), "buffer"));
    },
    recover(digest: number, signaturePointer: number, out: number): number {
      slot.host.charge("signatureRecover", HOST_CALL_GAS + RECOVER_GAS);
      const signed = slot.read(signaturePointer, SIGNATURE_BYTES);
      const signer = recoverSigner(slot.read(digest, WORD_BYTES), signed[SIGNATURE_BYTES - 1]!, signed.subarray(0, 64));
      if (signer === undefined) return 0;
      slot.write(out, signer);
      return 1;
    },
  };
}

/** AssemblyScript's assertion failures: strings are UTF-16, their length in bytes stands in the four bytes before. */
function abortImport(slot: InstanceSlot, frame: PolytorusFrame): (...args: number[]) => void {
  return (message = 0, file = 0, line = 0, column = 0) => {
    const where = `${textAt(slot, file)}:${line >>> 0}:${column >>> 0}`;
    frame.revertWithText(`abort: ${textAt(slot, message)} at ${where}`);
  };
}

function textAt(slot: InstanceSlot, pointer: number): string {
  if (pointer === 0) return "";
  const lengthBytes = slot.view(pointer - 4, 4);
  const length = Math.min(readU32(lengthBytes, 0), 2 * ABORT_CHARS_MAX) & ~1;
  slot.host.charge("hostCopy", copyGas(length));
  return Buffer.from(slot.view(pointer, length)).toString("utf16le");
}
