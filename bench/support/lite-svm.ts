/**
 * LiteSVM, an in-process Solana VM for tests, on its built-in SPL Token program: one transaction after the other, as bytes,
 * by the native class that its public one forwards to. No signature is checked and no history kept, which makes it
 * fastest; it has no blocks, no state root and no disk.
 */
import { Accounts, Book, FUNDS } from "./accounts.ts";
import { fetchPackage } from "./npm-peer.ts";
import type { Peer } from "./peer.ts";
import { Random } from "./random.ts";
import { RandomTransfers } from "./transfer-source.ts";

const VERSION = "1.5.0";
const KEY_BYTES = 32;
/** TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA */
const TOKEN_PROGRAM = Buffer.from("06ddf6e1d765a193d9cbe146ceeb79ac1cb485ed5f5b37913a8cf5857eff00a9", "hex");
const SYSTEM_PROGRAM = new Uint8Array(KEY_BYTES);
const LAMPORTS = 10n ** 17n;
const MINT_BYTES = 82;
const TOKEN_ACCOUNT_BYTES = 165;
const AMOUNT_AT = 64;
/** Of the transaction below. */
const WALLET_AT = 1 + 64 + 3 + 1;
const SLICE = 1_000;
const SUCCESS = "TransactionMetadata";

interface Account {
  data(): Uint8Array;
}

/** The part of the package's native module that is used. */
interface Native {
  readonly Account: new (
    lamports: bigint,
    data: Uint8Array,
    owner: Uint8Array,
    executable: boolean,
    epoch: bigint,
  ) => Account;
  readonly LiteSvm: new () => {
    setSigverify(check: boolean): void;
    setBlockhashCheck(check: boolean): void;
    setTransactionHistory(capacity: bigint): void;
    setAccount(key: Uint8Array, account: Account): void;
    getAccount(key: Uint8Array): Account | null;
    sendLegacyTransaction(bytes: Uint8Array): object;
  };
}

export class LiteSvm implements Peer {
  readonly name = "LiteSVM";
  readonly version = VERSION;
  readonly acknowledges = "in memory, in process, one at a time; no blocks, no state root";
  readonly #svm: InstanceType<Native["LiteSvm"]>;
  readonly #accounts: Accounts;
  readonly #book: Book;
  readonly #source: RandomTransfers;
  readonly #transaction = transferTransaction();

  /** Fetches it into `directory`. */
  static start(directory: string, holders: number): LiteSvm {
    const native = fetchPackage("litesvm", VERSION, directory)("litesvm/dist/internal.js") as Native;
    return new LiteSvm(native, new Accounts(holders));
  }

  private constructor({ Account, LiteSvm }: Native, accounts: Accounts) {
    this.#accounts = accounts;
    this.#book = new Book(accounts);
    this.#source = new RandomTransfers(accounts, new Random(1));
    this.#svm = new LiteSvm();
    this.#svm.setSigverify(false);
    this.#svm.setBlockhashCheck(false);
    this.#svm.setTransactionHistory(0n);
    const put = (key: Uint8Array, data: Uint8Array, owner: Uint8Array) =>
      this.#svm.setAccount(key, new Account(LAMPORTS, data, owner, false, 0n));
    put(MINT, mintData(accounts.holders * FUNDS), TOKEN_PROGRAM);
    for (let holder = 0; holder < accounts.holders; holder++) {
      put(this.#key(holder, "wallet"), new Uint8Array(0), SYSTEM_PROGRAM);
      put(this.#key(holder, "token"), tokenAccountData(this.#key(holder, "wallet"), FUNDS), TOKEN_PROGRAM);
      this.#book.balances[holder] = FUNDS;
    }
    for (let holder = 0; holder < accounts.holders; holder++) this.#send(holder, (holder + 1) % accounts.holders, 1);
  }

  async measure(seconds: number): Promise<number> {
    const startedAt = performance.now();
    let sent = 0;
    do {
      for (let i = 0; i < SLICE; i++) {
        // An account may stand only once in a transaction of theirs.
        do this.#source.next();
        while (this.#source.from === this.#source.to);
        this.#send(this.#source.from, this.#source.to, this.#source.amount);
      }
      sent += SLICE;
    } while (performance.now() - startedAt < seconds * 1000);
    return (sent / (performance.now() - startedAt)) * 1000;
  }

  async check(): Promise<string> {
    const { holders } = this.#accounts;
    for (let holder = 0; holder < holders; holder++) {
      const data = Buffer.from(this.#svm.getAccount(this.#key(holder, "token"))!.data());
      const balance = Number(data.readBigUInt64LE(AMOUNT_AT));
      const expected = this.#book.balances[holder];
      if (balance !== expected) throw new Error(`with LiteSVM holder ${holder} has ${balance}, must have ${expected}`);
    }
    return `checked: LiteSVM executed every transfer; all ${holders.toLocaleString("en-US")} balances are what they must be`;
  }

  #send(from: number, to: number, amount: number): void {
    this.#book.move(from, to, amount);
    const bytes = this.#transaction;
    for (const [at, account, kind] of [
      [0, from, "wallet"],
      [1, from, "token"],
      [2, to, "token"],
    ] as const)
      this.#writeKey(bytes, WALLET_AT + KEY_BYTES * at, account, kind);
    bytes.writeUInt32LE(amount, bytes.length - 8);
    const answer = this.#svm.sendLegacyTransaction(bytes);
    if (answer.constructor.name !== SUCCESS) throw new Error(`LiteSVM refused a transfer: ${String(answer)}`);
  }

  #key(holder: number, kind: "wallet" | "token"): Uint8Array {
    const key = Buffer.alloc(KEY_BYTES);
    this.#writeKey(key, 0, holder, kind);
    return key;
  }

  #writeKey(out: Buffer, at: number, holder: number, kind: "wallet" | "token"): void {
    out.fill(kind === "wallet" ? 1 : 2, at, at + KEY_BYTES);
    out.set(this.#accounts.raw.subarray(20 * holder, 20 * holder + 20), at);
  }
}

const MINT = new Uint8Array(KEY_BYTES).fill(3);

/** spl_token::state::Mint */
function mintData(supply: number): Uint8Array {
  const data = Buffer.alloc(MINT_BYTES);
  data.writeBigUInt64LE(BigInt(supply), 36);
  data[45] = 1;
  return data;
}

/** spl_token::state::Account, initialized. */
function tokenAccountData(wallet: Uint8Array, amount: number): Uint8Array {
  const data = Buffer.alloc(TOKEN_ACCOUNT_BYTES);
  data.set(MINT, 0);
  data.set(wallet, 32);
  data.writeBigUInt64LE(BigInt(amount), AMOUNT_AT);
  data[108] = 1;
  return data;
}

/**
 * A legacy transaction: one signature, then the message: header, account keys (wallet, its token account, the other's,
 * the program), block hash, one instruction: Transfer of a u64.
 */
function transferTransaction(): Buffer {
  return Buffer.concat([
    Buffer.from([1]),
    Buffer.alloc(64),
    Buffer.from([1, 0, 1, 4]),
    Buffer.alloc(3 * KEY_BYTES),
    TOKEN_PROGRAM,
    Buffer.alloc(KEY_BYTES),
    Buffer.from([1, 3, 3, 1, 2, 0, 9, 3]),
    Buffer.alloc(8),
  ]);
}
