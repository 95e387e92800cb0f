/** A process that follows a daemon's events over as many connections as it is told, and checks what it hears. */
import { connect } from "../../src/client/client.ts";
import type { EventType } from "../../src/client/methods.ts";

const ipc = process.argv[2]!;

interface Follower {
  readonly stop: AbortController;
  readonly ended: Promise<number>;
}

let followers: Follower[] = [];

/** Counts events until it is stopped. @throws Error when a height is left out or comes twice. */
async function follow(types: readonly EventType[], { signal }: AbortController, onReady: () => void): Promise<number> {
  const client = await connect({ ipc });
  const { height } = await client.call("block_get", {});
  await client.close();
  let events = 0;
  let last = height - 1;
  for await (const event of client.subscribe({ types, fromBlock: height }, { signal })) {
    events++;
    if (event.type !== "newBlocks") continue;
    if (event.result.height !== last + 1) throw new Error(`block ${event.result.height} came after ${last}`);
    last = event.result.height;
    onReady();
  }
  return events;
}

process.on("message", (message: { do: "follow"; count: number; types: EventType[] } | { do: "stop" }) => {
  const work = async (): Promise<object> => {
    if (message.do === "follow") {
      const ready: Promise<void>[] = [];
      followers = Array.from({ length: message.count }, () => {
        const stop = new AbortController();
        let onReady = () => {};
        ready.push(new Promise((resolve) => (onReady = resolve)));
        return { stop, ended: follow(message.types, stop, onReady) };
      });
      await Promise.race([Promise.all(ready), Promise.all(followers.map(({ ended }) => ended))]);
      return {};
    }
    for (const { stop } of followers) stop.abort();
    const counts = await Promise.all(followers.map(({ ended }) => ended));
    return { events: counts.reduce((sum, count) => sum + count, 0) };
  };
  work().then(
    (answer) => process.send!(answer),
    (problem: Error) => process.send!({ problem: problem.message }),
  );
});
