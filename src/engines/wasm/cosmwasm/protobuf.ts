/**
 * The few protobuf messages that a reply carries: what the messages of wasmd's and the bank's services answer
 * (cosmwasm.wasm.v1 tx.proto). All their fields are strings or bytes; a field that is empty is left out (proto3).
 */

const LENGTH_DELIMITED = 2;

export function encodeMessage(fields: readonly (readonly [number: number, value: Uint8Array | string])[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [number, value] of fields) {
    const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
    if (bytes.length === 0) continue;
    parts.push(varint((number << 3) | LENGTH_DELIMITED), varint(bytes.length), bytes);
  }
  return new Uint8Array(Buffer.concat(parts));
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** One answer of a message, as a reply lists it (cosmwasm-std 2: `msg_responses`). */
export interface MessageResponse {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

function wasmResponse(name: string, value: Uint8Array): MessageResponse {
  return { typeUrl: `/cosmwasm.wasm.v1.${name}`, value };
}

export function executeResponse(data: Uint8Array): MessageResponse {
  return wasmResponse("MsgExecuteContractResponse", encodeMessage([[1, data]]));
}

export function instantiateResponse(address: string, data: Uint8Array, isPredicted: boolean): MessageResponse {
  const name = isPredicted ? "MsgInstantiateContract2Response" : "MsgInstantiateContractResponse";
  return wasmResponse(
    name,
    encodeMessage([
      [1, address],
      [2, data],
    ]),
  );
}

export function migrateResponse(data: Uint8Array): MessageResponse {
  return wasmResponse("MsgMigrateContractResponse", encodeMessage([[1, data]]));
}

export function emptyResponse(typeUrl: string): MessageResponse {
  return { typeUrl, value: new Uint8Array(0) };
}
