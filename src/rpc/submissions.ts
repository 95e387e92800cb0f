/**
 * tx_submit and tx_submitBatch: from parsed JSON into the executor's buffer and from the block's bytes to text, without
 * generic validation. The encoder is the strict check of a transaction, a few comparisons that of what is around it;
 * the schema is only asked why something was refused. What a WireCodec has read is encoded already.
 * Always
 *  - What is accepted here the schema accepts too (test/rpc/fast-path.test.ts).
 *  - `submit` is called before `one` or `batch` returns: requests take effect in the order in which they are handed in.
 */
import type { ByteWriter } from "../encoding/bytes.ts";
import { encodeTransaction, type TransactionJson } from "../encoding/transaction.ts";
import type { ReadSubmission, WireCodec } from "../encoding/wire-codec.ts";
import { EngineError, toEngineError } from "../errors.ts";
import { type Caller, requireRole, roleForKind } from "./access.ts";
import { AnsweringSink, type RequestInHand } from "./answers.ts";
import type { ContractAbis } from "./contract-abis.ts";
import { checkBatchSize, type FrontLimits } from "./limits.ts";
import { METHODS } from "./methods.ts";
import { BlockReceipts } from "./receipt-text.ts";
import type { EngineService, SubmissionOutcome, Wait } from "./services.ts";
import {
  acceptedText,
  BatchReceipts,
  checkNonceOrId,
  checkTransactionObject,
  type Detail,
  inside,
  TransactionBatch,
} from "./transaction-batch.ts";
import { invalid } from "./validate.ts";

/** Thrown out of `encode` when nothing is left to submit: the service then has queued nothing. */
const NOTHING_TO_SUBMIT = new Error("no transaction of the batch encodes");

const NOTHING_SUBMITTED: SubmissionOutcome = {
  block: () => undefined,
  position: () => 0,
  rejection: () => undefined,
  acceptedHash: () => undefined,
};

export class Submissions {
  readonly #service: EngineService;
  readonly #abis: ContractAbis;
  readonly #limits: FrontLimits;
  readonly #codec: WireCodec | undefined;
  #read: ReadSubmission | undefined;
  #transaction: TransactionJson | undefined;
  readonly #encodeOne = (out: ByteWriter): number => {
    encodeTransaction(this.#transaction!, out);
    return 1;
  };
  readonly #copyRead = (out: ByteWriter): number => {
    const { encodings, length, count } = this.#read!;
    out.copy(encodings, 0, length);
    return count;
  };

  constructor(
    options: { limits: FrontLimits },
    modules: { service: EngineService; abis: ContractAbis; codec?: WireCodec | undefined },
  ) {
    this.#codec = modules.codec;
    this.#limits = options.limits;
    this.#service = modules.service;
    this.#abis = modules.abis;
  }

  /** The same for what was read without being parsed; its caller may submit calls. */
  read(read: ReadSubmission, request: RequestInHand): void {
    this.#read = read;
    const sink = read.isBatch
      ? this.#batchSink(
          request,
          new BatchReceipts(read.count, "durable", this.#codec),
          read.isSummary ? "summary" : "full",
        )
      : this.#singleSink(request, "durable");
    this.#service.submit(this.#copyRead, "durable", sink);
  }

  #singleSink(request: RequestInHand, wait: Wait): SingleSink {
    return new SingleSink(request, wait, this.#abis, this.#codec);
  }

  #batchSink(request: RequestInHand, receipts: BatchReceipts, detail: Detail): BatchSink {
    return new BatchSink(request, receipts, detail, this.#abis);
  }

  /** @throws EngineError when nothing was submitted; otherwise `request` is answered, now or later. */
  one(params: Record<string, unknown>, caller: Caller, request: RequestInHand): void {
    const { transaction, wait = "durable" } = params;
    if (!hasOnly(params, "transaction", "wait") || !isWait(wait)) throw whyRefused("tx_submit", params);
    try {
      checkTransactionObject(transaction);
      requireRole(caller, roleForKind(transaction.kind), "tx_submit");
      if (wait === "accepted") checkNonceOrId(transaction);
      this.#transaction = transaction;
      this.#service.submit(this.#encodeOne, wait, this.#singleSink(request, wait));
    } catch (thrown) {
      throw inside(toEngineError(thrown), "transaction");
    } finally {
      this.#transaction = undefined;
    }
  }

  /** @throws EngineError when nothing was submitted; otherwise `request` is answered, now or later. */
  batch(params: Record<string, unknown>, caller: Caller, request: RequestInHand): void {
    const { transactions, wait = "durable", receipts: detail = "full" } = params;
    if (!hasOnly(params, "transactions", "wait", "receipts") || !isWait(wait) || !isDetail(detail)) {
      throw whyRefused("tx_submitBatch", params);
    }
    if (!Array.isArray(transactions) || transactions.length === 0) throw whyRefused("tx_submitBatch", params);
    checkBatchSize(transactions.length, this.#limits.batchMax);
    const batch = new TransactionBatch(transactions, wait, caller, this.#codec);
    const sink = this.#batchSink(request, batch.receipts, detail);
    const encode = (out: ByteWriter): number => {
      const count = batch.encode(out);
      if (count === 0) throw NOTHING_TO_SUBMIT;
      return count;
    };
    try {
      this.#service.submit(encode, wait, sink);
    } catch (thrown) {
      if (thrown !== NOTHING_TO_SUBMIT) throw thrown;
      sink.settle(NOTHING_SUBMITTED);
    }
  }
}

function whyRefused(method: "tx_submit" | "tx_submitBatch", params: unknown): EngineError {
  return METHODS[method].validator.refusal(params) ?? invalid("params", `the parameters of ${method}`, params);
}

function isDetail(detail: unknown): detail is Detail {
  return detail === "full" || detail === "summary";
}

function isWait(wait: unknown): wait is Wait {
  return wait === "durable" || wait === "executed" || wait === "accepted";
}

function hasOnly(params: Record<string, unknown>, first: string, second: string, third?: string): boolean {
  for (const key in params) if (key !== first && key !== second && key !== third) return false;
  return true;
}

class SingleSink extends AnsweringSink<SubmissionOutcome> {
  readonly #wait: Wait;
  readonly #abis: ContractAbis;
  readonly #codec: WireCodec | undefined;
  /** Of a plain token call, which has no ABI to wait for. */
  #text: string | undefined;

  constructor(request: RequestInHand, wait: Wait, abis: ContractAbis, codec: WireCodec | undefined) {
    super(request);
    this.#wait = wait;
    this.#abis = abis;
    this.#codec = codec;
  }

  protected override ready(outcome: SubmissionOutcome): Promise<void> | undefined {
    const block = this.#wait === "accepted" ? undefined : outcome.block(0);
    if (block === undefined) return undefined;
    this.#text = this.#codec?.receiptText(block.bytes, outcome.position(0), this.#abis.tokens());
    if (this.#text !== undefined) return undefined;
    return this.#abis.load(new BlockReceipts(block, this.#abis).contracts(outcome.position(0)));
  }

  protected override textOf(outcome: SubmissionOutcome): string {
    if (this.#text !== undefined) return this.#text;
    const rejection = outcome.rejection(0);
    if (rejection !== undefined) throw new EngineError(rejection.code, rejection.message, rejection.facts);
    const block = outcome.block(0);
    if (block === undefined || this.#wait === "accepted") return acceptedText(outcome, 0);
    return new BlockReceipts(block, this.#abis).full(outcome.position(0));
  }
}

class BatchSink extends AnsweringSink<SubmissionOutcome> {
  readonly #receipts: BatchReceipts;
  readonly #detail: Detail;
  readonly #abis: ContractAbis;

  constructor(request: RequestInHand, receipts: BatchReceipts, detail: Detail, abis: ContractAbis) {
    super(request);
    this.#receipts = receipts;
    this.#detail = detail;
    this.#abis = abis;
  }

  protected override ready(outcome: SubmissionOutcome): Promise<void> | undefined {
    return this.#detail === "full" ? this.#abis.load(this.#receipts.contracts(outcome, this.#abis)) : undefined;
  }

  protected override textOf(outcome: SubmissionOutcome): string {
    const { text, height } = this.#receipts.text(outcome, this.#detail, this.#abis);
    return `{"blockHeight":${height ?? "null"},"receipts":[${text}]}`;
  }
}
