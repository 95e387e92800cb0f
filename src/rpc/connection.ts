/**
 * One stream connection of the Unix sockets: bounds what a client has in flight and what it has not read, and gathers
 * answers into few writes. What a request is, line or frame, its subclasses know.
 *   socket ── bytes ──▶ takeRequest ──▶ handle …    … ──▶ answered(bytes) ──▶ one write a turn
 * Always
 *  - Past a bound the socket is paused; nothing is dropped.
 *  - Requests are handed on in the order in which they came, never from inside another request's answer.
 *  - A client whose unread answers are over the bound for too long is cut off: its requests ran, so that the answers
 *    can't be taken back, and they can't be kept for ever.
 */
import type { Socket } from "node:net";
import type { FaultLog } from "./faults.ts";
import type { FrontLimits } from "./limits.ts";

/** A client that learns from our end of the stream that it is over closes its own at once. */
const LINGER_MS = 1_000;

export abstract class Connection {
  protected readonly socket: Socket;
  readonly #limits: FrontLimits;
  readonly #log: FaultLog;
  #inFlight = 0;
  #inFlightBytes = 0;
  /** Answers of this turn, then those that the client has no room for. */
  #answers: (string | Uint8Array)[] = [];
  #answersBytes = 0;
  #isTurnScheduled = false;
  #isAdvancing = false;
  #isPaused = false;
  /** The client reads slower than we answer. */
  #isBlocked = false;
  /** No request will come any more: the connection ends when the last one is answered. */
  #isEnding = false;
  #isClosed = false;
  #unreadTimer: NodeJS.Timeout | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, limits: FrontLimits, log: FaultLog) {
    this.socket = socket;
    this.#limits = limits;
    this.#log = log;
    socket.on("data", (chunk: Buffer) => {
      if (this.#isEnding) return;
      this.receive(chunk);
      this.#advance();
    });
    socket.on("end", () => this.finish());
    socket.on("drain", () => {
      this.#isBlocked = false;
      this.#turn();
    });
    // A broken connection says so in `close`; what was in flight runs to its end and its answers go nowhere.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#isClosed = true;
      this.#answers = [];
      clearTimeout(this.#unreadTimer);
      clearTimeout(this.#lingerTimer);
      this.closed();
    });
  }

  /** Called whenever something that was written has left; undefined when nobody waits for that. */
  protected get onWritten(): (() => void) | undefined {
    return undefined;
  }

  /** The connection is gone. */
  protected closed(): void {}

  /** Keeps bytes for `takeRequest`. */
  protected abstract receive(chunk: Buffer): void;
  /** Hands on the next whole request that was received and answers its length in bytes; undefined when there is none. */
  protected abstract takeRequest(): number | undefined;
  /** Called once when nothing more will be received: a last request may stand without its end mark. */
  protected abstract takeLast(): number | undefined;

  /** Takes no more from the client, answers what was received, then closes. */
  finish(): void {
    if (this.#isEnding) return;
    this.#advance();
    this.#isEnding = true;
    this.#scheduleTurn();
  }

  /** Gives up on the client at once. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Must be called once for each request handed on, with the bytes that `takeRequest` answered; empty for no answer. */
  protected answered(answer: string | Uint8Array, requestBytes: number): void {
    this.#inFlight--;
    this.#inFlightBytes -= requestBytes;
    this.push(answer);
  }

  /** What was asked for, or not: it leaves behind everything that was sent before. */
  protected push(bytes: string | Uint8Array): void {
    if (this.#isClosed) return;
    if (bytes.length > 0) {
      this.#answers.push(bytes);
      this.#answersBytes += bytes.length;
    }
    this.#scheduleTurn();
  }

  /** What was sent and the client has not taken. */
  get unreadBytes(): number {
    return this.#answersBytes + this.socket.writableLength;
  }

  #scheduleTurn(): void {
    if (this.#isTurnScheduled) return;
    this.#isTurnScheduled = true;
    process.nextTick(() => this.#turn());
  }

  /** Everything that became ready together leaves in one write; then there is room for more requests. */
  #turn(): void {
    this.#isTurnScheduled = false;
    if (this.#isClosed) return;
    this.#flush();
    this.#advance();
    const isIdle = this.#inFlight === 0 && this.#answers.length === 0 && !this.#isBlocked;
    if (this.#isEnding && isIdle) this.#close();
  }

  /** Says goodbye and reads what still comes to nowhere: closing on a client that writes would lose it our last answer. */
  #close(): void {
    if (this.#lingerTimer !== undefined) return;
    this.#lingerTimer = setTimeout(() => this.destroy(), LINGER_MS);
    this.socket.end();
    this.socket.resume();
  }

  #flush(): void {
    if (this.#answers.length > 0 && !this.#isBlocked) {
      const answers = this.#answers;
      this.#answers = [];
      this.#answersBytes = 0;
      this.#isBlocked = !this.socket.write(joined(answers), this.onWritten);
    }
    if (this.#isBlocked) this.#watchUnread();
  }

  /** Answers that a client asked for may be many, but it must take them in time. */
  #watchUnread(): void {
    const { unreadAnswersBytesMax, unreadGraceMs } = this.#limits;
    if (this.#unreadTimer !== undefined || this.unreadBytes <= unreadAnswersBytesMax) return;
    this.#unreadTimer = setTimeout(() => {
      this.#unreadTimer = undefined;
      const unread = this.unreadBytes;
      if (unread <= unreadAnswersBytesMax) return;
      const facts = { unreadBytes: unread, max: unreadAnswersBytesMax, graceMs: unreadGraceMs };
      this.#log.warn(facts, "a client does not read its answers and is cut off");
      this.destroy();
    }, unreadGraceMs);
  }

  #advance(): void {
    if (this.#isAdvancing || this.#isClosed) return;
    this.#isAdvancing = true;
    try {
      while (this.#hasRoom()) {
        // Counted before it is handed on: the answer may come at once.
        this.#inFlight++;
        const bytes = this.#take();
        if (bytes === undefined) {
          this.#inFlight--;
          break;
        }
      }
    } finally {
      this.#isAdvancing = false;
    }
    const mayReceive = this.#hasRoom() && !this.#isEnding;
    if (mayReceive === !this.#isPaused) return;
    this.#isPaused = !mayReceive;
    if (mayReceive) this.socket.resume();
    else this.socket.pause();
  }

  #take(): number | undefined {
    return this.takeRequest() ?? (this.#isEnding ? this.takeLast() : undefined);
  }

  #hasRoom(): boolean {
    return (
      !this.#isBlocked &&
      this.#inFlight < this.#limits.inFlightMax &&
      this.#inFlightBytes < this.#limits.inFlightBytesMax
    );
  }

  /** For subclasses to call before they hand a request on: its answer may come before `takeRequest` returns. */
  protected begin(requestBytes: number): void {
    this.#inFlightBytes += requestBytes;
  }
}

function joined(answers: readonly (string | Uint8Array)[]): string | Uint8Array {
  if (answers.length === 1) return answers[0]!;
  if (typeof answers[0] === "string") return answers.join("");
  return Buffer.concat(answers as Uint8Array[]);
}
