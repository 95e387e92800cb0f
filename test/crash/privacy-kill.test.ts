/** The daemon is killed with a hundred evaluations queued: all of them come to their end, once, after the next start. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { connect } from "../../src/client/client.ts";
import { KeyHolder } from "../../src/client/key-holder.ts";
import type { ReceiptJson } from "../../src/client/methods.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { Tfhe } from "../../src/native/tfhe.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { ALICE, temporaryDirectory } from "../support/engine.ts";

const CALLS = 100;
const PART_BYTES = 4 * 1024 * 1024;
const directory = temporaryDirectory();
let daemon: DaemonProcess | undefined;
afterAll(async () => {
  await daemon?.kill("SIGKILL");
  directory.remove();
});

const MANIFEST = {
  name: "Sum of bytes",
  circuits: { add: { operation: "add", type: "euint8" } },
  state: { total: { type: "euint8" } },
  entrypoints: {
    put: {
      inputs: [{ name: "amount", type: "uint8" }],
      steps: [{ circuit: "add", inputs: ["state.total", "amount"], outputs: ["sum"] }],
      set: { "state.total": "sum" },
      allow: [{ value: "sum", to: "owner", may: "decrypt" }],
      returns: ["sum"],
    },
  },
};

it("finds every evaluation that it had queued", { timeout: 240_000 }, async () => {
  const addon = loadAddon();
  if (!isAddon(addon)) throw new Error(addon.missing);
  const holder = new KeyHolder(new Tfhe(addon));
  const { secretKey, evaluationKey, parameterSet } = holder.generateKeys(holder.parameterSets()[0]!);
  const dataDir = join(directory.path, "data");
  const start = () => startDaemon(dataDir, { args: ["--http", "off"] });
  daemon = await start();
  let client = await connect({ ipc: join(dataDir, "engine.ipc") });
  const sha256 = toHex(createHash("sha256").update(evaluationKey).digest());
  let keyId: string | undefined;
  for (let offset = 0; offset < evaluationKey.length; offset += PART_BYTES) {
    const data = toHex(evaluationKey.slice(offset, offset + PART_BYTES));
    ({ keyId } = await client.call("privacy_putKey", { offset, total: evaluationKey.length, sha256, data }));
  }
  const common = { sender: ALICE, gasLimit: "100000000000" };
  const contract = { type: "privacy", keyId, parameterSet, manifest: MANIFEST };
  const deployed = (await client.call("tx_submit", {
    transaction: { kind: "deploy", ...common, contract },
  })) as ReceiptJson;
  const to = deployed.contractAddress!;
  const transactions = Array.from({ length: CALLS }, (_, i) => {
    return { kind: "call", ...common, to, entrypoint: "put", args: [String(1 + (i % 2))] } as const;
  });
  const { receipts } = await client.call("tx_submitBatch", { transactions });
  const sums = (receipts as ReceiptJson[]).map(({ returnData }) => returnData);
  const { open } = await client.call("privacy_jobs", {});
  expect(open).toBeGreaterThan(0);
  await daemon.kill("SIGKILL");
  daemon = await start();
  client = await connect({ ipc: join(dataDir, "engine.ipc") });
  const last = sums.at(-1)!;
  let status = "waiting";
  while (status !== "done") {
    ({ status } = await client.call("privacy_job", { handle: last, waitMs: 20_000 }));
    expect(["waiting", "ready", "running", "done"]).toContain(status);
  }
  expect(new Set(sums).size).toBe(CALLS);
  const answer = await client.call("privacy_getCiphertext", { handle: last, account: ALICE });
  expect(holder.decrypt(secretKey, answer)).toBe(BigInt((CALLS / 2) * 3) % 256n);
  expect((await client.call("privacy_jobs", {})).open).toBe(0);
  await client.close();
});
