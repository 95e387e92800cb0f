/**
 * A daemon of canned answers behind a real Unix socket, for tests of the command line alone. It speaks one JSON-RPC
 * object a line; what a method answers, or throws, is the test's data. `events` in the answer of subscribe are notified
 * behind it. It keeps every request.
 */
import { createServer, type Server, type Socket } from "node:net";
import { toEngineError } from "../../src/errors.ts";

type Answers = Record<string, (params: Record<string, unknown>) => unknown>;

export interface FakeDaemon {
  readonly path: string;
  readonly requests: { method: string; params: Record<string, unknown> }[];
  close(): Promise<void>;
}

export async function startFakeDaemon(path: string, answers: Answers): Promise<FakeDaemon> {
  const requests: FakeDaemon["requests"] = [];
  const sockets = new Set<Socket>();
  const answer = (line: string): string => {
    const { id, method, params } = JSON.parse(line) as { id: number; method: string; params: Record<string, unknown> };
    requests.push({ method, params });
    try {
      const handler = answers[method];
      if (handler === undefined) throw new Error(`the test gives no answer for ${method}`);
      const { events, result } = split(method, handler(params));
      const notified = events.map((event) => JSON.stringify({ jsonrpc: "2.0", method: "subscription", params: event }));
      return [JSON.stringify({ jsonrpc: "2.0", id, result }), ...notified].join("\n");
    } catch (problem) {
      const { rpcCode, message, code, hint, facts } = toEngineError(problem);
      return JSON.stringify({ jsonrpc: "2.0", id, error: { code: rpcCode, message, data: { code, hint, ...facts } } });
    }
  };
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    let rest = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) socket.write(`${answer(line)}\n`);
    });
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    requests,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function split(method: string, answer: unknown): { events: unknown[]; result: unknown } {
  if (method !== "subscribe") return { events: [], result: answer };
  const { events, ...result } = answer as { events: unknown[] };
  return { events, result };
}
