/**
 * A key of a contract's state for people. Keys often begin with words, up to a colon or to the end: `bal:0x70…` says more
 * than the same in hex, and more than `bal:p0x99…`, where the address began with a byte that is a letter, too.
 */
export function readableKey(key: string): string {
  const values =
    key
      .slice(2)
      .match(/../g)
      ?.map((pair) => Number.parseInt(pair, 16)) ?? [];
  let printable = 0;
  while (printable < values.length && values[printable]! > 32 && values[printable]! < 127) printable++;
  const colon = values.lastIndexOf(COLON, printable - 1);
  const words = printable === values.length || colon < 0 ? printable : colon + 1;
  if (words < WORDS_BYTES_MIN) return key;
  const rest = key.slice(2 + 2 * words);
  return `${String.fromCharCode(...values.slice(0, words))}${rest === "" ? "" : `0x${rest}`}`;
}

const COLON = 0x3a;
/** Fewer printable bytes than this are chance. */
const WORDS_BYTES_MIN = 3;
