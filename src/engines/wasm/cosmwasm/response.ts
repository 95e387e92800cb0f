/**
 * What a contract's entry points answer: ContractResult<Response> of instantiate, execute, migrate, reply and sudo, and
 * ContractResult<Binary> of query. Parsed strictly: anything else halts the frame as InvalidOutput.
 */
import type { Attribute, CosmWasmEvent } from "../../../encoding/cosmwasm-event.ts";
import {
  asArray,
  asBinary,
  asObject,
  asOptional,
  asString,
  asU64,
  asVariant,
  invalidOutput,
  type JsonObject,
  parseJson,
} from "./guest-json.ts";
import { asMessage, type Message } from "./messages.ts";

/** Bytes of an answer; CosmWasm's own host parses no more than 256 KiB, queries of lists need more. */
export const OUTPUT_BYTES_MAX = 1024 * 1024;

const REPLY_ON = ["always", "error", "success", "never"] as const;
export type ReplyOn = (typeof REPLY_ON)[number];

export interface SubMessage {
  /** A u64 in decimal, for the contract alone to know. */
  readonly id: string;
  readonly message: Message;
  readonly gasLimit: number | undefined;
  readonly replyOn: ReplyOn;
  /** cosmwasm-std 2: handed back to the reply as it is. */
  readonly payload: string | undefined;
}

export interface Response {
  readonly messages: readonly SubMessage[];
  readonly attributes: readonly Attribute[];
  readonly events: readonly CosmWasmEvent[];
  readonly data: Uint8Array | undefined;
}

/** Either what the contract answered, or the error that it raised. */
export type ContractResult<T> = { readonly ok: T } | { readonly error: string };

/** @throws Halt InvalidOutput */
export function parseResponse(bytes: Uint8Array): ContractResult<Response> {
  return readResult(bytes, (value) => {
    const response = asObject(value);
    return {
      messages: asArray(response["messages"]).map(asSubMessage),
      attributes: asAttributes(response["attributes"]),
      // Contracts of 1.0 betas leave it out.
      events: (asOptional(response["events"], asArray) ?? []).map(asEvent),
      data: asOptional(response["data"], asBinary),
    };
  });
}

/** @throws Halt InvalidOutput */
export function parseQueryResult(bytes: Uint8Array): ContractResult<Uint8Array> {
  return readResult(bytes, asBinary);
}

function readResult<T>(bytes: Uint8Array, read: (value: unknown) => T): ContractResult<T> {
  const [name, content] = asVariant(parseJson(bytes));
  if (name === "error") return { error: asString(content) };
  return name === "ok" ? { ok: read(content) } : invalidOutput();
}

function asSubMessage(value: unknown): SubMessage {
  const fields = asObject(value);
  const replyOn = REPLY_ON.find((name) => name === fields["reply_on"]);
  if (replyOn === undefined) return invalidOutput();
  const payload = asOptional(fields["payload"], asString);
  if (payload !== undefined) asBinary(payload);
  return {
    id: asU64(fields["id"]),
    message: asMessage(fields["msg"]),
    // Above 2^53 it is above any chain's limit of a transaction: rounding changes nothing.
    gasLimit: asOptional(fields["gas_limit"], (limit) => Number(asU64(limit))),
    replyOn,
    payload,
  };
}

function asEvent(value: unknown): CosmWasmEvent {
  const event: JsonObject = asObject(value);
  return { type: asString(event["type"]), attributes: asAttributes(event["attributes"]) };
}

function asAttributes(value: unknown): Attribute[] {
  return asArray(value).map((item) => {
    const attribute = asObject(item);
    return { key: asString(attribute["key"]), value: asString(attribute["value"]) };
  });
}
