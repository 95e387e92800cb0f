/**
 * Transactions on their way in and their receipts on the way out, many at a time: what tx_submitBatch and block_execute
 * share. A transaction that is refused here stands in its place and leaves its neighbours alone.
 *   JSON ── TransactionBatch.encode ──▶ executor's buffer        block bytes ── BatchReceipts.text ──▶ JSON text
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import type { ByteWriter } from "../encoding/bytes.ts";
import { encodeTransaction, type TransactionJson } from "../encoding/transaction.ts";
import type { WireCodec } from "../encoding/wire-codec.ts";
import { EngineError, toEngineError } from "../errors.ts";
import { type Caller, hasRole, requireRole, roleForKind } from "./access.ts";
import { errorText } from "./answers.ts";
import { BlockReceipts, type KnownAbis, viewOf } from "./receipt-text.ts";
import { TRANSACTION_KEYS, Transaction } from "./schemas.ts";
import type { Rejection, SubmissionOutcome, Wait } from "./services.ts";
import { invalid, isObject, Validator } from "./validate.ts";

const ADDRESS = /^0x[0-9a-f]{40}$/i;

export type Detail = "full" | "summary";

const transactionSchema = new Validator(Transaction);

export class TransactionBatch {
  readonly receipts: BatchReceipts;
  readonly #transactions: readonly unknown[];
  readonly #wait: Wait;
  readonly #caller: Caller;

  constructor(transactions: readonly unknown[], wait: Wait, caller: Caller, codec?: WireCodec) {
    this.receipts = new BatchReceipts(transactions.length, wait, codec);
    this.#transactions = transactions;
    this.#wait = wait;
    this.#caller = caller;
  }

  /** Appends what encodes and remembers what does not; answers how many were appended. */
  encode(out: ByteWriter): number {
    const isTrusted = hasRole(this.#caller, "admin");
    let count = 0;
    for (let i = 0; i < this.#transactions.length; i++) {
      const transaction = this.#transactions[i];
      try {
        checkTransactionObject(transaction);
        if (!isTrusted)
          requireRole(this.#caller, roleForKind(transaction.kind), `a transaction of kind ${transaction.kind}`);
        if (this.#wait === "accepted") checkNonceOrId(transaction);
        encodeTransaction(transaction, out);
        count++;
      } catch (thrown) {
        const error = toEngineError(thrown);
        if (error.code === "INTERNAL_ERROR") throw thrown;
        this.receipts.refuse(i, inside(error, `transactions[${i}]`));
      }
    }
    return count;
  }

  /** Of those that were not refused, the contracts that are called. */
  targets(): string[] {
    return this.#transactions.flatMap((transaction, index) => {
      const { to } = transaction as { to?: unknown };
      const isAddress = typeof to === "string" && ADDRESS.test(to) && !this.receipts.isRefused(index);
      return isAddress ? [to.slice(2).toLowerCase()] : [];
    });
  }
}

/** What is answered for the transactions of one request. */
export class BatchReceipts {
  readonly #count: number;
  readonly #wait: Wait;
  readonly #codec: WireCodec | undefined;
  /** What was refused before it was handed on, by index in the request. */
  #refused: Map<number, Rejection> | undefined;

  constructor(count: number, wait: Wait, codec: WireCodec | undefined) {
    this.#count = count;
    this.#wait = wait;
    this.#codec = codec;
  }

  refuse(index: number, rejection: Rejection): void {
    this.#refused ??= new Map();
    this.#refused.set(index, rejection);
  }

  isRefused(index: number): boolean {
    return this.#refused?.has(index) === true;
  }

  /** Contracts whose ABIs say what the receipts mean. */
  contracts(outcome: SubmissionOutcome, abis: KnownAbis): string[] {
    const contracts: string[] = [];
    const count = this.#count - (this.#refused?.size ?? 0);
    for (let index = 0; index < count; index++) {
      const block = this.#wait === "accepted" ? undefined : outcome.block(index);
      if (block !== undefined && outcome.rejection(index) === undefined)
        contracts.push(...new BlockReceipts(block, abis).contracts(outcome.position(index)));
    }
    return contracts;
  }

  /** The members of the JSON array of receipts, in the order of the request, and the highest block that holds one of them. */
  text(outcome: SubmissionOutcome, detail: Detail, abis: KnownAbis): { text: string; height: number | undefined } {
    if (detail === "summary") {
      const block = this.#oneRun(outcome);
      const text = block && this.#codec?.summariesText(block.bytes, outcome.position(0), this.#count);
      if (text !== undefined) return { text, height: block!.height };
    }
    let receipts: BlockReceipts | undefined;
    let height: number | undefined;
    let text = "";
    for (let i = 0, index = 0; i < this.#count; i++) {
      if (i > 0) text += ",";
      const refused = this.#refused?.get(i);
      const rejection = refused ?? outcome.rejection(index);
      if (rejection !== undefined) {
        text += `{"error":${errorText(rejection)}}`;
      } else {
        const block = this.#wait === "accepted" ? undefined : outcome.block(index);
        if (block === undefined) {
          text += acceptedText(outcome, index);
        } else {
          if (receipts?.block !== block) {
            receipts = new BlockReceipts(block, abis);
            height = Math.max(height ?? 0, block.height);
          }
          const position = outcome.position(index);
          text += detail === "full" ? receipts.full(position) : receipts.summary(position);
        }
      }
      if (refused === undefined) index++;
    }
    return { text, height };
  }

  /** The block that holds all of them, one after the other; undefined where they do not stand so. */
  #oneRun(outcome: SubmissionOutcome): BlockEntry | undefined {
    if (this.#refused !== undefined || this.#wait === "accepted") return undefined;
    const block = outcome.block(0);
    const first = outcome.position(0);
    for (let i = 0; i < this.#count; i++)
      if (outcome.block(i) !== block || outcome.position(i) !== first + i || outcome.rejection(i) !== undefined)
        return undefined;
    return block;
  }
}

export function acceptedText(outcome: SubmissionOutcome, index: number): string {
  const hash = outcome.acceptedHash(index);
  if (hash === undefined)
    throw new Error(`the service settled transaction ${index} with neither block, rejection nor hash`);
  return `{"transactionHash":"0x${viewOf(hash).toString("hex")}"}`;
}

/** What a transaction is called until `inside` says where it stands in the parameters. */
const ROOT = "transaction";

/**
 * What the encoder does not look at: that it is an object of a known kind, that its kind knows every key, and the types
 * that the encoder converts. @throws EngineError with a path that begins at ROOT.
 */
export function checkTransactionObject(value: unknown): asserts value is TransactionJson {
  if (!isObject(value)) throw invalid(ROOT, "a transaction object", value);
  const known = TRANSACTION_KEYS.get(value["kind"] as string);
  if (known === undefined) throw whyRefused(value);
  for (const key in value) if (!known.has(key)) throw whyRefused(value);
  const amount = value["value"];
  const args = value["args"];
  const contract = value["contract"];
  // A number beyond 2^53 is not the one that was sent any more.
  const isAmount = typeof amount === "string" || Number.isSafeInteger(amount);
  if (amount !== undefined && !isAmount) throw whyRefused(value);
  if (args !== undefined && !Array.isArray(args)) throw whyRefused(value);
  if (contract !== undefined && (!isObject(contract) || typeof contract["type"] !== "string")) throw whyRefused(value);
}

function whyRefused(value: Record<string, unknown>): EngineError {
  if (value["raw"] !== undefined) {
    return new EngineError("UNSUPPORTED_TRANSACTION", `${ROOT}: signed raw transactions are not accepted`, {
      path: ROOT,
    });
  }
  return transactionSchema.refusal(value, ROOT) ?? invalid(ROOT, "a transaction", value);
}

/** The same for one that stands at `place` in the parameters. */
export function requireTransactionObject(value: unknown, place: string): asserts value is TransactionJson {
  try {
    checkTransactionObject(value);
  } catch (thrown) {
    throw inside(toEngineError(thrown), place);
  }
}

/** @throws EngineError NONCE_REQUIRED: without either, nobody could ask later what became of it. */
export function checkNonceOrId(transaction: TransactionJson): void {
  if (transaction.nonce !== undefined || transaction.id !== undefined) return;
  throw new EngineError("NONCE_REQUIRED", `${ROOT}: with wait "accepted" a nonce or an id must be stated`, {
    path: ROOT,
  });
}

/** The same error, with its path from ROOT, or from inside the transaction, put where the transaction stands. */
export function inside(error: EngineError, place: string): EngineError {
  const path = error.facts["path"];
  if (typeof path !== "string") return error;
  const within = path === ROOT ? "" : path.startsWith(`${ROOT}.`) ? path.slice(ROOT.length) : `.${path}`;
  const problem = error.message.startsWith(`${path}: `) ? error.message.slice(path.length + 2) : error.message;
  return new EngineError(error.code, `${place}${within}: ${problem}`, { ...error.facts, path: place + within });
}
