/** A confidential token taken elsewhere: backup and restore, copies between a directory and PostgreSQL. Its balances decrypt there. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { KeyHolder } from "../../src/client/key-holder.ts";
import type { PostgresConfig } from "../../src/config/config.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import type { TransactionJson } from "../../src/encoding/transaction.ts";
import type { EngineOptions } from "../../src/engine-options.ts";
import type { LocalPrivacy } from "../../src/service/privacy-service.ts";
import { DataDir } from "../../src/storage/data-dir.ts";
import type { PostgresOptions } from "../../src/storage/postgres-options.ts";
import { stateTools } from "../../src/tools/state.ts";
import { ALICE, BOB, openEngine, query, submit, type TestEngine } from "../support/engine.ts";
import { createMigratedDatabase, describePostgres } from "../support/postgres.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { tfhe } from "../support/tfhe.ts";

const RUN = { signal: new AbortController().signal, onProgress: () => undefined };
const ONCE = { replace: false };
const GAS = "100000000000";
const holder = new KeyHolder(tfhe);
const plain = holder.generateKeys("plain");
const at = (path: string) => ({ kind: "directory", path }) as const;
const inDatabase = (options: PostgresOptions) => ({ kind: "postgres", postgres: options as PostgresConfig }) as const;
type Keys = typeof plain;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A daemon's engine on a data directory, and a token in it. */
class Token {
  readonly #test: TestEngine;
  readonly #keys: Keys;
  address = "";
  #closed: Promise<void> | undefined;

  private constructor(test: TestEngine, keys: Keys) {
    this.#test = test;
    this.#keys = keys;
    closing.push(() => this.close());
  }

  static async open(dataDir: string, keys: Keys, address = "", postgres?: EngineOptions["postgres"]): Promise<Token> {
    const directory = DataDir.open(dataDir);
    const token = new Token(await openEngine({ dataDir, postgres }), keys);
    closing.push(async () => directory.close());
    token.address = address;
    return token;
  }

  static async deploy(dataDir: string, keys: Keys): Promise<Token> {
    const token = await Token.open(dataDir, keys);
    await token.putKey();
    const { parameterSet } = keys;
    const keyId = toHex(keys.keyId);
    const contract = { type: "confidential-erc20", name: "Sealed", symbol: "SLD", keyId, parameterSet };
    const receipt = await token.#send({ kind: "deploy", sender: ALICE, gasLimit: GAS, contract });
    token.address = toHex(receipt.contractAddress!);
    await token.call("mint", [ALICE, "1000"]);
    return token;
  }

  async putKey(): Promise<void> {
    const file = this.#keys.evaluationKey;
    for (let from = 0; from < file.length; from += 4_000_000)
      await this.privacy.putKey(part(file, from, from + 4_000_000));
  }

  async call(entrypoint: string, args: unknown[]): Promise<void> {
    await this.#send({ kind: "call", sender: ALICE, gasLimit: GAS, to: this.address, entrypoint, args });
  }

  async transfer(amount: bigint): Promise<void> {
    const bound = { type: getEncryptedType("euint64")!, contract: fromHex(this.address)!, owner: fromHex(ALICE)! };
    const file = holder.encrypt(this.#keys.secretKey, amount, bound);
    const binding = { keyId: toHex(this.#keys.keyId), type: "euint64", contract: this.address, owner: ALICE };
    const { handle } = await this.privacy.putCiphertext({ ...part(file), ...binding });
    await this.call("confidentialTransfer", [BOB, handle]);
  }

  async handleOf(owner: string): Promise<Uint8Array> {
    const { returnData } = await query(this.#test.engine, this.address, "confidentialBalanceOf", [owner]);
    return returnData.slice();
  }

  async balance(owner: string): Promise<bigint> {
    const handle = await this.handleOf(owner);
    expect(await this.privacy.job(handle, 60_000)).toMatchObject({ status: "done" });
    return holder.decrypt(this.#keys.secretKey, await this.privacy.ciphertext(handle, fromHex(owner)));
  }

  /** What it has, and that it goes on: the amount of ALICE after another transfer. */
  async goesOn(expected: { alice: bigint; bob: bigint }): Promise<void> {
    expect([await this.balance(ALICE), await this.balance(BOB)]).toEqual([expected.alice, expected.bob]);
    await this.transfer(50n);
    expect([await this.balance(ALICE), await this.balance(BOB)]).toEqual([expected.alice - 50n, expected.bob + 50n]);
    expect(this.privacy.jobs({}).open).toBe(0);
  }

  close(): Promise<void> {
    this.#closed ??= this.#test.engine.close();
    return this.#closed;
  }

  get privacy(): LocalPrivacy {
    return this.#test.engine.service.privacy as LocalPrivacy;
  }

  async #send(transaction: TransactionJson) {
    const [fate] = await submit(this.#test.engine, [transaction]);
    if (fate === undefined || !("receipt" in fate)) throw new Error(JSON.stringify(fate));
    expect(fate.receipt.status).toBe("success");
    return fate.receipt;
  }
}

function part(file: Uint8Array, from = 0, to = file.length) {
  const sha256 = toHex(createHash("sha256").update(file).digest());
  return { offset: from, total: file.length, sha256, data: toHex(file.slice(from, to)) };
}

const strict = (options: PostgresOptions) =>
  ({ options, durability: "strict", address: "http://copied", leaseMs: 10_000 }) as const;

describe("a confidential token", () => {
  it("decrypts after backup and restore, and what was not evaluated yet is evaluated there", async () => {
    const base = temporaryDirectory();
    const keys = holder.generateKeys(holder.parameterSets()[0]!);
    const here = await Token.deploy(join(base, "data"), keys);
    await here.transfer(250n);
    const file = join(base, "sealed.ptbackup");
    // Beside the daemon, in the middle of its evaluations.
    expect(await stateTools.backup(at(join(base, "data")), { file, ...ONCE }, RUN)).toMatchObject({ height: 3 });
    await here.close();
    await stateTools.restore(file, at(join(base, "back")), ONCE, RUN);
    const there = await Token.open(join(base, "back"), keys, here.address);
    expect([await there.balance(ALICE), await there.balance(BOB)]).toEqual([750n, 250n]);
  });

  it("has no ciphertexts after an import of an export, and says so of each, and of whatever would take one", async () => {
    const base = temporaryDirectory();
    const here = await Token.deploy(join(base, "data"), plain);
    await here.transfer(250n);
    await here.goesOn({ alice: 750n, bob: 250n });
    await here.close();
    const target = { format: "ndjson", schema: "", file: join(base, "s.ndjson"), ...ONCE } as const;
    await stateTools.export(at(join(base, "data")), target, async () => {}, RUN);
    const imported = await stateTools.import(target.file, at(join(base, "in")), { ...ONCE, validate: true }, RUN);
    expect(imported.handles).toBeGreaterThan(0);
    const there = await Token.open(join(base, "in"), plain, here.address);
    await expect(there.transfer(1n)).rejects.toMatchObject({ code: "PRIVACY_KEY_UNKNOWN" });
    await there.putKey();
    const balance = await there.handleOf(ALICE);
    await expect(there.privacy.ciphertext(balance, fromHex(ALICE))).rejects.toMatchObject({
      code: "PRIVACY_RESULT_FAILED",
    });
    await there.transfer(1n);
    const job = await there.privacy.job(await there.handleOf(ALICE), 60_000);
    expect(job).toMatchObject({ status: "failed", because: expect.stringContaining(toHex(balance)) });
    expect(there.privacy.jobs({}).open).toBe(0);
  });
});

describePostgres("a confidential token, with PostgreSQL", () => {
  it("decrypts and goes on after each of copy, backup and restore, to a log and back", async () => {
    const base = temporaryDirectory();
    const here = await Token.deploy(join(base, "data"), plain);
    await here.transfer(250n);
    await here.goesOn({ alice: 750n, bob: 250n });
    await here.close();
    const [first, second] = [await createMigratedDatabase(), await createMigratedDatabase()];
    await stateTools.copy(at(join(base, "data")), inDatabase(first), ONCE, RUN);
    const joined = await Token.open(join(base, "joined"), plain, here.address, strict(first));
    await joined.goesOn({ alice: 700n, bob: 300n });
    await joined.close();

    const file = join(base, "log.ptbackup");
    await stateTools.backup(inDatabase(first), { file, ...ONCE }, RUN);
    await stateTools.restore(file, at(join(base, "restored")), ONCE, RUN);
    const alone = await Token.open(join(base, "restored"), plain, here.address);
    await alone.goesOn({ alice: 650n, bob: 350n });
    await alone.close();
    await stateTools.restore(file, inDatabase(second), ONCE, RUN);
    const other = await Token.open(join(base, "other"), plain, here.address, strict(second));
    await other.goesOn({ alice: 650n, bob: 350n });
    await other.close();
    await stateTools.copy(inDatabase(second), at(join(base, "home")), ONCE, RUN);
    await (await Token.open(join(base, "home"), plain, here.address)).goesOn({ alice: 600n, bob: 400n });
  });
});
