/** Durability strict: keys, ciphertexts and results are in PostgreSQL, and every daemon on the log has them. */
import { createHash } from "node:crypto";
import { expect, it, onTestFinished } from "vitest";
import { KeyHolder } from "../../src/client/key-holder.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import type { LocalPrivacy } from "../../src/service/privacy-service.ts";
import type { PostgresOptions } from "../../src/storage/postgres-options.ts";
import { ALICE, heightOf, openEngine, submit, type TestEngine, temporaryDirectory } from "../support/engine.ts";
import { createMigratedDatabase, describePostgres, query } from "../support/postgres.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { tfhe } from "../support/tfhe.ts";

const holder = new KeyHolder(tfhe);
const plain = holder.generateKeys("plain");
const GAS = "100000000000";
const PART_BYTES = 4 * 1024 * 1024;

type Keys = typeof plain;

function parts(file: Uint8Array) {
  const sha256 = toHex(createHash("sha256").update(file).digest());
  const count = Math.ceil(file.length / PART_BYTES);
  return Array.from({ length: count }, (_, i) => {
    const offset = i * PART_BYTES;
    return { offset, total: file.length, sha256, data: toHex(file.slice(offset, offset + PART_BYTES)) };
  });
}

function newDirectory(): string {
  const directory = temporaryDirectory();
  onTestFinished(directory.remove);
  return directory.path;
}

/** One daemon's engine on the log. */
class Node {
  readonly test: TestEngine;
  readonly #closing: { done?: Promise<void> } = {};

  constructor(test: TestEngine) {
    this.test = test;
    onTestFinished(() => this.close());
  }

  /** @param options undefined: on its own. */
  static async open(
    options: PostgresOptions | undefined,
    name: string,
    { dataDir = newDirectory(), laterMs = 0 } = {},
  ): Promise<Node> {
    const postgres = options && { options, durability: "strict" as const, address: `http://${name}`, leaseMs: 10_000 };
    return new Node(await openEngine({ dataDir, now: () => Date.now() + laterMs, ...(postgres && { postgres }) }));
  }

  close(): Promise<void> {
    this.#closing.done ??= this.test.engine.close();
    return this.#closing.done;
  }

  get privacy(): LocalPrivacy {
    return this.test.engine.service.privacy as LocalPrivacy;
  }

  get height(): number {
    return heightOf(this.test.engine);
  }

  async leads(): Promise<void> {
    await expect.poll(() => this.test.engine.service.health().status).toBe("ready");
  }

  async deploy(keys: Keys, type: string): Promise<string> {
    for (const part of parts(keys.evaluationKey)) await this.privacy.putKey(part);
    const manifest = {
      name: "Squares",
      circuits: { mul: { operation: "mul", type } },
      state: { last: { type } },
      entrypoints: {
        square: {
          inputs: [{ name: "amount", type }],
          steps: [{ circuit: "mul", inputs: ["amount", "amount"], outputs: ["square"] }],
          set: { "state.last": "square" },
          returns: ["square"],
        },
      },
    };
    const contract = { type: "privacy", keyId: toHex(keys.keyId), parameterSet: keys.parameterSet, manifest };
    const [fate] = await submit(this.test.engine, [{ kind: "deploy", sender: ALICE, gasLimit: GAS, contract }]);
    if (fate === undefined || !("receipt" in fate)) throw new Error(JSON.stringify(fate));
    return toHex(fate.receipt.contractAddress!);
  }

  async input(keys: Keys, contract: string, type: string, value: bigint): Promise<string> {
    const bound = { type: getEncryptedType(type)!, contract: fromHex(contract)!, owner: fromHex(ALICE)! };
    const [part] = parts(holder.encrypt(keys.secretKey, value, bound));
    const binding = { keyId: toHex(keys.keyId), type, contract, owner: ALICE };
    return (await this.privacy.putCiphertext({ ...part!, ...binding })).handle!;
  }

  async square(contract: string, handle: string): Promise<string> {
    const call = {
      kind: "call",
      sender: ALICE,
      gasLimit: GAS,
      to: contract,
      entrypoint: "square",
      args: [handle],
    } as const;
    const [fate] = await submit(this.test.engine, [call]);
    if (fate === undefined || !("receipt" in fate)) throw new Error(JSON.stringify(fate));
    return toHex(fate.receipt.returnData);
  }

  async value(keys: Keys, handle: string): Promise<bigint> {
    expect(await this.privacy.job(fromHex(handle)!, 60_000)).toMatchObject({ status: "done" });
    return holder.decrypt(keys.secretKey, await this.privacy.ciphertext(fromHex(handle)!, undefined));
  }
}

describePostgres("privacy contracts on a shared log", () => {
  it("has on every daemon what one was given or has evaluated, and evaluates once", async () => {
    const options = await createMigratedDatabase();
    const leader = await Node.open(options, "leader");
    const replica = await Node.open(options, "replica");
    const contract = await leader.deploy(plain, "euint64");
    const square = await leader.square(contract, await leader.input(plain, contract, "euint64", 12n));
    expect(await leader.value(plain, square)).toBe(144n);
    await expect.poll(() => replica.height).toBe(leader.height);
    expect(await replica.value(plain, square)).toBe(144n);
    expect(await replica.privacy.job(fromHex(square)!, 0)).toMatchObject({ status: "done", attempts: 0 });
    expect(replica.privacy.key(plain.keyId)).toMatchObject({ parameterSet: "plain" });
  });

  it("takes a ciphertext on any daemon for calls on the one that leads", async () => {
    const options = await createMigratedDatabase();
    const leader = await Node.open(options, "leader");
    const replica = await Node.open(options, "replica");
    const contract = await leader.deploy(plain, "euint64");
    await expect.poll(() => replica.privacy.key(plain.keyId)).toBeDefined();
    const handle = await replica.input(plain, contract, "euint64", 9n);
    await expect
      .poll(() =>
        leader.privacy.ciphertext(fromHex(handle)!, undefined).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    expect(await leader.value(plain, await leader.square(contract, handle))).toBe(81n);
  });

  it("goes on under another leader with what the one before was given and had not evaluated", async () => {
    const keys = holder.generateKeys(holder.parameterSets()[0]!);
    const options = await createMigratedDatabase();
    const first = await Node.open(options, "first");
    const second = await Node.open(options, "second");
    const contract = await first.deploy(keys, "euint8");
    const square = await first.square(contract, await first.input(keys, contract, "euint8", 11n));
    await first.close();
    await second.leads();
    expect(await second.value(keys, square)).toBe(121n);
    expect((await second.privacy.job(fromHex(square)!, 0)).attempts).toBeGreaterThanOrEqual(1);
  });

  it("starts on an empty data directory with everything that PostgreSQL has", async () => {
    const options = await createMigratedDatabase();
    const first = await Node.open(options, "first");
    const contract = await first.deploy(plain, "euint64");
    const [square, unused] = [
      await first.square(contract, await first.input(plain, contract, "euint64", 5n)),
      await first.input(plain, contract, "euint64", 6n),
    ];
    expect(await first.value(plain, square)).toBe(25n);
    await first.close();
    const fresh = await Node.open(options, "fresh");
    await fresh.leads();
    const answer = await fresh.privacy.ciphertext(fromHex(square)!, undefined);
    expect(holder.decrypt(plain.secretKey, answer)).toBe(25n);
    expect(await fresh.value(plain, await fresh.square(contract, unused))).toBe(36n);
  });

  it("hands over what a daemon had on its own", async () => {
    const dataDir = newDirectory();
    const alone = await Node.open(undefined, "alone", { dataDir });
    const contract = await alone.deploy(plain, "euint64");
    const square = await alone.square(contract, await alone.input(plain, contract, "euint64", 3n));
    expect(await alone.value(plain, square)).toBe(9n);
    await alone.close();
    const options = await createMigratedDatabase();
    const leader = await Node.open(options, "leader", { dataDir });
    const replica = await Node.open(options, "replica");
    await expect.poll(() => replica.height).toBe(leader.height);
    expect(await replica.value(plain, square)).toBe(9n);
  });

  it("lets go of a withdrawn key under another leader, for every daemon, and of none that a contract has", async () => {
    const options = await createMigratedDatabase();
    const first = await Node.open(options, "first");
    const used = holder.generateKeys("plain");
    const contract = await first.deploy(used, "euint8");
    for (const part of parts(plain.evaluationKey)) await first.privacy.putKey(part);
    const second = await Node.open(options, "second", { laterMs: 3_600_000 });
    await first.privacy.withdrawKey(plain.keyId);
    await expect(first.privacy.withdrawKey(used.keyId)).rejects.toMatchObject({ facts: { contract } });
    const seen = (node: Node) => node.privacy.keys().map(({ keyId, state }) => [keyId, state] as const);
    const [gone, kept] = [toHex(plain.keyId), toHex(used.keyId)];
    await expect.poll(() => new Map(seen(second)).get(gone)).toBe("withdrawn");
    expect(await second.privacy.collect()).toEqual({ keys: 0, values: 0, uploads: 0 });
    await first.close();
    await second.leads();
    expect(await second.privacy.collect()).toMatchObject({ keys: 1 });
    expect(seen(second)).toEqual([[kept, "held"]]);
    const third = await Node.open(options, "third");
    expect(seen(third)).toEqual([[kept, "held"]]);
    expect(await query(options, "select 1 from smart_contracts.privacy_blobs")).toHaveLength(1);
  });

  it("refuses a ciphertext, retryably and without keeping it, while PostgreSQL is away", async () => {
    const options = await createMigratedDatabase();
    const proxy = await TcpProxy.open(options);
    onTestFinished(() => proxy.close());
    const link = { host: "127.0.0.1", port: proxy.port, connectTimeoutMs: 500, statementTimeoutMs: 1_000 };
    const node = await Node.open({ ...options, ...link }, "node");
    const contract = await node.deploy(plain, "euint64");
    const send = () => node.input(plain, contract, "euint64", 7n);
    proxy.isRefusing = true;
    proxy.cut();
    await expect(send()).rejects.toMatchObject({ code: "STORAGE_ERROR", facts: { retryable: true } });
    proxy.isRefusing = false;
    await node.leads();
    let handle: string | undefined;
    await expect.poll(async () => (handle = await send().catch(() => undefined))).toBeDefined();
    expect(await node.value(plain, await node.square(contract, handle!))).toBe(49n);
  });
});
