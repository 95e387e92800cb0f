/** JSON-RPC 2.0 responses as text: what every transport writes. */
import { type EngineError, ERROR_KINDS, rpcCodeOf } from "../errors.ts";
import { type FaultLog, publicError } from "./faults.ts";
import type { MethodTelemetry, RequestTrace } from "./request-telemetry.ts";
import type { QueryOutcome, Rejection, Sink, SubmissionOutcome } from "./services.ts";
import type { Subscriber } from "./streams/subscriber.ts";

/**
 * Where the answer to one request goes. Called exactly once for each request handed in.
 * `token` is what came with the request: the transport's own number, of which this layer knows nothing.
 */
export interface AnswerTarget {
  /** Requests of this client that submit transactions and are not answered; kept by RequestInHand. */
  writesInHand?: number;
  /** Undefined where nothing can be sent but answers. */
  readonly subscriber?: Subscriber | undefined;
  /** `text` is one JSON value, or empty for a notification, which has no answer. */
  answer(text: string, token: number, error?: EngineError): void;
}

/** The id of a request as JSON text; undefined for a notification, whose answer is not sent. */
export type IdText = string | undefined;

export function resultAnswer(id: IdText, result: string): string {
  return id === undefined ? "" : `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
}

/** The result in a `resultAnswer`. @param id with which it was asked for. */
export function resultIn(answer: string, id: number): string {
  return answer.slice(`{"jsonrpc":"2.0","id":${id},"result":`.length, -1);
}

export function errorAnswer(id: IdText, error: EngineError): string {
  return id === undefined ? "" : `{"jsonrpc":"2.0","id":${id},"error":${errorText(error)}}`;
}

/** The JSON-RPC error object of a rejection or an EngineError: code, message, and data {code, hint, facts}. */
export function errorText({ code, message, facts }: Rejection): string {
  const data = { ...facts, code, hint: ERROR_KINDS[code].hint };
  return `{"code":${rpcCodeOf(code)},"message":${JSON.stringify(message)},"data":${toJson(data)}}`;
}

/** Facts and results may hold amounts as bigint: decimal strings on the wire. */
export function toJson(value: unknown): string {
  return (
    JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? member.toString() : member)) ?? "null"
  );
}

/** A request that was read and will be answered exactly once. */
export class RequestInHand {
  /** Set for a request that is traced. */
  trace: RequestTrace | undefined;
  #telemetry: MethodTelemetry | undefined;
  #startedAtMs = 0;
  readonly id: IdText;
  readonly #target: AnswerTarget;
  readonly #token: number;
  readonly #faults: FaultLog;
  #isWrite = false;

  constructor(id: IdText, target: AnswerTarget, token: number, faults: FaultLog) {
    this.id = id;
    this.#target = target;
    this.#token = token;
    this.#faults = faults;
  }

  /** Its method is known: from here on it is measured. */
  measure(telemetry: MethodTelemetry, traceparent: string | undefined): void {
    this.#telemetry = telemetry;
    this.#startedAtMs = performance.now();
    this.trace = telemetry.trace(this.#startedAtMs, traceparent);
  }

  /** It submits transactions. */
  markWrite(): void {
    this.#isWrite = true;
    this.#target.writesInHand = (this.#target.writesInHand ?? 0) + 1;
  }

  get subscriber(): Subscriber | undefined {
    return this.#target.subscriber;
  }

  /** Whether its client still waits for transactions that it has submitted. */
  get followsWrites(): boolean {
    return (this.#target.writesInHand ?? 0) > 0;
  }

  /** `result` is JSON text. */
  succeed(result: string): void {
    this.#done();
    this.#telemetry?.answered(this.#startedAtMs, undefined);
    this.trace?.ended(undefined);
    this.#target.answer(resultAnswer(this.id, result), this.#token);
  }

  fail(thrown: unknown): void {
    this.#done();
    const error = publicError(thrown, this.#faults);
    this.#telemetry?.answered(this.#startedAtMs, error.code);
    this.trace?.ended(error.code);
    this.#target.answer(errorAnswer(this.id, error), this.#token, error);
  }

  #done(): void {
    if (this.#isWrite) this.#target.writesInHand!--;
    this.#isWrite = false;
  }
}

/** Answers a request with what the service settles it with. A fault in the making of the text is answered, not thrown. */
export abstract class AnsweringSink<T extends SubmissionOutcome | QueryOutcome> implements Sink<T> {
  readonly #request: RequestInHand;

  constructor(request: RequestInHand) {
    this.#request = request;
  }

  /** The result as JSON text. @throws EngineError where the outcome is an error. */
  protected abstract textOf(outcome: T): string;

  /** What the text has to wait for; undefined for nothing. */
  protected ready?(outcome: T): Promise<void> | undefined;

  settle(outcome: T): void {
    this.#request.trace?.settled(outcome);
    const ready = this.ready?.(outcome);
    if (ready === undefined) this.#answer(outcome);
    else
      ready.then(
        () => this.#answer(outcome),
        (thrown: unknown) => this.#request.fail(thrown),
      );
  }

  #answer(outcome: T): void {
    let text: string;
    try {
      text = this.textOf(outcome);
    } catch (thrown) {
      this.#request.fail(thrown);
      return;
    }
    this.#request.succeed(text);
  }

  fail(error: EngineError): void {
    this.#request.fail(error);
  }
}
