/**
 * One connection that events come on: a subscription over the daemon's Unix socket, or server-sent events over HTTP. It
 * ends with the connection; client/follow-events.ts goes on with the next one.
 */
import { LineBuffer } from "../encoding/line-buffer.ts";
import { EngineError } from "../errors.ts";
import { closed, MESSAGE_BYTES_MAX, openHttpEvents, overlong, parsedEvent } from "./http-events.ts";
import type { EventSelectionJson, Heard, RpcErrorJson } from "./methods.ts";
import { openSocket } from "./stream-calls.ts";
import { engineErrorFrom, type Target } from "./transport.ts";

/** @throws EngineError: the daemon's refusal, CONNECTION_FAILED, or CONNECTION_CLOSED when the connection ends. */
export function openEventSource(
  target: Target,
  selection: EventSelectionJson,
  signal: AbortSignal,
): AsyncGenerator<Heard> {
  if ("ipc" in target) return overSocket(target.ipc, selection, signal);
  const headers: Record<string, string> = target.token === undefined ? {} : { authorization: `Bearer ${target.token}` };
  return openHttpEvents(target.url, headers, selection, signal);
}

interface Message {
  readonly result?: { cursor: string };
  readonly error?: RpcErrorJson;
  readonly params?: Heard & { error?: RpcErrorJson };
}

async function* overSocket(path: string, params: EventSelectionJson, signal: AbortSignal): AsyncGenerator<Heard> {
  const socket = await openSocket(path);
  const onAbort = () => socket.destroy();
  signal.addEventListener("abort", onAbort);
  socket.on("error", () => undefined);
  try {
    socket.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscribe", params })}\n`);
    const lines = new LineBuffer(MESSAGE_BYTES_MAX);
    // Read as fast as it is asked for: the daemon holds back what is not taken.
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      lines.push(chunk);
      for (let line = lines.next(); line !== undefined; line = lines.next()) yield heardIn(line);
      if (lines.isOverflowing) throw overlong();
    }
  } catch (problem) {
    throw problem instanceof EngineError ? problem : closed(path, problem);
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.destroy();
  }
  throw closed(path);
}

function heardIn(line: string): Heard {
  const { result, error, params } = parsedEvent(line) as Message;
  const problem = error ?? params?.error;
  if (problem !== undefined) throw engineErrorFrom(problem);
  if (params !== undefined) return params;
  return { cursor: result!.cursor };
}
