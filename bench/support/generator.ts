/**
 * The load generator's process: it holds the accounts, sends what a bench asks for, checks every answer, and in the end
 * compares the daemon's balances with its own book. Alone in its process, so that making load never delays the measuring
 * of the daemon, nor the daemon that of load.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, connectBinary } from "../../src/client/client.ts";
import { Accounts, Book } from "./accounts.ts";
import { BinaryBatches } from "./binary-wire.ts";
import type { CallMessage, GeneratorCalls, GeneratorMessage, RunRequest } from "./generator-protocol.ts";
import { type HttpLoadOptions, type HttpLoadResult, runHttpLoad, type Transfer } from "./http-load.ts";
import { JsonBalances } from "./json-balances.ts";
import { JsonDeploys } from "./json-deploys.ts";
import { JsonBatches, JsonSingles } from "./json-transfers.ts";
import { type LoadResult, runLoad } from "./load-driver.ts";
import { Random } from "./random.ts";
import { FirstSends, Funding, RandomTransfers, type TransferSource } from "./transfer-source.ts";
import type { Wire } from "./wire.ts";

/** Frames of the set-up hold as many as the daemon takes by default; few in flight, as its blocks are large. */
const SETUP_BATCH = 1_000;
const SETUP_OUTSTANDING = 6;
const CHECK_BATCH = 1_000;
const NONCES_CHECKED = 1_000;
/** What a closed connection had sent is executed by then: a block takes milliseconds. */
const CUT_OFF_SETTLES_MS = 500;

type Handlers = {
  [Name in keyof GeneratorCalls]: (
    request: Parameters<GeneratorCalls[Name]>[0],
  ) => ReturnType<GeneratorCalls[Name]> | Promise<ReturnType<GeneratorCalls[Name]>>;
};

class Generator implements Handlers {
  #accounts!: Accounts;
  #book!: Book;
  #token = "";
  readonly #random = new Random(1);

  prepare({
    holders,
    token,
    supply,
    ownerNonce,
  }: {
    holders: number;
    token: string;
    supply: number;
    ownerNonce: number;
  }) {
    this.#accounts = new Accounts(holders);
    this.#book = new Book(this.#accounts);
    this.#token = token;
    this.#book.balances[this.#accounts.owner] = supply;
    this.#book.nonces[this.#accounts.owner] = ownerNonce;
  }

  async setUp({ pass, first, end, binaryPath }: Parameters<GeneratorCalls["setUp"]>[0]) {
    const wire = new BinaryBatches(this.#modules(this.#source(pass, first, end), this.#book), SETUP_BATCH);
    const options = { path: binaryPath, outstanding: SETUP_OUTSTANDING, warmupMs: 0, measureMs: Infinity };
    return (await runLoad(wire, options)).answered;
  }

  #source(pass: "fund" | "firstSend" | "random", first: number, end: number): TransferSource {
    switch (pass) {
      case "fund":
        return new Funding(this.#accounts, first, end);
      case "firstSend":
        return new FirstSends(this.#accounts, first, end);
      case "random":
        return new RandomTransfers(this.#accounts, this.#random, end - first);
    }
  }

  async run(request: RunRequest): Promise<LoadResult> {
    const book = request.isNullServer ? new Book(this.#accounts) : this.#book;
    const { tickMs, path, outstanding, warmupMs, measureMs } = request;
    const ticks =
      tickMs === undefined
        ? {}
        : {
            tickMs,
            onTick: (operations: number, seconds: number, p99Ms: number) =>
              post({ tick: { operations, seconds, p99Ms } }),
          };
    return await runLoad(this.#wire(request, book), { path, outstanding, warmupMs, measureMs, ...ticks });
  }

  #wire({ wire, batchSize, isNullServer }: RunRequest, book: Book): Wire {
    const source = new RandomTransfers(this.#accounts, this.#random);
    switch (wire) {
      case "json-batch":
        return new JsonBatches(this.#modules(source, book), batchSize);
      case "json-single":
        return new JsonSingles(this.#modules(source, book));
      case "binary-batch":
        return new BinaryBatches(this.#modules(source, book), batchSize);
      case "json-deploy":
        return new JsonDeploys({ accounts: this.#accounts, book }, isNullServer);
      case "json-balance": {
        const known = isNullServer ? {} : { balances: book.balances };
        return new JsonBalances({ token: this.#token }, { accounts: this.#accounts, random: this.#random, ...known });
      }
    }
  }

  #modules(source: TransferSource, book: Book) {
    return { accounts: this.#accounts, book, token: this.#token, source };
  }

  async runHttp({ ipc, ...options }: HttpLoadOptions & { ipc: string | undefined }): Promise<HttpLoadResult> {
    const book = options.isNullServer ? new Book(this.#accounts) : this.#book;
    const modules = { accounts: this.#accounts, book, random: this.#random, token: this.#token };
    const { result, unanswered } = await runHttpLoad(options, modules);
    if (ipc !== undefined) await this.#takeBackWhatNeverRan(unanswered, ipc);
    return result;
  }

  /** The connections were cut with one transfer each in flight: the sender's nonce says whether it ran. */
  async #takeBackWhatNeverRan(unanswered: readonly Transfer[], ipc: string): Promise<void> {
    await sleep(CUT_OFF_SETTLES_MS);
    const client = await connect({ ipc });
    for (const { from, to } of unanswered) {
      const { nonce } = await client.call("account_get", { address: this.#accounts.text(from) });
      if (nonce < this.#book.nonces[from]!) this.#book.takeBack(from, to, 1);
    }
    await client.close();
  }

  async check({ ipc, binaryPath }: { ipc: string; binaryPath: string }) {
    await this.#checkBalances(binaryPath);
    const nonces = await this.#checkNonces(ipc);
    return {
      balances: this.#accounts.holders + 1,
      nonces,
      sent: this.#book.nonces.reduce((sum, nonce) => sum + nonce, 0),
    };
  }

  async #checkBalances(binaryPath: string): Promise<void> {
    const accounts = this.#accounts;
    const client = await connectBinary(binaryPath);
    let sum = 0;
    for (let first = 0; first <= accounts.owner; first += CHECK_BATCH) {
      const count = Math.min(CHECK_BATCH, accounts.owner + 1 - first);
      const holders = Array.from({ length: count }, (_, i) => first + i);
      const answers = await client.queryBatch(holders.map((holder) => this.#balanceOf(accounts.text(holder))));
      for (const [i, answer] of answers.entries()) {
        const balance =
          answer.status === "success" ? Number(`0x${Buffer.from(answer.returnData).toString("hex")}`) : NaN;
        const expected = this.#book.balances[first + i]!;
        if (balance !== expected) throw new Error(`${accounts.text(first + i)} has ${balance}, must have ${expected}`);
        sum += balance;
      }
    }
    await client.close();
    const supply = this.#book.balances.reduce((total, balance) => total + balance, 0);
    if (sum !== supply) throw new Error(`balances add up to ${sum}, the supply is ${supply}`);
  }

  #balanceOf(holder: string) {
    return {
      kind: "call" as const,
      sender: holder,
      gasLimit: 0,
      nonce: 0,
      to: this.#token,
      entrypoint: "balanceOf",
      args: [holder],
    };
  }

  async #checkNonces(ipc: string): Promise<number> {
    const accounts = this.#accounts;
    const count = Math.min(NONCES_CHECKED, accounts.holders);
    const client = await connect({ ipc });
    for (let i = 0; i <= count; i++) {
      const holder = i === count ? accounts.owner : this.#random.below(accounts.holders);
      const { nonce } = await client.call("account_get", { address: accounts.text(holder) });
      const expected = this.#book.nonces[holder];
      if (nonce !== expected) throw new Error(`${accounts.text(holder)} has nonce ${nonce}, must have ${expected}`);
    }
    await client.close();
    return count + 1;
  }
}

function post(message: GeneratorMessage): void {
  process.send?.(message);
}

const generator: Handlers = new Generator();
process.on("message", ({ id, name, request }: CallMessage) => {
  const handler = generator[name] as (request: unknown) => unknown;
  Promise.resolve()
    .then(() => handler.call(generator, request))
    .then(
      (value) => post({ id, value }),
      (problem: unknown) => post({ id, error: problem instanceof Error ? problem.message : String(problem) }),
    );
});
process.on("disconnect", () => process.exit());
