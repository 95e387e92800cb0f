/**
 * The message in a call: its JSON, for a contract whose interface is JSON. A call by entrypoint is short for it:
 * `transfer` with one object is {"transfer":{…}}, without an argument {"transfer":{}}.
 */
import { readU32 } from "../../../encoding/bytes.ts";
import { ArgTag, BodyForm } from "../../../encoding/transaction.ts";
import type { CallInput } from "../../../execution/host.ts";

/** The entrypoint that means the contract's `sudo`, whose message is its argument. */
export const SUDO = "sudo";

export interface CallMessage {
  readonly isSudo: boolean;
  readonly message: Uint8Array;
}

/** Undefined for arguments that are no single object. The message may lie in place: it is to be used at once. */
export function callMessage(input: CallInput): CallMessage | undefined {
  const { form, bytes, start, end } = input;
  if (form !== BodyForm.entrypoint) return { isSudo: false, message: bytes.subarray(start, end) };
  const nameEnd = start + 1 + bytes[start]!;
  const name = Buffer.from(bytes.subarray(start + 1, nameEnd)).toString("utf8");
  const argument = objectArgument(bytes, nameEnd);
  if (argument === undefined) return undefined;
  if (name === SUDO) return { isSudo: true, message: argument };
  const head = Buffer.from(`{${JSON.stringify(name)}:`, "utf8");
  return { isSudo: false, message: Buffer.concat([head, argument, Buffer.from("}", "latin1")]) };
}

/** The entrypoint of a call by entrypoint. */
export function entrypointOf({ bytes, start }: CallInput): string {
  return Buffer.from(bytes.subarray(start + 1, start + 1 + bytes[start]!)).toString("utf8");
}

function objectArgument(bytes: Uint8Array, at: number): Uint8Array | undefined {
  const count = bytes[at]!;
  if (count === 0) return Buffer.from("{}", "latin1");
  if (count !== 1 || bytes[at + 1] !== ArgTag.json) return undefined;
  return bytes.subarray(at + 6, at + 6 + readU32(bytes, at + 2));
}
