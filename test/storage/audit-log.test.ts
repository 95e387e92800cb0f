/** The audit log: every administrative action is in it, in an order that cannot be changed unseen. */
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EngineError } from "../../src/errors.ts";
import { auditFiles, auditRecords, verifyAudit } from "../../src/storage/audit-format.ts";
import { AuditLog, type AuditOptions } from "../../src/storage/audit-log.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const MIGRATE = { actor: "alice", action: "db.migrate", facts: { database: "polytorus" } };

function openLog(changes: Partial<AuditOptions> = {}): AuditLog {
  return new AuditLog({ dataDir: temporaryDirectory(), bytesMax: 2 ** 30, now: () => 1_700_000_000_000, ...changes });
}

async function filled(count: number, changes: Partial<AuditOptions> = {}): Promise<AuditLog> {
  const log = openLog(changes);
  for (let i = 0; i < count; i++) await log.note({ ...MIGRATE, facts: { i } });
  return log;
}

function damage(log: AuditLog): { code: string; message: string } {
  try {
    verifyAudit(log.directory);
  } catch (problem) {
    const { code, message } = problem as EngineError;
    return { code, message: message.replace(`${log.directory}/`, "") };
  }
  throw new Error("nothing was found");
}

/** Changes the text of the log's only file. */
function rewrite(log: AuditLog, change: (lines: string[]) => string[]): void {
  const path = join(log.directory, auditFiles(log.directory)[0]!);
  const lines = fs.readFileSync(path, "utf8").split("\n").slice(0, -1);
  fs.writeFileSync(
    path,
    change(lines)
      .map((line) => `${line}\n`)
      .join(""),
  );
}

describe("what is recorded", () => {
  it("says who did what and when before it is done, and after it how it ended", async () => {
    const log = openLog();
    const seen: string[] = [];
    await log.around(
      MIGRATE,
      () => {
        seen.push(...[...auditRecords(log.directory)].map(({ phase }) => phase));
        return 3;
      },
      (applied) => ({ applied }),
    );
    expect(seen).toEqual(["begun"]);
    expect([...auditRecords(log.directory)]).toMatchObject([
      {
        seq: 0,
        at: "2023-11-14T22:13:20.000Z",
        actor: "alice",
        action: "db.migrate",
        phase: "begun",
        facts: MIGRATE.facts,
      },
      { seq: 1, phase: "done", of: 0, facts: { applied: 3 } },
    ]);
  });

  it("says why something failed, and lets the failure through", async () => {
    const log = openLog();
    const failing = log.around(MIGRATE, () => {
      throw new EngineError("MIGRATION_FAILED", "relation exists");
    });
    await expect(failing).rejects.toMatchObject({ code: "MIGRATION_FAILED" });
    expect([...auditRecords(log.directory)][1]).toMatchObject({
      phase: "failed",
      facts: { code: "MIGRATION_FAILED", message: "relation exists" },
    });
  });

  it("does nothing that it cannot record", async () => {
    const log = await filled(2);
    fs.truncateSync(join(log.directory, auditFiles(log.directory)[0]!), 10);
    let isDone = false;
    const around = log.around(MIGRATE, () => {
      isDone = true;
    });
    await expect(around).rejects.toMatchObject({ code: "AUDIT_DAMAGED" });
    expect(isDone).toBe(false);
  });

  it("cuts what is too long for a log of deeds", async () => {
    const log = openLog();
    await log.note({ ...MIGRATE, facts: { text: "x".repeat(5_000) } });
    await log.note({ ...MIGRATE, facts: { many: Array.from({ length: 5_000 }, (_, i) => i) } });
    const [text, many] = [...auditRecords(log.directory)];
    expect(text!.facts["text"]).toMatch(/^x{1000}… \(5000 characters\)$/);
    expect(many!.facts).toEqual({ omitted: "facts of 23900 characters" });
  });

  it("holds sixty refusals a minute, so that nobody pushes the rest out with them", async () => {
    let nowMs = 0;
    const log = openLog({ now: () => nowMs });
    for (let i = 0; i < 100; i++) await log.refused(MIGRATE);
    expect(verifyAudit(log.directory).records).toBe(60);
    nowMs += 60_001;
    await log.refused(MIGRATE);
    expect(verifyAudit(log.directory).records).toBe(61);
  });

  it("is one chain when several write at once", async () => {
    const first = openLog();
    const second = new AuditLog({ dataDir: join(first.directory, ".."), bytesMax: 2 ** 30, now: Date.now });
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? first : second).note({ ...MIGRATE, facts: { i } })),
    );
    const found = [...auditRecords(first.directory)].map(({ facts }) => facts["i"] as number).sort((a, b) => a - b);
    expect(found).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(verifyAudit(first.directory)).toMatchObject({ records: 40, lastSeq: 39 });
  });
});

describe("what is found", () => {
  it("a record that was changed", async () => {
    const log = await filled(5);
    rewrite(log, (lines) => lines.map((line, i) => (i === 2 ? line.replace("alice", "mallo") : line)));
    expect(damage(log)).toMatchObject({
      code: "AUDIT_DAMAGED",
      message: expect.stringMatching(/^0{16}\.ndjson, line 3, byte \d+: was changed/),
    });
  });

  it("a record that was taken out, put in twice, or moved", async () => {
    for (const change of [
      (lines: string[]) => lines.toSpliced(2, 1),
      (lines: string[]) => lines.toSpliced(2, 0, lines[1]!),
      (lines: string[]) => [...lines.slice(0, 2), lines[3]!, lines[2]!, lines[4]!],
    ]) {
      const log = await filled(5);
      rewrite(log, change);
      expect(damage(log).message).toMatch(/line 3, byte \d+: holds record \d where 2 belongs$/);
    }
  });

  it("a record that was made anew, by the one after it", async () => {
    const log = await filled(3);
    const other = await filled(3, { now: () => 1 });
    const [, theirs] = fs.readFileSync(join(other.directory, auditFiles(other.directory)[0]!), "utf8").split("\n");
    rewrite(log, ([a, , c]) => [a!, theirs!, c!]);
    expect(damage(log).message).toMatch(/line 2, byte \d+: record 1 does not follow the one before it$/);
  });

  it("an end that was cut off, by HEAD", async () => {
    const log = await filled(5);
    rewrite(log, (lines) => lines.slice(0, 3));
    expect(damage(log).message).toMatch(/the log ends after record 2, but record 4 was written$/);
    await expect(log.note(MIGRATE)).rejects.toMatchObject({ code: "AUDIT_DAMAGED" });
  });

  it("a file that is missing at the start, in the middle or at the end", async () => {
    for (const index of [0, 1, -1]) {
      const log = await filled(12, { fileBytes: 1_000 });
      const files = auditFiles(log.directory);
      expect(files.length).toBeGreaterThan(2);
      fs.rmSync(join(log.directory, files.at(index)!));
      expect(damage(log).code).toBe("AUDIT_DAMAGED");
    }
  });

  it("a HEAD that is gone", async () => {
    const log = await filled(2);
    fs.rmSync(join(log.directory, "HEAD"));
    expect(damage(log).message).toBe("HEAD, byte 0: is missing");
  });
});

describe("what a crash leaves", () => {
  it("goes on after a record that HEAD does not know yet, and after half a line", async () => {
    const log = await filled(3);
    const head = fs.readFileSync(join(log.directory, "HEAD"));
    await log.note(MIGRATE);
    fs.writeFileSync(join(log.directory, "HEAD"), head);
    fs.appendFileSync(join(log.directory, auditFiles(log.directory)[0]!), '{"seq":4,"at":"2023');
    expect(verifyAudit(log.directory)).toMatchObject({ records: 4 });
    await log.note(MIGRATE);
    expect(verifyAudit(log.directory)).toMatchObject({ records: 5, lastSeq: 4 });
  });

  it("goes on in a file that was just begun", async () => {
    const log = await filled(3);
    fs.writeFileSync(join(log.directory, "0000000000000003.ndjson"), "");
    await log.note(MIGRATE);
    await log.note(MIGRATE);
    expect(verifyAudit(log.directory)).toMatchObject({ records: 5, files: 2 });
  });

  it("begins when its very first record was torn", async () => {
    const log = openLog();
    fs.mkdirSync(log.directory);
    fs.writeFileSync(join(log.directory, "0000000000000000.ndjson"), '{"seq":0,');
    await log.note(MIGRATE);
    expect(verifyAudit(log.directory)).toMatchObject({ records: 1, lastSeq: 0 });
  });
});

describe("its bound", () => {
  it("drops the oldest files, says so in the chain, and verifies from there on", async () => {
    const log = await filled(60, { fileBytes: 1_000, bytesMax: 5_000 });
    const report = verifyAudit(log.directory);
    expect(report.firstSeq).toBeGreaterThan(0);
    expect(report.files).toBeLessThanOrEqual(5);
    const dropped = [...auditRecords(log.directory)].filter(({ action }) => action === "audit.dropped");
    expect(dropped.at(-1)!.facts).toMatchObject({ throughSeq: report.firstSeq - 1 });
    expect(report.lastSeq).toBeGreaterThan(60);
  });

  it("refuses a log whose oldest files went without a record of it", async () => {
    const log = await filled(60, { fileBytes: 1_000, bytesMax: 5_000 });
    fs.rmSync(join(log.directory, auditFiles(log.directory)[0]!));
    expect(damage(log).message).toMatch(/the log begins at record \d+, and no record says/);
  });
});
