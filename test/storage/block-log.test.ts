/** What every BlockLog promises, over each of them. */

import { describe, expect, it } from "vitest";
import { ENTRY_BYTES_MAX, ENTRY_HEADER_BYTES } from "../../src/encoding/block-entry.ts";
import { StorageError } from "../../src/errors.ts";
import type { BlockLog } from "../../src/execution/ports.ts";
import { Journal } from "../../src/storage/journal.ts";
import { MemoryLog } from "../../src/storage/memory-log.ts";
import { connectPostgres } from "../../src/storage/postgres-connection.ts";
import { claimLease } from "../../src/storage/postgres-lease.ts";
import { PostgresLog } from "../../src/storage/postgres-log.ts";
import { quotedSchema } from "../../src/storage/postgres-options.ts";
import { StatementMeter } from "../../src/storage/statement-meter.ts";
import { encryptedDirectory } from "../support/encrypted-directory.ts";
import { logEntries, logEntry } from "../support/log-entries.ts";
import { createMigratedDatabase, describePostgres } from "../support/postgres.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const backends: { name: string; open: () => BlockLog | Promise<BlockLog> }[] = [
  { name: "MemoryLog", open: () => new MemoryLog() },
  { name: "Journal", open: () => Journal.open({ directory: temporaryDirectory() }).journal },
  {
    name: "Journal of many segments",
    open: () => Journal.open({ directory: temporaryDirectory(), segmentBytes: 600 }).journal,
  },
  {
    name: "encrypted Journal of many segments",
    open: () => Journal.open({ directory: encryptedDirectory("journal"), segmentBytes: 900 }).journal,
  },
  { name: "PostgresLog", open: openPostgresLog },
];

async function openPostgresLog(): Promise<BlockLog> {
  const postgres = await createMigratedDatabase();
  const client = await connectPostgres(postgres, { application: "test" });
  const lease = { durability: "strict", instance: "shared", holder: "test", address: "", leaseMs: 60_000 } as const;
  const claim = await claimLease(client, quotedSchema(postgres), lease);
  await client.end();
  const copy = { onSynced: () => undefined, onFailed: () => expect.unreachable() };
  const log = new PostgresLog({
    meter: new StatementMeter(),
    postgres,
    journal: Journal.open({ directory: temporaryDirectory(), copy }).journal,
    onFenced: () => expect.unreachable(),
  });
  log.lead("token" in claim ? claim.token : undefined);
  return log;
}

describe("MemoryLog past its bound", () => {
  it("takes nothing more, and keeps what it has", async () => {
    const entries = logEntries(0, 2);
    const bytes = entries[0]!.length + entries[1]!.length;
    const log = new MemoryLog(bytes);
    await log.append(entries.slice(0, 2));
    await expect(log.append(entries.slice(2))).rejects.toMatchObject({
      code: "STORAGE_ERROR",
      retryable: true,
      facts: { held: bytes, max: bytes, bytes: entries[2]!.length },
    });
    expect([log.durableSeq, log.byteLength]).toEqual([1, bytes]);
    expect(log.read(1)).toEqual(Uint8Array.from(entries[1]!));
    await log.close();
  });
});

for (const { name, open } of backends) {
  const suite = name === "PostgresLog" ? describePostgres : describe;
  suite(`${name} as a BlockLog`, () => {
    it("is empty at first", async () => {
      const log = await open();
      expect([log.durableSeq, log.byteLength, log.read(0)]).toEqual([-1, 0, undefined]);
      await log.append([]);
      expect(log.durableSeq).toBe(-1);
      await log.close();
    });

    it("reads back what was appended, byte for byte, alone or in a group", async () => {
      const log = await open();
      const sizes = [0, 1, 7, 8, 9, 1000, 20_000, 70_001];
      const entries = sizes.map((size, seq) => logEntry(seq, size));
      await log.append(entries.slice(0, 1));
      await log.append(entries.slice(1, 6));
      await log.append(entries.slice(6));
      expect(log.durableSeq).toBe(entries.length - 1);
      expect(log.byteLength).toBe(entries.reduce((sum, entry) => sum + entry.length, 0));
      for (const [seq, entry] of entries.entries()) expect(Buffer.compare(log.read(seq)!, entry)).toBe(0);
      await log.close();
    });

    it("keeps the order of overlapping appends, and resolves each when it is durable", async () => {
      const log = await open();
      const seen: boolean[] = [];
      const appends = Array.from({ length: 50 }, (_, seq) =>
        log.append([logEntry(seq)]).then(() => seen.push(log.durableSeq >= seq)),
      );
      await Promise.all(appends);
      expect(seen).toEqual(Array.from({ length: 50 }, () => true));
      for (let seq = 0; seq < 50; seq++) expect(Buffer.compare(log.read(seq)!, logEntry(seq))).toBe(0);
      await log.close();
    });

    it("takes appends while earlier ones are on their way, at any stage of it", async () => {
      const log = await open();
      const appends: Promise<void>[] = [];
      for (let seq = 0; seq < 120; seq++) {
        appends.push(log.append([logEntry(seq)]));
        if (seq % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
        if (seq % 7 === 0) await appends[Math.max(0, seq - 3)];
      }
      await Promise.all(appends);
      expect(log.durableSeq).toBe(119);
      for (let seq = 0; seq < 120; seq++) expect(Buffer.compare(log.read(seq)!, logEntry(seq))).toBe(0);
      await log.close();
    });

    it("has nothing at a seq that is no entry's", async () => {
      const log = await open();
      await log.append(logEntries(0, 2));
      for (const seq of [-1, 3, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) expect(log.read(seq)).toBeUndefined();
      await log.close();
    });

    it("shares no bytes with its caller", async () => {
      const log = await open();
      const entry = logEntry(0);
      await log.append([entry]);
      entry.fill(0);
      const read = log.read(0)!;
      expect(Buffer.compare(read, logEntry(0))).toBe(0);
      read.fill(0);
      expect(Buffer.compare(log.read(0)!, logEntry(0))).toBe(0);
      await log.close();
    });

    it.each([
      { problem: "repeats a seq", entries: () => [logEntry(1)] },
      { problem: "skips a seq", entries: () => [logEntry(3)] },
      { problem: "is out of order within a group", entries: () => [logEntry(2), logEntry(4)] },
      {
        problem: "is shorter than an entry's header",
        entries: () => [logEntry(2).subarray(0, ENTRY_HEADER_BYTES - 1)],
      },
      { problem: "is longer than an entry may be", entries: () => [new Uint8Array(ENTRY_BYTES_MAX + 1)] },
    ])("refuses an entry that $problem, having written nothing", async ({ entries }) => {
      const log = await open();
      await log.append(logEntries(0, 1));
      const refusal = log.append(entries());
      await expect(refusal).rejects.toBeInstanceOf(StorageError);
      await expect(refusal).rejects.toMatchObject({ retryable: true });
      expect(log.durableSeq).toBe(1);
      await log.append([logEntry(2)]);
      expect(Buffer.compare(log.read(2)!, logEntry(2))).toBe(0);
      await log.close();
    });

    it("takes nothing more once closed, and closes once", async () => {
      const log = await open();
      const last = log.append([logEntry(0)]);
      await log.close();
      await last;
      expect(log.durableSeq).toBe(0);
      await expect(log.append([logEntry(1)])).rejects.toMatchObject({ code: "STORAGE_ERROR", retryable: true });
      await log.close();
    });
  });
}
