/**
 * Events as wasmd names them, kept as logs of the contract that they come from (encoding/cosmwasm-event.ts).
 * The rules for names are wasmd's (x/wasm/keeper/events.go): keys are trimmed and not empty, `_` begins only the chain's own,
 * a custom event's type has more than two characters and gets the prefix `wasm-`.
 */
import { type Attribute, type CosmWasmEvent, eventTopic } from "../../../encoding/cosmwasm-event.ts";
import type { HostContext } from "../../../execution/host.ts";
import type { Response } from "./response.ts";
import { TextWriter } from "./text-writer.ts";

export const CONTRACT_ATTRIBUTE = "_contract_address";
const CUSTOM_PREFIX = "wasm-";
const TYPE_CHARS_MIN = 3;

const WRITER = new TextWriter();

/** @returns valid until the next event is encoded. */
export function encodeEvent({ type, attributes }: CosmWasmEvent): Uint8Array {
  WRITER.raw('{"attributes":[');
  for (let i = 0; i < attributes.length; i++) {
    const { key, value } = attributes[i]!;
    WRITER.raw(i === 0 ? '{"key":' : ',{"key":')
      .quoted(key)
      .raw(',"value":')
      .quoted(value)
      .raw("}");
  }
  return WRITER.raw('],"type":').quoted(type).raw("}").takeView();
}

/** The events of a response, or what is wrong with one. @param contract the address as text. */
export function responseEvents(response: Response, contract: string): CosmWasmEvent[] | string {
  const events: CosmWasmEvent[] = [];
  if (response.attributes.length > 0) {
    const attributes = namedAttributes(response.attributes, contract);
    if (typeof attributes === "string") return attributes;
    events.push({ type: "wasm", attributes });
  }
  for (const event of response.events) {
    const type = event.type.trim();
    if (type.length < TYPE_CHARS_MIN) return `Event type too short: '${type}': invalid event`;
    const attributes = namedAttributes(event.attributes, contract);
    if (typeof attributes === "string") return attributes;
    events.push({ type: CUSTOM_PREFIX + type, attributes });
  }
  return events;
}

function namedAttributes(attributes: readonly Attribute[], contract: string): Attribute[] | string {
  const named: Attribute[] = [{ key: CONTRACT_ATTRIBUTE, value: contract }];
  for (const attribute of attributes) {
    const key = attribute.key.trim();
    if (key === "") return `Empty attribute key. Value: ${attribute.value}: invalid event`;
    if (key.startsWith("_")) return `Attribute key starts with reserved prefix _: '${key}': invalid event`;
    named.push({ key, value: attribute.value.trim() });
  }
  return named;
}

/**
 * The events of one transaction that submessages will be told of. Frames nest: what a frame emitted is forgotten when it
 * fails, and belongs to whoever called it when it succeeds.
 */
export class EventJournal {
  readonly #events: CosmWasmEvent[] = [];
  #depth = 0;

  /** Where the events of a frame begin. */
  enter(): number {
    if (this.#depth++ === 0) this.#events.length = 0;
    return this.#events.length;
  }

  leave(mark: number, isKept: boolean): void {
    this.#depth--;
    if (!isKept) this.#events.length = mark;
  }

  get length(): number {
    return this.#events.length;
  }

  since(mark: number): CosmWasmEvent[] {
    return this.#events.slice(mark);
  }

  /** Logs an event and remembers it for replies. */
  emit(host: Pick<HostContext, "log">, event: CosmWasmEvent): void {
    host.log([eventTopic(event.type)], encodeEvent(event));
    this.#events.push(event);
  }

  /**
   * The same for an event that the running frame's own entry point raised, encoded already. Only the frames around it will
   * ask for it: the outermost frame's are not remembered.
   */
  emitEncoded(host: Pick<HostContext, "log">, type: string, data: Uint8Array): void {
    host.log([eventTopic(type)], data);
    if (this.#depth > 1) this.#events.push(JSON.parse(Buffer.from(data).toString("utf8")) as CosmWasmEvent);
  }
}

/** What the bank module emits when coins move. */
export function bankEvents(from: string, to: string, value: bigint, denom: string): CosmWasmEvent[] {
  const amount = { key: "amount", value: `${value}${denom}` };
  return [
    { type: "coin_spent", attributes: [{ key: "spender", value: from }, amount] },
    { type: "coin_received", attributes: [{ key: "receiver", value: to }, amount] },
    { type: "transfer", attributes: [{ key: "recipient", value: to }, { key: "sender", value: from }, amount] },
  ];
}

export function burnEvents(from: string, value: bigint, denom: string): CosmWasmEvent[] {
  const amount = { key: "amount", value: `${value}${denom}` };
  return [
    { type: "coin_spent", attributes: [{ key: "spender", value: from }, amount] },
    { type: "burn", attributes: [{ key: "burner", value: from }, amount] },
  ];
}
