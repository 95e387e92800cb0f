/** W3C Trace Context (https://www.w3.org/TR/trace-context/), version 00: what a caller's `traceparent` says. */
import { randomFillSync } from "node:crypto";

export interface TraceContext {
  /** 32 and 16 hex digits. */
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-|$)/;

/** Undefined when it is none: the request is then treated as if it had none. */
export function parseTraceparent(text: string): TraceContext | undefined {
  const match = FORM.exec(text);
  if (match === null || match[1] === "ff" || (match[1] === "00" && match[5] !== "")) return undefined;
  const [, , traceId, spanId, flags] = match;
  if (/^0+$/.test(traceId!) || /^0+$/.test(spanId!)) return undefined;
  return { traceId: traceId!, spanId: spanId!, isSampled: (Number.parseInt(flags!, 16) & 1) !== 0 };
}

export function newTraceId(): string {
  return randomHex(16);
}

export function newSpanId(): string {
  return randomHex(8);
}

/** Asked of the system by the page: each time costs as much as the trace that needs it. */
const random = Buffer.alloc(4096);
let used = random.length;

function randomHex(bytes: number): string {
  if (used + bytes > random.length) {
    randomFillSync(random);
    used = 0;
  }
  used += bytes;
  return random.toString("hex", used - bytes, used);
}
