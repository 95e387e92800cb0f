/**
 * Read-only REST as data: a path, and the method of the table that answers it. Parameters in braces are the method's by
 * name; the others of the method come in the query. What a route takes and answers is what its method says.
 */
import type { MethodName } from "../../client/methods.ts";

export interface Route {
  readonly path: string;
  readonly method: MethodName;
  /** A part of the path that is one of several parameters, by how it is written. */
  readonly alternatives?: {
    readonly segment: string;
    readonly names: readonly [string, string];
    isFirst(text: string): boolean;
  };
}

const HASH = /^0x[0-9a-fA-F]{64}$/;

export const ROUTES: readonly Route[] = [
  { path: "/v1/info", method: "engine_info" },
  { path: "/v1/config", method: "engine_config" },
  { path: "/v1/contracts", method: "contract_list" },
  { path: "/v1/contracts/{address}", method: "contract_get" },
  { path: "/v1/contracts/{address}/state", method: "contract_state" },
  { path: "/v1/contracts/{address}/proof/{key}", method: "state_proof" },
  { path: "/v1/contracts/{address}/logs", method: "contract_logs" },
  { path: "/v1/contracts/{address}/executions", method: "contract_executions" },
  { path: "/v1/contracts/{address}/health", method: "contract_health" },
  { path: "/v1/contracts/{address}/analytics", method: "contract_analytics" },
  { path: "/v1/transactions", method: "tx_list" },
  { path: "/v1/transactions/{transactionHash}", method: "tx_get" },
  { path: "/v1/transactions/{transactionHash}/trace", method: "tx_trace" },
  { path: "/v1/receipts/{transactionHash}", method: "tx_receipt" },
  { path: "/v1/blocks", method: "block_list" },
  {
    path: "/v1/blocks/{block}",
    method: "block_get",
    alternatives: {
      segment: "block",
      names: ["blockHash", "height"],
      isFirst: (text) => HASH.test(text),
    },
  },
  { path: "/v1/logs", method: "contract_logs" },
  { path: "/v1/executions", method: "contract_executions" },
  { path: "/v1/accounts/{address}", method: "account_get" },
  { path: "/v1/state/root", method: "state_root" },
  { path: "/v1/metrics", method: "metrics_performance" },
  { path: "/v1/storage/connectivity", method: "storage_connectivity" },
  { path: "/v1/storage/stats", method: "storage_stats" },
  { path: "/v1/storage/info", method: "storage_info" },
  { path: "/v1/privacy/schemes", method: "privacy_schemes" },
  { path: "/v1/privacy/keys", method: "privacy_keys" },
  { path: "/v1/privacy/keys/{keyId}", method: "privacy_key" },
  { path: "/v1/privacy/jobs", method: "privacy_jobs" },
  {
    path: "/v1/privacy/jobs/{job}",
    method: "privacy_job",
    alternatives: {
      segment: "job",
      names: ["handle", "jobId"],
      isFirst: (text) => HASH.test(text),
    },
  },
];

const SEGMENT = /^\{(\w+)\}$/;

interface Node {
  readonly literals: Map<string, Node>;
  parameter?: { readonly name: string; readonly node: Node };
  route?: Route;
}

/** Finds the route of a path, a segment at a time: what is not in it is not looked for. */
export class RouteTable {
  readonly #root: Node = { literals: new Map() };

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      let node = this.#root;
      for (const segment of route.path.slice(1).split("/")) node = child(node, segment);
      node.route = route;
    }
  }

  /** @param path without its query. @returns the route, and what the braces of its path stand for, decoded. */
  find(path: string): { route: Route; given: Record<string, string> } | undefined {
    const given: Record<string, string> = {};
    let node: Node = this.#root;
    for (const segment of path.slice(1).split("/")) {
      const literal: Node | undefined = node.literals.get(segment);
      if (literal === undefined && (node.parameter === undefined || segment === "")) return undefined;
      if (literal === undefined) given[node.parameter!.name] = decoded(segment);
      node = literal ?? node.parameter!.node;
    }
    const { route } = node;
    if (route === undefined) return undefined;
    if (route.alternatives === undefined) return { route, given };
    const { segment, names, isFirst } = route.alternatives;
    const { [segment]: text, ...rest } = given;
    return { route, given: { ...rest, [isFirst(text!) ? names[0] : names[1]]: text! } };
  }
}

function child(node: Node, segment: string): Node {
  const name = SEGMENT.exec(segment)?.[1];
  if (name !== undefined) {
    node.parameter ??= { name, node: { literals: new Map() } };
    return node.parameter.node;
  }
  const existing = node.literals.get(segment) ?? { literals: new Map() };
  node.literals.set(segment, existing);
  return existing;
}

/** What is not well encoded stands for itself: no parameter looks like that. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
