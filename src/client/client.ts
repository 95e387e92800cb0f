/**
 * The client of a Polytorus daemon: typed calls over its Unix socket or HTTP, and batches over its binary socket.
 *   const client = await connect({ ipc: "./data/engine.ipc" });
 *   const { result } = await client.call("contract_query", { address, entrypoint: "balanceOf", args: [holder] });
 * Always
 *  - Every failure is an EngineError with a stable `code` and the facts of the case.
 *  - A connection that broke stays broken: connect again, then ask what became of what was in flight.
 */
import { type LogFilter, pollLogs } from "./follow-logs.ts";
import { openHttpTransport } from "./http-transport.ts";
import type { FoundLogJson, MethodName, ParamsOf, ResultOf } from "./methods.ts";
import { openSocketTransport } from "./socket-transport.ts";
import type { CallOptions, Transport } from "./transport.ts";

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
export type * from "./methods.ts";

/** Where a daemon listens: the path of its Unix socket, or an http(s) URL with a bearer token where it wants one. */
export type Target = { readonly ipc: string } | { readonly url: string; readonly token?: string | undefined };

/** @throws EngineError CONNECTION_FAILED naming the path; over HTTP the first call finds out. */
export async function connect(target: Target, options: CallOptions = {}): Promise<Client> {
  const transport =
    "ipc" in target ? await openSocketTransport(target.ipc) : openHttpTransport(target.url, target.token);
  return new Client(transport, options);
}

export class Client {
  readonly #transport: Transport;
  readonly #defaults: CallOptions;

  constructor(transport: Transport, defaults: CallOptions) {
    this.#transport = transport;
    this.#defaults = defaults;
  }

  /** Calls a method of the daemon (client/methods.ts lists them). @throws EngineError */
  async call<M extends MethodName>(method: M, params: ParamsOf<M>, options: CallOptions = {}): Promise<ResultOf<M>> {
    return (await this.#transport.call(method, params, { ...this.#defaults, ...options })) as ResultOf<M>;
  }

  /** Logs from a block on, and then as they come; ends when `signal` is aborted. */
  followLogs(
    filter: LogFilter,
    options: { intervalMs?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<FoundLogJson> {
    const askHead = async () => (await this.call("engine_info", {})).height;
    return pollLogs((params) => this.call("contract_logs", params), askHead, filter, options);
  }

  /** Waits for calls in flight, then closes. Calls made later reject with CONNECTION_CLOSED. */
  close(): Promise<void> {
    return this.#transport.close();
  }
}
