/** WireCodec on the addon: native/src/submission_reader.h and native/src/receipt_text.h. */
import type { ReadSubmission, WireCodec } from "../encoding/wire-codec.ts";
import type { Addon } from "./addon.ts";

/** No submission is shorter: one call with neither arguments nor a nonce. Most queries are, and need not be read twice. */
const TEXT_BYTES_MIN = 219;
/** Some thousand transactions; longer requests are left to others. */
const TEXT_BYTES_MAX = 1024 * 1024;
const INITIAL_TEXT_BYTES = 64 * 1024;
const BATCH = 2;

export function nativeWireCodec(addon: Addon): WireCodec {
  return new NativeWireCodec(addon);
}

class NativeWireCodec implements WireCodec, ReadSubmission {
  readonly #addon: Addon;
  /** Count, bytes of encodings, start and end of the id, 1 for summaries. */
  readonly #words = new Uint32Array(5);
  encodings = new Uint8Array(encodingBytesMax(INITIAL_TEXT_BYTES));
  isBatch = false;
  id = "";

  constructor(addon: Addon) {
    this.#addon = addon;
  }

  get count(): number {
    return this.#words[0]!;
  }
  get length(): number {
    return this.#words[1]!;
  }
  get isSummary(): boolean {
    return this.#words[4] === 1;
  }

  readSubmission(text: Buffer, start: number, end: number): ReadSubmission | undefined {
    if (end - start < TEXT_BYTES_MIN) return undefined;
    const room = encodingBytesMax(end - start);
    if (room > this.encodings.length) {
      if (end - start > TEXT_BYTES_MAX) return undefined;
      this.encodings = new Uint8Array(2 * room);
    }
    const words = this.#words;
    const kind = this.#addon.submissionRead(text, start, end, this.encodings, words);
    if (kind === 0) return undefined;
    this.isBatch = kind === BATCH;
    this.id = text.toString("latin1", words[2], words[3]);
    return this;
  }

  receiptText(entry: Uint8Array, index: number, tokens: Uint8Array): string | undefined {
    return this.#addon.receiptText(entry, index, tokens);
  }

  summariesText(entry: Uint8Array, first: number, count: number): string | undefined {
    return this.#addon.summariesText(entry, first, count);
  }
}

/** submissionBytesMax of native/src/submission_reader.h. */
function encodingBytesMax(textBytes: number): number {
  return 2 * textBytes + 128;
}
