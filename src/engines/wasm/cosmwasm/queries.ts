/**
 * query_chain: what a contract asks of the chain while it runs (cosmwasm-std's QueryRequest), and the answer,
 * SystemResult<ContractResult<Binary>>. What the chain has no module for is an `unsupported_request`, which contracts can handle.
 */
import { BodyForm } from "../../../encoding/transaction.ts";
import { Halt } from "../../../execution/gas.ts";
import type { HostContext } from "../../../execution/host.ts";
import { ADDRESS_BYTES, type Addresses } from "./addresses.ts";
import { coinsOf } from "./coins.ts";
import { gasForCallee } from "./costs.ts";
import { asBinary, asObject, asString, asU64, asVariant, parseJson, toBase64 } from "./guest-json.ts";
import { revertText } from "./revert-text.ts";

export interface QueryContext {
  readonly host: HostContext;
  readonly addresses: Addresses;
  /** The native denomination. */
  readonly denom: string;
}

const NOBODY = new Uint8Array(ADDRESS_BYTES);

type Fields = Readonly<Record<string, unknown>>;

/** Answers a request, JSON both. @throws Halt when the chain's limits or this contract's gas end the frame. */
export function answerQuery(context: QueryContext, request: Uint8Array): Uint8Array {
  return Buffer.from(JSON.stringify(systemResult(context, request)), "utf8");
}

type SystemResult = { ok: { ok: string } | { error: string } } | { error: Record<string, unknown> };

function systemResult(context: QueryContext, request: Uint8Array): SystemResult {
  let module: string;
  let name: string;
  let fields: Fields;
  try {
    const [first, content] = asVariant(parseJson(request));
    module = first;
    if (module !== "bank" && module !== "wasm") return unsupported(module);
    [name] = asVariant(content);
    fields = asObject(asObject(content)[name]);
    const answer = (module === "bank" ? BANK : WASM)[name];
    return answer === undefined ? unsupported(`${module}.${name}`) : answer(context, fields);
  } catch (problem) {
    if (!(problem instanceof Halt) || problem.reason !== "InvalidOutput") throw problem;
    return { error: { invalid_request: { error: "not a QueryRequest of cosmwasm-std", request: toBase64(request) } } };
  }
}

function unsupported(kind: string): SystemResult {
  return { error: { unsupported_request: { kind } } };
}

function answered(value: unknown): SystemResult {
  return { ok: { ok: toBase64(Buffer.from(JSON.stringify(value), "utf8")) } };
}

function failed(error: string): SystemResult {
  return { ok: { error } };
}

type Answer = (context: QueryContext, fields: Fields) => SystemResult;

const BANK: Readonly<Record<string, Answer | undefined>> = {
  balance({ host, addresses, denom }, fields) {
    const wanted = asString(fields["denom"]);
    const address = addresses.parse(asString(fields["address"]));
    if (typeof address === "string") return failed(`invalid address: ${address}`);
    return amountAnswer(wanted === denom ? host.balanceOf(address) : 0n, wanted);
  },
  all_balances({ host, addresses, denom }, fields) {
    const address = addresses.parse(asString(fields["address"]));
    if (typeof address === "string") return failed(`invalid address: ${address}`);
    const amount = coinsOf(host.balanceOf(address), denom);
    return amount === undefined ? tooLarge() : answered({ amount });
  },
  supply({ host, denom }, fields) {
    const wanted = asString(fields["denom"]);
    return amountAnswer(wanted === denom ? host.nativeSupply() : 0n, wanted);
  },
};

function amountAnswer(amount: bigint, denom: string): SystemResult {
  const coins = coinsOf(amount, denom);
  return coins === undefined ? tooLarge() : answered({ amount: coins[0] ?? { denom, amount: "0" } });
}

function tooLarge(): SystemResult {
  return failed("the amount is above 2^128-1, which CosmWasm has no number for");
}

const WASM: Readonly<Record<string, Answer | undefined>> = {
  smart: withContract((context, address, fields) => smartQuery(context, address, asBinary(fields["msg"]))),
  raw: withContract(({ host }, address, fields) => {
    const value = host.rawState(address, asBinary(fields["key"]));
    return { ok: { ok: value === undefined ? "" : toBase64(value) } };
  }),
  contract_info: withContract(({ host, addresses }, address) => {
    const info = host.contractInfo(address)!;
    return answered({
      code_id: host.codeId(info.codeHash),
      creator: addresses.text(info.creator),
      admin: info.admin === undefined ? null : addresses.text(info.admin),
      pinned: false,
      ibc_port: null,
    });
  }),
  code_info({ host, addresses }, fields) {
    const digits = asU64(fields["code_id"]);
    const codeHash = host.codeHashOf(Number(digits));
    if (codeHash === undefined) return { error: { no_such_code: { code_id: Number(digits) } } };
    // Code belongs to nobody here: whoever names its hash may deploy it. Factories want the checksum, for instantiate2_address.
    const creator = addresses.text(NOBODY);
    return answered({ code_id: Number(digits), creator, checksum: Buffer.from(codeHash).toString("hex") });
  },
};

function withContract(answer: (context: QueryContext, address: Uint8Array, fields: Fields) => SystemResult): Answer {
  return (context, fields) => {
    const text = asString(fields["contract_addr"]);
    const address = context.addresses.parse(text);
    if (typeof address === "string") return failed(`invalid address: ${address}`);
    if (context.host.contractInfo(address) === undefined) return { error: { no_such_contract: { addr: text } } };
    return answer(context, address, fields);
  };
}

/** Another contract's `query`, in a frame of its own that may not write. */
function smartQuery({ host }: QueryContext, to: Uint8Array, message: Uint8Array): SystemResult {
  const outcome = host.call({
    to,
    input: { form: BodyForm.json, bytes: message, start: 0, end: message.length },
    value: 0n,
    gasLimit: gasForCallee(host.gas.remaining),
    isStatic: true,
  });
  switch (outcome.status) {
    case "success":
      return { ok: { ok: toBase64(outcome.returnData) } };
    case "reverted":
      return failed(`${revertText(outcome.returnData)}: query wasm contract failed`);
    default:
      // As on Cosmos chains: without gas nobody goes on, anything else is told.
      if (outcome.haltReason === "OutOfGas") throw new Halt("OutOfGas");
      return failed(`halted, ${outcome.haltReason}: query wasm contract failed`);
  }
}
