/**
 * An Ethereum development network with OpenZeppelin's ERC20 on it, loaded in the mode in which such are fastest: no mining
 * of its own, a block asked for every BLOCK_TRANSFERS, no signatures. Memory only: nothing that it acknowledges is durable,
 * which ours is.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Accounts, Book, FUNDS } from "./accounts.ts";
import type { Peer } from "./peer.ts";
import { ROOT } from "./program.ts";
import { Random } from "./random.ts";
import { FirstSends, Funding, RandomTransfers, type TransferSource } from "./transfer-source.ts";

/** In one block, and so in flight: anvil is slower with 500 and with 4,000, and at half the rate when sent more while it mines. */
const BLOCK_TRANSFERS = 1_000;
const GAS = "0x186a0";
const DEPLOY_GAS = "0x989680";
const TRANSFER_SELECTOR = "a9059cbb";
const BALANCE_SELECTOR = "70a08231";
const RECEIPTS_CHECKED = 100;

/** Parameter of eth_sendTransaction. */
export type Transaction = Readonly<Record<string, string>>;

export abstract class EvmDevnet implements Peer {
  abstract readonly name: string;
  abstract readonly version: string;
  abstract readonly acknowledges: string;
  readonly accounts: Accounts;
  readonly #book: Book;
  readonly #random = new Random(1);
  #token = "";
  #blocks = 0;
  #sent = 0;
  #hashes: string[] = [];

  protected constructor(holders: number) {
    this.accounts = new Accounts(holders);
    this.#book = new Book(this.accounts);
  }

  /** @throws Error with what it answers when that is an error. */
  protected abstract call(method: string, params: readonly unknown[]): Promise<unknown>;
  /** Sends all of them with eth_sendTransaction; answers the first one's hash. @throws Error when one is refused. */
  protected abstract submit(transactions: readonly Transaction[]): Promise<string>;

  /** Deploys the token and gives every holder funds and a nonce's use, as a World has them. */
  protected async setUp(): Promise<void> {
    const { owner, holders } = this.accounts;
    await this.#deploy(owner, holders * FUNDS);
    for (const source of [new Funding(this.accounts, 0, holders), new FirstSends(this.accounts, 0, holders)])
      while ((await this.#block(source)) > 0);
  }

  async measure(seconds: number): Promise<number> {
    const source = new RandomTransfers(this.accounts, this.#random);
    const startedAt = performance.now();
    const sentBefore = this.#sent;
    while (performance.now() - startedAt < seconds * 1000) await this.#block(source);
    return ((this.#sent - sentBefore) / (performance.now() - startedAt)) * 1000;
  }

  /** Every balance, the number of mined transactions, and some receipts. @throws Error at the first difference. */
  async check(): Promise<string> {
    const { name } = this;
    let mined = 0;
    for (let height = 1; height <= this.#blocks; height++)
      mined += Number(await this.call("eth_getBlockTransactionCountByNumber", [`0x${height.toString(16)}`]));
    if (mined !== this.#sent) throw new Error(`${name} mined ${mined} of ${this.#sent} transactions`);
    for (let account = 0; account <= this.accounts.owner; account++) {
      const data = `0x${BALANCE_SELECTOR}${this.#word(account)}`;
      const balance = Number(await this.call("eth_call", [{ to: this.#token, data }, "latest"]));
      const expected = this.#book.balances[account];
      if (balance !== expected)
        throw new Error(`with ${name} ${this.accounts.text(account)} has ${balance}, must have ${expected}`);
    }
    for (const hash of this.#hashes) {
      const receipt = (await this.call("eth_getTransactionReceipt", [hash])) as { status: string } | null;
      if (receipt?.status !== "0x1")
        throw new Error(`${name}'s receipt of ${hash} is ${JSON.stringify(receipt)?.slice(0, 200)}`);
    }
    return `checked: ${name} mined all ${mined.toLocaleString("en-US")} transactions; all ${(this.accounts.holders + 1).toLocaleString("en-US")} balances and ${this.#hashes.length} receipts are what they must be`;
  }

  async #deploy(owner: number, supply: number): Promise<void> {
    const { bytecode } = JSON.parse(readFileSync(join(ROOT, "bench/peers/openzeppelin-erc20.json"), "utf8")) as {
      bytecode: string;
    };
    const data = bytecode + supply.toString(16).padStart(64, "0");
    const from = this.accounts.text(owner);
    const hash = await this.submit([{ from, nonce: "0x0", gas: DEPLOY_GAS, gasPrice: "0x0", data }]);
    await this.#mine(1);
    const receipt = (await this.call("eth_getTransactionReceipt", [hash])) as { contractAddress: string };
    this.#token = receipt.contractAddress;
    this.#book.balances[owner] = supply;
    this.#book.nonces[owner] = 1;
  }

  /** A block's worth, all outstanding at once, then the block. Answers how many transfers it holds. */
  async #block(source: TransferSource): Promise<number> {
    const transfers: Transaction[] = [];
    while (transfers.length < BLOCK_TRANSFERS && source.next()) transfers.push(this.#transfer(source));
    if (transfers.length === 0) return 0;
    const hash = await this.submit(transfers);
    if (this.#hashes.length < RECEIPTS_CHECKED) this.#hashes.push(hash);
    await this.#mine(transfers.length);
    return transfers.length;
  }

  #transfer({ from, to, amount }: TransferSource): Transaction {
    const nonce = this.#book.move(from, to, amount);
    return {
      from: this.accounts.text(from),
      to: this.#token,
      gas: GAS,
      gasPrice: "0x0",
      nonce: `0x${nonce.toString(16)}`,
      data: `0x${TRANSFER_SELECTOR}${this.#word(to)}${amount.toString(16).padStart(64, "0")}`,
    };
  }

  async #mine(transactions: number): Promise<void> {
    await this.call("evm_mine", []);
    this.#blocks++;
    this.#sent += transactions;
  }

  /** An address as an ABI word. */
  #word(account: number): string {
    return this.accounts.text(account).slice(2).padStart(64, "0");
  }
}
