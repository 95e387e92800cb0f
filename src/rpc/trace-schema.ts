/** The shape of what tx_trace answers (schemas.ts). */
import * as Type from "typebox";
import {
  Address,
  Anything,
  Bytes,
  closed,
  Decimal,
  Facts,
  Hash,
  list,
  Message,
  nullable,
  optional,
  Revert,
  Status,
  Text,
  Whole,
  withNames,
  words,
} from "./schemas.ts";

const Omitted = closed(
  { steps: Whole, frames: Whole, gas: Decimal, data: Whole },
  { title: "TraceOmitted", description: "what the trace has no room for" },
);
const TraceStep = Type.Union(
  [
    closed({ op: Type.Literal("read"), key: Bytes, value: nullable(Bytes), address: optional(Address) }),
    closed({ op: Type.Literal("write"), key: Bytes, before: nullable(Bytes), after: nullable(Bytes) }),
    closed({ op: Type.Literal("balance"), address: Address, balance: Decimal }),
    closed({
      op: Type.Literal("log"),
      topics: list(Bytes),
      data: Bytes,
      logIndex: nullable(Whole),
      event: optional(Text),
      args: optional(Facts),
    }),
    closed({ op: Type.Literal("call"), frame: Whole }),
  ],
  { title: "TraceStep" },
);
const TraceFrame = closed(
  {
    parent: nullable(Whole),
    depth: Whole,
    kind: words("call", "static", "deploy", "upgrade"),
    address: Address,
    contract: nullable(closed({ kind: Text, type: Text, codeHash: Hash })),
    caller: Address,
    value: Decimal,
    entrypoint: optional(Text),
    args: optional(Type.Union([Facts, list(Anything)])),
    calldata: optional(Bytes),
    msg: optional(Message),
    status: Status,
    haltReason: optional(Text),
    refusal: optional(words("noContract", "valueNotCovered", "callDepth")),
    revert: optional(Revert),
    result: optional(Message),
    returnData: nullable(Bytes),
    gasLimit: Decimal,
    gasUsed: Decimal,
    ownGas: Decimal,
    gas: withNames(Decimal),
    steps: list(TraceStep),
    omitted: optional(Omitted),
  },
  { title: "TraceFrame" },
);
export const Trace = closed(
  {
    transactionHash: Hash,
    blockHeight: Whole,
    transactionIndex: Whole,
    status: Status,
    gasUsed: Decimal,
    gasLimit: Decimal,
    intrinsicGas: withNames(Decimal),
    frames: list(TraceFrame),
    omitted: nullable(Omitted),
  },
  { title: "Trace" },
);
