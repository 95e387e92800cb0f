/** Privacy contracts through the whole engine in mode plain: keys, inputs, calls, evaluation, answers, restarts. */
import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { KeyHolder } from "../../src/client/key-holder.ts";
import type { JobJson } from "../../src/client/privacy-methods.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import {
  CIPHERTEXT_BIT_BYTES,
  CIPHERTEXT_BYTE_GAS,
  GATE_GAS,
  LEVEL_GAS,
} from "../../src/engines/privacy/privacy-gas.ts";
import { EngineError } from "../../src/errors.ts";
import { ContractAbis } from "../../src/rpc/contract-abis.ts";
import { DEFAULT_FRONT_LIMITS } from "../../src/rpc/limits.ts";
import { EventStreams } from "../../src/rpc/streams/event-streams.ts";
import { JobFeed } from "../../src/rpc/streams/job-feed.ts";
import type { EventSink } from "../../src/rpc/streams/subscription.ts";
import type { LocalPrivacy } from "../../src/service/privacy-service.ts";
import { ALICE, BOB, CAROL, openEngine, submit, type TestEngine, temporaryDirectory } from "../support/engine.ts";
import { collectionContract } from "../support/privacy-manifests.ts";

const holder = new KeyHolder(undefined);
const keys = holder.generateKeys("plain");
const GAS = "100000000000";
const bytes = (text: string) => fromHex(text)!;

const part = (file: Uint8Array) => ({
  offset: 0,
  total: file.length,
  sha256: toHex(createHash("sha256").update(file).digest()),
  data: toHex(file),
});

const opened: { test: TestEngine; directory: ReturnType<typeof temporaryDirectory> | undefined }[] = [];
afterEach(async () => {
  for (const { test, directory } of opened.splice(0)) {
    await test.engine.close();
    directory?.remove();
  }
});

class Chain {
  readonly test: TestEngine;
  contract = "";

  constructor(test: TestEngine) {
    this.test = test;
  }

  get privacy(): LocalPrivacy {
    return this.test.engine.service.privacy as LocalPrivacy;
  }

  async deploy(): Promise<void> {
    const { keyId } = await this.privacy.putKey(part(keys.evaluationKey));
    const contract = collectionContract(keyId);
    const [fate] = await submit(this.test.engine, [{ kind: "deploy", sender: ALICE, gasLimit: GAS, contract }]);
    if (fate === undefined || !("receipt" in fate)) throw new Error(JSON.stringify(fate));
    this.contract = toHex(fate.receipt.contractAddress!);
  }

  async input(owner: string, value: bigint, contract = this.contract): Promise<string> {
    const type = getEncryptedType("euint64")!;
    const file = holder.encrypt(keys.secretKey, value, { type, contract: bytes(contract), owner: bytes(owner) });
    const binding = { keyId: toHex(keys.keyId), type: type.name, contract, owner };
    return (await this.privacy.putCiphertext({ ...part(file), ...binding })).handle!;
  }

  async call(sender: string, entrypoint: string, args: unknown[]): Promise<string> {
    const [fate] = await submit(this.test.engine, [
      { kind: "call", sender, gasLimit: GAS, to: this.contract, entrypoint, args },
    ]);
    if (fate === undefined || "rejection" in fate)
      throw new EngineError(fate!.rejection.code, fate!.rejection.message, fate!.rejection.facts);
    expect(fate.receipt.status).toBe("success");
    return toHex(fate.receipt.returnData);
  }

  async value(handle: string, account: string): Promise<bigint> {
    const job = await this.privacy.job(bytes(handle), 60_000);
    expect(job).toMatchObject({ status: "done", percent: 100 });
    return holder.decrypt(keys.secretKey, await this.privacy.ciphertext(bytes(handle), bytes(account)));
  }
}

async function start(options: Parameters<typeof openEngine>[0] = {}): Promise<Chain> {
  const test = await openEngine(options);
  opened.push({ test, directory: undefined });
  return new Chain(test);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => "nothing",
    (problem) => (problem as EngineError).code,
  );
}

describe("privacy contracts in the engine", () => {
  it("evaluates what calls order, and gives results to those whom the access list names", async () => {
    const chain = await start();
    await chain.deploy();
    await chain.call(BOB, "contribute", [await chain.input(BOB, 700n)]);
    const sum = await chain.call(CAROL, "contribute", [await chain.input(CAROL, 77n)]);
    expect(await chain.value(sum, ALICE)).toBe(777n);
    expect(await chain.value(await chain.call(ALICE, "isReached", ["777"]), ALICE)).toBe(1n);
    expect(await chain.value(await chain.call(ALICE, "isReached", ["778"]), ALICE)).toBe(0n);
    expect(await codeOf(chain.privacy.ciphertext(bytes(sum), bytes(BOB)))).toBe("PRIVACY_NOT_ALLOWED");
    expect(await chain.privacy.explain(bytes(sum), bytes(BOB))).toMatchObject({
      allowed: false,
      because: expect.stringContaining(`it names ${ALICE}`),
    });
  });

  it("tells streams of each job as it stands and when it changes, and of what was over only those that go on", async () => {
    const chain = await start();
    await chain.deploy();
    const { service } = chain.test.engine;
    const faults = { warn: () => undefined, error: () => undefined };
    const sources = { log: service.events, abis: new ContractAbis(service), jobs: new JobFeed(chain.privacy) };
    const streams = new EventStreams(DEFAULT_FRONT_LIMITS, sources, faults);
    const follow = (from: { since?: string; address?: string }) => {
      const heard: JobJson[] = [];
      const sink: EventSink = {
        format: { key: "test", frame: (_type, _cursor, result) => result },
        unreadBytes: 0,
        send: (frames) => void heard.push(...frames.map((frame) => JSON.parse(frame))),
        rest: () => undefined,
        dropped: (error) => expect.unreachable(error.message),
      };
      return { heard, subscription: streams.open({ types: ["jobs"], ...from }, sink) };
    };
    await chain.value(await chain.call(BOB, "contribute", [await chain.input(BOB, 1n)]), ALICE);
    const before = follow({});
    const elsewhere = follow({ address: CAROL });
    const handle = await chain.call(BOB, "contribute", [await chain.input(BOB, 2n)]);
    await chain.value(handle, ALICE);
    const isDone = ({ heard }: { heard: JobJson[] }) =>
      heard.some(({ handles, status, percent }) => handles.includes(handle) && status === "done" && percent === 100);
    await expect.poll(() => isDone(before)).toBe(true);
    expect(new Set(before.heard.map(({ jobId }) => jobId)).size).toBe(1);
    const after = follow({ since: before.subscription.cursor });
    await expect.poll(() => isDone(after)).toBe(true);
    expect(new Set(after.heard.map(({ jobId }) => jobId)).size).toBe(2);
    expect(elsewhere.heard).toEqual([]);
    for (const { subscription } of [before, after, elsewhere]) streams.end(subscription);
  });

  it('says "none" of the security of everything in mode plain', async () => {
    const chain = await start();
    await chain.deploy();
    const sum = await chain.call(BOB, "contribute", [await chain.input(BOB, 1n)]);
    await chain.value(sum, ALICE);
    const says = { security: "none", scheme: "plain", parameterSet: "plain", notHidden: ["everything"] };
    expect(await chain.privacy.ciphertext(bytes(sum), undefined)).toMatchObject(says);
    expect(await chain.privacy.job(bytes(sum), 0)).toMatchObject(says);
    const every = [...chain.privacy.jobs({}).items, ...chain.privacy.jobsSince(0, 10).items, ...chain.privacy.keys()];
    for (const item of every) expect(item).toMatchObject(says);
    expect(await chain.privacy.putKey(part(keys.evaluationKey))).toMatchObject(says);
    expect(chain.privacy.schemes().find(({ id }) => id === "plain")).toMatchObject({ security: "none" });
  });

  it("estimates what a call orders item by item: gates, levels, results, inputs, twice and three times the base cost", async () => {
    const chain = await start();
    await chain.deploy();
    const estimate = async (entrypoint: string, args: unknown[]) => {
      const call = { kind: "call", sender: BOB, gasLimit: GAS, to: chain.contract, entrypoint, args } as const;
      return await chain.test.engine.service.estimateGas(call);
    };
    const [gates, levels, result] = [127 * GATE_GAS, 64 * LEVEL_GAS, 64 * CIPHERTEXT_BIT_BYTES * CIPHERTEXT_BYTE_GAS];
    const open = await estimate("contributeOpenly", ["5"]);
    const ordered = { privacyGates: gates, privacyLevels: levels, privacyResult: result, privacyCall: 2 * 2_600 };
    expect(open.breakdown).toMatchObject(ordered);
    expect(open.breakdown).not.toHaveProperty("privacyInput");
    // Total and share are both zero before, and the same sum of the same handles is one result.
    await chain.call(CAROL, "contributeOpenly", ["5"]);
    const sealed = await estimate("contribute", [await chain.input(BOB, 5n)]);
    const twice = Object.fromEntries(Object.entries(ordered).map(([item, gas]) => [item, 2 * gas]));
    expect(sealed.breakdown).toMatchObject({ ...twice, privacyInput: 3 * 2_600 + result });
    const sum = Object.values(sealed.breakdown).reduce((all, gas) => all + gas);
    expect(sealed.gasLimit).toBeGreaterThanOrEqual(sum);
    const [fate] = await submit(chain.test.engine, [
      {
        kind: "call",
        sender: BOB,
        gasLimit: String(open.gasLimit),
        to: chain.contract,
        entrypoint: "contributeOpenly",
        args: ["5"],
      },
    ]);
    expect(fate).toMatchObject({ receipt: { status: "success" } });
  });

  it("finds what is queued again after a stop, and does nothing twice", async () => {
    const directory = temporaryDirectory();
    const first = new Chain(await openEngine({ dataDir: directory.path }));
    await first.deploy();
    const handles: string[] = [];
    for (let i = 1n; i <= 30n; i++) handles.push(await first.call(BOB, "contribute", [await first.input(BOB, i)]));
    await first.test.engine.close();
    const test = await openEngine({ dataDir: directory.path });
    opened.push({ test, directory });
    const second = new Chain(test);
    for (const handle of handles)
      expect(await second.privacy.job(bytes(handle), 60_000)).toMatchObject({ status: "done", gatesTotal: 127 });
    const last = await second.privacy.ciphertext(bytes(handles.at(-1)!), bytes(ALICE));
    expect(holder.decrypt(keys.secretKey, last)).toBe((30n * 31n) / 2n);
    expect(second.privacy.jobs({}).open).toBe(0);
  });

  it("makes the same handles and bytes with one worker and with two", async () => {
    const run = async (workers: number) => {
      const chain = await start({ privacy: { workers, blobBytesMax: 1 << 28, jobsMax: 1000 } });
      await chain.deploy();
      const sums: string[] = [];
      for (let i = 1; i <= 5; i++) sums.push(await chain.call(CAROL, "contributeOpenly", [String(i)]));
      const total = await chain.call(ALICE, "isReached", ["15"]);
      await chain.privacy.job(bytes(total), 60_000);
      return [total, (await chain.privacy.ciphertext(bytes(total), undefined)).data];
    };
    expect(await run(1)).toEqual(await run(2));
  });

  it("never gives a cancelled result, nor anything made of it", async () => {
    const chain = await start();
    await chain.deploy();
    const unsent = await chain.input(BOB, 1n);
    const sum = await chain.call(BOB, "contribute", [unsent]);
    await chain.privacy.cancelJob(bytes(sum));
    const job = await chain.privacy.job(bytes(sum), 60_000);
    if (job.status === "done") return;
    const next = await chain.call(BOB, "contribute", [await chain.input(BOB, 2n)]);
    expect(await chain.privacy.job(bytes(next), 60_000)).toMatchObject({ status: "failed" });
    expect(await codeOf(chain.privacy.ciphertext(bytes(next), bytes(ALICE)))).toBe("PRIVACY_RESULT_FAILED");
  });
});

describe("what bad input gets", () => {
  const mangled = (file: Uint8Array, at: number) => {
    const copy = file.slice();
    copy[at]! ^= 1;
    return copy;
  };

  it("refuses a secret key, unread and unkept", async () => {
    const { privacy } = await start();
    expect(await codeOf(privacy.putKey(part(keys.secretKey)))).toBe("PRIVACY_SECRET_KEY");
  });

  it.each([
    ["random bytes", (file: Uint8Array) => file.map((_, i) => (i * 37) & 255), "PRIVACY_FILE_INVALID"],
    ["a truncated file", (file: Uint8Array) => file.slice(0, -5), "PRIVACY_FILE_INVALID"],
    ["a file with a bit turned", (file: Uint8Array) => mangled(file, 70), "PRIVACY_FILE_INVALID"],
    ["an empty file", () => new Uint8Array(0), "PRIVACY_FILE_INVALID"],
  ])("refuses %s as a key and as a ciphertext", async (_, spoil, code) => {
    const { privacy } = await start();
    expect(await codeOf(privacy.putKey(part(spoil(keys.evaluationKey))))).toBe(code);
    await privacy.putKey(part(keys.evaluationKey));
    const type = getEncryptedType("euint64")!;
    const file = holder.encrypt(keys.secretKey, 5n, { type, contract: bytes(CAROL), owner: bytes(BOB) });
    const binding = { keyId: toHex(keys.keyId), type: "euint64", contract: CAROL, owner: BOB };
    expect(await codeOf(privacy.putCiphertext({ ...part(spoil(file)), ...binding }))).toBe(code);
  });

  it("refuses bytes that do not have the hash that was announced", async () => {
    const { privacy } = await start();
    const wrong = { ...part(keys.evaluationKey), sha256: `0x${"00".repeat(32)}` };
    expect(await codeOf(privacy.putKey(wrong))).toBe("PRIVACY_UPLOAD_INVALID");
  });

  it.each([
    ["type", { type: "euint32" }],
    ["contract", { contract: ALICE }],
    ["owner", { owner: ALICE }],
  ])("refuses a ciphertext bound to another %s", async (_, change) => {
    const { privacy } = await start();
    await privacy.putKey(part(keys.evaluationKey));
    const type = getEncryptedType("euint64")!;
    const file = holder.encrypt(keys.secretKey, 5n, { type, contract: bytes(CAROL), owner: bytes(BOB) });
    const binding = { keyId: toHex(keys.keyId), type: "euint64", contract: CAROL, owner: BOB, ...change };
    expect(await codeOf(privacy.putCiphertext({ ...part(file), ...binding }))).toBe("PRIVACY_INPUT_MISMATCH");
  });

  it("takes a file in parts, each of them again without harm, and goes on where it was", async () => {
    const { privacy } = await start();
    const whole = part(keys.evaluationKey);
    const piece = (from: number, to: number) => ({
      ...whole,
      offset: from,
      data: toHex(keys.evaluationKey.slice(from, to)),
    });
    expect(await privacy.putKey(piece(0, 40))).toEqual({ received: 40 });
    expect(await privacy.putKey(piece(0, 40))).toEqual({ received: 40 });
    expect(await codeOf(privacy.putKey(piece(50, 60)))).toBe("PRIVACY_UPLOAD_INVALID");
    expect(await privacy.putKey(piece(30, 96))).toMatchObject({ keyId: toHex(keys.keyId), security: "none" });
  });

  it("rejects a call with a ciphertext for another contract before it is in a block", async () => {
    const chain = await start();
    await chain.deploy();
    const handle = await chain.input(BOB, 5n, CAROL);
    expect(await codeOf(chain.call(BOB, "contribute", [handle]))).toBe("PRIVACY_INPUT_MISMATCH");
    expect(await codeOf(chain.call(BOB, "contribute", [`0x${"05".repeat(30)}0401`]))).toBe("PRIVACY_INPUT_UNKNOWN");
  });
});
