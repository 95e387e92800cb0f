/** Who may do what: four roles, each with what the one before it may do. */
import { EngineError } from "../errors.ts";

/** Ordered from least to most. */
export const ROLES = ["reader", "submitter", "deployer", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Whoever sent a request; undefined may do nothing at all. */
export interface Caller {
  readonly role: Role | undefined;
  /** What the audit log calls them; absent for whoever said nothing of themselves. */
  readonly name?: string;
  /** W3C trace context of the request, where it came with one. */
  readonly traceparent?: string | undefined;
}

/** The Unix sockets: their file mode is the permission. */
export const TRUSTED_CALLER: Caller = { role: "admin", name: "socket" };

const RANK: Readonly<Record<Role, number>> = { reader: 0, submitter: 1, deployer: 2, admin: 3 };

export function hasRole(caller: Caller, needed: Role): boolean {
  return caller.role !== undefined && RANK[caller.role] >= RANK[needed];
}

/** @throws EngineError UNAUTHORIZED naming what is missing. */
export function requireRole(caller: Caller, needed: Role, action: string): void {
  if (hasRole(caller, needed)) return;
  throw new EngineError(
    "UNAUTHORIZED",
    `${action} needs the role ${needed}; this connection has ${caller.role ?? "none"}`,
    {
      needed,
      role: caller.role ?? null,
    },
  );
}

/** What a transaction of this kind needs: new code is more than a call. */
export function roleForKind(kind: string): Role {
  return kind === "deploy" || kind === "upgrade" ? "deployer" : "submitter";
}
