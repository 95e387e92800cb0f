/** subscribe, unsubscribe: events of durable blocks as notifications, over connections that stay. */
import type { EventType } from "../client/methods.ts";
import { EngineError } from "../errors.ts";
import { BLOCK_HASH, TOKEN } from "./examples.ts";
import { define, type MethodContext, type MethodTable } from "./method.ts";
import { Address, Cursor, closed, Hash, list, optional, Text, Whole, words } from "./schemas.ts";
import type { Subscriber } from "./streams/subscriber.ts";
import { Topics } from "./topics.ts";

const EVENT_TYPES = ["newBlocks", "logs", "receipts", "jobs"] as const satisfies readonly EventType[];

const subscribed = closed({ subscription: Text, cursor: Cursor });
const EXAMPLE_CURSOR = `2.end.${BLOCK_HASH.slice(2, 18)}`;

export const SUBSCRIBE_METHODS = {
  subscribe: define("subscribe", {
    description:
      'Notifies of durable blocks, logs and receipts, in order, each as {"method":"subscription","params":{subscription, type, cursor, result}}; what a rollback takes back comes again with removed: true. `since` goes on behind a cursor, `fromBlock` begins with the block at a height. A cursor without a result says how far an idle stream has come; an error instead of a result ends the subscription. Jobs of privacy contracts come as they stand, and again when they change.',
    role: "reader",
    params: closed({
      types: list(words(...EVENT_TYPES), `an array of ${EVENT_TYPES.join(", ")}`, 1),
      address: optional(Address),
      topics: optional(Topics),
      transactionHash: optional(Hash),
      since: optional(Cursor),
      fromBlock: optional(Whole),
    }),
    result: subscribed,
    example: {
      params: { types: ["newBlocks", "logs"], address: TOKEN },
      result: { subscription: "0x1", cursor: EXAMPLE_CURSOR },
    },
    handle: (params, context) => subscriberOf(context).subscribe(params),
  }),

  unsubscribe: define("unsubscribe", {
    description: "Ends a subscription of this connection. The cursor is behind the last event that was sent.",
    role: "reader",
    params: closed({ subscription: Text }),
    result: subscribed,
    example: { params: { subscription: "0x1" }, result: { subscription: "0x1", cursor: EXAMPLE_CURSOR } },
    handle: ({ subscription }, context) => subscriberOf(context).unsubscribe(subscription),
  }),
} satisfies Partial<MethodTable>;

function subscriberOf({ subscriber }: MethodContext): Subscriber {
  if (subscriber !== undefined) return subscriber;
  throw new EngineError(
    "NO_NOTIFICATIONS",
    "a request that is answered and over can't be notified: subscribe over the Unix socket or a WebSocket, or read GET /v1/events",
  );
}
