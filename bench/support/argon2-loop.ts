/**
 * Argon2's compression function (RFC 9106, 3.5 and 3.6) over a memory of 64 blocks, as a function in WebAssembly text and as
 * compilers write it: a permutation's sixteen words in locals, blocks behind pointers.
 *   argon2 n   compresses n blocks, each from the one before and one that its first word picks; answers a word of the last
 * Memory: 65536 the blocks, 131072 the block in work, 132096 what it was before.
 */
const WORDS = 16;
const BLOCKS_AT = 65_536;
const WORK_AT = 131_072;
const BEFORE_AT = 132_096;
const BLOCK_BYTES = 1_024;
const BLOCK_MASK = 63;
/** Of a block as 8 by 8 pairs of words: the bytes from one word of a row, or of a column, to the next. */
const ROW = { bytes: 128, wordAt: (word: number) => 8 * word };
const COLUMN = { bytes: 16, wordAt: (word: number) => 128 * (word >> 1) + 8 * (word & 1) };

const get = (name: string) => `(local.get $${name})`;

/** a = a + b + 2 · low(a) · low(b); d = (d ⊕ a) ⋙ rotation. */
function step(a: string, b: string, d: string, rotation: number): string {
  const low = (name: string) => `(i64.and ${get(name)} (i64.const 0xffffffff))`;
  const product = `(i64.shl (i64.mul ${low(a)} ${low(b)}) (i64.const 1))`;
  return `(local.set $${a} (i64.add (i64.add ${get(a)} ${get(b)}) ${product}))
    (local.set $${d} (i64.rotr (i64.xor ${get(d)} ${get(a)}) (i64.const ${rotation})))`;
}

function mix(a: number, b: number, c: number, d: number): string {
  const [w, x, y, z] = [`v${a}`, `v${b}`, `v${c}`, `v${d}`] as const;
  return [step(w, x, z, 32), step(y, z, x, 24), step(w, x, z, 16), step(y, z, x, 63)].join("\n");
}

/** Permutes eight rows or columns of the block in work. */
function permutations({ bytes, wordAt }: typeof ROW): string {
  const words = Array.from({ length: WORDS }, (_, word) => word);
  const place = (word: number) => `offset=${wordAt(word)} (local.get $at)`;
  const columns = [0, 1, 2, 3].map((i) => mix(i, i + 4, i + 8, i + 12));
  const diagonals = [0, 1, 2, 3].map((i) => mix(i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4)));
  return `(local.set $t (i32.const 0))
    (loop $each
      (local.set $at (i32.add (i32.const ${WORK_AT}) (local.get $t)))
      ${words.map((word) => `(local.set $v${word} (i64.load ${place(word)}))`).join("\n")}
      ${[...columns, ...diagonals].join("\n")}
      ${words.map((word) => `(i64.store ${place(word)} (local.get $v${word}))`).join("\n")}
      (br_if $each (i32.lt_u (local.tee $t (i32.add (local.get $t) (i32.const ${bytes}))) (i32.const ${8 * bytes}))))`;
}

/** Words that one turn of a loop over a block takes: LLVM unrolls a loop of this size once. */
const UNROLLED = 2;

/** For each of a block's words: `first`, where $at is made, then `work` on the word that stands `offset` bytes further. */
function words(first: string, work: (offset: number) => string): string {
  return `(local.set $t (i32.const 0))
    (loop $word
      ${first}
      ${Array.from({ length: UNROLLED }, (_, word) => work(8 * word)).join("\n")}
      (br_if $word
        (i32.lt_u (local.tee $t (i32.add (local.get $t) (i32.const ${8 * UNROLLED}))) (i32.const ${BLOCK_BYTES}))))`;
}

export function argon2Text(): string {
  const block = (index: string) =>
    `(i32.add (i32.const ${BLOCKS_AT}) (i32.shl (i32.and ${index} (i32.const ${BLOCK_MASK})) (i32.const 10)))`;
  const pointer = (name: string, base: string) => `(local.set $${name} (i32.add ${base} (local.get $t)))`;
  const load = (name: string, offset: number) => `(i64.load offset=${offset} (local.get $${name}))`;
  const store = (name: string, offset: number) => `i64.store offset=${offset} (local.get $${name})`;
  const work = `(i32.const ${WORK_AT})`;
  const kept = `(i32.const ${BEFORE_AT})`;
  return `(func (export "argon2") (param $n i32) (result i32)
    (local $i i32) (local $t i32) (local $before i32) (local $other i32) (local $next i32) (local $x i64)
    (local $at i32) (local $from i32) (local $and i32) (local $kept i32)
    ${Array.from({ length: WORDS }, (_, word) => `(local $v${word} i64)`).join(" ")}
    (i64.store offset=${BLOCKS_AT} (i32.const 0) (i64.const 0x6a09e667f3bcc908))
    (loop $blocks
      (local.set $before ${block("(local.get $i)")})
      (local.set $other ${block("(i32.load (local.get $before))")})
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (local.set $next ${block("(local.get $i)")})
      ${words(
        `${pointer("at", work)} ${pointer("kept", kept)} ${pointer("from", "(local.get $before)")} ${pointer("and", "(local.get $other)")}`,
        (offset) => `(local.set $x (i64.xor ${load("from", offset)} ${load("and", offset)}))
          (${store("at", offset)} (local.get $x))
          (${store("kept", offset)} (local.get $x))`,
      )}
      ${permutations(ROW)}
      ${permutations(COLUMN)}
      ${words(
        `${pointer("at", "(local.get $next)")} ${pointer("from", work)} ${pointer("kept", kept)}`,
        (offset) => `(${store("at", offset)} (i64.xor ${load("from", offset)} ${load("kept", offset)}))`,
      )}
      (br_if $blocks (i32.lt_u (local.get $i) (local.get $n))))
    (i32.load (local.get $next)))`;
}
