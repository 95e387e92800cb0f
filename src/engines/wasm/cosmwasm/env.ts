/** The JSON that entry points are given: Env, MessageInfo, MigrateInfo and Reply of cosmwasm-std 1 and 2. */
import type { CosmWasmEvent } from "../../../encoding/cosmwasm-event.ts";
import type { BlockContext } from "../../../execution/host.ts";
import type { Coin } from "./coins.ts";
import { toBase64 } from "./guest-json.ts";
import type { MessageResponse } from "./protobuf.ts";
import type { SubMessage } from "./response.ts";

/** `Env.block.chain_id` is this, a dash and the chain's number: Cosmos' form of it. */
const CHAIN_NAME = "polytorus";
const NANOSECONDS = "000000";

/** @param contract its address as text. There is no transaction index: cosmwasm-std has it optional. */
export function envJson(block: BlockContext, contract: string): string {
  const { height, timestampMs, chainId } = block;
  const time = timestampMs === 0 ? "0" : timestampMs + NANOSECONDS;
  return `{"block":{"height":${height},"time":"${time}","chain_id":"${CHAIN_NAME}-${chainId}"},"transaction":null,"contract":{"address":"${contract}"}}`;
}

/** @param sender an address, which needs no escapes. */
export function infoJson(sender: string, funds: readonly Coin[]): Uint8Array {
  return Buffer.from(`{"sender":"${sender}","funds":${JSON.stringify(funds)}}`, "utf8");
}

/** Contracts built with cosmwasm-std 2.2 take it as migrate's third argument; they keep the version themselves. */
export function migrateInfoJson(sender: string): string {
  return `{"sender":"${sender}","old_migrate_version":null}`;
}

export type SubMessageResult =
  | { readonly events: readonly CosmWasmEvent[]; readonly response: MessageResponse }
  | { readonly error: string };

export function replyJson({ id, payload }: SubMessage, gasUsed: number, result: SubMessageResult): string {
  const payloadField = payload === undefined || payload === "" ? "" : `"payload":"${payload}",`;
  return `{"id":${id},${payloadField}"gas_used":${gasUsed},"result":${resultJson(result)}}`;
}

function resultJson(result: SubMessageResult): string {
  if ("error" in result) return JSON.stringify({ error: result.error });
  const { typeUrl, value } = result.response;
  const data = toBase64(value);
  return JSON.stringify({
    ok: {
      events: result.events.map(({ type, attributes }) => ({ type, attributes: sortedByKey(attributes) })),
      data: data === "" ? null : data,
      msg_responses: [{ type_url: typeUrl, value: data }],
    },
  });
}

/** As wasmd hands them to replies, by bytes. */
function sortedByKey(attributes: CosmWasmEvent["attributes"]): CosmWasmEvent["attributes"] {
  return [...attributes].sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
}
