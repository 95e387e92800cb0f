/**
 * GET /v1/events: streams as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). The id
 * of an event is its cursor, so that a browser that connects again goes on where it was.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { EventSelectionJson } from "../../client/methods.ts";
import { EngineError } from "../../errors.ts";
import type { Caller } from "../access.ts";
import { toJson } from "../answers.ts";
import type { ConnectionRoom } from "../connection-room.ts";
import { type HttpAccess, tokenGone } from "../http-access.ts";
import { METHODS } from "../methods.ts";
import { sendProblem } from "../rest/problem.ts";
import { paramsFrom } from "../rest/query-params.ts";
import type { FrameFormat } from "./block-events.ts";
import type { EventStreams } from "./event-streams.ts";
import type { EventSink } from "./subscription.ts";

/** How long a browser waits before it connects again. */
const RETRY_MS = 1_000;

const FORMAT: FrameFormat = {
  key: "sse",
  frame: (type, cursor, result) => `id: ${cursor}\nevent: ${type}\ndata: ${result}\n\n`,
};

export class ServerSentEvents {
  readonly #streams: EventStreams;
  readonly #room: ConnectionRoom;
  readonly #access: HttpAccess;

  constructor(streams: EventStreams, room: ConnectionRoom, access: HttpAccess) {
    this.#streams = streams;
    this.#room = room;
    this.#access = access;
  }

  /** @param query of the request's URL. */
  handle(request: IncomingMessage, response: ServerResponse, query: string, caller: Caller): void {
    try {
      const params = paramsFrom(METHODS.subscribe.params, {}, query) as unknown as EventSelectionJson;
      // What a browser sends when it connects again counts for more than the address that it has.
      const lastEventId = request.headers["last-event-id"];
      const from = typeof lastEventId === "string" && lastEventId !== "" ? { since: lastEventId } : {};
      const selection = { ...params, ...from };
      METHODS.subscribe.validator.require(selection);
      this.#begin(response, selection, caller);
    } catch (thrown) {
      sendProblem(response, thrown);
    }
  }

  #begin(response: ServerResponse, selection: EventSelectionJson, caller: Caller): void {
    // It would wait for the end of the one before it, which may be a stream.
    if (response.socket === null)
      throw new EngineError("INVALID_REQUEST", "a stream was asked for before the request in front of it was answered");
    const leave = this.#room.takeStream();
    response.once("close", leave);
    const subscription = this.#streams.open(selection, new EventStreamSink(response, () => this.#streams.wake()));
    const forget = this.#access.whileKnown(caller, () => this.#streams.drop(subscription, tokenGone()));
    response.once("close", () => {
      forget();
      this.#streams.end(subscription);
    });
    response.writeHead(200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
      // A proxy that gathers a stream before it passes it on makes it no stream.
      "X-Accel-Buffering": "no",
    });
    response.write(`retry: ${RETRY_MS}\nid: ${subscription.cursor}\n\n`);
  }
}

class EventStreamSink implements EventSink {
  readonly format = FORMAT;
  readonly #response: ServerResponse;
  readonly #onWritten: () => void;

  /** @param onWritten called when something has left: there may be room for more. */
  constructor(response: ServerResponse, onWritten: () => void) {
    this.#response = response;
    this.#onWritten = onWritten;
  }

  get unreadBytes(): number {
    return this.#response.writableLength;
  }

  send(frames: readonly string[]): void {
    this.#response.write(frames.join(""), this.#onWritten);
  }

  /** Without data: a browser takes the id over and tells nobody. */
  rest(cursor: string): void {
    this.#response.write(`: nothing for a while\nid: ${cursor}\n\n`);
  }

  dropped({ code, message, facts }: EngineError): void {
    this.#response.end(`event: dropped\ndata: ${toJson({ ...facts, code, message })}\n\n`);
  }
}
