/**
 * Spans as OTLP/HTTP wants them in JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): written when
 * they end, and kept as text alone.
 */
import type { TraceContext } from "./trace-context.ts";

export type SpanKind = "internal" | "server" | "client";
/** Attributes as text, one after the other: see below. */
export type Attributes = string;

const KINDS: Record<SpanKind, number> = { internal: 1, server: 2, client: 3 };
const STATUS_ERROR = 2;

/** @param value that needs no escaping: hexadecimal digits, or a word of ours. */
export function wordAttribute(key: string, value: string): Attributes {
  return `{"key":"${key}","value":{"stringValue":"${value}"}},`;
}

export function textAttribute(key: string, value: string): Attributes {
  return `{"key":"${key}","value":{"stringValue":${JSON.stringify(value)}}},`;
}

/** @param value a whole number. */
export function countAttribute(key: string, value: number): Attributes {
  return `{"key":"${key}","value":{"intValue":"${value}"}},`;
}

export function numberAttribute(key: string, value: number): Attributes {
  return `{"key":"${key}","value":{"doubleValue":${value}}},`;
}

export function claimAttribute(key: string, value: boolean): Attributes {
  return `{"key":"${key}","value":{"boolValue":${value}}},`;
}

/**
 * @param span its trace and its own id; `parentId` of the span that it belongs to, if any.
 * @param name a word of ours, or a method's. @param start as `nanoseconds` writes it; `end` is no earlier. @param error why it failed, if it did.
 */
export function spanText(
  span: Pick<TraceContext, "traceId" | "spanId">,
  parentId: string | undefined,
  name: string,
  kind: SpanKind,
  start: string,
  end: string,
  attributes: Attributes,
  error?: string,
): string {
  const parent = parentId === undefined ? "" : `"parentSpanId":"${parentId}",`;
  const status = error === undefined ? "" : `,"status":{"code":${STATUS_ERROR},"message":${JSON.stringify(error)}}`;
  return (
    `{"traceId":"${span.traceId}","spanId":"${span.spanId}",${parent}"name":"${name}","kind":${KINDS[kind]},` +
    `"startTimeUnixNano":"${start}","endTimeUnixNano":"${end}",` +
    `"attributes":[${attributes.slice(0, -1)}]${status}}`
  );
}

/**
 * Since 1970. A microsecond is as much as a double of milliseconds since then can tell apart.
 * @param ms on the clock of `performance.now`.
 */
export function nanoseconds(ms: number): string {
  return `${Math.round((performance.timeOrigin + ms) * 1000)}000`;
}
