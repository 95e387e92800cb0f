/** 32-byte big-endian words in memory: how the Ethereum ABI writes everything. No alignment is needed. */

/** As a word: 24 zero bytes, then the value. */
export function storeWord(at: usize, value: u64): void {
  store<u64>(at, 0);
  store<u64>(at, 0, 8);
  store<u64>(at, 0, 16);
  store<u64>(at, bswap<u64>(value), 24);
}

/** As a word in two's complement. */
export function storeSignedWord(at: usize, value: i64): void {
  const sign: u64 = value >> 63;
  store<u64>(at, sign);
  store<u64>(at, sign, 8);
  store<u64>(at, sign, 16);
  store<u64>(at, bswap<u64>(value), 24);
}

/** True when the word is a number below 2^64. */
export function isShortWord(at: usize): bool {
  return (load<u64>(at) | load<u64>(at, 8) | load<u64>(at, 16)) == 0;
}

export function copyWord(to: usize, from: usize): void {
  store<u64>(to, load<u64>(from));
  store<u64>(to, load<u64>(from, 8), 8);
  store<u64>(to, load<u64>(from, 16), 16);
  store<u64>(to, load<u64>(from, 24), 24);
}
