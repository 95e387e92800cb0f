/**
 * AuditLog: what administrators did, in the data directory: who, when, what, and how it ended. Records are only ever added.
 *   around(action, body): record "begun", durable ─▶ body ─▶ record "done" or "failed"
 * Always
 *  - What cannot be recorded is not done: the first record is on the disk before `body` runs.
 *  - A daemon and commands beside it write to one log: each append holds the directory's lock for some milliseconds.
 *  - The log is bounded: past `bytesMax` its oldest file goes, and a record in the chain says up to where.
 * A crash between a record and HEAD leaves a record more, which is taken in; a line that was cut in the middle goes.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { EngineError, StorageError, toEngineError } from "../errors.ts";
import {
  AUDIT_DIRECTORY,
  type AuditHead,
  type AuditRecord,
  auditDamaged,
  auditFileName,
  auditFiles,
  BEFORE_FIRST,
  DROPPED,
  encodeRecord,
  firstSeqOfFile,
  HEAD_NAME,
  readHead,
  recordsOf,
} from "./audit-format.ts";
import { DataDirLock } from "./data-dir-lock.ts";
import { replaceFile, systemFiles } from "./files.ts";

export interface AuditedAction {
  readonly actor: string;
  readonly action: string;
  readonly facts: Record<string, unknown>;
}

export interface AuditOptions {
  /** The audit log goes into `audit` in it. It must be there. */
  readonly dataDir: string;
  readonly bytesMax: number;
  readonly now: () => number;
  /** Told of an outcome that could not be recorded, and of every record that was. */
  readonly report?: (level: "info" | "error", message: string, facts: Record<string, unknown>) => void;
  /** A file is closed and the next begun at this size. */
  readonly fileBytes?: number;
}

const FILE_BYTES = 4 * 2 ** 20;
/** Facts beyond this are cut: a log of deeds is no place for payloads. */
const TEXT_MAX = 1_000;
const FACTS_MAX = 8_000;
const LOCK_WAIT_MS = 5_000;
const LOCK_RETRY_MS = 10;
/** A token that keeps being refused must not push what was done out of the log. */
const REFUSED_A_MINUTE = 60;
const FILE_MODE = 0o600;

type Draft = Pick<AuditRecord, "actor" | "action" | "phase" | "facts"> & { of?: number };

export class AuditLog {
  readonly directory: string;
  readonly #options: AuditOptions;
  #last: Promise<unknown> = Promise.resolve();
  #refusedSince = 0;
  #refusedCount = 0;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.directory = join(options.dataDir, AUDIT_DIRECTORY);
  }

  /** Does `body` between two records. @throws what `body` throws; EngineError when nothing could be recorded: nothing ran. */
  async around<T>(action: AuditedAction, body: () => Promise<T> | T, outcome?: (result: T) => object): Promise<T> {
    const begun = await this.#append({ ...action, phase: "begun" });
    try {
      const result = await body();
      const facts = outcome?.(result) ?? {};
      await this.#appendOutcome({ ...action, phase: "done", of: begun.seq, facts: facts as Record<string, unknown> });
      return result;
    } catch (thrown) {
      const { code, message } = toEngineError(thrown);
      await this.#appendOutcome({ ...action, phase: "failed", of: begun.seq, facts: { code, message } });
      throw thrown;
    }
  }

  /** One record of something that is done at once, or was. */
  async note(action: AuditedAction): Promise<AuditRecord> {
    return await this.#append({ ...action, phase: "noted" });
  }

  /** Somebody known asked for what is not theirs to do. */
  async refused(action: AuditedAction): Promise<void> {
    const nowMs = this.#options.now();
    if (Math.abs(nowMs - this.#refusedSince) > 60_000) {
      this.#refusedSince = nowMs;
      this.#refusedCount = 0;
    }
    if (++this.#refusedCount > REFUSED_A_MINUTE) return;
    await this.#appendOutcome({ ...action, phase: "refused" });
  }

  /** What was done is done: that its outcome is in no record can only be told. */
  async #appendOutcome(draft: Draft): Promise<void> {
    try {
      await this.#append(draft);
    } catch (problem) {
      const facts = {
        action: draft.action,
        actor: draft.actor,
        phase: draft.phase,
        why: toEngineError(problem).message,
      };
      this.#options.report?.("error", "an administrative action's outcome is not in the audit log", facts);
    }
  }

  #append(draft: Draft): Promise<AuditRecord> {
    const appended = this.#last.then(() => this.#locked(() => this.#write(draft)));
    this.#last = appended.catch(() => undefined);
    return appended;
  }

  async #locked<T>(body: () => T): Promise<T> {
    try {
      fs.mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      const lock = await this.#lock();
      try {
        return body();
      } finally {
        lock.release();
      }
    } catch (problem) {
      if (problem instanceof EngineError) throw problem;
      const message = `the audit log in ${this.directory} cannot be written: ${(problem as Error).message}`;
      throw new StorageError(message, { retryable: true, directory: this.directory }, { cause: problem });
    }
  }

  async #lock(): Promise<DataDirLock> {
    const deadlineMs = performance.now() + LOCK_WAIT_MS;
    for (;;) {
      try {
        return DataDirLock.acquire(this.directory);
      } catch (problem) {
        if (toEngineError(problem).code !== "DATA_DIR_LOCKED" || performance.now() > deadlineMs) throw problem;
        await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
      }
    }
  }

  #write(draft: Draft): AuditRecord {
    let head = this.#takeIn(readHead(this.directory));
    if (head === undefined || head.end >= (this.#options.fileBytes ?? FILE_BYTES)) {
      const nextSeq = (head?.seq ?? -1) + 1;
      const fresh = { seq: nextSeq - 1, hash: head?.hash ?? BEFORE_FIRST, file: auditFileName(nextSeq), end: 0 };
      head = head === undefined ? fresh : this.#bound(fresh);
    }
    return this.#writeRecord(head, draft).record;
  }

  /** The end as it is: a crash may have left a record more than HEAD knows, or part of one, or a file just begun. */
  #takeIn(known: AuditHead | undefined): AuditHead | undefined {
    const files = auditFiles(this.directory);
    let head = known ?? { seq: -1, hash: BEFORE_FIRST, file: auditFileName(0), end: 0 };
    if (known === undefined) {
      if (files.length === 0) return undefined;
      if (files.length > 1 || files[0] !== head.file)
        throw auditDamaged(join(this.directory, HEAD_NAME), { line: 0, offset: 0 }, "is missing");
    }
    head = this.#readOn(head);
    const next = auditFileName(head.seq + 1);
    if (next !== head.file && files.includes(next)) head = this.#readOn({ ...head, file: next, end: 0 });
    return head;
  }

  #readOn(from: AuditHead): AuditHead {
    const path = join(this.directory, from.file);
    let size: number;
    try {
      size = fs.statSync(path).size;
    } catch {
      throw auditDamaged(path, { line: 0, offset: 0 }, `is missing, though record ${from.seq} is in it`);
    }
    if (size < from.end)
      throw auditDamaged(path, { line: 0, offset: size }, `ends before record ${from.seq}, which was written`);
    let at = from;
    const chain = { nextSeq: from.seq + 1, previous: from.hash };
    for (const { seq, hash, end } of recordsOf(path, chain, from.end)) at = { ...at, seq, hash, end };
    if (at.end < size) fs.truncateSync(path, at.end);
    return at;
  }

  /** Makes room for a file: the oldest ones go, after a record that says so is durable. */
  #bound(fresh: AuditHead): AuditHead {
    const files = auditFiles(this.directory);
    const sizes = files.map((file) => fs.statSync(join(this.directory, file)).size);
    const fileBytes = this.#options.fileBytes ?? FILE_BYTES;
    let total = sizes.reduce((sum, size) => sum + size, 0) + fileBytes;
    let count = 0;
    while (total > this.#options.bytesMax && count < files.length - 1) total -= sizes[count++]!;
    if (count === 0) return fresh;
    const throughSeq = firstSeqOfFile(files[count]!) - 1;
    const hash = this.#hashOf(files[count - 1]!, throughSeq);
    const facts = { files: files.slice(0, count), throughSeq, hash, bytesMax: this.#options.bytesMax };
    const { head } = this.#writeRecord(fresh, { actor: "audit log", action: DROPPED, phase: "noted", facts });
    for (const file of files.slice(0, count)) fs.rmSync(join(this.directory, file));
    return head;
  }

  #hashOf(file: string, seq: number): string {
    const chain = { nextSeq: firstSeqOfFile(file), previous: undefined };
    for (const record of recordsOf(join(this.directory, file), chain)) if (record.seq === seq) return record.hash;
    throw auditDamaged(join(this.directory, file), { line: 0, offset: 0 }, `record ${seq} is not in it`);
  }

  #writeRecord(at: AuditHead, draft: Draft): { record: AuditRecord; head: AuditHead } {
    const { actor, action, phase, of, facts } = draft;
    const unhashed = {
      seq: at.seq + 1,
      at: new Date(this.#options.now()).toISOString(),
      actor,
      action,
      phase,
      ...(of === undefined ? {} : { of }),
      facts: bounded(facts),
      previous: at.hash,
    };
    const { line, hash } = encodeRecord(unhashed);
    const path = join(this.directory, at.file);
    const isNew = at.end === 0;
    const fd = fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_CREAT, FILE_MODE);
    let end = at.end;
    try {
      const bytes = Buffer.from(`${line}\n`);
      for (let done = 0; done < bytes.length; )
        done += fs.writeSync(fd, bytes, done, bytes.length - done, at.end + done);
      fs.fdatasyncSync(fd);
      end += bytes.length;
    } finally {
      fs.closeSync(fd);
    }
    if (isNew) systemFiles.syncDirectory(this.directory).now();
    const head: AuditHead = { seq: unhashed.seq, hash, file: at.file, end };
    this.#writeHead(head);
    this.#options.report?.("info", "audit", { seq: unhashed.seq, actor, action, phase, hash });
    return { record: { ...unhashed, hash }, head };
  }

  #writeHead(head: AuditHead): void {
    replaceFile(join(this.directory, HEAD_NAME), Buffer.from(`${JSON.stringify(head)}\n`));
  }
}

function bounded(facts: Record<string, unknown>): Record<string, unknown> {
  const cut = (_: string, value: unknown): unknown =>
    typeof value === "bigint"
      ? String(value)
      : typeof value === "string" && value.length > TEXT_MAX
        ? `${value.slice(0, TEXT_MAX)}… (${value.length} characters)`
        : value;
  const text = JSON.stringify(facts, cut);
  return text.length <= FACTS_MAX ? JSON.parse(text) : { omitted: `facts of ${text.length} characters` };
}
