import { MessageChannel } from "node:worker_threads";
import { afterEach, expect, it } from "vitest";
import { RequestQueue } from "../../src/threads/request-queue.ts";

const { port1: asking, port2: answering } = new MessageChannel();
afterEach(() => asking.close());

it("answers every request once and in order, whether the next was looked at or not", async () => {
  const answered: number[] = [];
  const seen: (number | undefined)[] = [];
  const finished = new Promise<void>((resolve) => {
    const queue = new RequestQueue<number>(answering, (request) => {
      answered.push(request);
      // Looked at twice, once, or not at all.
      for (let looks = request % 3; looks > 0; looks--) seen.push(queue.peek());
      if (request === 6) setImmediate(() => asking.postMessage(7));
      if (request === 7) resolve();
    });
  });
  for (const request of [1, 2, 3, 4, 5, 6]) asking.postMessage(request);
  await finished;
  expect(answered).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(seen).toEqual([2, 3, 3, 5, 6, 6, undefined]);
});
