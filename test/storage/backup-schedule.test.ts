/** Scheduled backups: each is in the outbox or at its destination, whatever fails in between. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/client/client.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { BackupSource } from "../../src/storage/copies/backup-source.ts";
import { DirectorySource } from "../../src/storage/copies/directory-source.ts";
import type { BackupDestination } from "../../src/storage/outbox/backup-destination.ts";
import type { BackupState } from "../../src/storage/outbox/backup-protocol.ts";
import { BackupSchedule } from "../../src/storage/outbox/backup-schedule.ts";
import { DirectoryDestination } from "../../src/storage/outbox/directory-destination.ts";
import { S3Destination } from "../../src/storage/outbox/s3-destination.ts";
import { stateTools } from "../../src/tools/state.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { ALICE, deployment } from "../support/engine.ts";
import { ACCESS_KEY_ID, REGION, S3Server, SECRET_ACCESS_KEY } from "../support/s3-server.ts";
import { parseScrape } from "../support/scrape.ts";
import { makeStateOf } from "../support/synthetic-state.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const RUN = { signal: new AbortController().signal, onProgress: () => undefined };
const NEVER = new AbortController().signal;

interface Backends {
  backups: { status: string; error?: string; lastSuccess: string | null };
}

async function bucket(): Promise<S3Server> {
  const server = await S3Server.open();
  onTestFinished(() => server.close());
  return server;
}

function destinationIn(server: S3Server, more: { secretAccessKey?: string; partBytes?: number } = {}): S3Destination {
  return new S3Destination({
    endpoint: server.endpoint,
    region: REGION,
    bucket: "backups",
    prefix: "chain one/daily",
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
    ...more,
  });
}

describe("a schedule", () => {
  let dataDir: string;
  let times = 0;

  beforeAll(async () => {
    const { mkdtempSync, rmSync } = await import("node:fs");
    const { tmpdir } = await import("node:os");
    const base = mkdtempSync(join(tmpdir(), "polytorus-schedule-"));
    dataDir = join(base, "data");
    await makeStateOf(1000, dataDir);
    return () => rmSync(base, { recursive: true, force: true });
  });

  function schedule(
    destination: BackupDestination,
    outbox: string,
    keep = 7,
    { everyMs = 3_600_000, onState = (_: BackupState): void => undefined } = {},
  ): BackupSchedule {
    return new BackupSchedule(
      { directory: outbox, everyMs, keep },
      {
        destination,
        openSource: () => DirectorySource.open(dataDir),
        now: () => 1_800_000_000_000 + 1000 * times++,
        report: () => undefined,
        onState,
      },
    );
  }

  it("brings a backup to a bucket, from which it restores", async () => {
    const [base, server] = [temporaryDirectory(), await bucket()];
    const backups = schedule(destinationIn(server), join(base, "outbox"));
    const name = await backups.take();
    expect(backups.waiting()).toEqual([name]);
    await backups.deliver();
    expect(backups.waiting()).toEqual([]);
    expect([...server.objects.keys()]).toEqual([`chain one/daily/${name}`]);
    const file = join(base, "from-bucket.ptbackup");
    writeFileSync(file, server.objects.get(`chain one/daily/${name}`)!);
    const to = { kind: "directory", path: join(base, "restored") } as const;
    expect(await stateTools.restore(file, to, { replace: false }, RUN)).toMatchObject({ height: 0 });
  });

  it("sends a long file in parts, and aborts what an earlier attempt left of them", async () => {
    const [base, server] = [temporaryDirectory(), await bucket()];
    const path = join(base, "long");
    const bytes = Buffer.from(Array.from({ length: 100_001 }, (_, i) => i % 251));
    writeFileSync(path, bytes);
    const destination = destinationIn(server, { partBytes: 30_000 });
    server.fault = ({ query }) => (query.get("partNumber") === "3" ? "refuse" : undefined);
    await expect(destination.put("long", path, NEVER)).rejects.toThrow(/503 SlowDown/);
    expect(server.uploads.size).toBe(1);
    server.fault = () => undefined;
    await destination.put("long", path, NEVER);
    expect(server.objects.get("chain one/daily/long")!.equals(bytes)).toBe(true);
    expect(server.uploads.size).toBe(0);
  });

  it("goes on when it can't note what it did, and notes it when it can", async () => {
    const base = temporaryDirectory();
    const outbox = join(base, "outbox");
    // Where its draft goes.
    mkdirSync(join(outbox, "DELIVERED.tmp"), { recursive: true });
    const states: BackupState[] = [];
    const onState = (state: BackupState) => states.push(state);
    const backups = schedule(new DirectoryDestination(join(base, "there")), outbox, 7, { onState });
    backups.start();
    await expect.poll(() => String(states.at(-1)?.problem)).toMatch(/EISDIR/);
    expect(readdirSync(join(base, "there"))).toHaveLength(1);
    rmSync(join(outbox, "DELIVERED.tmp"), { recursive: true });
    await expect.poll(() => states.at(-1)).toMatchObject({ problem: undefined, lastSuccessMs: expect.any(Number) });
    await backups.stop();
  });

  it("takes an empty note, as a disk without space left it, for none", async () => {
    const base = temporaryDirectory();
    const outbox = join(base, "outbox");
    mkdirSync(outbox);
    writeFileSync(join(outbox, "DELIVERED"), "");
    const states: BackupState[] = [];
    const backups = schedule(new DirectoryDestination(join(base, "there")), outbox, 7, {
      onState: (state) => states.push(state),
    });
    backups.start();
    await backups.stop();
    expect(states[0]).toMatchObject({ lastSuccessMs: undefined });
  });

  it("keeps a backup in the outbox while the bucket refuses it, and delivers it once when it does not", async () => {
    const [base, server] = [temporaryDirectory(), await bucket()];
    const outbox = join(base, "outbox");
    const stranger = schedule(destinationIn(server, { secretAccessKey: "another" }), outbox);
    const name = await stranger.take();
    await expect(stranger.deliver()).rejects.toThrow(/403 SignatureDoesNotMatch/);
    expect(stranger.waiting()).toEqual([name]);
    for (const fault of ["refuse", "drop reply"] as const) {
      server.fault = ({ method }) => (method === "PUT" ? fault : undefined);
      await expect(schedule(destinationIn(server), outbox).deliver(), fault).rejects.toThrow(/s3:\/\/backups/);
      expect(readdirSync(outbox), fault).toContain(name);
    }
    server.fault = () => undefined;
    await schedule(destinationIn(server), outbox).deliver();
    expect([...server.objects.keys()]).toEqual([`chain one/daily/${name}`]);
    expect(readdirSync(outbox)).not.toContain(name);
  });

  it("takes none while three wait, and none when nothing is new", async () => {
    const [base, server] = [temporaryDirectory(), await bucket()];
    const outbox = join(base, "outbox");
    const backups = schedule(destinationIn(server), outbox);
    expect(await backups.take()).toBeDefined();
    expect(await backups.take()).toBeUndefined();
    await backups.deliver();
    expect(await backups.take()).toBeUndefined();
    for (const seq of [5, 6, 7])
      writeFileSync(join(outbox, `polytorus-1337-20260101T00000${seq}Z-000000000000000${seq}.ptbackup`), "");
    await expect(backups.take()).rejects.toThrow(/no backup was taken: 3 before it wait for s3:\/\/backups/);
    expect(backups.waiting()).toHaveLength(3);
  });

  it("takes the one that is due when there is room for it, and calls it a success only when that has arrived", async () => {
    const base = temporaryDirectory();
    const [outbox, there] = [join(base, "outbox"), join(base, "there")];
    mkdirSync(outbox);
    for (const seq of [5, 6, 7])
      writeFileSync(join(outbox, `polytorus-1337-20260101T00000${seq}Z-000000000000000${seq}.ptbackup`), "");
    const arrived: number[] = [];
    const onState = ({ lastSuccessMs }: BackupState) => {
      if (lastSuccessMs !== undefined) arrived.push(readdirSync(there).length);
    };
    const backups = schedule(new DirectoryDestination(there), outbox, 7, { onState });
    onTestFinished(() => backups.stop());
    backups.start();
    await expect.poll(() => arrived[0], { timeout: 20_000 }).toBe(4);
  });

  it("says why an attempt failed and when one last succeeded, goes on taking meanwhile, and knows it after a restart", async () => {
    const [base, server] = [temporaryDirectory(), await bucket()];
    const outbox = join(base, "outbox");
    const states: BackupState[] = [];
    const started = schedule(destinationIn(server), outbox, 7, { everyMs: 1, onState: (state) => states.push(state) });
    onTestFinished(() => started.stop());
    server.fault = ({ method }) => (method === "PUT" ? "refuse" : undefined);
    started.start();
    await expect.poll(() => states.at(-1)?.failures).toBeGreaterThanOrEqual(2);
    expect(states[0]).toEqual({ lastSuccessMs: undefined, failures: 0, problem: undefined, waiting: 0 });
    expect(states.at(-1)).toMatchObject({
      lastSuccessMs: undefined,
      problem: expect.stringContaining("503"),
      waiting: 1,
    });
    // Another of the log's entries is the newest in the outbox: so there is something to take, up to the bound.
    const laterSeq = "polytorus-1337-20260101T000000Z-0000000000000007.ptbackup";
    writeFileSync(join(outbox, laterSeq), "not empty");
    await expect.poll(() => states.at(-1)?.waiting).toBe(3);
    server.fault = () => undefined;
    await expect.poll(() => states.at(-1)?.lastSuccessMs).toBeGreaterThan(1_800_000_000_000);
    expect(states.at(-1)).toMatchObject({ problem: undefined, waiting: 0 });
    await started.stop();
    const again = schedule(destinationIn(server), outbox, 7, { onState: (state) => states.push(state) });
    onTestFinished(() => again.stop());
    const before = states.at(-1)!.lastSuccessMs;
    states.length = 0;
    again.start();
    await expect.poll(() => states[0]).toMatchObject({ lastSuccessMs: before, failures: 0 });
  });

  it("removes old backups of its own chain, and nothing else, from a directory and from a bucket", async () => {
    const [base, server] = [temporaryDirectory(), await bucket()];
    const directory = join(base, "backups");
    mkdirSync(directory);
    const names = [1, 2, 3].map((n) => `polytorus-1337-2026010${n}T000000Z-000000000000000${n}.ptbackup`);
    const others = ["polytorus-7-20260101T000000Z-0000000000000001.ptbackup", "thesis.tex"];
    for (const name of [...names, ...others]) {
      writeFileSync(join(directory, name), name);
      server.objects.set(`chain one/daily/${name}`, Buffer.from(name));
    }
    for (const [i, destination] of [new DirectoryDestination(directory), destinationIn(server)].entries()) {
      const backups = schedule(destination, join(base, `outbox-${i}`), 2);
      const name = await backups.take();
      await backups.deliver();
      expect((await destination.list(NEVER)).sort()).toEqual([...others, names[2], name].sort());
    }
    expect(readFileSync(join(directory, "thesis.tex"), "utf8")).toBe("thesis.tex");
  });
});

describe("a daemon with scheduled backups", () => {
  it("is degraded while they fail, says why and when the last good one was, and counts them", async () => {
    const base = temporaryDirectory();
    const directory = join(base, "backups");
    writeFileSync(directory, "no directory");
    const environment = { POLYTORUS_BACKUP__EVERY_SECS: "1", POLYTORUS_BACKUP__DIRECTORY: directory };
    const daemon = await startDaemon(join(base, "data"), { args: ["--http", "127.0.0.1:0"], environment });
    onTestFinished(() => daemon.kill("SIGKILL"));
    const [, url] = /"http":"(http:[^"]+)"/.exec(daemon.stderr())!;
    const asked = async (path: string) => {
      const response = await fetch(`${url}${path}`);
      return { status: response.status, body: (await response.json()) as { status: string; backends: Backends } };
    };
    const metrics = async () => parseScrape(await (await fetch(`${url}/metrics`)).text()).samples;
    await expect.poll(async () => (await asked("/health")).body.status).toBe("degraded");
    const { status, body } = await asked("/readyz");
    expect([status, body.status]).toEqual([200, "degraded"]);
    expect(body.backends.backups).toMatchObject({ status: "failing", destination: directory, lastSuccess: null });
    expect(body.backends.backups.error).toContain(directory);
    const failing = await metrics();
    expect(failing.get("contract_backup_failures_total")).toBeGreaterThan(0);
    expect(failing.get('contract_backend_up{backend="backups"}')).toBe(0);
    expect(failing.has("contract_backup_last_success_timestamp_seconds")).toBe(false);
    const beforeMs = Date.now();
    rmSync(directory);
    await expect.poll(async () => (await asked("/health")).body.status).toBe("ready");
    const good = (await asked("/health")).body.backends.backups;
    expect(good).toMatchObject({ status: "ok", waiting: 0 });
    expect(Date.parse(good.lastSuccess!)).toBeGreaterThanOrEqual(beforeMs);
    expect((await metrics()).get("contract_backup_last_success_timestamp_seconds")).toBeGreaterThan(
      beforeMs / 1000 - 1,
    );
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it("delivers after a kill -9 what it had taken before it", async () => {
    const [base, server] = [temporaryDirectory(), await bucket()];
    const dataDir = join(base, "data");
    const environment = {
      POLYTORUS_BACKUP__EVERY_SECS: "1",
      POLYTORUS_BACKUP__S3_URL: "s3://backups/daily",
      POLYTORUS_BACKUP__S3_ENDPOINT: server.endpoint,
      POLYTORUS_BACKUP__S3_REGION: REGION,
      POLYTORUS_BACKUP__S3_ACCESS_KEY_ID: ACCESS_KEY_ID,
      POLYTORUS_BACKUP__S3_SECRET_ACCESS_KEY: SECRET_ACCESS_KEY,
    };
    server.fault = ({ method }) => (method === "PUT" ? "hang" : undefined);
    let daemon: DaemonProcess = await startDaemon(dataDir, { environment });
    onTestFinished(() => daemon.kill("SIGKILL"));
    const client = await connect({ ipc: daemon.ipc });
    await client.call("tx_submit", { transaction: deployment(ALICE, "1000") });
    const { stateRoot } = await client.call("state_root", {});
    await client.close();
    while (!server.requests.some((request) => request.startsWith("PUT"))) await sleep(20);
    const [waiting] = readdirSync(join(dataDir, "outbox")).filter((name) => name.endsWith(".ptbackup"));
    await daemon.kill("SIGKILL");
    expect(server.objects.size).toBe(0);

    server.fault = () => undefined;
    daemon = await startDaemon(dataDir, { environment });
    const copyOf = (name: string): string => {
      const file = join(base, name);
      writeFileSync(file, server.objects.get(`daily/${name}`)!);
      return file;
    };
    const rootIn = async (name: string): Promise<string> => {
      const source = await BackupSource.open(copyOf(name));
      await source.close();
      return toHex(source.head.stateRoot);
    };
    const newest = (): string => [...server.objects.keys()].sort().at(-1)!.slice("daily/".length);
    while (!server.objects.has(`daily/${waiting}`)) await sleep(20);
    while ((await rootIn(newest())) !== stateRoot) await sleep(100);
    const to = { kind: "directory", path: join(base, "restored") } as const;
    expect(await stateTools.restore(copyOf(newest()), to, { replace: false }, RUN)).toMatchObject({ stateRoot });
  });
});
