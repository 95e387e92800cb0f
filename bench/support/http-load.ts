/**
 * autocannon on one server: each connection sends one request after the other, every one with a fresh body, and checks
 * what comes back. A connection has senders of its own, so that nonces arrive in order.
 * Always
 *  - A status other than 200, a JSON-RPC error in a 200, and a wrong balance end the run with an error.
 *  - What autocannon cuts off when its time is up is in `unanswered`: the daemon may have executed it or not.
 */
import autocannon from "autocannon";
import type { Accounts, Book } from "./accounts.ts";
import { GAS_LIMIT } from "./json-transfers.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import type { Random } from "./random.ts";

export interface HttpLoadOptions {
  url: string;
  method: "transfer" | "balanceOf";
  connections: number;
  seconds: number;
  /** A null server answers the same to everyone: balances are not compared. */
  isNullServer: boolean;
}

export interface HttpLoadModules {
  accounts: Accounts;
  book: Book;
  random: Random;
  token: string;
}

export interface HttpLoadResult {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Answered with success. */
  answered: number;
}

export interface Transfer {
  from: number;
  to: number;
}

const CHECK_EVERY = 32;

export async function runHttpLoad(
  options: HttpLoadOptions,
  modules: HttpLoadModules,
): Promise<{ result: HttpLoadResult; unanswered: Transfer[] }> {
  const latencies = new LatencyHistogram();
  const requesters: Requester[] = [];
  const stats = await new Promise<autocannon.Result>((resolve, reject) => {
    const setupClient = (client: autocannon.Client) => {
      const requester = new Requester(requesters.length, options, modules, (problem) => {
        reject(problem);
        instance.stop();
      });
      requesters.push(requester);
      client.setRequests([requester.request]);
      client.on("response", (_status, _bytes, responseTime) => latencies.record(responseTime));
    };
    const headers = { "content-type": "application/json" };
    const { url, connections, seconds: duration } = options;
    const instance = autocannon(
      { url, method: "POST", headers, connections, pipelining: 1, duration, setupClient },
      (problem: Error | null, result) => (problem ? reject(problem) : resolve(result)),
    );
  });
  if (stats.errors + stats.timeouts + stats.non2xx > 0) {
    throw new Error(
      `autocannon met ${stats.errors} errors, ${stats.timeouts} timeouts and ${stats.non2xx} other statuses`,
    );
  }
  const answered = requesters.reduce((sum, { answers }) => sum + answers, 0);
  const result = {
    perSecond: answered / stats.duration,
    p50Ms: latencies.percentile(0.5),
    p99Ms: latencies.percentile(0.99),
    answered,
  };
  return { result, unanswered: requesters.flatMap(({ pending }) => (pending === undefined ? [] : [pending])) };
}

/** One connection's requests and the checks of their answers. */
class Requester {
  answers = 0;
  pending: Transfer | undefined;
  readonly request: autocannon.Request;
  readonly #connection: number;
  readonly #options: HttpLoadOptions;
  readonly #modules: HttpLoadModules;
  #holder = 0;

  constructor(
    connection: number,
    options: HttpLoadOptions,
    modules: HttpLoadModules,
    onWrong: (problem: Error) => void,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#modules = modules;
    const makeBody = options.method === "transfer" ? () => this.#transfer() : () => this.#balance();
    this.request = {
      setupRequest: (request) => {
        request.body = makeBody();
        return request;
      },
      onResponse: (status, body) => {
        const problem = this.#problemOf(status, body);
        if (problem === undefined) this.answers++;
        else onWrong(new Error(`${problem}: HTTP ${status} ${body.slice(0, 400)}`));
        this.pending = undefined;
      },
    };
  }

  #transfer(): string {
    const { accounts, book, random, token } = this.#modules;
    const { connections } = this.#options;
    const own = Math.floor((accounts.holders - 1 - this.#connection) / connections) + 1;
    const from = this.#connection + connections * random.below(own);
    const to = random.below(accounts.holders);
    this.pending = { from, to };
    return (
      `{"jsonrpc":"2.0","id":1,"method":"tx_submit","params":{"transaction":{"kind":"call","to":"${token}","entrypoint":"transfer"` +
      `,"gasLimit":"${GAS_LIMIT}","sender":"${accounts.text(from)}","args":["${accounts.text(to)}","1"],"nonce":${book.move(from, to, 1)}}}}`
    );
  }

  #balance(): string {
    const { accounts, random, token } = this.#modules;
    this.#holder = random.below(accounts.holders);
    return (
      `{"jsonrpc":"2.0","id":1,"method":"contract_query","params":{"address":"${token}","entrypoint":"balanceOf"` +
      `,"args":["${accounts.text(this.#holder)}"]}}`
    );
  }

  /** What is wrong with an answer. */
  #problemOf(status: number, body: string): string | undefined {
    if (status !== 200) return "not answered";
    const isParsed = this.answers % CHECK_EVERY === 0;
    if (this.#options.method === "transfer") {
      if (!body.includes('"status":"success"')) return "a transfer did not succeed";
      return isParsed && (JSON.parse(body) as { error?: unknown }).error !== undefined ? "an error" : undefined;
    }
    if (this.#options.isNullServer) return body.includes('"result"') ? undefined : "no result";
    const expected = this.#modules.book.balances[this.#holder];
    if (!isParsed) return body.includes(`"result":"${expected}"`) ? undefined : `the balance is not ${expected}`;
    const { result } = JSON.parse(body) as { result?: { result: string } };
    return Number(result?.result) === expected ? undefined : `the balance is not ${expected}`;
  }
}
