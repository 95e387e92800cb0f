/**
 * CacheCheck: looks, some keys at a time, whether the cache holds what this daemon wrote: nothing else does, since nobody
 * here reads it. A pass goes over every key under the prefix, and over the state for keys that are missing.
 * Always
 *  - The state store is behind the cache or level with it: a value that claims to be from the time that the store shows
 *    must be the store's. What changed since then is looked at on another pass.
 */
import { StateTag } from "../encoding/state-key.ts";
import type { StateSnapshot } from "../execution/ports.ts";
import { cacheBody, cacheClassOf, cacheName, keyOfCacheName, splitCacheValue } from "./cache-values.ts";
import type { RedisOptions } from "./redis-options.ts";
import type { RedisSession } from "./redis-session.ts";

const KEYS_MAX = 1_000;
const BYTES_MAX = 1024 * 1024;
const FIRST_KEY = Uint8Array.of(Math.min(StateTag.account, StateTag.contract, StateTag.code, StateTag.state));
const END_KEY = Uint8Array.of(Math.max(StateTag.account, StateTag.contract, StateTag.code, StateTag.state) + 1);

/** The state store as a follower beside it reads it. */
export interface RefreshedSnapshot extends StateSnapshot {
  /** Moves to the newest commit and answers its applied seq. */
  refresh(): number;
  /** Lets go of it until the next refresh. */
  release(): void;
}

export class CacheCheck {
  readonly #ttlSecs: RedisOptions["ttlSecs"];
  readonly #snapshot: RefreshedSnapshot;
  #cursor = "0";
  #nextKey: Uint8Array = FIRST_KEY;
  /** Keys compared so far. */
  checked = 0;

  constructor(options: RedisOptions, snapshot: RefreshedSnapshot) {
    this.#ttlSecs = options.ttlSecs;
    this.#snapshot = snapshot;
  }

  /** Looks at some keys. Answers what is wrong with one of them, if anything is. @throws StorageError of the session. */
  async step(session: RedisSession, cacheSeq: number): Promise<string | undefined> {
    const storeSeq = this.#snapshot.refresh();
    try {
      if (storeSeq > cacheSeq) return undefined;
      const wrong = await this.#present(session, storeSeq, cacheSeq);
      if (wrong !== undefined || storeSeq < cacheSeq) return wrong;
      return await this.#missing(session);
    } finally {
      this.#snapshot.release();
    }
  }

  async #present(session: RedisSession, storeSeq: number, cacheSeq: number): Promise<string | undefined> {
    const { cursor, names } = await session.scan(this.#cursor);
    this.#cursor = cursor;
    const ours = names.filter((name) => keyOfCacheName(name) !== undefined);
    const values = await session.read(ours);
    for (const [i, name] of ours.entries()) {
      const text = values[i];
      // Not there any more: its time to live is over.
      if (text === null || text === undefined) continue;
      this.checked++;
      const parts = splitCacheValue(text);
      if (parts === undefined) return `${name} is no value of this program`;
      if (parts.seq > cacheSeq) return `${name} claims to be from entry ${parts.seq}; the cache stands at ${cacheSeq}`;
      if (parts.seq > storeSeq) continue;
      const key = keyOfCacheName(name)!;
      const value = this.#snapshot.get(key);
      if (value === undefined) return `${name} is not in the state`;
      if (cacheBody(key, value) !== parts.body) return `${name} has another value than the state`;
    }
    return undefined;
  }

  /** With the cache and the store at one entry. */
  async #missing(session: RedisSession): Promise<string | undefined> {
    const names: string[] = [];
    let bytes = 0;
    let isWhole = true;
    for (const { key, value } of this.#snapshot.range(this.#nextKey, END_KEY)) {
      if (names.length >= KEYS_MAX || bytes >= BYTES_MAX) {
        this.#nextKey = key.slice();
        isWhole = false;
        break;
      }
      const kind = cacheClassOf(key);
      if (kind === undefined || this.#ttlSecs[kind] !== 0) continue;
      names.push(cacheName(key)!);
      bytes += value.length;
    }
    if (isWhole) this.#nextKey = FIRST_KEY;
    const values = await session.read(names);
    const missing = values.indexOf(null);
    return missing < 0 ? undefined : `${names[missing]} is missing`;
  }
}
