/**
 * kill -9 while `db maintenance --prune` or a daemon deletes segments, at a random one of them. After each kill: the daemon's engine opens
 * with the same root, asks for what went are PRUNED, and a second run finishes what the first began.
 * CRASH_ROUNDS sets how often (6 when left out).
 */
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../src/client/client.ts";
import { DataDir } from "../../src/storage/data-dir.ts";
import { verifyChain } from "../../src/tools/verify-chain.ts";
import { startDaemon } from "../support/daemon.ts";
import { ALICE, BUILT, deployment, deployToken, rootOf, temporaryDirectory, transfer } from "../support/engine.ts";
import { addBlocks, openSmall, RUN, refusalOf } from "../support/pruned-chain.ts";

const ROUNDS = Number(process.env["CRASH_ROUNDS"] ?? 6);
const BLOCKS = 400;
const KEPT = 150;
/** Two blocks or three. */
const SEGMENT_BYTES = 2_000;
/** Beyond what the configuration keeps for rollbacks at the least. */
const BLOCK_MS = 60_000;

const directory = temporaryDirectory();
const original = join(directory.path, "original");
const chain = { root: "", height: 0 };

beforeAll(async () => {
  const lock = DataDir.open(original);
  let nowMs = 1_800_000_000_000;
  const engine = await openSmall(original, { segmentBytes: SEGMENT_BYTES, now: () => (nowMs += BLOCK_MS) });
  const token = await deployToken(engine);
  await addBlocks(engine, token, BLOCKS);
  Object.assign(chain, { root: rootOf(engine), height: BLOCKS + 1 });
  await engine.close();
  lock.close();
});

afterAll(() => directory.remove());

function holder(index: number): string {
  return `0x${(index + 1).toString(16).padStart(40, "0")}`;
}

function segmentsIn(dataDir: string): number {
  return readdirSync(join(dataDir, "journal")).filter((name) => !name.endsWith(".offsets")).length;
}

/** Starts the command, and kills it once at least so many segments went. Answers whether it was killed. */
async function pruneAndKill(dataDir: string, afterSegments: number | undefined): Promise<boolean> {
  const before = segmentsIn(dataDir);
  const args = ["db", "maintenance", "--prune", "--keep", `${KEPT} blocks`, "--data-dir", dataDir, "--json"];
  const child = spawn(process.execPath, [new URL("main.js", BUILT).pathname, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(child, "exit") as Promise<[number | null, string | null]>;
  while (afterSegments !== undefined && child.exitCode === null && before - segmentsIn(dataDir) < afterSegments)
    await sleep(0);
  if (afterSegments !== undefined) child.kill("SIGKILL");
  const [code, signal] = await ended;
  if (signal !== "SIGKILL") expect(code).toBe(0);
  return signal === "SIGKILL";
}

describe("kill -9 while a journal is pruned", () => {
  it(
    `leaves a chain that opens, answers and is pruned further, over ${ROUNDS} kills`,
    async () => {
      let killedHalfway = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const dataDir = join(directory.path, `round-${round}`);
        cpSync(original, dataDir, { recursive: true });
        const whole = segmentsIn(dataDir);
        const wasKilled = await pruneAndKill(dataDir, randomInt(1, 40));
        const left = segmentsIn(dataDir);
        expect(left).toBeLessThan(whole);
        const engine = await openSmall(dataDir, { segmentBytes: SEGMENT_BYTES });
        expect(rootOf(engine)).toBe(chain.root);
        const refusal = await refusalOf(engine.service.block(0));
        expect(refusal.code).toBe("PRUNED");
        const lowest = refusal.facts["lowestHeight"] as number;
        expect(lowest).toBeLessThanOrEqual(chain.height - KEPT + 1);
        expect((await engine.service.block(lowest))?.height).toBe(lowest);
        await engine.close();
        await pruneAndKill(dataDir, undefined);
        if (wasKilled && segmentsIn(dataDir) < left) killedHalfway++;
        const report = await verifyChain(dataDir, RUN);
        expect(report).toMatchObject({ stateRoot: chain.root, prunedBelow: lowest });
        expect(report.mismatch).toBeUndefined();
      }
      expect(killedHalfway).toBeGreaterThan(0);
    },
    60_000 + ROUNDS * 20_000,
  );

  it("leaves the same where it is the daemon that prunes and is killed", async () => {
    const dataDir = join(directory.path, "daemon");
    const environment = {
      POLYTORUS_JOURNAL__SEGMENT_BYTES: "1 MiB",
      // What the rollback window keeps is then a megabyte of changes.
      POLYTORUS_RETENTION__UNDO_MAX_BYTES: "1 MiB",
      // Their file is up to ten seconds behind, and what they lack is kept.
      POLYTORUS_ENHANCED__ENABLE_ANALYTICS: "false",
    };
    const start = async () => {
      const daemon = await startDaemon(dataDir, { environment });
      return { daemon, client: await connect({ ipc: daemon.ipc }) };
    };
    let { daemon, client } = await start();
    try {
      const deployed = await client.call("tx_submit", { transaction: deployment(ALICE, "1000000000") });
      const token = (deployed as { contractAddress: string }).contractAddress;
      let sent = 0;
      for (let round = 0; round < 3; round++) {
        for (let batch = 0; batch < 100; batch++, sent += 500)
          await client.call("tx_submitBatch", {
            transactions: Array.from({ length: 500 }, (_, i) => transfer(token, ALICE, holder(sent + i), 1)),
            receipts: "summary",
          });
        const before = segmentsIn(dataDir);
        // The state store is up to a second behind: what it lacks is kept until it has that.
        const asking = client;
        const prune = async () => {
          while (segmentsIn(dataDir) === before) await asking.call("admin_prune", { keep: "1 block" });
        };
        const pruning = prune().catch(() => undefined);
        while (segmentsIn(dataDir) === before) await sleep(0);
        await daemon.kill("SIGKILL");
        await pruning;
        ({ daemon, client } = await start());
        for (const i of [0, sent - 1]) {
          const question = { address: token, entrypoint: "balanceOf", args: [holder(i)] };
          expect(await client.call("contract_query", question)).toMatchObject({ result: "1" });
        }
      }
      const info = await client.call("engine_info", {});
      expect(Number(info.limits["lowestHeight"])).toBeGreaterThan(0);
      await client.close();
      await daemon.kill("SIGTERM");
      const report = await verifyChain(dataDir, RUN);
      expect(report.mismatch).toBeUndefined();
      expect(report.stateRoot).toBe(info.stateRoot);
    } finally {
      await daemon.kill("SIGKILL");
    }
  });
});
