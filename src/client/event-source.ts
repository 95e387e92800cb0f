/**
 * One connection that events come on: a subscription over the daemon's Unix socket, or server-sent events over HTTP. It
 * ends with the connection; client/follow-events.ts goes on with the next one.
 */
import { LineBuffer } from "../encoding/line-buffer.ts";
import { EngineError, type ErrorCode, isErrorCode } from "../errors.ts";
import type { EventResults, EventSelectionJson, EventType, RpcErrorJson } from "./methods.ts";
import { openSocket } from "./stream-calls.ts";
import { connectionFailed, engineErrorFrom, type Target } from "./transport.ts";

/** What happened, and the cursor behind it. */
export type StreamedEvent<T extends EventType = EventType> = {
  [K in T]: { readonly type: K; readonly cursor: string; readonly result: EventResults[K] };
}[T];

/** An event, or how far a stream has come that has nothing to tell. */
export type Heard = StreamedEvent | { readonly cursor: string };

/** An event is bounded by the frames that made it; this bounds what a peer that is no daemon can make us keep. */
const MESSAGE_BYTES_MAX = 512 * 1024 * 1024;

/** @throws EngineError: the daemon's refusal, CONNECTION_FAILED, or CONNECTION_CLOSED when the connection ends. */
export function openEventSource(
  target: Target,
  selection: EventSelectionJson,
  signal: AbortSignal,
): AsyncGenerator<Heard> {
  return "ipc" in target ? overSocket(target.ipc, selection, signal) : overHttp(target, selection, signal);
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
      if (lines.isOverflowing) throw new EngineError("CONNECTION_CLOSED", "an event is longer than there are any");
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
  const { result, error, params } = parsed(line) as Message;
  const problem = error ?? params?.error;
  if (problem !== undefined) throw engineErrorFrom(problem);
  if (params !== undefined) return params;
  return { cursor: result!.cursor };
}

async function* overHttp(
  { url, token }: { url: string; token?: string | undefined },
  selection: EventSelectionJson,
  signal: AbortSignal,
): AsyncGenerator<Heard> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let response: Response;
  try {
    response = await fetch(new URL(`/v1/events?${queryOf(selection)}`, url), { headers, signal });
  } catch (problem) {
    throw connectionFailed(url, problem instanceof Error ? (problem.cause ?? problem) : problem);
  }
  if (response.status !== 200) throw await refusalIn(response, url);
  const decoder = new TextDecoder();
  let text = "";
  let id = "";
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const fields = fieldsOf(text.slice(0, end));
        text = text.slice(end + 2);
        id = fields.get("id") ?? id;
        yield heardFrom(fields, id);
      }
    }
  } catch (problem) {
    throw problem instanceof EngineError ? problem : closed(url, problem);
  }
  throw closed(url);
}

function heardFrom(fields: ReadonlyMap<string, string>, cursor: string): Heard {
  const data = fields.get("data");
  if (data === undefined) return { cursor };
  const type = fields.get("event") as EventType | "dropped";
  if (type !== "dropped") return { type, cursor, result: parsed(data) } as StreamedEvent;
  const { code, message, ...facts } = parsed(data) as { code: string; message: string };
  throw new EngineError(isErrorCode(code) ? code : "CONNECTION_CLOSED", message, facts);
}

function fieldsOf(block: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
  }
  return fields;
}

function queryOf({ types, topics, ...rest }: EventSelectionJson): URLSearchParams {
  const query = new URLSearchParams({ types: types.join(",") });
  for (const topic of topics ?? []) {
    if (Array.isArray(topic))
      throw new EngineError("VALIDATION_ERROR", "topics: over HTTP a topic is one hash or null", { path: "topics" });
    query.append("topic", (topic as string | null) ?? "any");
  }
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) query.set(name, String(value));
  return query;
}

async function refusalIn(response: Response, url: string): Promise<EngineError> {
  const text = await response.text().catch(() => "");
  const { code, detail, ...facts } = (tryParse(text) ?? {}) as { code?: ErrorCode; detail?: string };
  if (code === undefined || !isErrorCode(code))
    return connectionFailed(url, new Error(`it answered ${response.status} to GET /v1/events`));
  return new EngineError(code, detail ?? code, facts);
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parsed(text: string): unknown {
  const value = tryParse(text);
  if (value !== undefined) return value;
  throw new EngineError("CONNECTION_CLOSED", "the daemon sent an event that is not JSON");
}

function closed(where: string, cause?: unknown): EngineError {
  return new EngineError("CONNECTION_CLOSED", `the connection to ${where} closed`, { where }, { cause });
}
