/**
 * anvil, Foundry's development node, on its IPC socket: started, funded and loaded in its best mode (no mining of its own,
 * a block asked for every BLOCK_TRANSFERS, JSON-RPC arrays, no signatures, history pruned). Memory only: nothing it
 * acknowledges is durable, which ours is.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Accounts, Book, FUNDS } from "./accounts.ts";
import { ended, endWithBench, ROOT } from "./program.ts";
import { Random } from "./random.ts";
import { FirstSends, Funding, RandomTransfers, type TransferSource } from "./transfer-source.ts";

const BATCH = 100;
/** In one block, and so in flight: anvil is slower with 500 and with 4,000, and at half the rate when sent more while it mines. */
const BLOCK_TRANSFERS = 1_000;
const GAS = "0x186a0";
const DEPLOY_GAS = "0x989680";
const START_TIMEOUT_MS = 20_000;
const TRANSFER_SELECTOR = "a9059cbb";
const BALANCE_SELECTOR = "70a08231";
const RECEIPTS_CHECKED = 100;

const FLAGS = [
  "--no-mining",
  "--prune-history",
  "--auto-impersonate",
  "--order",
  "fifo",
  "--disable-block-gas-limit",
  "--disable-min-priority-fee",
  "--block-base-fee-per-gas",
  "0",
  "--quiet",
];

interface Answer {
  id: number;
  result?: unknown;
  error?: { message: string };
}

export class Anvil {
  readonly version: string;
  readonly #process: ChildProcess;
  readonly #socket: Socket;
  readonly #accounts: Accounts;
  readonly #book: Book;
  readonly #random = new Random(1);
  readonly #pending = new Map<number, { resolve: (line: string) => void; reject: (problem: Error) => void }>();
  #nextId = 1;
  #input = "";
  #token = "";
  #blocks = 0;
  #sent = 0;
  #hashes: string[] = [];

  /** Starts it and gives every holder funds and a nonce's use, as a World has them. */
  static async start(binary: string, directory: string, holders: number): Promise<Anvil> {
    const version = execFileSync(binary, ["--version"], { encoding: "utf8" }).split("\n")[0]!;
    const ipc = join(directory, "anvil.ipc");
    const child = spawn(binary, ["--ipc", ipc, "--port", "0", ...FLAGS], {
      cwd: directory,
      stdio: ["ignore", "ignore", "inherit"],
    });
    endWithBench(child);
    const anvil = new Anvil(version, child, await openWhenReady(ipc, child), new Accounts(holders));
    await anvil.#deploy();
    await anvil.#pass(new Funding(anvil.#accounts, 0, holders));
    await anvil.#pass(new FirstSends(anvil.#accounts, 0, holders));
    return anvil;
  }

  private constructor(version: string, child: ChildProcess, socket: Socket, accounts: Accounts) {
    this.version = version;
    this.#process = child;
    this.#socket = socket;
    this.#accounts = accounts;
    this.#book = new Book(accounts);
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#receive(text));
    socket.on("close", () => {
      for (const { reject } of this.#pending.values()) reject(new Error("anvil closed the connection"));
    });
  }

  /** Transfers a second, all of them mined. */
  async measure(seconds: number): Promise<number> {
    const source = new RandomTransfers(this.#accounts, this.#random);
    const startedAt = performance.now();
    const sentBefore = this.#sent;
    while (performance.now() - startedAt < seconds * 1000) await this.#block(source);
    return ((this.#sent - sentBefore) / (performance.now() - startedAt)) * 1000;
  }

  /** Every balance, the number of mined transactions, and some receipts. @throws Error at the first difference. */
  async check(): Promise<string> {
    let mined = 0;
    for (let height = 1; height <= this.#blocks; height++) {
      mined += Number(await this.#call("eth_getBlockTransactionCountByNumber", [`0x${height.toString(16)}`]));
    }
    if (mined !== this.#sent) throw new Error(`anvil mined ${mined} of ${this.#sent} transactions`);
    for (let holder = 0; holder <= this.#accounts.owner; holder++) {
      const data = `0x${BALANCE_SELECTOR}${this.#word(holder)}`;
      const balance = Number(await this.#call("eth_call", [{ to: this.#token, data }, "latest"]));
      const expected = this.#book.balances[holder];
      if (balance !== expected)
        throw new Error(`with anvil ${this.#accounts.text(holder)} has ${balance}, must have ${expected}`);
    }
    for (const hash of this.#hashes) {
      const receipt = (await this.#call("eth_getTransactionReceipt", [hash])) as { status: string } | null;
      if (receipt?.status !== "0x1")
        throw new Error(`anvil's receipt of ${hash} is ${JSON.stringify(receipt)?.slice(0, 200)}`);
    }
    return `checked: anvil mined all ${mined.toLocaleString("en-US")} transactions; all ${this.#accounts.holders + 1} balances and ${this.#hashes.length} receipts are what they must be`;
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    this.#process.kill("SIGKILL");
    await ended(this.#process);
  }

  async #deploy(): Promise<void> {
    const { bytecode } = JSON.parse(readFileSync(join(ROOT, "bench/peers/openzeppelin-erc20.json"), "utf8")) as {
      bytecode: string;
    };
    const { owner, holders } = this.#accounts;
    const supply = holders * FUNDS;
    const data = bytecode + supply.toString(16).padStart(64, "0");
    const from = this.#accounts.text(owner);
    const hash = await this.#call("eth_sendTransaction", [
      { from, nonce: "0x0", gas: DEPLOY_GAS, gasPrice: "0x0", data },
    ]);
    await this.#mine();
    this.#sent++;
    const receipt = (await this.#call("eth_getTransactionReceipt", [hash])) as { contractAddress: string };
    this.#token = receipt.contractAddress;
    this.#book.balances[owner] = supply;
    this.#book.nonces[owner] = 1;
  }

  async #pass(source: TransferSource): Promise<void> {
    while ((await this.#block(source)) > 0);
  }

  /** Batches up to a block's worth, all outstanding at once, then the block. Answers how many transfers it holds. */
  async #block(source: TransferSource): Promise<number> {
    const batches: Promise<void>[] = [];
    let count = 0;
    while (count < BLOCK_TRANSFERS) {
      const batch = this.#batch(source);
      if (batch.count === 0) break;
      batches.push(this.#submit(batch.text, batch.id));
      count += batch.count;
    }
    if (count === 0) return 0;
    await Promise.all(batches);
    await this.#mine();
    this.#sent += count;
    return count;
  }

  #batch(source: TransferSource): { id: number; text: string; count: number } {
    const id = this.#nextId++;
    let text = "";
    let count = 0;
    for (; count < BATCH && source.next(); count++) {
      const nonce = this.#book.move(source.from, source.to, source.amount);
      text +=
        `${count === 0 ? "[" : ","}{"jsonrpc":"2.0","id":${id},"method":"eth_sendTransaction","params":[{"from":"${this.#accounts.text(source.from)}"` +
        `,"to":"${this.#token}","gas":"${GAS}","gasPrice":"0x0","nonce":"0x${nonce.toString(16)}","data":"0x${TRANSFER_SELECTOR}${this.#word(source.to)}${source.amount.toString(16).padStart(64, "0")}"}]}`;
    }
    return { id, text: `${text}]\n`, count };
  }

  async #submit(text: string, id: number): Promise<void> {
    const answer = await this.#send(text, id);
    if (answer.includes('"error"'))
      throw new Error(
        `anvil refused a transfer: ${answer.slice(answer.indexOf('"error"'), answer.indexOf('"error"') + 300)}`,
      );
    if (this.#hashes.length < RECEIPTS_CHECKED)
      this.#hashes.push((JSON.parse(answer) as Answer[])[0]!.result as string);
  }

  async #mine(): Promise<void> {
    await this.#call("evm_mine", []);
    this.#blocks++;
  }

  async #call(method: string, params: unknown[]): Promise<unknown> {
    const id = this.#nextId++;
    const { result, error } = JSON.parse(
      await this.#send(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`, id),
    ) as Answer;
    if (error !== undefined) throw new Error(`anvil answered ${method} with: ${error.message}`);
    return result;
  }

  #send(text: string, id: number): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#socket.write(text, "latin1");
    });
  }

  /** One answer a line; every part of an array has the id of the whole. */
  #receive(text: string): void {
    const lines = (this.#input + text).split("\n");
    this.#input = lines.pop()!;
    for (const line of lines) {
      const id = Number(/"id":(\d+)/.exec(line.slice(0, 64))?.[1]);
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      pending?.resolve(line);
    }
  }

  /** An address as an ABI word. */
  #word(account: number): string {
    return this.#accounts.text(account).slice(2).padStart(64, "0");
  }
}

async function openWhenReady(ipc: string, child: ChildProcess): Promise<Socket> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const socket = connect(ipc);
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    if (isOpen) return socket;
    await sleep(50);
  }
  child.kill("SIGKILL");
  throw new Error(`anvil did not open its socket within ${START_TIMEOUT_MS / 1000} s`);
}
