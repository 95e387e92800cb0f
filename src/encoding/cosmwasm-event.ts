/**
 * Events of CosmWasm contracts as logs of the contract that they come from.
 *   topic 0   SHA-256 of the event's type: "wasm", "wasm-transfer", "execute", "instantiate", "reply", "coin_spent" …
 *   data      JSON {"attributes":[{"key":…,"value":…},…],"type":…}, attributes in the contract's order
 */
import { hash } from "node:crypto";
import { equalBytes } from "./bytes.ts";

export interface Attribute {
  readonly key: string;
  readonly value: string;
}

export interface CosmWasmEvent {
  readonly type: string;
  readonly attributes: readonly Attribute[];
}

/** What the data of every event begins with. */
const HEAD = Buffer.from('{"attributes":[', "latin1");
/** Topics remembered: types are few, unless a contract makes them up. */
const TOPICS_MAX = 1024;

const TOPICS = new Map<string, Uint8Array>();

/** Topic 0 of the logs of events of a type. */
export function eventTopic(type: string): Uint8Array {
  const known = TOPICS.get(type);
  if (known !== undefined) return known;
  if (TOPICS.size >= TOPICS_MAX) TOPICS.clear();
  const topic = new Uint8Array(hash("sha256", type, "buffer"));
  TOPICS.set(type, topic);
  return topic;
}

/** The event in a log's data; undefined when the log is none of an event. */
export function decodeEvent(topics: readonly Uint8Array[], data: Uint8Array): CosmWasmEvent | undefined {
  if (topics.length !== 1 || data.length < HEAD.length || !equalBytes(data.subarray(0, HEAD.length), HEAD))
    return undefined;
  let event: CosmWasmEvent;
  try {
    event = JSON.parse(Buffer.from(data).toString("utf8")) as CosmWasmEvent;
  } catch {
    return undefined;
  }
  const isEvent = typeof event.type === "string" && event.attributes.every(isAttribute);
  return isEvent && equalBytes(topics[0]!, eventTopic(event.type)) ? event : undefined;
}

function isAttribute(attribute: unknown): boolean {
  const { key, value } = (attribute ?? {}) as Partial<Attribute>;
  return typeof key === "string" && typeof value === "string";
}

/** Attributes by key; a key that comes several times has all its values in a list. */
export function eventArguments({ attributes }: CosmWasmEvent): Record<string, string | string[]> {
  const values = new Map<string, string[]>();
  for (const { key, value } of attributes) {
    const list = values.get(key);
    if (list === undefined) values.set(key, [value]);
    else list.push(value);
  }
  return Object.fromEntries([...values].map(([key, list]) => [key, list.length === 1 ? list[0]! : list]));
}
