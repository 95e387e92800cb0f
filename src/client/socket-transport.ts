/** JSON-RPC over the daemon's Unix socket, pipelined: calls may be in flight together and take effect in the order made. */
import { LineBuffer } from "../encoding/line-buffer.ts";
import { EngineError } from "../errors.ts";
import type { RpcErrorJson } from "./methods.ts";
import { openSocket, StreamCalls } from "./stream-calls.ts";
import { type CallOptions, DEFAULT_TIMEOUT_MS, engineErrorFrom, type Transport } from "./transport.ts";

/** An answer may be larger than a request: receipts of a block of a full frame. */
const ANSWER_BYTES_MAX = 512 * 1024 * 1024;

interface Response {
  id: number | null;
  result?: unknown;
  error?: RpcErrorJson;
}

/** @throws EngineError CONNECTION_FAILED naming the path. */
export async function openSocketTransport(path: string): Promise<Transport> {
  const socket = await openSocket(path);
  const calls = new StreamCalls<string>(socket, path);
  const lines = new LineBuffer(ANSWER_BYTES_MAX);
  socket.on("data", (chunk: Buffer) => {
    lines.push(chunk);
    for (let line = lines.next(); line !== undefined; line = lines.next()) receive(line, calls);
    if (lines.isOverflowing)
      calls.fail(new EngineError("CONNECTION_CLOSED", `an answer has more than ${ANSWER_BYTES_MAX} bytes`));
  });
  return {
    call: (method, params, { timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions) =>
      calls.send(method, timeoutMs, (id) => `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`),
    close: () => calls.close(),
  };
}

function receive(line: string, calls: StreamCalls<string>): void {
  let response: Response;
  try {
    response = JSON.parse(line) as Response;
  } catch (problem) {
    calls.fail(new EngineError("CONNECTION_CLOSED", "the daemon sent a line that is not JSON", {}, { cause: problem }));
    return;
  }
  const { id, result, error } = response;
  if (id === null)
    calls.fail(
      error === undefined
        ? new EngineError("CONNECTION_CLOSED", "the daemon sent an answer to nothing")
        : engineErrorFrom(error),
    );
  else if (error === undefined) calls.resolve(id, result);
  else calls.reject(id, engineErrorFrom(error));
}
