/**
 * A cursor over a module's bytes. Everything it reads is untrusted: it never passes `end`, and what does not fit is a
 * ModuleRejected of the rule "malformed".
 */
import { requireWithin } from "./limits.ts";
import { ModuleRejected } from "./module-rejected.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class ModuleReader {
  readonly bytes: Uint8Array;
  at: number;
  end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  u8(): number {
    if (this.at >= this.end) throw this.malformed("expected another byte, received the end");
    return this.bytes[this.at++]!;
  }

  /** LEB128, up to five bytes; longer than needed is allowed, as toolchains write such. */
  u32(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift <= 28; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (shift === 28 && byte > 0x0f) throw this.malformed("expected an unsigned number of 32 bits, received more");
        return value >>> 0;
      }
    }
    throw this.malformed("expected a LEB128 number of at most 5 bytes, received more");
  }

  /** Passes a LEB128 number of at most `bytesMax` bytes. */
  skipNumber(bytesMax: number): void {
    for (let i = 0; i < bytesMax; i++) if (this.u8() < 0x80) return;
    throw this.malformed(`expected a LEB128 number of at most ${bytesMax} bytes, received more`);
  }

  skip(count: number): void {
    if (count > this.end - this.at) {
      throw this.malformed(`expected ${count} more bytes, received ${this.end - this.at}`);
    }
    this.at += count;
  }

  name(): string {
    const length = this.u32();
    requireWithin("nameBytes", length, this.at);
    const start = this.at;
    this.skip(length);
    try {
      return UTF8.decode(this.bytes.subarray(start, this.at));
    } catch {
      throw new ModuleRejected("malformed", start, "expected a name in UTF-8, received other bytes");
    }
  }

  malformed(problem: string): ModuleRejected {
    return new ModuleRejected("malformed", this.at, problem);
  }
}
