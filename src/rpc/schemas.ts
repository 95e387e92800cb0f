/**
 * The shapes of the interface as JSON Schema: one source for validation, OpenRPC and examples.
 * A `title` makes a schema a component of the OpenRPC document; a `description` is what an error says was expected.
 */
import type { TObject, TProperties, TSchema } from "typebox";
import * as Type from "typebox";

const CLOSED = { additionalProperties: false } as const;

export const ADDRESS_PATTERN = "^0x[0-9a-fA-F]{40}$";
const SAFE_INTEGER_MAX = Number.MAX_SAFE_INTEGER;

/** An object that refuses keys it does not name. */
export function closed<P extends TProperties>(
  properties: P,
  options: { title?: string; description?: string } = {},
): TObject<P> {
  return Type.Object(properties, { ...CLOSED, ...options });
}

export const optional = Type.Optional;

export const Address = Type.String({ pattern: ADDRESS_PATTERN, description: "0x and 40 hex digits" });
export const Hash = Type.String({ pattern: "^0x[0-9a-fA-F]{64}$", description: "32 bytes: 0x and 64 hex digits" });
export const Bytes = Type.String({
  // Not capturing: V8 runs out of stack on a group that captures and matches millions of times.
  pattern: "^0x(?:[0-9a-fA-F]{2})*$",
  description: "0x and an even number of hex digits",
});
export const Whole = Type.Integer({
  minimum: 0,
  maximum: SAFE_INTEGER_MAX,
  description: "a whole number from 0 to 2^53-1",
});
const WholeText = Type.String({
  pattern: "^(0|[1-9][0-9]{0,15})$",
  description: "a whole number from 0 to 2^53-1, in decimal",
});
export const WholeOrText = Type.Union([Whole, WholeText], {
  description: "a whole number from 0 to 2^53-1, as a number or in decimal",
});
const Uint256 = Type.String({ pattern: "^(0|[1-9][0-9]{0,77})$", description: "a decimal from 0 to 2^256-1" });
/** Amounts and gas in answers. */
export const Decimal = Type.String({ pattern: "^(0|[1-9][0-9]*)$", description: "a decimal" });
export const Limit = Type.Integer({ minimum: 1, maximum: SAFE_INTEGER_MAX, description: "a whole number from 1" });
export const Truth = Type.Boolean({ description: "true or false" });
export const Text = Type.String({ description: "a string" });
export const Cursor = Type.String({ minLength: 1, maxLength: 512, description: "a nextCursor of an earlier page" });

export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

export function list<T extends TSchema>(item: T, description?: string, minItems = 0) {
  return Type.Array(item, {
    ...(description === undefined ? {} : { description }),
    ...(minItems === 0 ? {} : { minItems }),
  });
}

export function someOf<T extends TSchema[]>(...schemas: T) {
  return Type.Union(schemas);
}

/** An object whose keys depend on the case. */
export function withNames<T extends TSchema>(value: T) {
  return Type.Record(Type.String(), value, { description: "an object" });
}

export function words<W extends string>(...values: W[]) {
  return Type.Union(
    values.map((value) => Type.Literal(value)),
    { description: `one of ${values.map((value) => JSON.stringify(value)).join(", ")}` },
  );
}

const JsonObject = Type.Object({}, { additionalProperties: true, description: "an object" });
export const Anything = Type.Unknown();
export const Facts = withNames(Anything);

/** What JSON can carry as an argument; numbers beyond 2^53 travel as decimal strings. */
const Argument = Type.Union(
  [Type.String(), Whole, Type.Boolean(), Type.Null(), Type.Array(Type.Unknown()), JsonObject],
  {
    description: "JSON, with numbers beyond 2^53 as decimal strings",
  },
);
export const Arguments = Type.Array(Argument, { maxItems: 255, description: "an array of at most 255 arguments" });
export const Entrypoint = Type.String({
  minLength: 1,
  maxLength: 255,
  description: "the name of an entrypoint, 1 to 255 bytes",
});
export const Message = Type.Unsafe<unknown>({ description: "a JSON message" });

const Erc20Contract = Type.Object(
  {
    type: Type.Literal("erc20"),
    name: Text,
    symbol: Text,
    decimals: Type.Integer({ minimum: 0, maximum: 255 }),
    initialSupply: Uint256,
    owner: optional(Address),
    mintable: optional(Type.Boolean()),
    burnable: optional(Type.Boolean()),
    pausable: optional(Type.Boolean()),
    cap: optional(Uint256),
  },
  { title: "Erc20Contract", additionalProperties: true },
);
/** Its engine checks a contract; here it only must say of which type it is. */
const AnyContract = Type.Object(
  { type: Type.String() },
  { additionalProperties: true, description: "an object with a type" },
);
const Contract = Type.Union([Erc20Contract, AnyContract], { description: "an object with a type" });

const common = {
  sender: Address,
  nonce: optional(WholeOrText),
  gasLimit: WholeOrText,
  value: optional(Type.Union([Uint256, Whole], { description: "a decimal from 0 to 2^256-1" })),
  salt: optional(Hash),
  id: optional(Hash),
  validUntilHeight: optional(WholeOrText),
};

const DeployTransaction = closed(
  { kind: Type.Literal("deploy"), ...common, contract: Contract },
  { title: "DeployTransaction" },
);
const CallTransaction = closed(
  {
    kind: Type.Literal("call"),
    ...common,
    to: Address,
    entrypoint: optional(Entrypoint),
    args: optional(Arguments),
    calldata: optional(Bytes),
    msg: optional(Message),
  },
  { title: "CallTransaction" },
);
const UpgradeTransaction = closed(
  { kind: Type.Literal("upgrade"), ...common, to: Address, contract: Contract },
  { title: "UpgradeTransaction" },
);
const SetStatusTransaction = closed(
  { kind: Type.Literal("setStatus"), ...common, to: Address, status: words("active", "paused") },
  { title: "SetStatusTransaction" },
);
const SetAdminTransaction = closed(
  { kind: Type.Literal("setAdmin"), ...common, to: Address, admin: nullable(Address) },
  { title: "SetAdminTransaction" },
);

const KINDS = [
  DeployTransaction,
  CallTransaction,
  UpgradeTransaction,
  SetStatusTransaction,
  SetAdminTransaction,
] as const;

export const Transaction = Type.Union([...KINDS], { title: "Transaction", description: "a transaction object" });

/** One whose gas limit is asked for. */
export const UnlimitedTransaction = Type.Union(
  KINDS.map(({ properties }) => closed({ ...properties, gasLimit: optional(WholeOrText) })),
  { title: "UnlimitedTransaction", description: "a transaction object, with or without its gasLimit" },
);

/** The keys that a transaction of each kind may have: what the fast path checks without running the schema. */
export const TRANSACTION_KEYS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  KINDS.map(({ properties }) => [properties.kind.const, new Set(Object.keys(properties))]),
);

export const WaitFor = words("accepted", "executed", "durable");
export const ReceiptDetail = words("full", "summary");

export const RpcError = closed(
  {
    code: Type.Integer(),
    message: Text,
    data: Type.Object({ code: Text, hint: Text }, { additionalProperties: true }),
  },
  { title: "Error" },
);
export const Rejection = closed({ error: RpcError }, { title: "Rejection" });

const logFields = {
  address: Address,
  topics: list(Hash),
  data: Bytes,
  logIndex: Whole,
  event: optional(Text),
  args: optional(Facts),
};
export const Log = closed(logFields, { title: "Log" });

export const Status = words("success", "reverted", "halted");

export const Revert = closed({ name: nullable(Text), message: Text, data: Bytes, args: Facts }, { title: "Revert" });

export const ReceiptSummary = closed(
  { transactionHash: Hash, status: Status, gasUsed: Decimal, contractAddress: optional(Address) },
  { title: "ReceiptSummary" },
);
export const Receipt = closed(
  {
    transactionHash: Hash,
    blockHeight: Whole,
    transactionIndex: Whole,
    sender: Address,
    to: nullable(Address),
    contractAddress: nullable(Address),
    status: Status,
    gasUsed: Decimal,
    gasLimit: Decimal,
    returnData: Bytes,
    result: optional(Message),
    revert: optional(Revert),
    haltReason: optional(Text),
    logs: list(Log),
  },
  { title: "Receipt" },
);
export const TransactionLine = closed(
  {
    transactionHash: Hash,
    blockHeight: Whole,
    transactionIndex: Whole,
    timestampMs: Whole,
    kind: words("deploy", "call", "upgrade", "setStatus", "setAdmin"),
    sender: Address,
    to: nullable(Address),
    contractAddress: nullable(Address),
    entrypoint: nullable(Text),
    status: Status,
    gasUsed: Decimal,
    gasLimit: Decimal,
  },
  { title: "TransactionLine" },
);
export const Accepted = closed({ transactionHash: Hash }, { title: "Accepted" });

const blockFields = {
  height: Whole,
  seq: Whole,
  protocolVersion: Whole,
  chainId: Whole,
  parentHash: Hash,
  blockHash: Hash,
  timestampMs: Whole,
  stateRoot: Hash,
  receiptsRoot: Hash,
  transactionsRoot: Hash,
  gasUsed: Decimal,
};
export const Block = closed({ ...blockFields, transactionHashes: list(Hash) }, { title: "Block" });
export const BlockHeader = closed({ ...blockFields, transactionCount: Whole }, { title: "BlockHeader" });

const contractFields = {
  address: Address,
  kind: Text,
  type: Text,
  codeHash: Hash,
  creator: Address,
  admin: nullable(Address),
  status: words("active", "paused"),
  deployTransactionHash: Hash,
  deployedAtHeight: Whole,
  metadata: Facts,
};
export const ContractItem = closed(contractFields, { title: "Contract" });
export const ContractWithAbi = closed({ ...contractFields, abi: list(Type.Unknown()) }, { title: "ContractWithAbi" });

export const FoundLog = closed(
  { ...logFields, blockHeight: Whole, blockHash: Hash, transactionHash: Hash, transactionIndex: Whole },
  { title: "FoundLog" },
);

export function page<T extends TSchema>(item: T) {
  return closed({ items: list(item), nextCursor: nullable(Cursor) });
}

export function historyPage<T extends TSchema>(item: T) {
  const lowestHeight = Type.Integer({
    minimum: 1,
    description: "where older blocks were pruned: the page knows nothing of what was below this one",
  });
  return closed({ items: list(item), nextCursor: nullable(Cursor), lowestHeight: optional(lowestHeight) });
}

export const StateProof = closed(
  {
    address: Address,
    key: Bytes,
    stateKey: Bytes,
    value: nullable(Bytes),
    stateRoot: Hash,
    blockHeight: Whole,
    terminal: Type.Union([
      closed({ kind: words("leaf", "otherLeaf"), keyHash: Hash, valueHash: Hash }),
      closed({ kind: Type.Literal("empty") }),
    ]),
    siblings: list(Hash),
  },
  { title: "StateProof" },
);

export const QueryAnswer = closed(
  {
    result: optional(Message),
    returnData: Bytes,
    gasUsed: Decimal,
    cached: Type.Boolean(),
    ageMs: optional(Whole),
    seq: Whole,
    blockHeight: Whole,
  },
  { title: "QueryAnswer" },
);

export const EngineInfo = Type.Object(
  {
    version: Text,
    chainId: Whole,
    height: Whole,
    stateRoot: Hash,
    blockMode: words("auto", "driven"),
    storage: Type.Object({ kind: Text }, { additionalProperties: true }),
    contractKinds: list(Text),
    role: words("reader", "submitter", "deployer", "admin"),
    limits: Facts,
  },
  { title: "EngineInfo", additionalProperties: true },
);
