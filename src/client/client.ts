/**
 * The client of a Polytorus daemon: typed calls over its Unix socket or HTTP, and batches over its binary socket.
 *   const client = await connect({ ipc: "./data/engine.ipc" });
 *   const { result } = await client.call("contract_query", { address, entrypoint: "balanceOf", args: [holder] });
 * Always
 *  - Every failure is an EngineError with a stable `code` and the facts of the case.
 *  - A connection that broke stays broken: connect again, then ask what became of what was in flight.
 */
import { type FollowOptions, followEvents } from "./follow-events.ts";
import { openHttpTransport } from "./http-transport.ts";
import type { EventSelectionJson, EventType, MethodName, ParamsOf, ResultOf, StreamedEvent } from "./methods.ts";
import { openSocketTransport } from "./socket-transport.ts";
import type { CallOptions, Target, Transport } from "./transport.ts";

// biome-ignore lint/performance/noBarrelFile: the one entry point of the package's client
export { EngineError, type ErrorCode } from "../errors.ts";
export { type BinaryClient, connectBinary } from "./binary-client.ts";
export {
  type Caller,
  type ContractAbi,
  ContractClient,
  type ContractOptions,
  type DeployOptions,
  deployContract,
  type QueryOptions,
  type SendOptions,
  type Sent,
  type SolidityError,
} from "./contract-client.ts";
export type { FollowOptions } from "./follow-events.ts";
export type * from "./methods.ts";
export type { Target } from "./transport.ts";

/** @throws EngineError CONNECTION_FAILED naming the path; over HTTP the first call finds out. */
export async function connect(target: Target, options: CallOptions = {}): Promise<Client> {
  const transport =
    "ipc" in target ? await openSocketTransport(target.ipc) : openHttpTransport(target.url, target.token);
  return new Client(target, transport, options);
}

export class Client {
  readonly #target: Target;
  readonly #transport: Transport;
  readonly #defaults: CallOptions;

  constructor(target: Target, transport: Transport, defaults: CallOptions) {
    this.#target = target;
    this.#transport = transport;
    this.#defaults = defaults;
  }

  /** Calls a method of the daemon (client/methods.ts lists them). @throws EngineError */
  async call<M extends MethodName>(method: M, params: ParamsOf<M>, options: CallOptions = {}): Promise<ResultOf<M>> {
    return (await this.#transport.call(method, params, { ...this.#defaults, ...options })) as ResultOf<M>;
  }

  /**
   * Durable blocks, logs, receipts and jobs as they come, from `since` or `fromBlock` or now on, in order, each once: a
   * connection of its own, made again and gone on with when it breaks. What a rollback takes back comes with `removed`.
   *   for await (const { result } of client.subscribe({ types: ["logs"], address })) …
   * @throws EngineError from the iteration (client/follow-events.ts).
   */
  subscribe<T extends EventType>(
    selection: EventSelectionJson & { readonly types: readonly T[] },
    options: FollowOptions = {},
  ): AsyncGenerator<StreamedEvent<T>> {
    return followEvents(this.#target, selection, options);
  }

  /** Waits for calls in flight, then closes. Calls made later reject with CONNECTION_CLOSED. */
  close(): Promise<void> {
    return this.#transport.close();
  }
}
