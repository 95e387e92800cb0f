/** A growing buffer that writes what modules are made of. */
import type { FunctionType } from "./wasm-types.ts";
import { byteOf } from "./wasm-types.ts";

const UTF8 = new TextEncoder();
/** Ranges shorter than this are copied faster byte by byte than through a view. */
const SHORT_BYTES = 48;

export class ModuleWriter {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(initialBytes: number) {
    this.bytes = new Uint8Array(initialBytes);
  }

  /** Makes room for `count` more bytes; `bytes` is another array afterwards. */
  ensure(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  u8(value: number): void {
    if (this.length === this.bytes.length) this.ensure(1);
    this.bytes[this.length++] = value;
  }

  /** LEB128, unsigned, up to 32 bits. */
  u32(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  /** LEB128, signed, of a safe integer that fits 32 bits. */
  s32(value: number): void {
    let rest = value | 0;
    while (rest < -64 || rest > 63) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.u8(rest & 0x7f);
  }

  raw(...values: number[]): void {
    for (const value of values) this.u8(value);
  }

  copy(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.ensure(count);
    if (count >= SHORT_BYTES) this.bytes.set(source.subarray(start, end), this.length);
    else for (let i = 0; i < count; i++) this.bytes[this.length + i] = source[start + i]!;
    this.length += count;
  }

  name(text: string): void {
    const bytes = UTF8.encode(text);
    this.u32(bytes.length);
    this.copy(bytes, 0, bytes.length);
  }

  functionType(type: FunctionType): void {
    this.u8(0x60);
    this.u32(type.params.length);
    for (const param of type.params) this.u8(byteOf(param));
    this.u32(type.results.length);
    for (const result of type.results) this.u8(byteOf(result));
  }

  /** What `content` holds, behind its size. */
  sized(content: ModuleWriter): void {
    this.u32(content.length);
    this.copy(content.bytes, 0, content.length);
  }

  section(id: number, content: ModuleWriter): void {
    this.u8(id);
    this.sized(content);
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }
}
