/**
 * contract_query: the read that wallets and scripts repeat. Like a submission it is checked by hand and by the encoder,
 * and answered by concatenation; the schema is only asked why something was refused.
 */
import type { AbiFunction } from "../encoding/abi.ts";
import type { ByteWriter } from "../encoding/bytes.ts";
import { fromHex } from "../encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../encoding/transaction.ts";
import { EngineError, toEngineError } from "../errors.ts";
import { AnsweringSink, type RequestInHand } from "./answers.ts";
import { type ContractAbis, type ContractMeaning, TOKEN_MEANING } from "./contract-abis.ts";
import { checkQueryGas, type FrontLimits } from "./limits.ts";
import { METHODS } from "./methods.ts";
import { describeRevert, resultText, viewOf } from "./receipt-text.ts";
import type { EngineService, QueryOutcome } from "./services.ts";
import { invalid } from "./validate.ts";

const KNOWN_KEYS = new Set(["address", "entrypoint", "args", "calldata", "msg", "caller", "gasLimit", "cache", "at"]);
/** Who asks when nobody is named: the zero address, as with eth_call. */
const NOBODY = `0x${"0".repeat(40)}`;

export class Queries {
  readonly #service: EngineService;
  readonly #abis: ContractAbis;
  readonly #limits: FrontLimits;
  #transaction: TransactionJson | undefined;
  readonly #encode = (out: ByteWriter): number => {
    encodeTransaction(this.#transaction!, out);
    return 1;
  };

  constructor(options: { limits: FrontLimits }, modules: { service: EngineService; abis: ContractAbis }) {
    this.#limits = options.limits;
    this.#service = modules.service;
    this.#abis = modules.abis;
  }

  /** @throws EngineError when the query was not run; otherwise `request` is answered, now or later. */
  run(params: Record<string, unknown>, request: RequestInHand): void {
    const { cache = "use", at } = params;
    for (const key in params) if (!KNOWN_KEYS.has(key)) throw whyRefused(params);
    if (cache !== "use" && cache !== "bypass") throw whyRefused(params);
    const transaction = this.#asTransaction(params);
    const sink = new QuerySink(request, transaction, this.#abis);
    if (at !== undefined) {
      METHODS.contract_query.validator.require(params);
      this.#service.queryAt(transaction, at as number).then(
        (outcome) => sink.settle(outcome),
        (thrown: unknown) => request.fail(thrown),
      );
      return;
    }
    this.#transaction = transaction;
    try {
      this.#service.query(this.#encode, sink, cache === "bypass", request.followsWrites);
    } catch (thrown) {
      throw inParameters(toEngineError(thrown));
    } finally {
      this.#transaction = undefined;
    }
  }

  #asTransaction(params: Record<string, unknown>): TransactionJson {
    const { queryGasMax } = this.#limits;
    const { address, entrypoint, args, calldata, msg, caller = NOBODY, gasLimit = queryGasMax } = params;
    if (entrypoint === undefined && calldata === undefined && msg === undefined) {
      throw invalid("entrypoint", "one of entrypoint, calldata and msg", undefined);
    }
    if (args !== undefined && !Array.isArray(args)) throw whyRefused(params);
    checkQueryGas(gasLimit as number | string, queryGasMax);
    const call = { kind: "call", sender: caller, nonce: 0, gasLimit, to: address, entrypoint, args, calldata, msg };
    // The encoder checks each of them.
    return call as TransactionJson;
  }
}

function whyRefused(params: Record<string, unknown>): EngineError {
  return (
    METHODS.contract_query.validator.refusal(params) ?? invalid("params", "the parameters of contract_query", params)
  );
}

const PARAMETER_NAMES: Record<string, string> = { sender: "caller", to: "address" };

/** The encoder speaks of a transaction; the caller sent a query. */
function inParameters(error: EngineError): EngineError {
  const path = error.facts["path"];
  const name = typeof path === "string" ? PARAMETER_NAMES[path] : undefined;
  if (name === undefined) return error;
  return new EngineError(error.code, error.message.replace(`${path}:`, `${name}:`), { ...error.facts, path: name });
}

function functionCalled(
  { entrypoint, calldata, args }: TransactionJson,
  meaning: ContractMeaning,
): AbiFunction | undefined {
  if (typeof entrypoint === "string") return meaning.functionNamed(entrypoint, args?.length ?? 0);
  const data = typeof calldata === "string" ? fromHex(calldata.slice(0, 10)) : undefined;
  return data && meaning.functionSelected(data);
}

class QuerySink extends AnsweringSink<QueryOutcome> {
  readonly #transaction: TransactionJson;
  readonly #abis: ContractAbis;
  /** 40 lower-case hex digits. */
  readonly #contract: string;

  constructor(request: RequestInHand, transaction: TransactionJson, abis: ContractAbis) {
    super(request);
    this.#transaction = transaction;
    this.#abis = abis;
    this.#contract = typeof transaction.to === "string" ? transaction.to.slice(2).toLowerCase() : "";
  }

  protected override ready({ rejection }: QueryOutcome): Promise<void> | undefined {
    const isKnown = rejection !== undefined || this.#abis.of(this.#contract) !== undefined;
    return isKnown ? undefined : this.#abis.load([this.#contract]);
  }

  protected override textOf(outcome: QueryOutcome): string {
    const meaning = this.#abis.of(this.#contract) ?? TOKEN_MEANING;
    requireSuccess(outcome, meaning);
    const returnData = viewOf(outcome.returnData);
    const fn = functionCalled(this.#transaction, meaning);
    // A message is JSON, and so is what contracts answer to it.
    const result = this.#transaction.msg === undefined ? fn && resultText(fn, returnData) : jsonText(returnData);
    return (
      `{${result === undefined ? "" : `"result":${result},`}"returnData":"0x${returnData.toString("hex")}","gasUsed":"${outcome.gasUsed}"` +
      `,"cached":${outcome.cached === true ? `true,"ageMs":${Math.round(outcome.ageMs ?? 0)}` : "false"},"seq":${outcome.seq},"blockHeight":${outcome.blockHeight}}`
    );
  }
}

/** JSON on one line, with its numbers as they were written; undefined when the bytes are none. */
function jsonText(bytes: Buffer): string | undefined {
  const text = bytes.toString("utf8");
  try {
    const value = JSON.parse(text);
    return /[\r\n]/.test(text) ? JSON.stringify(value) : text;
  } catch {
    return undefined;
  }
}

/** @throws EngineError for a query that was refused, reverted or halted: a query has no receipt to say so. */
function requireSuccess(outcome: QueryOutcome, meaning: ContractMeaning): void {
  const { rejection, status, gasUsed, haltReason, seq, blockHeight } = outcome;
  if (rejection !== undefined) throw new EngineError(rejection.code, rejection.message, rejection.facts);
  if (status === "success") return;
  const facts = { gasUsed: String(gasUsed), seq, blockHeight };
  if (status === "reverted") {
    const revert = describeRevert(outcome.returnData, meaning);
    throw new EngineError("REVERTED", revert.message, { ...facts, revert });
  }
  if (haltReason === "OutOfGas") throw new EngineError("GAS_EXHAUSTED", `the query used up its ${gasUsed} gas`, facts);
  const why = haltReason === "StaticWrite" ? "StaticWrite: it would write, so call or simulate it" : haltReason;
  throw new EngineError("HALTED", `the query halted: ${why}`, { ...facts, haltReason });
}
