/**
 * TextWriter: JSON for contracts and logs, written piece by piece as UTF-8. Joining the pieces into one string first, which V8
 * then has to flatten and convert, takes three times as long.
 */
const INITIAL_BYTES = 4096;
/** Most bytes that one UTF-16 unit takes in JSON: `\u0000`. */
const BYTES_A_UNIT_MAX = 6;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export class TextWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(INITIAL_BYTES);
  #length = 0;

  #ensure(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  /** Text as it is. */
  raw(text: string): this {
    this.#ensure(BYTES_A_UNIT_MAX * text.length);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return this.#encoded(text);
      bytes[at++] = code;
    }
    this.#length = at;
    return this;
  }

  /** A JSON string. */
  quoted(text: string): this {
    this.#ensure(BYTES_A_UNIT_MAX * text.length + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH)
        return this.#encoded(JSON.stringify(text));
      bytes[at++] = code;
    }
    bytes[at++] = QUOTE;
    this.#length = at;
    return this;
  }

  #encoded(text: string): this {
    this.#length += Buffer.from(this.#bytes.buffer, this.#length).write(text, "utf8");
    return this;
  }

  /** What was written, in place: valid until the next piece. The writer starts over. */
  takeView(): Uint8Array {
    const view = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return view;
  }
}
