/**
 * Subscription: one subscriber's place in the log. It takes what is next whenever its client has room, so that old events
 * and live ones come the same way, in order, each once; being slow costs its own time and nobody's memory.
 */
import type { EngineError } from "../../errors.ts";
import type { FrameFormat } from "./block-events.ts";
import type { EventCache } from "./entry-events.ts";
import { endCursor, positionAfter, positionBefore, type StreamPosition } from "./event-cursor.ts";
import type { Selection } from "./selection.ts";

/** Where a subscriber's events go. */
export interface EventSink {
  readonly format: FrameFormat;
  /** Bytes it was given that its client has not taken. */
  readonly unreadBytes: number;
  send(frames: readonly string[]): void;
  /** Nothing was told for a while. @param hasMoved the cursor is another than what was told last. */
  rest(cursor: string, hasMoved: boolean): void;
  /** The last thing it hears: why, with its cursor among the facts. */
  dropped(error: EngineError): void;
}

/** What a step may send, and read without finding anything, before others have their turn. */
const STEP_BYTES = 256 * 1024;
const STEP_READ_BYTES = 1024 * 1024;

export class Subscription {
  readonly selection: Selection;
  readonly sink: EventSink;
  /** Behind everything that was told, or that there was nothing to tell of. */
  cursor: string;
  isOver = false;
  /** It goes on from where another was. */
  readonly isResumed: boolean;
  /** Since when its client has had no room; undefined while it has. */
  blockedSinceMs: number | undefined;
  readonly #cache: EventCache;
  readonly #queueBytesMax: number;
  #position: StreamPosition;
  #toldCursor: string;

  /** @throws EngineError where it can't begin. */
  constructor(
    selection: Selection,
    from: { since?: string | undefined; fromBlock?: number | undefined },
    sink: EventSink,
    modules: { cache: EventCache; queueBytesMax: number },
  ) {
    const { log } = modules.cache;
    this.selection = selection;
    this.isResumed = from.since !== undefined;
    this.sink = sink;
    this.#cache = modules.cache;
    this.#queueBytesMax = modules.queueBytesMax;
    if (from.since !== undefined) this.#position = positionAfter(from.since, log);
    else if (from.fromBlock !== undefined) this.#position = positionBefore(from.fromBlock, log);
    else this.#position = { seq: log.durableSeq + 1, part: 0, event: 0 };
    this.cursor = from.since ?? this.#cursorBefore();
    this.#toldCursor = this.cursor;
  }

  #cursorBefore(): string {
    const { seq } = this.#position;
    const { log } = this.#cache;
    const before = seq === 0 ? undefined : log.header(seq - 1);
    return before === undefined ? this.#cache.get(seq, false).startCursor : endCursor(before);
  }

  /** Tells what is next, as far as its client has room. @returns whether there is more that it has room for. */
  async step(): Promise<boolean> {
    if (!this.selection.hasChain) return false;
    let sentBytes = 0;
    let readBytes = 0;
    while (this.#position.seq <= this.#cache.log.durableSeq) {
      if (!this.hasRoom()) return false;
      if (sentBytes >= STEP_BYTES || readBytes >= STEP_READ_BYTES) return true;
      const { seq, part, event } = this.#position;
      const entry = this.#cache.get(seq, this.selection.needsBody);
      const events = entry.part(part);
      if (events === undefined) {
        readBytes += entry.entry.bytes.length;
        this.#position = { seq: seq + 1, part: 0, event: 0 };
        this.cursor = entry.endCursor;
        continue;
      }
      const selected = events.selected(this.selection);
      const from = event === 0 ? 0 : selected.findIndex((each) => each.event >= event);
      const next = from < 0 ? undefined : selected[from];
      if (next === undefined) {
        this.#position = { seq, part: part + 1, event: 0 };
        continue;
      }
      await events.prepare(this.selection, from);
      if (this.isOver) return false;
      const slice = events.slice(this.selection, from, this.sink.format);
      this.sink.send(slice.frames);
      this.cursor = this.#toldCursor = slice.cursor!;
      this.#position = { seq, part, event: selected[slice.next - 1]!.event + 1 };
      sentBytes += slice.bytes;
    }
    this.hasRoom();
    return false;
  }

  /** Tells a client that has heard nothing for a while that it still stands. */
  rest(): void {
    if (this.sink.unreadBytes > 0) return;
    this.sink.rest(this.cursor, this.cursor !== this.#toldCursor);
    this.#toldCursor = this.cursor;
  }

  /** Whether its client has taken enough to be told more. */
  hasRoom(): boolean {
    const hasRoom = this.sink.unreadBytes < this.#queueBytesMax;
    this.blockedSinceMs = hasRoom ? undefined : (this.blockedSinceMs ?? performance.now());
    return hasRoom;
  }
}
