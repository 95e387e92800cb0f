/** JSON-RPC over HTTP: each call is one POST; connections are kept alive by `fetch`. */
import { EngineError } from "../errors.ts";
import {
  type CallOptions,
  connectionFailed,
  DEFAULT_TIMEOUT_MS,
  resultOf,
  type Transport,
  timedOut,
} from "./transport.ts";

export function openHttpTransport(url: string, token: string | undefined): Transport {
  const headers = {
    "content-type": "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  let isClosed = false;
  return {
    async call(method, params, { timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions) {
      if (isClosed) throw new EngineError("CONNECTION_CLOSED", `this client of ${url} was closed`, { where: url });
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
      const signal = timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : null;
      let text: string;
      try {
        const response = await fetch(url, { method: "POST", headers, body, signal });
        text = await response.text();
      } catch (problem) {
        if (problem instanceof Error && problem.name === "TimeoutError") throw timedOut(method, timeoutMs);
        throw connectionFailed(url, problem instanceof Error ? (problem.cause ?? problem) : problem);
      }
      return resultOf(parse(text, url));
    },
    async close() {
      isClosed = true;
    },
  };
}

function parse(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch (problem) {
    throw connectionFailed(url, new Error("what answers there does not speak JSON-RPC", { cause: problem }));
  }
}
