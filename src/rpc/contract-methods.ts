/** contract_*: asking a contract, and looking at contracts, their state, logs and history. */
import { fromHex, toHex } from "../encoding/hex.ts";
import { EngineError } from "../errors.ts";
import { ALICE, BLOCK_HASH, CONTRACT, TOKEN, TRANSFER_HASH, TRANSFER_RECEIPT, word } from "./examples.ts";
import { pageSize } from "./limits.ts";
import { define, type MethodTable, requireAddress } from "./method.ts";
import {
  Address,
  Arguments,
  Bytes,
  ContractItem,
  ContractWithAbi,
  Cursor,
  closed,
  Entrypoint,
  FoundLog,
  Hash,
  historyPage,
  Limit,
  Message,
  optional,
  page,
  QueryAnswer,
  Receipt,
  Text,
  Whole,
  WholeOrText,
  words,
} from "./schemas.ts";
import type { ContractRecord, EngineService, LogQuery } from "./services.ts";
import { parseTopics, Topics } from "./topics.ts";
import { contractView, contractWithAbiView, logPage, receiptPage } from "./views.ts";

const paging = { cursor: optional(Cursor), limit: optional(Limit) };

export const CONTRACT_METHODS = {
  contract_query: define("contract_query", {
    description:
      "Calls a contract without changing anything, on the latest durable state or on that at a height. A revert answers error 3 with the data.",
    role: "reader",
    params: closed({
      address: Address,
      entrypoint: optional(Entrypoint),
      args: optional(Arguments),
      calldata: optional(Bytes),
      msg: optional(Message),
      caller: optional(Address),
      gasLimit: optional(WholeOrText),
      cache: optional(words("use", "bypass")),
      at: optional(Whole),
    }),
    result: QueryAnswer,
    example: {
      params: { address: TOKEN, entrypoint: "balanceOf", args: [ALICE] },
      result: { result: "999975", returnData: word("f4227"), gasUsed: "24000", cached: false, seq: 2, blockHeight: 2 },
    },
  }),

  contract_get: define("contract_get", {
    description: "A contract's record, what it says of itself, and its ABI.",
    role: "reader",
    params: closed({ address: Address }),
    result: ContractWithAbi,
    example: { params: { address: TOKEN }, result: { ...CONTRACT, abi: [] } },
    async handle({ address }, { service }) {
      return contractWithAbiView(await requireContract(service, requireAddress(address, "address")));
    },
  }),

  contract_list: define("contract_list", {
    description: "Contracts by kind, creator and status, and by part of their name or symbol.",
    role: "reader",
    params: closed({
      kind: optional(Text),
      creator: optional(Address),
      status: optional(words("active", "paused")),
      query: optional(Text),
      ...paging,
    }),
    result: page(ContractItem),
    example: { params: { kind: "builtin" }, result: { items: [CONTRACT], nextCursor: null } },
    async handle(params, { service, limits }) {
      const { creator, ...filter } = params;
      const found = await service.contracts({
        ...filter,
        creator: creator === undefined ? undefined : requireAddress(creator, "creator"),
        limit: pageSize(params, limits),
      });
      return { items: found.items.map(contractView), nextCursor: found.nextCursor ?? null };
    },
  }),

  contract_state: define("contract_state", {
    description: "A contract's state, in the order of its keys.",
    role: "reader",
    params: closed({ address: Address, prefix: optional(Bytes), ...paging }),
    result: page(closed({ key: Bytes, value: Bytes })),
    example: {
      params: { address: TOKEN, prefix: "0x62616c3a" },
      result: { items: [{ key: `0x62616c3a${ALICE.slice(2)}`, value: "0x0f4227" }], nextCursor: null },
    },
    async handle(params, { service, limits }) {
      const address = requireAddress(params.address, "address");
      await requireContract(service, address);
      const found = await service.contractState({
        address,
        prefix: params.prefix === undefined ? undefined : fromHex(params.prefix)!,
        cursor: params.cursor,
        limit: pageSize(params, limits),
      });
      const items = found.items.map(({ key, value }) => ({ key: toHex(key), value: toHex(value) }));
      return { items, nextCursor: found.nextCursor ?? null };
    },
  }),

  contract_logs: define("contract_logs", {
    description:
      "Logs by contract, topics, block range and transaction, oldest first or newest first. A topic is a hash, a list of which one must match, or null for any.",
    role: "reader",
    params: closed({
      address: optional(Address),
      topics: optional(Topics),
      fromBlock: optional(Whole),
      toBlock: optional(Whole),
      transactionHash: optional(Hash),
      order: optional(words("oldest", "newest")),
      ...paging,
    }),
    result: historyPage(FoundLog),
    example: {
      params: { address: TOKEN, fromBlock: 2 },
      result: {
        items: [
          {
            ...TRANSFER_RECEIPT.logs[0]!,
            blockHeight: 2,
            blockHash: BLOCK_HASH,
            transactionHash: TRANSFER_HASH,
            transactionIndex: 0,
          },
        ],
        nextCursor: null,
      },
    },
    async handle(params, { service, limits, abis }) {
      const { address, topics, transactionHash, order, ...rest } = params;
      const query: LogQuery = {
        ...rest,
        newestFirst: order === "newest",
        address: address === undefined ? undefined : requireAddress(address, "address"),
        topics: topics && parseTopics(topics),
        transactionHash: transactionHash === undefined ? undefined : fromHex(transactionHash)!,
        limit: pageSize(params, limits),
      };
      return await logPage(await service.logs(query), abis, service.events);
    },
  }),

  contract_executions: define("contract_executions", {
    description:
      "Receipts of the transactions that deployed or called a contract, or in which it logged on being called by another one, newest first.",
    role: "reader",
    params: closed({ address: Address, ...paging }),
    result: historyPage(Receipt),
    example: { params: { address: TOKEN }, result: { items: [TRANSFER_RECEIPT], nextCursor: null } },
    async handle(params, { service, limits, abis }) {
      const contract = requireAddress(params.address, "address");
      await requireContract(service, contract);
      const found = await service.executions({ contract, cursor: params.cursor, limit: pageSize(params, limits) });
      return await receiptPage(found, abis, service.events);
    },
  }),
} satisfies Partial<MethodTable>;

async function requireContract(service: EngineService, address: Uint8Array): Promise<ContractRecord> {
  const contract = await service.contract(address);
  if (contract !== undefined) return contract;
  throw new EngineError("CONTRACT_NOT_FOUND", `no contract stands at ${toHex(address)}`, { address: toHex(address) });
}
