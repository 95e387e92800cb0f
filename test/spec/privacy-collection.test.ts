/** What an engine lets go of: evaluation keys that no contract has, and uploads that nobody goes on with. */
import { createHash } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { KeyHolder } from "../../src/client/key-holder.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction } from "../../src/encoding/transaction.ts";
import type { EngineOptions } from "../../src/engine-options.ts";
import { EngineError } from "../../src/errors.ts";
import type { LocalPrivacy } from "../../src/service/privacy-service.ts";
import { ALICE, heightOf, openEngine, submit, type TestEngine, temporaryDirectory } from "../support/engine.ts";
import { collectionContract } from "../support/privacy-manifests.ts";

const holder = new KeyHolder(undefined);
const keys = holder.generateKeys("plain");
const keyId = toHex(keys.keyId);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const GAS = "100000000000";
const DEPLOY = { kind: "deploy", sender: ALICE, gasLimit: GAS, contract: collectionContract(keyId) } as const;

function part(file: Uint8Array, from = 0, to = file.length) {
  const sha256 = toHex(createHash("sha256").update(file).digest());
  return { offset: from, total: file.length, sha256, data: toHex(file.slice(from, to)) };
}

class Chain {
  readonly #options: Partial<EngineOptions>;
  #test!: TestEngine;
  /** Of the daemon's clock. */
  laterMs = 0;

  private constructor(options: Partial<EngineOptions>) {
    this.#options = options;
  }

  static async open(options: Partial<EngineOptions> = {}): Promise<Chain> {
    const directory = temporaryDirectory();
    onTestFinished(directory.remove);
    const chain = new Chain({ ...options, dataDir: directory.path });
    await chain.start();
    onTestFinished(() => chain.engine.close());
    return chain;
  }

  async start(): Promise<void> {
    this.#test = await openEngine({ ...this.#options, now: () => Date.now() + this.laterMs });
  }

  async restart(): Promise<void> {
    await this.engine.close();
    await this.start();
  }

  get engine() {
    return this.#test.engine;
  }

  get privacy(): LocalPrivacy {
    return this.engine.service.privacy as LocalPrivacy;
  }

  async putKey(): Promise<void> {
    await this.privacy.putKey(part(keys.evaluationKey));
  }

  /** @returns the contract. @throws EngineError with the rejection's code. */
  async deploy(): Promise<string> {
    const [fate] = await submit(this.engine, [DEPLOY]);
    if (fate === undefined || "rejection" in fate)
      throw new EngineError(fate!.rejection.code, fate!.rejection.message, fate!.rejection.facts);
    return toHex(fate.receipt.contractAddress!);
  }

  /** Lets so much time go by, with a look at what may go at its end. */
  async after(ms: number) {
    this.laterMs += ms;
    return await this.privacy.collect();
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "nothing",
    (problem) => (problem as EngineError).code,
  );
}

describe("evaluation keys in the engine", () => {
  it("go with nothing to refer to them, over restarts, and are unknown from then on", async () => {
    const chain = await Chain.open();
    await chain.putKey();
    await chain.after(0);
    await chain.restart();
    expect(chain.privacy.key(keys.keyId).state).toBe("unused");
    await chain.after(DAY_MS);
    await chain.restart();
    expect(chain.privacy.keys()).toMatchObject([{ keyId, state: "withdrawn", security: "none" }]);
    expect(await codeOf(chain.deploy())).toBe("PRIVACY_KEY_UNKNOWN");
    expect(await chain.after(HOUR_MS)).toEqual({ keys: 1, values: 0, uploads: 0 });
    expect(chain.privacy.keys()).toEqual([]);
    expect(chain.engine.service.storage!.stats().blobs).toMatchObject({ keys: 0, bytes: 0, collected: { keys: 1 } });
    await chain.putKey();
    await chain.deploy();
  });

  it("stay with a contract, and for a day when a rollback takes it", async () => {
    const chain = await Chain.open();
    await chain.putKey();
    const before = heightOf(chain.engine);
    await chain.deploy();
    for (let day = 0; day < 3; day++) await chain.after(DAY_MS);
    expect(chain.privacy.key(keys.keyId).state).toBe("held");
    await chain.engine.service.blockRollback(before);
    await chain.after(0);
    expect(chain.privacy.key(keys.keyId).state).toBe("unused");
    await chain.deploy();
    await chain.after(DAY_MS);
    expect(chain.privacy.key(keys.keyId)).toMatchObject({ state: "held", goesAtMs: null });
  });

  it("stay while a ciphertext waits for its contract, and go after it", async () => {
    const chain = await Chain.open();
    await chain.putKey();
    const bound = { type: getEncryptedType("euint8")!, contract: fromHex(ALICE)!, owner: fromHex(ALICE)! };
    const file = holder.encrypt(keys.secretKey, 5n, bound);
    const binding = { keyId, type: "euint8", contract: ALICE, owner: ALICE };
    await chain.privacy.putCiphertext({ ...part(file), ...binding });
    await chain.after(DAY_MS / 2);
    expect(chain.privacy.key(keys.keyId).state).toBe("held");
    expect(await chain.after(DAY_MS)).toMatchObject({ values: 1, keys: 0 });
    expect(chain.privacy.key(keys.keyId).state).toBe("unused");
  });

  it("are withdrawn when their owner says so, but not while a contract has them", async () => {
    const chain = await Chain.open();
    expect(await codeOf(chain.privacy.withdrawKey(keys.keyId))).toBe("PRIVACY_KEY_UNKNOWN");
    await chain.putKey();
    expect(await chain.privacy.withdrawKey(keys.keyId)).toMatchObject({ keyId, state: "withdrawn" });
    expect(await codeOf(chain.deploy())).toBe("PRIVACY_KEY_UNKNOWN");
    const binding = { keyId, type: "euint8", contract: ALICE, owner: ALICE };
    expect(await codeOf(chain.privacy.putCiphertext({ ...part(keys.evaluationKey), ...binding }))).toBe(
      "PRIVACY_KEY_UNKNOWN",
    );
    await chain.putKey();
    const contract = await chain.deploy();
    const refused = chain.privacy.withdrawKey(keys.keyId);
    await expect(refused).rejects.toMatchObject({ code: "PRIVACY_KEY_IN_USE", facts: { contract } });
    expect(chain.privacy.key(keys.keyId).state).toBe("held");
  });

  it("are in use from the block that is staged on, before it is durable", async () => {
    const chain = await Chain.open({ mode: "driven" });
    await chain.putKey();
    const { service } = chain.engine;
    const { height, blockHash, timestampMs } = (await service.block("latest"))!;
    const encode = (out: Parameters<typeof encodeTransaction>[1]) => {
      encodeTransaction({ ...DEPLOY, nonce: 0 }, out);
      return 1;
    };
    const next = { height: height + 1, parentHash: blockHash, timestampMs: timestampMs + 1, encode };
    await service.blockExecute(next);
    expect(await codeOf(chain.privacy.withdrawKey(keys.keyId))).toBe("PRIVACY_KEY_IN_USE");
    await service.blockDiscard();
    expect(await chain.privacy.withdrawKey(keys.keyId)).toMatchObject({ state: "withdrawn" });
  });
});

describe("uploads", () => {
  it("go when nobody has gone on with them for an hour", async () => {
    const chain = await Chain.open();
    await chain.privacy.putKey(part(keys.evaluationKey, 0, 40));
    await chain.restart();
    expect(chain.engine.service.storage!.stats().blobs).toMatchObject({ uploads: 1, uploadBytes: 40 });
    expect(await chain.after(HOUR_MS / 2)).toMatchObject({ uploads: 0 });
    expect(await chain.privacy.putKey(part(keys.evaluationKey, 40, 60))).toEqual({ received: 60 });
    expect(await chain.after(HOUR_MS - 1_000)).toMatchObject({ uploads: 0 });
    expect(await chain.after(1_000)).toMatchObject({ uploads: 1 });
    expect(chain.engine.service.storage!.stats().blobs).toMatchObject({ uploads: 0, uploadBytes: 0 });
  });

  it("of one submitter leave places to others, and those that rest give way where places are wanted", async () => {
    const chain = await Chain.open();
    const begin = (name: string, submitter: string, offset = 0) => {
      const sha256 = toHex(createHash("sha256").update(name).digest());
      return chain.privacy.putKey({ offset, total: 4_096, sha256, data: `0x${"ff".repeat(16)}` }, submitter);
    };
    for (let upload = 0; upload < 16; upload++) await begin(`mallory ${upload}`, "mallory");
    expect(await codeOf(begin("mallory 16", "mallory"))).toBe("BUSY");
    for (let upload = 0; upload < 16; upload++) await begin(`alice ${upload}`, "alice");
    expect(await codeOf(begin("bob", "bob"))).toBe("BUSY");
    chain.laterMs += 59_000;
    expect(await begin("alice 0", "alice", 16)).toEqual({ received: 32 });
    chain.laterMs += 1_000;
    expect(await begin("bob", "bob")).toEqual({ received: 16 });
    expect(chain.engine.service.storage!.stats().blobs).toMatchObject({ uploads: 2, uploadBytes: 48 });
  });

  it("begin only where all of what is announced has room", async () => {
    const MIB = 1024 * 1024;
    const chain = await Chain.open({ privacy: { workers: 1, blobBytesMax: MIB, jobsMax: 10 } });
    const announce = (fill: number, total: number) => {
      const sha256 = toHex(createHash("sha256").update(Uint8Array.of(fill)).digest());
      return chain.privacy.putKey({ offset: 0, total, sha256, data: `0x${"ff".repeat(16)}` });
    };
    expect(await announce(1, MIB - 20)).toEqual({ received: 16 });
    expect(await codeOf(announce(2, 21))).toBe("BUSY");
    expect(await announce(3, 20)).toEqual({ received: 16 });
    expect(await codeOf(announce(4, 17))).toBe("BUSY");
  });
});
