/** Who an HTTP request comes from: a name it may use for us, and a role. */
import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { EngineError } from "../errors.ts";
import type { Caller, Role } from "./access.ts";

/** Role by SHA-256 of the token, in hex: the tokens themselves are kept nowhere. */
export type TokenRoles = ReadonlyMap<string, Role>;

export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

export interface HttpAccessOptions {
  /** Listening on a loopback address: whoever can connect is on this machine. */
  readonly isLoopback: boolean;
  /** Everyone on loopback may submit unsigned transactions. */
  readonly dev: boolean;
  /** Methods that need the role admin are there for tokens that have it. */
  readonly admin: boolean;
  readonly tokens: TokenRoles;
}

/** Enough of a token's SHA-256 to tell which it is, and nothing to find it by. */
const FINGERPRINT_DIGITS = 12;
const NOBODY: Caller = { role: undefined };
const READER: Caller = { role: "reader" };
const DEPLOYER: Caller = { role: "deployer" };
const BEARER = /^bearer +(\S+)$/i;

export class HttpAccess {
  readonly #options: HttpAccessOptions;
  readonly #anonymous: Caller;
  /** Clients use one name throughout: comparing is cheaper than taking it apart. */
  #lastGoodHost: string | undefined;
  #tokens: readonly { digest: Buffer; caller: Caller }[] = [];
  /** By caller, what ends the connections that stay open for it. */
  readonly #open = new Map<Caller, Set<() => void>>();

  constructor(options: HttpAccessOptions) {
    this.#options = options;
    this.#anonymous = !options.isLoopback ? NOBODY : options.dev ? DEPLOYER : READER;
    this.setTokens(options.tokens);
  }

  /** From here on these are the tokens, and no others; connections that stay open for a token that is gone, or has another role, end. */
  setTokens(tokens: TokenRoles): void {
    const { admin } = this.#options;
    const before = this.#tokens;
    this.#tokens = [...tokens].map(([hash, given]) => {
      const digest = Buffer.from(hash, "hex");
      const role = given === "admin" && !admin ? "deployer" : given;
      const same = before.find((known) => known.digest.equals(digest) && known.caller.role === role);
      return same ?? { digest, caller: { role, name: `token ${hash.slice(0, FINGERPRINT_DIGITS)}` } };
    });
    const isKnown = new Set(this.#tokens.map(({ caller }) => caller));
    for (const { caller } of before) if (!isKnown.has(caller)) for (const end of this.#open.get(caller) ?? []) end();
  }

  /** Calls `end` when the token that `caller` came with does not stand for it any more. @returns what forgets `end`. */
  whileKnown(caller: Caller, end: () => void): () => void {
    const ends = this.#open.get(caller) ?? new Set();
    this.#open.set(caller, ends.add(end));
    return () => {
      ends.delete(end);
      if (ends.size === 0) this.#open.delete(caller);
    };
  }

  /** On loopback only names of this machine are ours, so that no web page gets in under a name of its own. */
  acceptsHost(host: string | undefined): boolean {
    if (!this.#options.isLoopback || (host !== undefined && host === this.#lastGoodHost)) return true;
    if (host === undefined || !isLoopbackName(host.replace(/:\d+$/, ""))) return false;
    this.#lastGoodHost = host;
    return true;
  }

  /** Undefined when the token is none of ours; without a token everyone is what the address allows. */
  callerFor(authorization: string | undefined): Caller | undefined {
    if (authorization === undefined) return this.#anonymous;
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) return undefined;
    const digest = Buffer.from(hashToken(token), "hex");
    let found: Caller | undefined;
    // All are compared, so that the time taken says nothing about which one was near.
    for (const known of this.#tokens) if (timingSafeEqual(known.digest, digest)) found = known.caller;
    return found;
  }
}

/** What a connection that stays open is told before it is closed. */
export function tokenGone(): EngineError {
  return new EngineError("UNAUTHORIZED", "the token that this connection was opened with was taken back");
}

/** localhost, 127.0.0.0/8 and ::1, with or without brackets. */
export function isLoopbackName(name: string): boolean {
  const bare = name.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  return bare === "localhost" || bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}
