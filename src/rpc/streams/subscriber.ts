/** The subscriptions of one connection that speaks JSON-RPC: events leave it as notifications. */
import type { EventSelectionJson } from "../../client/methods.ts";
import { EngineError } from "../../errors.ts";
import { errorText } from "../answers.ts";
import type { FrameFormat } from "./block-events.ts";
import type { EventStreams } from "./event-streams.ts";
import type { EventSink, Subscription } from "./subscription.ts";

/** What a transport that can send without being asked lets a subscriber do. */
export interface NotificationChannel {
  /** Bytes written to the connection that its client has not taken. */
  readonly unreadBytes: number;
  notify(messages: readonly string[]): void;
}

export class Subscriber {
  readonly #streams: EventStreams;
  readonly #channel: NotificationChannel;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #max: number;
  readonly #wake = () => this.#streams.wake();
  #opened = 0;

  constructor(streams: EventStreams, channel: NotificationChannel) {
    this.#streams = streams;
    this.#channel = channel;
    this.#max = streams.limits.connectionSubscriptionsMax;
  }

  /** @throws EngineError as EventStreams.open, and LIMIT_EXCEEDED. */
  subscribe(params: EventSelectionJson): { subscription: string; cursor: string } {
    if (this.#subscriptions.size >= this.#max)
      throw new EngineError("LIMIT_EXCEEDED", `a connection has at most ${this.#max} subscriptions`, {
        limit: "connectionSubscriptionsMax",
        max: this.#max,
      });
    // Small and the same on every connection, so that what is written for one is what others read.
    const id = `0x${(this.#opened + 1).toString(16)}`;
    const sink = new NotificationSink(id, this.#channel, () => this.#subscriptions.delete(id));
    const subscription = this.#streams.open(params, sink);
    this.#opened++;
    this.#subscriptions.set(id, subscription);
    return { subscription: id, cursor: subscription.cursor };
  }

  /** @throws EngineError SUBSCRIPTION_NOT_FOUND */
  unsubscribe(id: string): { subscription: string; cursor: string } {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined)
      throw new EngineError("SUBSCRIPTION_NOT_FOUND", `this connection has no subscription ${id.slice(0, 80)}`, {
        subscription: id.slice(0, 80),
      });
    this.#end(id, subscription);
    return { subscription: id, cursor: subscription.cursor };
  }

  /** To be called when something that was written has left: there may be room for more. Undefined while nobody waits for that. */
  get onWritten(): (() => void) | undefined {
    return this.#subscriptions.size === 0 ? undefined : this.#wake;
  }

  /** Every subscription ends, and its client is told why. */
  drop(error: EngineError): void {
    for (const subscription of [...this.#subscriptions.values()]) this.#streams.drop(subscription, error);
  }

  /** The connection is gone. */
  close(): void {
    for (const [id, subscription] of this.#subscriptions) this.#end(id, subscription);
  }

  #end(id: string, subscription: Subscription): void {
    this.#subscriptions.delete(id);
    this.#streams.end(subscription);
  }
}

class NotificationSink implements EventSink {
  readonly format: FrameFormat;
  readonly #start: string;
  readonly #channel: NotificationChannel;
  readonly #onDropped: () => void;

  constructor(id: string, channel: NotificationChannel, onDropped: () => void) {
    const start = `{"jsonrpc":"2.0","method":"subscription","params":{"subscription":"${id}"`;
    this.#start = start;
    this.#channel = channel;
    this.#onDropped = onDropped;
    this.format = {
      key: id,
      frame: (type, cursor, result) => `${start},"type":"${type}","cursor":"${cursor}","result":${result}}}`,
    };
  }

  get unreadBytes(): number {
    return this.#channel.unreadBytes;
  }

  send(frames: readonly string[]): void {
    this.#channel.notify(frames);
  }

  rest(cursor: string, hasMoved: boolean): void {
    if (hasMoved) this.#channel.notify([`${this.#start},"cursor":"${cursor}"}}`]);
  }

  dropped(error: EngineError): void {
    this.#onDropped();
    const cursor = JSON.stringify(error.facts["cursor"]);
    this.#channel.notify([`${this.#start},"cursor":${cursor},"error":${errorText(error)}}}`]);
  }
}
