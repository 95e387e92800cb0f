/**
 * The audit log's bytes: one JSON object a line, each with the hash of the one before, over as many files as it takes.
 *   audit/0000000000000000.ndjson   named after the seq of its first record
 *   audit/HEAD                      seq and hash of the newest record, and where in its file it ends
 *   hash = SHA-256 of the line's text without its last member; `previous` is the hash of the record before, over files too
 * What is changed, taken out, put in or moved breaks the chain at that record; what is cut off the end is below HEAD. Who can
 * write the directory can make both anew: compare the hash of the newest record with one that was noted elsewhere.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../errors.ts";

export interface AuditRecord {
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Who: a user of this machine, the socket, a token by its fingerprint. */
  readonly actor: string;
  readonly action: string;
  /** "begun" is durable before anything is done; one of the others follows it. */
  readonly phase: "begun" | "done" | "failed" | "refused" | "noted";
  /** With done and failed: seq of the record that says begun. */
  readonly of?: number;
  readonly facts: Record<string, unknown>;
  readonly previous: string;
  readonly hash: string;
}

export interface AuditHead {
  /** -1 before the first record. */
  readonly seq: number;
  readonly hash: string;
  readonly file: string;
  /** Bytes of that file up to the record's end. */
  readonly end: number;
}

export interface AuditReport {
  readonly records: number;
  /** Older ones were dropped by the bound on the log's size: the log itself says so. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Of the newest record. */
  readonly hash: string;
  readonly files: number;
}

export const AUDIT_DIRECTORY = "audit";
export const HEAD_NAME = "HEAD";
/** What the first record follows. */
export const BEFORE_FIRST = "0".repeat(64);
/** The action of the record that takes the place of files that were dropped. */
export const DROPPED = "audit.dropped";
const NAME = /^(\d{16})\.ndjson$/;
const HASH_MEMBER = /,"hash":"([0-9a-f]{64})"\}$/;

export function auditFileName(firstSeq: number): string {
  return `${String(firstSeq).padStart(16, "0")}.ndjson`;
}

/** Names of the log's files, oldest first. */
export function auditFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => NAME.test(name))
    .sort();
}

export function firstSeqOfFile(name: string): number {
  return Number(NAME.exec(name)![1]);
}

/** The line of a record, without its line feed. */
export function encodeRecord(record: Omit<AuditRecord, "hash">): { line: string; hash: string } {
  const text = JSON.stringify(record);
  const hash = sha256(text);
  return { line: `${text.slice(0, -1)},"hash":"${hash}"}`, hash };
}

export function readHead(directory: string): AuditHead | undefined {
  const path = join(directory, HEAD_NAME);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw problem;
  }
  try {
    const { seq, hash, file, end } = JSON.parse(text) as AuditHead;
    if (Number.isSafeInteger(seq) && /^[0-9a-f]{64}$/.test(hash) && NAME.test(file) && Number.isSafeInteger(end))
      return { seq, hash, file, end };
  } catch {
    // Said below.
  }
  throw auditDamaged(path, { line: 1, offset: 0 }, "does not say which record is the newest");
}

interface Place {
  readonly line: number;
  readonly offset: number;
}

/** Where a reader stands in the chain. */
export interface ChainPlace {
  /** Seq of the next record. */
  nextSeq: number;
  /** Hash of the record before it; undefined where that one is not here any more. */
  previous: string | undefined;
}

/**
 * Every whole line of one file as a record that follows `chain`, which is moved along. An unfinished line at the end is
 * left out. @throws EngineError AUDIT_DAMAGED naming file, line and byte.
 */
export function* recordsOf(path: string, chain: ChainPlace, fromOffset = 0): Generator<AuditRecord & { end: number }> {
  const bytes = readFileSync(path);
  let offset = fromOffset;
  for (let line = 1; ; line++) {
    const feed = bytes.indexOf(0x0a, offset);
    if (feed < 0) return;
    const place = { line: fromOffset === 0 ? line : 0, offset };
    const record = decodeLine(bytes.toString("utf8", offset, feed), path, place);
    if (record.seq !== chain.nextSeq)
      throw auditDamaged(path, place, `holds record ${record.seq} where ${chain.nextSeq} belongs`);
    if (chain.previous !== undefined && record.previous !== chain.previous)
      throw auditDamaged(path, place, `record ${record.seq} does not follow the one before it`);
    chain.nextSeq = record.seq + 1;
    chain.previous = record.hash;
    offset = feed + 1;
    yield { ...record, end: offset };
  }
}

/** Every record that is here, oldest first, with the chain checked. @throws EngineError AUDIT_DAMAGED. */
export function* auditRecords(directory: string): Generator<AuditRecord & { end: number; file: string }> {
  const files = auditFiles(directory);
  if (files.length === 0) return;
  const firstSeq = firstSeqOfFile(files[0]!);
  const chain: ChainPlace = { nextSeq: firstSeq, previous: firstSeq === 0 ? BEFORE_FIRST : undefined };
  for (const file of files) {
    const path = join(directory, file);
    if (firstSeqOfFile(file) !== chain.nextSeq)
      throw auditDamaged(path, { line: 1, offset: 0 }, `record ${chain.nextSeq} is in no file before it`);
    for (const record of recordsOf(path, chain)) yield { ...record, file };
  }
}

/** Checks the whole log. @throws EngineError AUDIT_DAMAGED naming the place. */
export function verifyAudit(directory: string): AuditReport {
  const head = readHead(directory);
  const files = auditFiles(directory);
  let first: AuditRecord | undefined;
  let last: AuditRecord | undefined;
  let dropped: { throughSeq: unknown; hash: unknown } | undefined;
  let atHead: string | undefined;
  for (const record of auditRecords(directory)) {
    first ??= record;
    last = record;
    if (record.seq === head?.seq) atHead = record.hash;
    if (record.action === DROPPED && record.facts["throughSeq"] === first.seq - 1)
      dropped = record.facts as typeof dropped;
  }
  if (first !== undefined && first.seq > 0 && dropped?.hash !== first.previous)
    throw auditDamaged(
      join(directory, files[0]!),
      { line: 1, offset: 0 },
      `the log begins at record ${first.seq}, and no record says that those before it were dropped`,
    );
  if (head !== undefined && atHead !== head.hash) {
    const problem =
      atHead === undefined
        ? `the log ends after record ${last?.seq ?? "none"}, but record ${head.seq} was written`
        : `record ${head.seq} is another one than was written`;
    throw auditDamaged(join(directory, head.file), { line: 0, offset: head.end }, problem);
  }
  if (head === undefined && last !== undefined)
    throw auditDamaged(join(directory, HEAD_NAME), { line: 0, offset: 0 }, "is missing");
  return {
    records: last === undefined ? 0 : last.seq - first!.seq + 1,
    firstSeq: first?.seq ?? 0,
    lastSeq: last?.seq ?? -1,
    hash: last?.hash ?? BEFORE_FIRST,
    files: files.length,
  };
}

function decodeLine(text: string, path: string, place: Place): AuditRecord {
  const hash = HASH_MEMBER.exec(text)?.[1];
  if (hash === undefined) throw auditDamaged(path, place, "is no record");
  if (sha256(`${text.slice(0, -`,"hash":"${hash}"}`.length)}}`) !== hash)
    throw auditDamaged(path, place, "was changed: its hash is another");
  return JSON.parse(text) as AuditRecord;
}

export function auditDamaged(file: string, { line, offset }: Place, problem: string): EngineError {
  const where = line > 0 ? `line ${line}, byte ${offset}` : `byte ${offset}`;
  return new EngineError("AUDIT_DAMAGED", `${file}, ${where}: ${problem}`, { file, line, offset });
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
