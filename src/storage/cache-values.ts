/**
 * CacheValues: leaves of the state tree as keys and values of a cache that programs other than this one read.
 *   {prefix}contract:0x…            {"seq":3,"kind":"builtin","type":"erc20",…}    the contract's record
 *   {prefix}state:0x…:0x…           {"seq":7,"value":"0x0f4227"}                    contract, key
 *   {prefix}account:0x…             {"seq":7,"nonce":2,"balance":"0"}
 *   {prefix}code:0x…                {"seq":3,"code":"0x…"}                          code hash
 * `seq` is the entry of the log as of which the value was written here: it has not changed since, up to the cache's position.
 * Other leaves (chain parameters, encrypted handles, numbers of code) are not cached.
 */
import { fromHex, toHex } from "../encoding/hex.ts";
import { ADDRESS_BYTES, StateTag } from "../encoding/state-key.ts";
import { wholeNumber } from "./history-rows.ts";
import type { CacheClass } from "./redis-options.ts";

const HASH_BYTES = 32;
const STATE_KEY_AT = 1 + ADDRESS_BYTES;
const CLASS_OF_TAG: Record<number, CacheClass> = {
  [StateTag.contract]: "contract",
  [StateTag.state]: "state",
  [StateTag.account]: "account",
  [StateTag.code]: "code",
};
const TAG_OF_CLASS = Object.fromEntries(
  Object.entries(CLASS_OF_TAG).map(([tag, kind]) => [kind, Number(tag)]),
) as Record<CacheClass, number>;

/** Undefined for leaves that are not cached. */
export function cacheClassOf(key: Uint8Array): CacheClass | undefined {
  return CLASS_OF_TAG[key[0]!];
}

export function tagOf(kind: CacheClass): number {
  return TAG_OF_CLASS[kind];
}

/** What stands after the prefix. Undefined for leaves that are not cached. */
export function cacheName(key: Uint8Array): string | undefined {
  const kind = cacheClassOf(key);
  if (kind === undefined) return undefined;
  if (kind === "state") return `state:${toHex(key, 1, STATE_KEY_AT)}:${toHex(key, STATE_KEY_AT)}`;
  return `${kind}:${toHex(key, 1)}`;
}

/** The key whose name this is; undefined when it is none that this program writes. */
export function keyOfCacheName(name: string): Uint8Array | undefined {
  const [kind, first, second, ...rest] = name.split(":");
  const tag = TAG_OF_CLASS[kind as CacheClass] as number | undefined;
  if (tag === undefined || rest.length > 0 || (second === undefined) === (kind === "state")) return undefined;
  const head = fromHex(first ?? "");
  const tail = second === undefined ? new Uint8Array(0) : fromHex(second);
  if (head === undefined || tail === undefined || head.length !== (kind === "code" ? HASH_BYTES : ADDRESS_BYTES))
    return undefined;
  const key = Buffer.concat([Uint8Array.of(tag), head, tail]);
  return cacheName(key) === name ? key : undefined;
}

/** As JSON. `key` is one that is cached. */
export function cacheValue(key: Uint8Array, value: Uint8Array, seq: number): string {
  return `{"seq":${seq},${cacheBody(key, value)}`;
}

/** A cached value after its seq: equal for equal leaves. */
export function cacheBody(key: Uint8Array, value: Uint8Array): string {
  switch (key[0]) {
    case StateTag.state:
      return `"value":"${toHex(value)}"}`;
    case StateTag.code:
      return `"code":"${toHex(value)}"}`;
    case StateTag.account:
      return accountBody(value);
    default:
      // The leaf is canonical JSON of the record, an object.
      return Buffer.from(value.buffer, value.byteOffset + 1, value.length - 1).toString("utf8");
  }
}

/** Parts of a cached value; undefined when it is none. */
export function splitCacheValue(text: string): { seq: number; body: string } | undefined {
  const match = /^\{"seq":(\d{1,16}),/.exec(text);
  return match === null ? undefined : { seq: Number(match[1]), body: text.slice(match[0].length) };
}

/** u8 n, nonce (n bytes), balance: encoding/state-key.ts. */
function accountBody(value: Uint8Array): string {
  const balanceAt = 1 + value[0]!;
  const nonce = wholeNumber(value, 1, balanceAt);
  return `"nonce":${nonce},"balance":"${wholeNumber(value, balanceAt, value.length)}"}`;
}
