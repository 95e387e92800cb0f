/** Reads server-sent events by the rules of their specification, from a response as it comes. */
export interface ServerSentEvent {
  readonly event: string;
  /** The last id that was sent before or with it. */
  readonly id: string;
  readonly data: string;
}

export interface EventStream {
  readonly response: Response;
  /** Id as a browser would send it on connecting again. */
  lastId(): string;
  next(): Promise<ServerSentEvent | undefined>;
  take(count: number): Promise<ServerSentEvent[]>;
  close(): Promise<void>;
}

export async function openEventStream(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
  const aborting = new AbortController();
  const response = await fetch(url, { headers, signal: aborting.signal });
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let id = "";
  const next = async (): Promise<ServerSentEvent | undefined> => {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end < 0) {
        const { value, done } = await reader.read();
        if (done) return undefined;
        text += decoder.decode(value, { stream: true });
        continue;
      }
      const fields = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      let event = "message";
      const data: string[] = [];
      for (const field of fields) {
        const [name, value = ""] = field.split(/: ?(.*)/s, 2) as [string, string?];
        if (name === "id") id = value;
        else if (name === "event") event = value;
        else if (name === "data") data.push(value);
      }
      if (data.length > 0) return { event, id, data: data.join("\n") };
    }
  };
  return {
    response,
    lastId: () => id,
    next,
    take: async (count) => {
      const events: ServerSentEvent[] = [];
      while (events.length < count) {
        const event = await next();
        if (event === undefined) throw new Error(`the stream ended after ${events.length} of ${count} events`);
        events.push(event);
      }
      return events;
    },
    close: async () => {
      aborting.abort();
      await reader.cancel().catch(() => undefined);
    },
  };
}
