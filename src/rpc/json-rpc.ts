/**
 * JSON-RPC 2.0 (https://www.jsonrpc.org/specification) over any transport: a parsed message in, text out.
 *   transport ── handle(message, caller, target, token) ──▶ Submissions │ Queries │ method table ──▶ target.answer(text, token)
 *   bytes ── WireCodec reads plain submissions ──▶ Submissions
 * Always
 *  - Every message is answered exactly once; a notification with an empty text.
 *  - What changes the chain takes effect in the order in which it was handed in: submissions reach the service before
 *    `handle` returns, ordered methods wait for one another.
 *  - Parameters are passed by name.
 */
import type { SettingJson } from "../client/methods.ts";
import type { ReadSubmission, WireCodec } from "../encoding/wire-codec.ts";
import { EngineError } from "../errors.ts";
import { type Caller, hasRole, type Role, requireRole, roleForKind } from "./access.ts";
import type { AdminService, AuditTrail } from "./admin.ts";
import { type AnswerTarget, type IdText, RequestInHand, toJson } from "./answers.ts";
import { ContractAbis } from "./contract-abis.ts";
import type { DevService } from "./dev.ts";
import type { FaultLog } from "./faults.ts";
import { JsonText } from "./json-text.ts";
import { checkBatchSize, type FrontLimits } from "./limits.ts";
import type { BlockMode, MethodContext } from "./method.ts";
import { getMethod, METHODS } from "./methods.ts";
import { nearest } from "./nearest.ts";
import { Queries } from "./queries.ts";
import type { RequestTelemetry } from "./request-telemetry.ts";
import type { EngineService } from "./services.ts";
import { EventStreams } from "./streams/event-streams.ts";
import { JobFeed } from "./streams/job-feed.ts";
import type { Subscriber } from "./streams/subscriber.ts";
import { Submissions } from "./submissions.ts";
import { invalid, isObject } from "./validate.ts";

/** How long a client that was sent away by a stopping daemon should wait. */
const RESTART_RETRY_MS = 1_000;

/** Measured together: a client may call anything. */
const UNKNOWN_METHOD = "_OTHER";

export interface JsonRpcOptions {
  readonly blockMode: BlockMode;
  readonly limits: FrontLimits;
  /** Chain parameter: how account_get writes addresses in Bech32. */
  readonly bech32Prefix: string;
  /** Answered by engine_config; left out: nothing is. */
  readonly settings?: readonly SettingJson[];
}

export interface JsonRpcModules {
  readonly service: EngineService;
  readonly log: FaultLog;
  /** Undefined: everything goes the long way. */
  readonly codec?: WireCodec | undefined;
  /** Undefined: requests are not measured. */
  readonly telemetry?: RequestTelemetry | undefined;
  readonly admin?: AdminService | undefined;
  /** Undefined without --dev. */
  readonly dev?: DevService | undefined;
  /** Undefined: administrative actions are kept nowhere. */
  readonly audit?: AuditTrail | undefined;
}

type Params = Record<string, unknown>;

export class JsonRpc {
  readonly limits: FrontLimits;
  readonly service: EngineService;
  readonly log: FaultLog;
  readonly #options: JsonRpcOptions;
  readonly #codec: WireCodec | undefined;
  readonly telemetry: RequestTelemetry | undefined;
  readonly #admin: AdminService | undefined;
  readonly #dev: DevService | undefined;
  readonly #audit: AuditTrail | undefined;
  readonly #abis: ContractAbis;
  readonly #submissions: Submissions;
  readonly #queries: Queries;
  readonly streams: EventStreams;
  /** Settled when the last ordered method is. */
  #lastOrdered: Promise<void> = Promise.resolve();
  #isStopping = false;

  constructor(options: JsonRpcOptions, modules: JsonRpcModules) {
    this.limits = options.limits;
    this.service = modules.service;
    this.log = modules.log;
    this.telemetry = modules.telemetry;
    this.#options = options;
    this.#codec = modules.codec;
    this.#admin = modules.admin;
    this.#dev = modules.dev;
    this.#audit = modules.audit;
    this.#abis = new ContractAbis(modules.service);
    this.#submissions = new Submissions(options, { ...modules, abis: this.#abis });
    this.#queries = new Queries(options, { ...modules, abis: this.#abis });
    const { events, privacy } = modules.service;
    const jobs = privacy && new JobFeed(privacy);
    this.streams = new EventStreams(options.limits, { log: events, abis: this.#abis, jobs }, modules.log);
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** From here on every request is answered SHUTTING_DOWN; those in hand are finished, and streams end. */
  stop(): void {
    this.#isStopping = true;
    this.streams.close();
  }

  /** Answers a message of a transport: UTF-8 of the JSON text of one request, or of an array of them. */
  handleBytes(bytes: Buffer, start: number, end: number, caller: Caller, target: AnswerTarget, token: number): void {
    const read = this.#codec?.readSubmission(bytes, start, end);
    if (read !== undefined && read.count <= this.limits.batchMax && hasRole(caller, roleForKind("call"))) {
      this.#submitRead(read, caller, target, token);
      return;
    }
    let message: unknown;
    try {
      message = JSON.parse(bytes.toString("utf8", start, end));
    } catch (problem) {
      const reason = problem instanceof Error ? problem.message : "not JSON";
      this.refuse(new EngineError("PARSE_ERROR", `not valid JSON: ${reason}`), target, token);
      return;
    }
    this.handle(message, caller, target, token);
  }

  handle(message: unknown, caller: Caller, target: AnswerTarget, token: number): void {
    if (Array.isArray(message)) this.#handleArray(message, caller, target, token);
    else this.#handleRequest(message, caller, target, token);
  }

  /** Answers what was no request at all: the id is null. */
  refuse(error: unknown, target: AnswerTarget, token: number): void {
    new RequestInHand("null", target, token, this.log).fail(error);
  }

  /** @throws EngineError SHUTTING_DOWN */
  requireRunning(): void {
    if (!this.#isStopping) return;
    throw new EngineError("SHUTTING_DOWN", "the daemon is stopping; nothing ran", { retryAfterMs: RESTART_RETRY_MS });
  }

  /** @throws EngineError WRONG_MODE */
  requireMode(name: string, needed: BlockMode): void {
    const { blockMode } = this.#options;
    if (blockMode === needed) return;
    const facts = { method: name, blockMode, needed };
    throw new EngineError(
      "WRONG_MODE",
      `${name} belongs to mode ${needed}; this daemon runs in mode ${blockMode}`,
      facts,
    );
  }

  #submitRead(read: ReadSubmission, caller: Caller, target: AnswerTarget, token: number): void {
    const method = METHODS[read.isBatch ? "tx_submitBatch" : "tx_submit"];
    const request = new RequestInHand(read.id, target, token, this.log);
    if (this.telemetry !== undefined) request.measure(this.telemetry.method(method.name), caller.traceparent);
    try {
      this.#admit(method, caller);
      request.markWrite();
      this.#submissions.read(read, request);
    } catch (thrown) {
      request.fail(thrown);
    }
  }

  #handleArray(messages: readonly unknown[], caller: Caller, target: AnswerTarget, token: number): void {
    try {
      if (messages.length === 0) throw new EngineError("INVALID_REQUEST", "an array of requests must not be empty");
      checkBatchSize(messages.length, this.limits.batchMax);
    } catch (thrown) {
      this.refuse(thrown, target, token);
      return;
    }
    const answers = new ArrayAnswers(messages.length, target, token);
    for (let i = 0; i < messages.length; i++) this.#handleRequest(messages[i], caller, answers, i);
  }

  #handleRequest(message: unknown, caller: Caller, target: AnswerTarget, token: number): void {
    const id = isObject(message) ? idText(message["id"]) : "null";
    if (
      !isObject(message) ||
      message["jsonrpc"] !== "2.0" ||
      typeof message["method"] !== "string" ||
      id === "invalid"
    ) {
      const shownId = id === undefined || id === "invalid" ? "null" : id;
      new RequestInHand(shownId, target, token, this.log).fail(notARequest(message));
      return;
    }
    const request = new RequestInHand(id, target, token, this.log);
    if (this.telemetry !== undefined) {
      const { method, traceparent = caller.traceparent } = message;
      const name = getMethod(method as string) === undefined ? UNKNOWN_METHOD : (method as string);
      request.measure(this.telemetry.method(name), typeof traceparent === "string" ? traceparent : undefined);
    }
    try {
      this.#dispatch(message["method"], message["params"], caller, request);
    } catch (thrown) {
      request.fail(thrown);
    }
  }

  #dispatch(name: string, given: unknown, caller: Caller, request: RequestInHand): void {
    const method = getMethod(name);
    if (method === undefined) throw methodNotFound(name);
    this.#admit(method, caller);
    const params = given === undefined ? {} : given;
    if (!isObject(params)) throw invalid("params", "an object: parameters are passed by name", params);
    if (name === "tx_submit" || name === "tx_submitBatch") {
      request.markWrite();
      if (name === "tx_submit") this.#submissions.one(params, caller, request);
      else this.#submissions.batch(params, caller, request);
    } else if (name === "contract_query") this.#queries.run(params, request);
    else this.#runMethod(method as GeneralMethod, params, caller, request);
  }

  /** @throws EngineError when this caller may not call it, or nobody may now. */
  #admit(method: Pick<GeneralMethod, "name" | "role" | "isAudited" | "blockMode">, caller: Caller): void {
    this.#requireRole(method, caller);
    this.requireRunning();
    if (method.blockMode !== undefined) this.requireMode(method.name, method.blockMode);
  }

  #requireRole({ name, role, isAudited }: Pick<GeneralMethod, "name" | "role" | "isAudited">, caller: Caller): void {
    const isRefused = isAudited === true && caller.name !== undefined && !hasRole(caller, role);
    if (isRefused)
      void this.#audit?.refused({ actor: caller.name!, action: name, facts: { role: caller.role, needed: role } });
    requireRole(caller, role, name);
  }

  #runMethod(method: GeneralMethod, params: Params, caller: Caller, request: RequestInHand): void {
    method.validator.require(params);
    if (method.isOrdered) request.markWrite();
    const context: MethodContext = {
      settings: [],
      ...this.#options,
      service: this.service,
      admin: this.#admin,
      dev: this.#dev,
      abis: this.#abis,
      caller,
      subscriber: request.subscriber,
    };
    const handle = async () => method.handle(params, context);
    const action = { actor: caller.name ?? "anonymous", action: method.name, facts: params };
    const isAudited = method.isAudited === true && this.#audit !== undefined;
    const run = async (): Promise<void> => {
      try {
        const result = await (isAudited ? this.#audit!.around(action, handle, (answer) => ({ answer })) : handle());
        request.succeed(result instanceof JsonText ? result.text : toJson(result));
      } catch (thrown) {
        request.fail(thrown);
      }
    };
    if (method.isOrdered) this.#lastOrdered = this.#lastOrdered.then(run);
    else void run();
  }
}

/** A method of the table as dispatch sees it: its own validator vouches for the parameters. */
interface GeneralMethod {
  readonly name: string;
  readonly role: Role;
  readonly isAudited?: boolean;
  readonly blockMode?: BlockMode;
  readonly validator: { require(params: unknown): void };
  readonly isOrdered?: boolean;
  readonly handle: (params: Params, context: MethodContext) => unknown;
}

/** The id as JSON text; undefined for a notification, "invalid" for what JSON-RPC does not allow. */
function idText(id: unknown): IdText | "invalid" {
  switch (typeof id) {
    case "number":
      return isExact(id) ? String(id) : "invalid";
    case "string":
      return JSON.stringify(id);
    case "undefined":
      return undefined;
    default:
      return id === null ? "null" : "invalid";
  }
}

/** A larger one would come back as another: parsing rounds it. */
function isExact(id: number): boolean {
  return Math.abs(id) <= Number.MAX_SAFE_INTEGER;
}

function notARequest(message: unknown): EngineError {
  const problem = !isObject(message)
    ? "a request is an object"
    : message["jsonrpc"] !== "2.0"
      ? 'a request has "jsonrpc":"2.0"'
      : typeof message["method"] !== "string"
        ? "a request has a method, a string"
        : "an id is a string, a number up to 2^53-1, or null";
  return new EngineError("INVALID_REQUEST", problem);
}

function methodNotFound(name: string): EngineError {
  const suggestion = nearest(name, Object.keys(METHODS));
  const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
  return new EngineError("METHOD_NOT_FOUND", `there is no method ${JSON.stringify(name.slice(0, 80))}${hint}`, {
    method: name.slice(0, 80),
    ...(suggestion === undefined ? {} : { suggestion }),
  });
}

/** Gathers the answers to the requests of one array, in the order of the requests. */
class ArrayAnswers implements AnswerTarget {
  /** None of the array is answered before all of it: who sent it counts the writes of all its arrays. */
  get writesInHand(): number {
    return this.#target.writesInHand ?? 0;
  }
  get subscriber(): Subscriber | undefined {
    return this.#target.subscriber;
  }
  set writesInHand(count: number) {
    this.#target.writesInHand = count;
  }

  readonly #texts: string[];
  readonly #target: AnswerTarget;
  readonly #token: number;
  #missing: number;

  constructor(count: number, target: AnswerTarget, token: number) {
    this.#texts = new Array<string>(count).fill("");
    this.#missing = count;
    this.#target = target;
    this.#token = token;
  }

  answer(text: string, index: number): void {
    this.#texts[index] = text;
    if (--this.#missing > 0) return;
    const texts = this.#texts.filter((answer) => answer !== "");
    this.#target.answer(texts.length === 0 ? "" : `[${texts.join(",")}]`, this.#token);
  }
}
