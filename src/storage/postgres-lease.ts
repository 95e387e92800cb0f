/**
 * Who may write to the schema: one row of the table `leader`, its times on the server's own clock.
 *   claim ─▶ token n ─▶ every write says n, in its own transaction ─▶ somebody else claims: n + 1 ─▶ writes with n fail
 * Always
 *  - The lease only says when somebody else may try; what keeps two writers apart is the token.
 *  - A holder that asks again gets a new token: nothing of what it sent before can take effect afterwards.
 */
import type { Client } from "pg";
import { postgresError } from "./postgres-errors.ts";

export interface LeaseRequest {
  readonly durability: "journal" | "strict";
  /** Which log: see the table. */
  readonly instance: string;
  /** This process, and nobody else. */
  readonly holder: string;
  /** How clients reach it. */
  readonly address: string;
  readonly leaseMs: number;
}

export interface LeaseHolder {
  readonly durability: "journal" | "strict";
  readonly instance: string;
  readonly token: bigint;
  readonly holder: string;
  readonly address: string;
  /** Negative when it has run out. */
  readonly expiresInMs: number;
}

export type Claim = { readonly token: bigint } | { readonly heldBy: LeaseHolder };

/** Takes the lease if it is free, has run out, or was this holder's. @throws StorageError. */
export async function claimLease(client: Client, schema: string, request: LeaseRequest): Promise<Claim> {
  const { durability, instance, holder, address, leaseMs } = request;
  try {
    const { rows } = await client.query(
      `insert into ${schema}.leader as held (id, durability, instance, token, holder, address, expires_at)
       values (1, $1, $2, 1, $3, $4, clock_timestamp() + $5 * interval '1 millisecond')
       on conflict (id) do update
          set token = held.token + 1, holder = $3, address = $4, expires_at = excluded.expires_at
        where held.durability = $1 and held.instance = $2
          and (held.holder = $3 or held.expires_at <= clock_timestamp())
       returning token`,
      [durability, instance, holder, address, leaseMs],
    );
    if (rows.length > 0) return { token: BigInt(rows[0].token) };
  } catch (problem) {
    throw postgresError("claiming the schema", problem);
  }
  const heldBy = await readLease(client, schema);
  // Freed since: the next try has it.
  return heldBy === undefined ? await claimLease(client, schema, request) : { heldBy };
}

/** @throws StorageError. */
export async function readLease(client: Client, schema: string): Promise<LeaseHolder | undefined> {
  try {
    const { rows } = await client.query(
      `select durability, instance, token, holder, address,
              (extract(epoch from expires_at - clock_timestamp()) * 1000)::float8 as expires_in_ms
         from ${schema}.leader where id = 1`,
    );
    const row = rows[0];
    if (row === undefined) return undefined;
    const { durability, instance, token, holder, address, expires_in_ms: expiresInMs } = row;
    return { durability, instance, token: BigInt(token), holder, address, expiresInMs };
  } catch (problem) {
    throw postgresError("reading who writes to the schema", problem);
  }
}

/** Keeps the lease. False: it is somebody else's. @throws StorageError. */
export async function renewLease(client: Client, schema: string, token: bigint, leaseMs: number): Promise<boolean> {
  try {
    const { rowCount } = await client.query(
      `update ${schema}.leader set expires_at = clock_timestamp() + $2 * interval '1 millisecond'
        where id = 1 and token = $1`,
      [String(token), leaseMs],
    );
    return rowCount === 1;
  } catch (problem) {
    throw postgresError("keeping the lease", problem);
  }
}

/** Lets the next one have it at once; over a link that breaks just then, when it runs out. Never rejects. */
export async function releaseLease(client: Client, schema: string, token: bigint): Promise<void> {
  const text = `update ${schema}.leader set expires_at = clock_timestamp() where id = 1 and token = $1`;
  await client.query(text, [String(token)]).catch(() => undefined);
}

/** Changes whose schema it is, from the holder of a token that has run out. Undefined: it has not. @throws StorageError. */
export async function takeOverLease(
  client: Client,
  schema: string,
  request: LeaseRequest,
  token: bigint,
): Promise<bigint | undefined> {
  const { durability, instance, holder, address, leaseMs } = request;
  try {
    const { rows } = await client.query(
      `update ${schema}.leader
          set durability = $1, instance = $2, holder = $3, address = $4, token = token + 1,
              expires_at = clock_timestamp() + $5 * interval '1 millisecond'
        where id = 1 and token = $6 and expires_at <= clock_timestamp() returning token`,
      [durability, instance, holder, address, leaseMs, String(token)],
    );
    return rows[0] === undefined ? undefined : BigInt(rows[0].token);
  } catch (problem) {
    throw postgresError("claiming the schema", problem);
  }
}
