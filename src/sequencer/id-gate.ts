/**
 * IdGate: lets a transaction that carries an id pass once. A request whose id stands in the log is answered from there,
 * one whose id is in flight waits for that, and one that differs from what its id stands for is refused.
 *   encoded submission ──▶ known? answered or waiting ·· new: stays in the batch, remembered until it is settled
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { alignUp, type ByteWriter, compareBytes, toLatin1 } from "../encoding/bytes.ts";
import { toHex } from "../encoding/hex.ts";
import { optionalFields, TxFlag, transactionLength } from "../encoding/transaction.ts";
import type { EngineError } from "../errors.ts";
import { type Located, type Rejection, Submission, type SubmissionSink, type Wait } from "./batch.ts";
import type { IdIndex } from "./id-index.ts";

/** A transaction that carries an id and is not settled yet. */
interface InFlight {
  index: number;
  encoding: Uint8Array;
  waiters: Waiter[];
}

/** A later request with the same id. */
interface Waiter {
  answered(from: Submission, index: number): void;
  failed(problem: EngineError): void;
}

export interface IdGateOptions {
  ids: IdIndex;
  readBlock(seq: number): BlockEntry | undefined;
  now(): number;
}

export class IdGate {
  readonly #options: IdGateOptions;
  readonly #inFlight = new Map<string, InFlight>();

  constructor(options: IdGateOptions) {
    this.#options = options;
  }

  /**
   * Takes what is known out of `out`, where `count` encodings stand from `start`.
   * @returns the submission of what is left; `sink` is settled when that and everything waited for is. Whoever asked to wait
   *          for less than durable is told when it ran, and its ids stay in flight until the log has them.
   */
  admit(out: ByteWriter, start: number, count: number, wait: Wait, sink: SubmissionSink): Submission {
    const encodings = takeEncodings(out, start, count);
    const whole = new Submission(sink, wait, count);
    let open = 1;
    const settleOne = () => {
      if (--open === 0) sink.settle(whole);
    };
    const failAll = (problem: EngineError) => {
      if (open > 0) sink.fail(problem);
      open = -1;
    };
    const sent: number[] = [];
    const names: string[] = [];
    encodings.forEach((encoding, index) => {
      const { id: at } = optionalFields(encoding, 0);
      const id = at === undefined ? undefined : encoding.subarray(at, at + 32);
      if (id !== undefined) {
        const flying = this.#inFlight.get(toLatin1(id));
        if (flying !== undefined && sameRequest(encoding, flying.encoding)) {
          open++;
          flying.waiters.push({
            answered: (from, place) => {
              copyPlace(from, place, whole, index);
              settleOne();
            },
            failed: failAll,
          });
          return;
        }
        const refusal = flying === undefined ? this.#answerFromLog(id, encoding, whole, index) : conflict(id);
        if (refusal === "answered") return;
        if (refusal !== undefined) {
          whole.reject(index, refusal);
          return;
        }
        this.#inFlight.set(toLatin1(id), { index, encoding, waiters: [] });
        names.push(toLatin1(id));
      }
      out.raw(encoding);
      out.align();
      sent.push(index);
    });
    const settleSent = () => {
      for (const index of sent) copyPlace(submission, index, whole, index);
      settleOne();
    };
    const submission = new Submission(
      {
        ...(wait === "durable" ? {} : { executed: settleSent }),
        settle: () => {
          for (const name of names) {
            const { index, waiters } = this.#take(name);
            for (const waiter of waiters) waiter.answered(submission, index);
          }
          if (wait === "durable") settleSent();
        },
        fail: (problem) => {
          for (const name of names) for (const waiter of this.#take(name).waiters) waiter.failed(problem);
          failAll(problem);
        },
        // The id stays in flight: it must not run again while it may still be in the log.
        overdue: (problem) => {
          for (const name of names) for (const waiter of this.#inFlight.get(name)!.waiters) waiter.failed(problem);
          failAll(problem);
        },
      },
      "durable",
      count,
    );
    submission.sent = sent;
    return submission;
  }

  #take(name: string): InFlight {
    const flying = this.#inFlight.get(name)!;
    this.#inFlight.delete(name);
    return flying;
  }

  #answerFromLog(
    id: Uint8Array,
    encoding: Uint8Array,
    whole: Submission,
    index: number,
  ): Rejection | "answered" | undefined {
    const located = this.#locate(id);
    if (located === undefined) {
      if (!this.#options.ids.isFull(this.#options.now())) return undefined;
      return {
        code: "BUSY",
        message: "as many ids as can be kept are younger than ten minutes",
        facts: { retryAfterMs: 10_000 },
      };
    }
    const { bytes } = located.block;
    const at = located.block.transactionAt(located.index);
    if (!sameRequest(encoding, bytes.subarray(at, at + transactionLength(bytes, at)))) return conflict(id);
    whole.locate(index, located);
    return "answered";
  }

  /** The durable transaction that carries this id. */
  #locate(id: Uint8Array): Located | undefined {
    const place = this.#options.ids.find(id);
    const block = place === undefined ? undefined : this.#options.readBlock(place.seq);
    if (place === undefined || block === undefined || place.index >= block.transactionCount) return undefined;
    const { id: at } = optionalFields(block.bytes, block.transactionAt(place.index));
    if (at === undefined || compareBytes(block.bytes.subarray(at, at + 32), id) !== 0) return undefined;
    return { block, index: place.index };
  }
}

function takeEncodings(out: ByteWriter, start: number, count: number): Uint8Array[] {
  const encodings: Uint8Array[] = [];
  for (let i = 0, at = start; i < count; i++) {
    const length = transactionLength(out.bytes, at);
    encodings.push(out.bytes.slice(at, at + length));
    at += alignUp(length);
  }
  out.length = start;
  return encodings;
}

function copyPlace(from: Submission, fromIndex: number, to: Submission, index: number): void {
  const rejection = from.rejection(fromIndex);
  const block = from.block(fromIndex);
  if (rejection !== undefined) to.reject(index, rejection);
  else if (block !== undefined) to.locate(index, { block, index: from.position(fromIndex) });
}

/** Equal but for a nonce that one of the two left out. */
function sameRequest(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  const nonceOpen = ((a[1]! | b[1]!) & TxFlag.nonceLeftOut) !== 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i] || (nonceOpen && (i === 1 || (i >= 8 && i < 16)))) continue;
    return false;
  }
  return true;
}

function conflict(id: Uint8Array): Rejection {
  return {
    code: "ID_CONFLICT",
    message: `the id ${toHex(id)} was used for another transaction`,
    facts: { id: toHex(id) },
  };
}
