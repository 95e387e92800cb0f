/**
 * The method table: every method that there is, with its schemas, the role it needs and the block mode that has it.
 * Validation, dispatch, OpenRPC and the client's types all come from here; a method that is not here answers -32601.
 */
import type { EngineInfoJson, MethodName } from "../client/methods.ts";
import { encodeBech32 } from "../encoding/bech32.ts";
import { fromHex, toHex } from "../encoding/hex.ts";
import { contractStateKey } from "../encoding/state-key.ts";
import { ADMIN_METHODS } from "./admin-methods.ts";
import { toJson } from "./answers.ts";
import { BLOCK_METHODS } from "./block-methods.ts";
import { CONTRACT_METHODS } from "./contract-methods.ts";
import { DEV_METHODS } from "./dev-methods.ts";
import { ALICE, STATE_ROOT, TOKEN, word } from "./examples.ts";
import { JsonText } from "./json-text.ts";
import { define, type MethodTable, requireAddress } from "./method.ts";
import { METRICS_METHODS } from "./metrics-methods.ts";
import { openRpcDocument } from "./open-rpc.ts";
import { PRIVACY_METHODS } from "./privacy-methods.ts";
import {
  Address,
  Bytes,
  closed,
  Decimal,
  EngineInfo,
  Facts,
  Hash,
  list,
  optional,
  StateProof,
  Text,
  Whole,
} from "./schemas.ts";
import { STORAGE_METHODS } from "./storage-methods.ts";
import { SUBSCRIBE_METHODS } from "./subscribe-methods.ts";
import { TRANSACTION_METHODS } from "./transaction-methods.ts";
import { proofView } from "./views.ts";

export const METHODS: MethodTable = {
  engine_info: define("engine_info", {
    description: "Version, chain, head, block mode, storage, contract kinds and every published limit.",
    role: "reader",
    params: closed({}),
    result: EngineInfo,
    example: {
      params: {},
      result: {
        version: "0.1.0",
        chainId: 1337,
        height: 2,
        stateRoot: STATE_ROOT,
        blockMode: "auto",
        storage: { kind: "embedded", durability: "journal", state: "lmdb" },
        contractKinds: ["builtin"],
        role: "reader",
        limits: { batchMax: 1000 },
      },
    },
    handle(_params, { service, limits, caller }) {
      const info = service.info();
      const published = { ...limits, queryGasMax: String(limits.queryGasMax) };
      const all = { ...published, ...(info["limits"] as object | undefined) };
      return new JsonText<EngineInfoJson>(toJson({ ...info, role: caller.role, limits: all }));
    },
  }),
  engine_config: define("engine_config", {
    description: "Every setting in effect and where its value comes from; secrets are masked.",
    role: "reader",
    params: closed({}),
    result: closed({ items: list(closed({ key: Text, value: Text, origin: Text, meaning: Text })) }),
    example: {
      params: {},
      result: { items: [{ key: "mode", value: "auto", origin: "default", meaning: "who makes the blocks" }] },
    },
    handle: (_params, { settings }) => ({ items: [...settings] }),
  }),
  ...TRANSACTION_METHODS,
  ...BLOCK_METHODS,
  ...CONTRACT_METHODS,
  ...METRICS_METHODS,
  ...PRIVACY_METHODS,
  ...STORAGE_METHODS,
  ...ADMIN_METHODS,
  ...DEV_METHODS,
  ...SUBSCRIBE_METHODS,

  account_get: define("account_get", {
    description: "An account's next nonce and native balance; one that was never used has nonce 0 and balance 0.",
    role: "reader",
    params: closed({ address: Address }),
    result: closed({ address: Address, bech32: Text, nonce: Whole, balance: Decimal }),
    example: {
      params: { address: ALICE },
      result: { address: ALICE, bech32: encodeBech32("poly", fromHex(ALICE)!), nonce: 2, balance: "0" },
    },
    async handle({ address }, { service, bech32Prefix }) {
      const bytes = requireAddress(address, "address");
      const { nonce, balance } = await service.account(bytes);
      return { address: toHex(bytes), bech32: encodeBech32(bech32Prefix, bytes), nonce, balance: balance.toString() };
    },
  }),

  log_entries: define("log_entries", {
    description:
      "Encoded entries of the log, consecutive from one on, in base64: as many as fit in bytesMax (4 MiB), at least one unless it is 0.",
    role: "admin",
    params: closed({ fromSeq: Whole, bytesMax: optional(Whole) }),
    result: closed({ firstSeq: Whole, lastSeq: Whole, entries: list(Text) }),
    example: { params: { fromSeq: 0, bytesMax: 0 }, result: { firstSeq: 0, lastSeq: 2, entries: [] } },
    async handle({ fromSeq, bytesMax }, { service }) {
      const { entries, ...range } = await service.logEntries(fromSeq, bytesMax);
      return { ...range, entries: entries.map((entry) => Buffer.from(entry).toString("base64")) };
    },
  }),

  state_root: define("state_root", {
    description: "The state root after the latest durable block, or after the one at a height.",
    role: "reader",
    params: closed({ at: optional(Whole) }),
    result: closed({ stateRoot: Hash, blockHeight: Whole }),
    example: { params: {}, result: { stateRoot: STATE_ROOT, blockHeight: 2 } },
    async handle({ at }, { service }) {
      const { stateRoot, blockHeight } = await service.stateRoot(at);
      return { stateRoot: toHex(stateRoot), blockHeight };
    },
  }),

  state_proof: define("state_proof", {
    description:
      "A proof that a key of a contract's state has a value, or is absent, which anyone can check against the state root.",
    role: "reader",
    params: closed({ address: Address, key: Bytes, at: optional(Whole) }),
    result: StateProof,
    example: {
      params: { address: TOKEN, key: `0x62616c3a${ALICE.slice(2)}` },
      result: {
        address: TOKEN,
        key: `0x62616c3a${ALICE.slice(2)}`,
        stateKey: `0x13${TOKEN.slice(2)}62616c3a${ALICE.slice(2)}`,
        value: "0x0f4227",
        stateRoot: STATE_ROOT,
        blockHeight: 2,
        terminal: { kind: "leaf", keyHash: word("aa"), valueHash: word("bb") },
        siblings: [],
      },
    },
    async handle(params, { service }) {
      const address = requireAddress(params.address, "address");
      const key = fromHex(params.key)!;
      return proofView(address, key, await service.stateProof(contractStateKey(address, key), params.at));
    },
  }),

  "rpc.discover": define("rpc.discover", {
    description: "This interface as an OpenRPC document.",
    role: "reader",
    params: closed({}),
    result: Facts,
    example: { params: {}, result: {} },
    handle: () => new JsonText(openRpcText()),
  }),
};

const BY_NAME = new Map<string, MethodTable[MethodName]>(Object.values(METHODS).map((method) => [method.name, method]));

/** The method of this name, undefined when there is none. */
export function getMethod(name: string): MethodTable[MethodName] | undefined {
  return BY_NAME.get(name);
}

let document: string | undefined;

/** The OpenRPC document as JSON text, made at the first call. */
export function openRpcText(): string {
  document ??= JSON.stringify(openRpcDocument(METHODS));
  return document;
}
