/**
 * One connection that server-sent events come on: GET /v1/events, read with `fetch`, in Node and in a browser alike. An
 * EventSource of the browser's own could carry no token, and would keep why it was refused to itself.
 */
import { EngineError, isErrorCode } from "../errors.ts";
import type { EventSelectionJson, EventType, Heard, StreamedEvent } from "./methods.ts";
import { connectionFailed } from "./transport.ts";

/** An event is bounded by the frames that made it; this bounds what a peer that is no daemon can make us keep. */
export const MESSAGE_BYTES_MAX = 512 * 1024 * 1024;

/**
 * Ends with the connection. @param headers who asks.
 * @throws EngineError: the daemon's refusal, CONNECTION_FAILED, or CONNECTION_CLOSED when the connection ends.
 */
export async function* openHttpEvents(
  url: string,
  headers: Record<string, string>,
  selection: EventSelectionJson,
  signal: AbortSignal,
): AsyncGenerator<Heard> {
  let response: Response;
  try {
    response = await fetch(new URL(`/v1/events?${queryOf(selection)}`, url), { headers, signal });
  } catch (problem) {
    throw connectionFailed(url, problem instanceof Error ? (problem.cause ?? problem) : problem);
  }
  if (response.status !== 200) throw await refusalIn(response, url);
  let text = "";
  let id = "";
  try {
    for await (const piece of piecesOf(response.body!)) {
      text += piece;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const fields = fieldsOf(text.slice(0, end));
        text = text.slice(end + 2);
        id = fields.get("id") ?? id;
        yield heardFrom(fields, id);
      }
      if (text.length > MESSAGE_BYTES_MAX) throw overlong();
    }
  } catch (problem) {
    throw problem instanceof EngineError ? problem : closed(url, problem);
  }
  throw closed(url);
}

/** By its reader: not every browser can iterate over a stream. */
async function* piecesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read())
      yield decoder.decode(read.value, { stream: true });
  } finally {
    // Fails when it ended by failing, which the reader was told.
    await reader.cancel().catch(() => undefined);
  }
}

function heardFrom(fields: ReadonlyMap<string, string>, cursor: string): Heard {
  const data = fields.get("data");
  if (data === undefined) return { cursor };
  const type = fields.get("event") as EventType | "dropped";
  if (type !== "dropped") return { type, cursor, result: parsedEvent(data) } as StreamedEvent;
  const { code, message, ...facts } = parsedEvent(data) as { code: string; message: string };
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
  const { code, detail, ...facts } = (tryParse(text) ?? {}) as { code?: string; detail?: string };
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

/** @throws EngineError CONNECTION_CLOSED when it is not JSON. */
export function parsedEvent(text: string): unknown {
  const value = tryParse(text);
  if (value !== undefined) return value;
  throw new EngineError("CONNECTION_CLOSED", "the daemon sent an event that is not JSON");
}

export function overlong(): EngineError {
  return new EngineError("CONNECTION_CLOSED", "an event is longer than there are any");
}

export function closed(where: string, cause?: unknown): EngineError {
  return new EngineError("CONNECTION_CLOSED", `the connection to ${where} closed`, { where }, { cause });
}
