/** JSON-RPC lines: how requests begin, and what can be read off an answer without parsing it. */
import { writeDecimal } from "./wire.ts";

export const ADDRESS_DIGITS = 40;
/** Digits of a nonce, an id and the brackets that end a line. */
export const SLACK_BYTES = 64;

const HEAD = Buffer.from('{"jsonrpc":"2.0","id":');
export const HEAD_BYTES_MAX = HEAD.length + SLACK_BYTES;

/** Writes `{"jsonrpc":"2.0","id":…` and then `rest`, which begins with a comma; answers the end. */
export function writeHead(out: Buffer, at: number, id: number, rest: Buffer): number {
  return writeText(out, writeDecimal(out, writeText(out, at, HEAD), id), rest);
}

export function writeText(out: Buffer, at: number, text: Buffer): number {
  out.set(text, at);
  return at + text.length;
}

const NEWLINE = 10;

/** Answers of JSON-RPC, one a line. */
export function endOfLine(input: Buffer, from: number, end: number): number {
  const newline = input.indexOf(NEWLINE, from);
  return newline === -1 || newline >= end ? -1 : newline + 1;
}

/** The id of an answer, a small whole number; NaN where there is none. */
export function idOf(input: Buffer, from: number): number {
  let id = 0;
  let at = from + HEAD.length;
  for (let c = input[at]!; c >= 48 && c <= 57; c = input[++at]!) id = 10 * id + c - 48;
  return at === from + HEAD.length ? Number.NaN : id;
}

export function lineText(input: Buffer, from: number, end: number): string {
  return input.toString("utf8", from, end - 1);
}
