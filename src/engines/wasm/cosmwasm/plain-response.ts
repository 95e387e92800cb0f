/**
 * The answer that contracts give most: attributes, and neither messages nor events nor data, written as serde writes it.
 *     {"ok":{"messages":[],"attributes":[{"key":"…","value":"…"},…],"events":[],"data":null}}
 * Its attributes stand in the event's log as they stand here, so that nothing of it needs to be parsed and written again,
 * which takes five times as long.
 */
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const HEAD = bytesOf('{"ok":{"messages":[],"attributes":[');
const KEY = bytesOf('{"key":"');
const VALUE = bytesOf('","value":"');
const CLOSE = bytesOf('"}');
const TAIL = bytesOf('],"events":[],"data":null}}');
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const TILDE = 0x7e;
const UNDERSCORE = 0x5f;

/**
 * Where the attributes stand, without brackets; empty when there are none. Undefined for every other answer, which may be as
 * valid: text that JSON escapes, spaces to trim, keys that the event's rules refuse (events.ts).
 */
export function plainAttributes(bytes: Uint8Array): Uint8Array | undefined {
  if (!isAt(bytes, 0, HEAD)) return undefined;
  let at = HEAD.length;
  while (isAt(bytes, at, KEY)) {
    const keyAt = at + KEY.length;
    const keyEnd = endOfText(bytes, keyAt);
    const valueAt = keyEnd + VALUE.length;
    const isKey = keyEnd > keyAt && bytes[keyAt] !== UNDERSCORE && isTrimmed(bytes, keyAt, keyEnd);
    if (!isKey || !isAt(bytes, keyEnd, VALUE)) return undefined;
    const valueEnd = endOfText(bytes, valueAt);
    if (!isTrimmed(bytes, valueAt, valueEnd) || !isAt(bytes, valueEnd, CLOSE)) return undefined;
    at = valueEnd + CLOSE.length;
    if (bytes[at] !== COMMA) break;
    if (!isAt(bytes, ++at, KEY)) return undefined;
  }
  return at + TAIL.length === bytes.length && isAt(bytes, at, TAIL) ? bytes.subarray(HEAD.length, at) : undefined;
}

/** Of printable ASCII without escapes. */
function endOfText(bytes: Uint8Array, start: number): number {
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE || byte === BACKSLASH || byte < SPACE || byte > TILDE) return at;
  }
  return bytes.length;
}

function isTrimmed(bytes: Uint8Array, start: number, end: number): boolean {
  return bytes[start] !== SPACE && bytes[end - 1] !== SPACE;
}

function isAt(bytes: Uint8Array, at: number, part: Uint8Array): boolean {
  if (at + part.length > bytes.length) return false;
  for (let i = 0; i < part.length; i++) if (bytes[at + i] !== part[i]) return false;
  return true;
}

/** Writes the logs of one contract's plain answers. */
export class PlainLogs {
  readonly contract: string;
  readonly #head: Uint8Array;
  readonly #entries = new Map<string, Uint8Array>();
  #bytes = new Uint8Array(0);

  /** @param contract its address as text, which needs no escapes. */
  constructor(contract: string) {
    this.contract = contract;
    this.#head = bytesOf(`{"attributes":[{"key":"_contract_address","value":"${contract}"},`);
  }

  /** The data of the log that an entry point leaves: {"attributes":[the contract's address],"type":entry}. */
  entry(name: string): Uint8Array {
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const address = `{"key":"_contract_address","value":"${this.contract}"}`;
    const made = bytesOf(`{"attributes":[${address}],"type":"${name}"}`);
    this.#entries.set(name, made);
    return made;
  }

  /** The data of the log of type "wasm" with these attributes: valid until the next one. */
  wasm(attributes: Uint8Array): Uint8Array {
    const length = this.#head.length + attributes.length + WASM_TAIL.length;
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(2 * length);
    const bytes = this.#bytes;
    bytes.set(this.#head);
    bytes.set(attributes, this.#head.length);
    bytes.set(WASM_TAIL, length - WASM_TAIL.length);
    return bytes.subarray(0, length);
  }
}

const WASM_TAIL = bytesOf('],"type":"wasm"}');
