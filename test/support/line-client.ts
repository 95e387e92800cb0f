/** JSON-RPC over a Unix socket by hand, notifications among it. */
import { connect } from "node:net";
import { createInterface } from "node:readline";

export interface Notification {
  readonly subscription: string;
  readonly type?: string;
  readonly cursor: string;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any kind
  readonly result?: any;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any kind
  readonly error?: any;
}

export interface NotifiedClient {
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any kind
  call(method: string, params: unknown): Promise<any>;
  take(count: number): Promise<Notification[]>;
  close(): void;
}

/** Sorts what comes into answers and notifications; `send` is the transport's. */
export class MessageSorter {
  readonly #send: (text: string) => void;
  readonly #answers = new Map<number, (answer: unknown) => void>();
  readonly #notifications: Notification[] = [];
  #wanted: (() => void) | undefined;
  #nextId = 1;

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  receive(text: string): void {
    const message = JSON.parse(text);
    if (message.method === "subscription") {
      this.#notifications.push(message.params);
      this.#wanted?.();
    } else {
      this.#answers.get(message.id)?.(message.result ?? message);
      this.#answers.delete(message.id);
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: JSON of any kind
  call(method: string, params: unknown): Promise<any> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  async take(count: number): Promise<Notification[]> {
    while (this.#notifications.length < count) await new Promise<void>((resolve) => (this.#wanted = resolve));
    return this.#notifications.splice(0, count);
  }
}

export async function openLineClient(path: string): Promise<NotifiedClient> {
  const socket = connect(path);
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  const sorter = new MessageSorter((text) => socket.write(`${text}\n`));
  createInterface({ input: socket }).on("line", (line) => sorter.receive(line));
  return {
    call: (method, params) => sorter.call(method, params),
    take: (count) => sorter.take(count),
    close: () => socket.destroy(),
  };
}
