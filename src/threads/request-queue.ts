/**
 * RequestQueue: a port's requests, answered one after the other in the order that they came in, with a look at the one that
 * comes next.
 */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";

export class RequestQueue<Request> {
  readonly #port: MessagePort;
  readonly #answer: (request: Request) => void;
  /** Taken from the port and not answered, oldest first: no more than one that was looked at and one that came after it. */
  readonly #taken: Request[] = [];
  #isScheduled = false;

  constructor(port: MessagePort, answer: (request: Request) => void) {
    this.#port = port;
    this.#answer = answer;
    port.on("message", (request: Request) => {
      this.#taken.push(request);
      this.#answerOne();
    });
  }

  /** The request after the one that is being answered, if it is here. */
  peek(): Request | undefined {
    if (this.#taken.length === 0) {
      const next = receiveMessageOnPort(this.#port) as { message: Request } | undefined;
      if (next !== undefined) this.#taken.push(next.message);
    }
    return this.#taken[0];
  }

  #answerOne(): void {
    const request = this.#taken.shift();
    if (request === undefined) return;
    this.#answer(request);
    if (this.#taken.length === 0 || this.#isScheduled) return;
    // In between, this thread hears of others.
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#answerOne();
    });
  }
}
