/**
 * Keys of the state tree: a tag byte, then what the tag says. The tags keep the kinds of leaf apart, and keep every key
 * apart from the tree's own prefixes 0x00 (leaf) and 0x01 (inner node).
 */
export const StateTag = {
  /** address (20) → u8 n, nonce (n bytes), native balance; both shortest big-endian */
  account: 0x10,
  /** address (20) → contract record, canonical JSON */
  contract: 0x11,
  /** code hash (32) → code */
  code: 0x12,
  /** contract (20) ‖ the contract's own key → its value */
  state: 0x13,
  /** name in ASCII → canonical JSON */
  parameter: 0x14,
  /** encrypted handle (32) */
  handle: 0x15,
  /** code hash (32) → its number; number → code hash; empty → the last number. Numbers are 8 bytes, big-endian */
  codeNumber: 0x16,
} as const;

export const ADDRESS_BYTES = 20;

export function accountKey(address: Uint8Array): Uint8Array {
  return taggedKey(StateTag.account, address);
}

export function contractKey(address: Uint8Array): Uint8Array {
  return taggedKey(StateTag.contract, address);
}

export function codeKey(codeHash: Uint8Array): Uint8Array {
  return taggedKey(StateTag.code, codeHash);
}

export function parameterKey(name: string): Uint8Array {
  return taggedKey(StateTag.parameter, Buffer.from(name, "latin1"));
}

/** What is kept of an encrypted value, by its handle (32). */
export function handleKey(handle: Uint8Array): Uint8Array {
  return taggedKey(StateTag.handle, handle);
}

/** What all keys of one contract's state begin with. */
export function contractStatePrefix(address: Uint8Array): Uint8Array {
  return taggedKey(StateTag.state, address);
}

export function contractStateKey(address: Uint8Array, key: Uint8Array): Uint8Array {
  const whole = new Uint8Array(1 + ADDRESS_BYTES + key.length);
  whole[0] = StateTag.state;
  whole.set(address, 1);
  whole.set(key, 1 + ADDRESS_BYTES);
  return whole;
}

function taggedKey(tag: number, rest: Uint8Array): Uint8Array {
  const key = new Uint8Array(1 + rest.length);
  key[0] = tag;
  key.set(rest, 1);
  return key;
}

/** How many leading bytes of a state key name its space: the tag, and for state the contract. */
export function spaceLength(key: Uint8Array): number {
  return key[0] === StateTag.state ? 1 + ADDRESS_BYTES : 1;
}
