/**
 * kill -9 at random moments under load. After each restart: every acknowledged transaction is there, none ran twice, the
 * state agrees with the receipts; at the end every block executes again to the same roots.
 * CRASH_ROUNDS sets how often (20 when left out; `npm run test:crash` takes 200).
 */
import { randomBytes, randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { type Client, connect, type EngineError } from "../../src/client/client.ts";
import type { TransactionJson } from "../../src/encoding/transaction.ts";
import { verifyChain } from "../../src/tools/verify-chain.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { ALICE, deployment, temporaryDirectory, transfer } from "../support/engine.ts";

const ROUNDS = Number(process.env["CRASH_ROUNDS"] ?? 20);
const SINK = `0x${"5e".repeat(20)}`;
const SENDERS = Array.from({ length: 6 }, (_, i) => `0x${(16 + i).toString(16).repeat(20)}`);
const BATCH = 8;

const directory = temporaryDirectory();
let daemon: DaemonProcess | undefined;

afterAll(async () => {
  await daemon?.kill("SIGKILL");
  directory.remove();
});

/** What one sender knows: what was acknowledged, and what it sent without hearing back. */
interface Sender {
  address: string;
  acknowledged: string[];
  /** Sent, with ids, and never answered: sent again after the restart. */
  unanswered: TransactionJson[][];
}

async function load(client: Client, token: string, sender: Sender): Promise<void> {
  let { nonce } = await client.call("account_get", { address: sender.address });
  const send = async (batch: TransactionJson[]): Promise<void> => {
    sender.unanswered.push(batch);
    const { receipts } = await client.call("tx_submitBatch", { transactions: batch, receipts: "summary" });
    sender.unanswered.splice(sender.unanswered.indexOf(batch), 1);
    for (const receipt of receipts) {
      if ("error" in receipt) throw new Error(JSON.stringify(receipt));
      if (!("status" in receipt) || receipt.status !== "success") throw new Error(JSON.stringify(receipt));
      sender.acknowledged.push(receipt.transactionHash);
    }
  };
  for (;;) {
    const batches = Array.from({ length: 3 }, () =>
      Array.from({ length: BATCH }, () =>
        transfer(token, sender.address, SINK, 1, { nonce: nonce++, id: `0x${randomBytes(32).toString("hex")}` }),
      ),
    );
    await Promise.all(batches.map(send));
  }
}

async function balance(client: Client, token: string, owner: string): Promise<number> {
  const { result } = await client.call("contract_query", { address: token, entrypoint: "balanceOf", args: [owner] });
  return Number(result);
}

describe("kill -9 under load", () => {
  it(
    `loses no acknowledged transaction and runs none twice, over ${ROUNDS} kills`,
    async () => {
      daemon = await startDaemon(directory.path);
      let client = await connect({ ipc: daemon.ipc });
      const deployed = await client.call("tx_submit", { transaction: deployment(ALICE, "1000000000") });
      const token = (deployed as { contractAddress: string }).contractAddress;
      await client.call("tx_submitBatch", {
        transactions: SENDERS.map((address) => transfer(token, ALICE, address, 100_000_000)),
      });
      const senders: Sender[] = SENDERS.map((address) => ({ address, acknowledged: [], unanswered: [] }));
      let checked = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const work = senders.map((sender) => load(client, token, sender).catch((problem: EngineError) => problem.code));
        await sleep(randomInt(20, 400));
        await daemon.kill("SIGKILL");
        for (const ended of await Promise.all(work))
          expect(["CONNECTION_CLOSED", "CONNECTION_FAILED"]).toContain(ended);

        daemon = await startDaemon(directory.path);
        client = await connect({ ipc: daemon.ipc });
        for (const sender of senders) {
          // The same requests again: what ran is answered from the log, what did not runs once.
          for (const batch of sender.unanswered.splice(0).sort((a, b) => Number(a[0]!.nonce) - Number(b[0]!.nonce))) {
            const { receipts } = await client.call("tx_submitBatch", { transactions: batch, receipts: "summary" });
            for (const receipt of receipts) expect(receipt).toMatchObject({ status: "success" });
            sender.acknowledged.push(
              ...receipts.map((receipt) => (receipt as { transactionHash: string }).transactionHash),
            );
          }
          const { nonce } = await client.call("account_get", { address: sender.address });
          expect(nonce).toBe(sender.acknowledged.length);
          expect(await balance(client, token, sender.address)).toBe(100_000_000 - nonce);
          for (const transactionHash of sender.acknowledged.slice(-20)) {
            expect(await client.call("tx_receipt", { transactionHash })).toMatchObject({
              status: "success",
              sender: sender.address,
            });
          }
          checked += Math.min(20, sender.acknowledged.length);
        }
        const sent = senders.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
        expect(await balance(client, token, SINK)).toBe(sent);
      }
      expect(checked).toBeGreaterThan(0);
      await client.close();
      await daemon.kill("SIGTERM");
      const report = await verifyChain(directory.path, { signal: new AbortController().signal, onProgress: () => {} });
      expect(report.mismatch).toBeUndefined();
      expect(report.transactions).toBe(
        senders.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0) + 1 + SENDERS.length,
      );
    },
    60_000 + ROUNDS * 20_000,
  );
});
