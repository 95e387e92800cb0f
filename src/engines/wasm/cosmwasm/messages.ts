/**
 * Messages: what a contract asks for after it ran (cosmwasm-std's CosmosMsg). The shape is checked here, the meaning of
 * addresses and amounts where they are carried out: a wrong shape is the contract's fault, a wrong address a failed message.
 */
import { asCoins, type Coin } from "./coins.ts";
import { asBinary, asObject, asOptional, asString, asU64, asVariant } from "./guest-json.ts";

export type Message =
  | { readonly kind: "send"; readonly to: string; readonly amount: readonly Coin[] }
  | { readonly kind: "burn"; readonly amount: readonly Coin[] }
  | {
      readonly kind: "execute";
      readonly contract: string;
      readonly message: Uint8Array;
      readonly funds: readonly Coin[];
    }
  | {
      readonly kind: "instantiate";
      readonly admin: string | undefined;
      readonly codeId: string;
      readonly message: Uint8Array;
      readonly funds: readonly Coin[];
      /** Of instantiate2: the address follows from it. */
      readonly salt: Uint8Array | undefined;
    }
  | { readonly kind: "migrate"; readonly contract: string; readonly codeId: string; readonly message: Uint8Array }
  /** Without an admin: clear_admin. */
  | { readonly kind: "setAdmin"; readonly contract: string; readonly admin: string | undefined }
  /** What this chain has no module for: staking, ibc, gov, stargate, custom … */
  | { readonly kind: "unsupported"; readonly name: string };

export function asMessage(value: unknown): Message {
  const [module, content] = asVariant(value);
  if (module !== "bank" && module !== "wasm") return { kind: "unsupported", name: module };
  const [name, fields] = asVariant(content);
  const read = (module === "bank" ? BANK : WASM)[name];
  return read === undefined ? { kind: "unsupported", name: `${module}.${name}` } : read(asObject(fields));
}

type Fields = Readonly<Record<string, unknown>>;
type Reader = (fields: Fields) => Message;

const BANK: Readonly<Record<string, Reader | undefined>> = {
  send: (fields) => ({ kind: "send", to: asString(fields["to_address"]), amount: asCoins(fields["amount"]) }),
  burn: (fields) => ({ kind: "burn", amount: asCoins(fields["amount"]) }),
};

const WASM: Readonly<Record<string, Reader | undefined>> = {
  execute: (fields) => ({
    kind: "execute",
    contract: asString(fields["contract_addr"]),
    message: asBinary(fields["msg"]),
    funds: asCoins(fields["funds"]),
  }),
  instantiate: (fields) => readInstantiate(fields, undefined),
  instantiate2: (fields) => readInstantiate(fields, asBinary(fields["salt"])),
  migrate: (fields) => ({
    kind: "migrate",
    contract: asString(fields["contract_addr"]),
    codeId: asU64(fields["new_code_id"]),
    message: asBinary(fields["msg"]),
  }),
  update_admin: (fields) => ({
    kind: "setAdmin",
    contract: asString(fields["contract_addr"]),
    admin: asString(fields["admin"]),
  }),
  clear_admin: (fields) => ({ kind: "setAdmin", contract: asString(fields["contract_addr"]), admin: undefined }),
};

function readInstantiate(fields: Fields, salt: Uint8Array | undefined): Message {
  asString(fields["label"]);
  return {
    kind: "instantiate",
    admin: asOptional(fields["admin"], asString),
    codeId: asU64(fields["code_id"]),
    message: asBinary(fields["msg"]),
    funds: asCoins(fields["funds"]),
    salt,
  };
}
