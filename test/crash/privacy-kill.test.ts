/** The daemon is killed while it evaluates: what was queued comes to its end, once, and what was half done goes on there. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { type Client, connect } from "../../src/client/client.ts";
import { KeyHolder } from "../../src/client/key-holder.ts";
import type { ReceiptJson } from "../../src/client/methods.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { Tfhe } from "../../src/native/tfhe.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { ALICE, temporaryDirectory } from "../support/engine.ts";

const CALLS = 100;
const PART_BYTES = 4 * 1024 * 1024;
const addon = loadAddon();
if (!isAddon(addon)) throw new Error(addon.missing);
const holder = new KeyHolder(new Tfhe(addon));
const { secretKey, evaluationKey, keyId, parameterSet } = holder.generateKeys(holder.parameterSets()[0]!);
const common = { sender: ALICE, gasLimit: "100000000000" } as const;

const opened: { daemon: DaemonProcess | undefined; remove(): void }[] = [];
afterEach(async () => {
  for (const { daemon, remove } of opened.splice(0)) {
    await daemon?.kill("SIGKILL");
    remove();
  }
});

function part(file: Uint8Array, offset: number) {
  const sha256 = toHex(createHash("sha256").update(file).digest());
  return { offset, total: file.length, sha256, data: toHex(file.slice(offset, offset + PART_BYTES)) };
}

/** A daemon that is killed and started again on the same directory. */
class Killed {
  readonly #directory = temporaryDirectory();
  readonly #opened: (typeof opened)[number] = { daemon: undefined, remove: () => this.#directory.remove() };

  constructor() {
    opened.push(this.#opened);
  }

  async start(): Promise<Client> {
    const dataDir = join(this.#directory.path, "data");
    this.#opened.daemon = await startDaemon(dataDir, { args: ["--http", "off"] });
    return await connect({ ipc: join(dataDir, "engine.ipc") });
  }

  async kill(): Promise<void> {
    await this.#opened.daemon?.kill("SIGKILL");
  }
}

async function deploy(client: Client, type: string, operation: string, input: string): Promise<string> {
  for (let offset = 0; offset < evaluationKey.length; offset += PART_BYTES)
    await client.call("privacy_putKey", part(evaluationKey, offset));
  const manifest = {
    name: "Total",
    circuits: { combine: { operation, type } },
    state: { total: { type } },
    entrypoints: {
      put: {
        inputs: [{ name: "amount", type: input }],
        steps: [
          {
            circuit: "combine",
            inputs: [operation === "mul" ? "amount" : "state.total", "amount"],
            outputs: ["result"],
          },
        ],
        set: { "state.total": "result" },
        allow: [{ value: "result", to: "owner", may: "decrypt" }],
        returns: ["result"],
      },
    },
  };
  const contract = { type: "privacy", keyId: toHex(keyId), parameterSet, manifest };
  const transaction = { kind: "deploy", ...common, contract } as const;
  return ((await client.call("tx_submit", { transaction })) as ReceiptJson).contractAddress!;
}

async function untilDone(client: Client, handle: string): Promise<bigint> {
  let status = "waiting";
  while (status !== "done") {
    ({ status } = await client.call("privacy_job", { handle, waitMs: 20_000 }));
    expect(["waiting", "ready", "running", "done"]).toContain(status);
  }
  return holder.decrypt(secretKey, await client.call("privacy_getCiphertext", { handle, account: ALICE }));
}

it("finds every evaluation that it had queued", async () => {
  const killed = new Killed();
  let client = await killed.start();
  const to = await deploy(client, "euint8", "add", "uint8");
  const transactions = Array.from({ length: CALLS }, (_, i) => {
    return { kind: "call", ...common, to, entrypoint: "put", args: [String(1 + (i % 2))] } as const;
  });
  const { receipts } = await client.call("tx_submitBatch", { transactions });
  const sums = (receipts as ReceiptJson[]).map(({ returnData }) => returnData);
  const { open } = await client.call("privacy_jobs", {});
  expect(open).toBeGreaterThan(0);
  await killed.kill();
  client = await killed.start();
  expect(await untilDone(client, sums.at(-1)!)).toBe(BigInt((CALLS / 2) * 3) % 256n);
  expect(new Set(sums).size).toBe(CALLS);
  expect((await client.call("privacy_jobs", {})).open).toBe(0);
  await client.close();
});

it("goes on in the middle of a job, with the gates that it had done", async () => {
  const killed = new Killed();
  let client = await killed.start();
  const to = await deploy(client, "euint32", "mul", "euint32");
  const bound = { type: getEncryptedType("euint32")!, contract: fromHex(to)!, owner: fromHex(ALICE)! };
  const file = holder.encrypt(secretKey, 54_321n, bound);
  const binding = { keyId: toHex(keyId), type: "euint32", contract: to, owner: ALICE };
  const { handle: amount } = await client.call("privacy_putCiphertext", { ...part(file, 0), ...binding });
  const call = { kind: "call", ...common, to, entrypoint: "put", args: [amount!] } as const;
  const { returnData: handle } = (await client.call("tx_submit", { transaction: call })) as ReceiptJson;
  const job = async () => await client.call("privacy_job", { handle, waitMs: 0 });
  let view = await job();
  while (view.gatesDone < 1_400) {
    expect(["ready", "running"]).toContain(view.status);
    view = await job();
  }
  await killed.kill();
  client = await killed.start();
  view = await job();
  while (view.gatesDone === 0) view = await job();
  expect(view.gatesDone).toBeGreaterThanOrEqual(1_024);
  expect(await untilDone(client, handle)).toBe((54_321n * 54_321n) % 2n ** 32n);
  await client.close();
});

it("knows what was withdrawn, and goes on with a half-uploaded key", async () => {
  const killed = new Killed();
  let client = await killed.start();
  const plain = holder.generateKeys("plain");
  const unwanted = toHex(plain.keyId);
  await client.call("privacy_putKey", part(plain.evaluationKey, 0));
  const { goesAtMs } = await client.call("privacy_withdrawKey", { keyId: unwanted });
  expect(await client.call("privacy_putKey", part(evaluationKey, 0))).toEqual({ received: PART_BYTES });
  await killed.kill();
  client = await killed.start();
  const keys = async () => (await client.call("privacy_keys", {})).items;
  expect(await keys()).toMatchObject([{ keyId: unwanted, state: "withdrawn", goesAtMs }]);
  for (let offset = PART_BYTES; offset < evaluationKey.length; offset += PART_BYTES)
    await client.call("privacy_putKey", part(evaluationKey, offset));
  expect(await client.call("privacy_collect", {})).toEqual({ keys: 0, values: 0, uploads: 0 });
  expect(new Map((await keys()).map((key) => [key.keyId, key.state]))).toEqual(
    new Map([
      [unwanted, "withdrawn"],
      [toHex(keyId), "unused"],
    ]),
  );
  await client.close();
});
