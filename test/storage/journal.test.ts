/** The journal's own promises: damage, full and failing disks, segments, and reading beside the writer. */
import * as fs from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { crc32 } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { equalBytes, readU32, writeU32 } from "../../src/encoding/bytes.ts";
import { EngineError } from "../../src/errors.ts";
import { encodeMark, FrameEncoder } from "../../src/storage/frame-encoder.ts";
import { Journal } from "../../src/storage/journal.ts";
import type { GroupStats, JournalOptions } from "../../src/storage/journal-options.ts";
import { JournalReader } from "../../src/storage/journal-reader.ts";
import { logEntries, logEntry } from "../support/log-entries.ts";
import { asNobody } from "../support/run-as-nobody.ts";
import { SimulatedDisk } from "../support/simulated-disk.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const directory = "/journal";
const firstSegment = `${directory}/0000000000000000.journal`;

type Contents = Map<string, Uint8Array>;

/** The files of a journal of these groups of entries; every entry has 20 bytes more than its header. */
async function journalOf(groups: number[], options: { segmentBytes?: number; isClosed: boolean }): Promise<Contents> {
  const { isClosed, ...rest } = options;
  const disk = new SimulatedDisk();
  const { journal } = Journal.open({ directory, files: disk, ...rest });
  let seq = 0;
  for (const count of groups) {
    await journal.append(logEntries(seq, seq + count - 1));
    seq += count;
  }
  if (isClosed) await journal.close();
  return disk.contents();
}

function withBytes(contents: Contents, path: string, change: (bytes: Uint8Array) => Uint8Array): Contents {
  return new Map(contents).set(path, change(contents.get(path)!.slice()));
}

function flipped(contents: Contents, path: string, at: number): Contents {
  return withBytes(contents, path, (bytes) => {
    bytes[at] = bytes[at]! ^ 0x10;
    return bytes;
  });
}

type Opened = { lastSeq: number; cutBytes: number } | { refused: EngineError };

/** Opens a journal; fails when an entry is not what was written, or when a refusal changed anything. */
function open(contents: Contents, options: Partial<JournalOptions> = {}): Opened {
  const disk = SimulatedDisk.holding(contents);
  try {
    const { journal, recovery } = Journal.open({ directory, files: disk, ...options });
    for (let seq = recovery.firstSeq; seq <= journal.durableSeq; seq++) {
      if (!equalBytes(journal.read(seq)!, logEntry(seq))) throw new Error(`entry ${seq} is not what was written`);
    }
    return { lastSeq: journal.durableSeq, cutBytes: recovery.cutBytes };
  } catch (thrown) {
    if (!(thrown instanceof EngineError)) throw thrown;
    expect(disk.record).toEqual([]);
    return { refused: thrown };
  }
}

function refusalOf(contents: Contents, options?: Partial<JournalOptions>): EngineError {
  const opened = open(contents, options);
  if ("refused" in opened) return opened.refused;
  throw new Error(`opened up to entry ${opened.lastSeq}`);
}

describe("damage to a journal", () => {
  it("is refused with its place wherever one byte of a closed journal changed", async () => {
    const contents = await journalOf([1, 2, 1], { isClosed: true });
    const bytes = contents.get(firstSegment)!;
    const markAt = bytes.length - 32;
    for (let at = 0; at < bytes.length; at++) {
      const opened = open(flipped(contents, firstSegment, at));
      if (at >= markAt) expect(opened, `byte ${at}`).toEqual({ lastSeq: 3, cutBytes: 32 });
      else {
        expect(opened, `byte ${at}`).toHaveProperty("refused");
        const { facts } = (opened as { refused: EngineError }).refused;
        expect(facts["file"]).toBe(firstSegment);
        expect(facts["offset"]).toBeLessThanOrEqual(at);
        expect(at - (facts["offset"] as number)).toBeLessThan(280);
      }
    }
  });

  it("is cut only in the last group after a crash, and refused there too once a follower applied it", async () => {
    const contents = await journalOf([1, 2, 1], { isClosed: false });
    const bytes = contents.get(firstSegment)!;
    const lastGroupAt = bytes.length - 280;
    for (let at = 0; at < bytes.length; at++) {
      const damaged = flipped(contents, firstSegment, at);
      if (at < lastGroupAt) expect(open(damaged), `byte ${at}`).toHaveProperty("refused");
      else expect(open(damaged), `byte ${at}`).toEqual({ lastSeq: 2, cutBytes: 280 });
      expect(open(damaged, { requiredToSeq: 3 }), `byte ${at}`).toHaveProperty("refused");
    }
  });

  it("never shows other bytes at any length that the file is cut to", async () => {
    const contents = await journalOf([1, 2, 1], { isClosed: true });
    const { length } = contents.get(firstSegment)!;
    let lastSeq = -1;
    for (let kept = 0; kept < length; kept++) {
      const cut = withBytes(contents, firstSegment, (bytes) => bytes.subarray(0, kept));
      const opened = open(cut);
      if (kept < 64) expect(opened, `${kept} bytes`).toHaveProperty("refused");
      else {
        expect(opened, `${kept} bytes`).toHaveProperty("lastSeq");
        expect((opened as { lastSeq: number }).lastSeq).toBeGreaterThanOrEqual(lastSeq);
        lastSeq = (opened as { lastSeq: number }).lastSeq;
      }
      if (lastSeq < 3) expect(open(cut, { requiredToSeq: 3 })).toHaveProperty("refused");
    }
    expect(lastSeq).toBe(3);
  });

  it("is refused anywhere in a sealed segment, at any change and at any length", async () => {
    const contents = await journalOf([1, 1, 1, 1], { segmentBytes: 700, isClosed: false });
    const { length } = contents.get(firstSegment)!;
    expect([...contents.keys()].filter((path) => path.endsWith(".journal"))).toHaveLength(2);
    for (let at = 0; at < length; at++) {
      const { facts } = refusalOf(flipped(contents, firstSegment, at));
      expect(facts["file"], `byte ${at}`).toBe(firstSegment);
      expect(facts["offset"], `byte ${at}`).toBeLessThanOrEqual(at);
      const cut = withBytes(contents, firstSegment, (bytes) => bytes.subarray(0, at));
      expect(open(cut), `${at} bytes`).toHaveProperty("refused");
      expect(open(cut, { verifyFromSeq: 4 }), `${at} bytes, not scanned`).toHaveProperty("refused");
    }
  });

  it("is refused when a sealed segment lost the mark at its end", async () => {
    const disk = SimulatedDisk.holding(await journalOf([1], { isClosed: true }));
    const { journal } = Journal.open({ directory, files: disk, segmentBytes: 500 });
    await journal.append([logEntry(1)]);
    const contents = disk.contents();
    expect(open(contents)).toMatchObject({ lastSeq: 1 });
    const cut = withBytes(contents, firstSegment, (bytes) => bytes.subarray(0, bytes.length - 32));
    expect(refusalOf(cut).code).toBe("JOURNAL_DAMAGED");
  });

  it("is found when the entry is read where a sealed segment was not scanned at open", async () => {
    const contents = await journalOf([1, 1, 1, 1], { segmentBytes: 700, isClosed: false });
    const disk = SimulatedDisk.holding(flipped(contents, firstSegment, 400));
    const { journal } = Journal.open({ directory, files: disk, verifyFromSeq: 4 });
    expect(equalBytes(journal.read(0)!, logEntry(0))).toBe(true);
    expect(() => journal.read(1)).toThrowError(expect.objectContaining({ code: "JOURNAL_DAMAGED" }));
    const reader = JournalReader.open(directory, disk);
    reader.advance(3);
    expect(reader.entries(0, 300)).toHaveLength(1);
    expect(() => reader.entries(1, 300)).toThrowError(expect.objectContaining({ code: "JOURNAL_DAMAGED" }));
  });

  it("does not matter in an offset table, which is rebuilt", async () => {
    const contents = await journalOf([1, 1, 1, 1], { segmentBytes: 700, isClosed: false });
    const table = `${directory}/0000000000000000.offsets`;
    const { length } = contents.get(table)!;
    for (let at = 0; at < length; at++) {
      const disk = SimulatedDisk.holding(flipped(contents, table, at));
      const reader = JournalReader.open(directory, disk);
      reader.advance(3);
      expect(reader.read(1)).toEqual(Buffer.from(logEntry(1)));
      Journal.open({ directory, files: disk, verifyFromSeq: 4 });
      expect(disk.contents().get(table)).toEqual(contents.get(table));
    }
  });
});

describe("a journal that is a copy", () => {
  it("takes entries of any length in order, can be read at once, and is durable soon after", async () => {
    const path = temporaryDirectory();
    let synced = 0;
    const copy = { onSynced: () => void synced++, onFailed: (problem: Error) => expect.unreachable(problem.message) };
    const { journal } = Journal.open({ directory: path, segmentBytes: 4 * 1024 * 1024, copy });
    const entries = [10, 3_000_000, 20, 2_000_000, 30].map((bytes, seq) => logEntry(seq, bytes));
    await Promise.all(entries.map((entry) => journal.append([entry])));
    for (const [seq, entry] of entries.entries()) expect(Buffer.compare(journal.read(seq)!, entry)).toBe(0);
    await expect.poll(() => journal.durableSeq).toBe(4);
    expect(synced).toBeGreaterThan(0);
    await journal.close();
    const again = Journal.open({ directory: path });
    expect(again.recovery).toMatchObject({ entries: 5, cutBytes: 0 });
    await again.journal.close();
  });
});

describe("a journal that is not whole", () => {
  const segments = [0, 2, 4].map((seq) => `${directory}/${String(seq).padStart(16, "0")}.journal`);

  it.each([
    { missing: 0, seq: 0 },
    { missing: 1, seq: 2 },
    { missing: 2, seq: 4 },
  ])("is refused when segment $missing of 3 is missing", async ({ missing, seq }) => {
    const contents = await journalOf([1, 1, 1, 1, 1], { segmentBytes: 700, isClosed: true });
    expect([...contents.keys()]).toEqual(expect.arrayContaining(segments));
    contents.delete(segments[missing]!);
    const refusal = refusalOf(contents);
    expect(refusal.code).toBe("JOURNAL_DAMAGED");
    if (missing < 2) expect(refusal.facts["missingSeq"]).toBe(seq);
  });

  it("is refused when it ends before what a follower applied, or begins after what is needed", async () => {
    const contents = await journalOf([2], { isClosed: true });
    expect(open(contents, { requiredToSeq: 1 })).toMatchObject({ lastSeq: 1 });
    expect(refusalOf(contents, { requiredToSeq: 2 }).code).toBe("JOURNAL_DAMAGED");
    expect(refusalOf(contents, { requiredFromSeq: 3 }).code).toBe("JOURNAL_DAMAGED");
    expect(refusalOf(new Map(), { requiredToSeq: 0 }).code).toBe("JOURNAL_DAMAGED");
  });

  it("begins after a snapshot when it is empty and a snapshot is what there is", async () => {
    const disk = new SimulatedDisk();
    const { journal } = Journal.open({ directory, files: disk, requiredFromSeq: 7, requiredToSeq: 6 });
    await journal.append([logEntry(7)]);
    expect([journal.read(6), journal.read(7)]).toEqual([undefined, Buffer.from(logEntry(7))]);
    expect(refusalOf(disk.contents()).facts["missingSeq"]).toBe(0);
    expect(open(disk.contents(), { requiredFromSeq: 8 })).toMatchObject({ lastSeq: 7 });
  });

  it("is refused by name in a newer format, and when a file is something else", async () => {
    const contents = await journalOf([1], { isClosed: true });
    const newer = withBytes(contents, firstSegment, (bytes) => {
      writeU32(bytes, 8, 3);
      writeU32(bytes, 60, crc32(bytes.subarray(0, 60)));
      return bytes;
    });
    expect(refusalOf(newer)).toMatchObject({ code: "FORMAT_UNSUPPORTED", facts: { found: 3, supported: 2 } });
    const foreign = withBytes(contents, firstSegment, () => new Uint8Array(4096).fill(65));
    expect(refusalOf(foreign)).toMatchObject({ code: "FORMAT_UNSUPPORTED", facts: { file: firstSegment } });
    const renamed = new Map([[`${directory}/0000000000000005.journal`, contents.get(firstSegment)!]]);
    expect(refusalOf(renamed, { requiredFromSeq: 5 }).code).toBe("JOURNAL_DAMAGED");
  });
});

describe("what stands in a journal's frames", () => {
  const tagOf = (contents: Contents) => readU32(contents.get(firstSegment)!, 12);

  it("is refused when an intact frame has another seq than comes next", async () => {
    const contents = await journalOf([2], { isClosed: false });
    const place = { tag: tagOf(contents), seq: 3, offset: 64 + 2 * 280, durableOffset: 64 };
    const gap = new FrameEncoder().encode([logEntry(3)], place, () => {});
    const withGap = withBytes(contents, firstSegment, (bytes) => Buffer.concat([bytes, ...gap]));
    expect(refusalOf(withGap).facts).toMatchObject({ file: firstSegment, offset: place.offset });
  });

  it.each([
    { forged: "with another segment's tag", tag: (own: number) => own ^ 1, offset: 0 },
    { forged: "for another place", tag: (own: number) => own, offset: 8 },
  ])("can't be forged by bytes of a payload: a frame $forged names nothing durable", async ({ tag, offset }) => {
    const contents = await journalOf([1], { isClosed: false });
    const start = 64 + 280;
    const forgedAt = start + 32 + 224 + 8;
    const own = tagOf(contents);
    const mark = encodeMark({ tag: tag(own), seq: 1, offset: forgedAt + offset, durableOffset: forgedAt });
    const entry = logEntry(1, 64);
    entry.set(mark, 224 + 8);
    const place = { tag: own, seq: 1, offset: start, durableOffset: start };
    const frames = new FrameEncoder().encode([entry], place, () => {});
    const torn = Buffer.concat([contents.get(firstSegment)!, ...frames]);
    torn[start + 40]! ^= 1;
    expect(open(new Map([[firstSegment, torn]]))).toEqual({ lastSeq: 0, cutBytes: torn.length - start });
  });

  it("carries another tag in each journal", async () => {
    const tags = [];
    for (let i = 0; i < 3; i++) tags.push(tagOf(await journalOf([1], { isClosed: true })));
    expect(new Set(tags).size).toBe(3);
  });
});

describe("a journal on a failing disk", () => {
  it.each(["write", "sync"] as const)(
    "takes nothing more after a failed %s, and keeps what was durable",
    async (operation) => {
      const disk = new SimulatedDisk();
      const { journal } = Journal.open({ directory, files: disk });
      await journal.append([logEntry(0)]);
      disk.fault = (name) => (name === operation ? { code: "EIO", writtenBytes: 40 } : undefined);
      const appends = [journal.append([logEntry(1)]), journal.append([logEntry(2)])];
      for (const append of appends) await expect(append).rejects.toMatchObject({ retryable: false });
      disk.fault = () => undefined;
      await expect(journal.append([logEntry(1)])).rejects.toMatchObject({ retryable: false });
      expect(() => journal.appendSync([logEntry(1)])).toThrowError(expect.objectContaining({ retryable: false }));
      expect([journal.durableSeq, journal.read(0), journal.read(1)]).toEqual([0, Buffer.from(logEntry(0)), undefined]);
      await journal.close();
      expect(disk.record.at(-1)?.kind).not.toBe("sync");
    },
  );

  it("lets a group that found the disk full be tried again, with all that waited behind it", async () => {
    const disk = new SimulatedDisk();
    const { journal } = Journal.open({ directory, files: disk });
    await journal.append([logEntry(0)]);
    // Room for the second, but not for the first.
    disk.capacityBytes = 64 + 280 + 280;
    const first = journal.append([logEntry(1, 300)]);
    await Promise.resolve();
    const second = journal.append([logEntry(2)]);
    for (const append of [first, second]) await expect(append).rejects.toMatchObject({ retryable: true });
    expect(disk.contents().get(firstSegment)).toHaveLength(64 + 280);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    await journal.append([logEntry(1)]);
    expect(open(disk.contents())).toMatchObject({ lastSeq: 1 });
  });

  it.each(["truncate", "sync"] as const)(
    "takes nothing more when the %s of a group that did not fit fails",
    async (operation) => {
      const disk = new SimulatedDisk();
      const { journal } = Journal.open({ directory, files: disk });
      await journal.append([logEntry(0)]);
      disk.capacityBytes = 500;
      disk.fault = (name) => (name === operation ? { code: "EIO" } : undefined);
      await expect(journal.append([logEntry(1, 300)])).rejects.toMatchObject({ retryable: false });
    },
  );

  it("is refused an append when its file was removed under it", async () => {
    const path = temporaryDirectory();
    const { journal } = Journal.open({ directory: path });
    await journal.append([logEntry(0)]);
    fs.rmSync(path, { recursive: true });
    await expect(journal.append([logEntry(1)])).rejects.toMatchObject({ retryable: false });
    await journal.close();
  });

  it.each(["open", "syncDirectory", "rename"] as const)("does not open where %s is refused", (operation) => {
    const disk = new SimulatedDisk();
    disk.fault = (name) => (name === operation ? { code: "EROFS" } : undefined);
    const attempt = () => Journal.open({ directory, files: disk });
    expect(attempt).toThrowError(expect.objectContaining({ code: "STORAGE_ERROR", retryable: false }));
  });

  it("does not open where there is a file in place of its directory", () => {
    const path = join(temporaryDirectory(), "journal");
    fs.writeFileSync(path, "");
    const attempt = () => Journal.open({ directory: path });
    expect(attempt).toThrowError(expect.objectContaining({ code: "STORAGE_ERROR", retryable: false }));
  });

  it("does not open in a directory that it may only read", () => {
    const path = temporaryDirectory();
    fs.chmodSync(path, 0o555);
    const attempt = () => asNobody(() => Journal.open({ directory: path }));
    expect(attempt).toThrowError(expect.objectContaining({ code: "STORAGE_ERROR", retryable: false }));
  });
});

describe("a journal's groups", () => {
  it("hold every append that arrived while a sync ran, in one write and one sync", async () => {
    const disk = new SimulatedDisk();
    const groups: GroupStats[] = [];
    const { journal } = Journal.open({ directory, files: disk, onGroup: (stats) => groups.push(stats) });
    const before = disk.record.length;
    const first = journal.append([logEntry(0)]);
    await Promise.resolve();
    const rest = Array.from({ length: 9 }, (_, index) => journal.append([logEntry(index + 1)]));
    await Promise.all([first, ...rest]);
    expect(groups.map(({ appends, entries }) => [appends, entries])).toEqual([
      [1, 1],
      [9, 9],
    ]);
    expect(disk.record.slice(before).map(({ kind }) => kind)).toEqual(["write", "sync", "write", "sync"]);
  });

  it("may be written blocking while nothing is in flight, and only then", async () => {
    const { journal } = Journal.open({ directory: temporaryDirectory() });
    journal.appendSync([logEntry(0)]);
    const pending = journal.append([logEntry(1)]);
    expect(journal.isIdle).toBe(false);
    expect(() => journal.appendSync([logEntry(2)])).toThrowError(expect.objectContaining({ retryable: true }));
    await pending;
    journal.appendSync(logEntries(2, 3));
    expect(journal.durableSeq).toBe(3);
    await journal.close();
  });

  it("are marked durable on an idle journal, so that damage to the last of them is refused without a clean end", async () => {
    const disk = new SimulatedDisk();
    const { journal } = Journal.open({ directory, files: disk });
    await journal.append([logEntry(0)]);
    await expect.poll(() => disk.contents().get(firstSegment)!.length).toBe(64 + 280 + 32);
    expect(refusalOf(flipped(disk.contents(), firstSegment, 300)).facts["offset"]).toBe(64);
    await journal.append([logEntry(1)]);
    expect(open(disk.contents())).toMatchObject({ lastSeq: 1 });
  });
});

describe("a journal's segments", () => {
  it("start when the next group would not fit, never split an entry, and are dropped oldest first", async () => {
    const path = temporaryDirectory();
    const { journal } = Journal.open({ directory: path, segmentBytes: 1000 });
    await journal.append(logEntries(0, 1));
    await journal.append([logEntry(2)]);
    await journal.append([logEntry(3, 5000)]);
    await journal.append([logEntry(4)]);
    expect(journal.segments().map(({ firstSeq, lastSeq, sealed }) => [firstSeq, lastSeq, sealed])).toEqual([
      [0, 2, true],
      [3, 3, true],
      [4, 4, false],
    ]);
    expect(fs.readdirSync(path).map((name) => fs.statSync(join(path, name)).mode & 0o777)).toEqual(
      Array(5).fill(0o600),
    );
    const dropped: number[] = [];
    for await (const { firstSeq } of journal.dropSegmentsBefore(3)) dropped.push(firstSeq);
    expect([dropped, journal.firstSeq, journal.read(2)]).toEqual([[0], 3, undefined]);
    await journal.close();
    expect(() => Journal.open({ directory: path })).toThrowError(expect.objectContaining({ code: "JOURNAL_DAMAGED" }));
    const again = Journal.open({ directory: path, requiredFromSeq: 3 });
    expect(again.recovery).toMatchObject({ firstSeq: 3, entries: 2, cutBytes: 0, cutAt: undefined });
    expect(again.journal.byteLength).toBe(4 * logEntry(0).length + logEntry(3, 5000).length);
    await again.journal.close();
  });

  it("are read to the durable seq by a reader in another thread while they are written", async () => {
    const path = temporaryDirectory();
    const { journal } = Journal.open({ directory: path, segmentBytes: 400_000 });
    const worker = await startReader(path);
    const finished = new Promise((resolve) => worker.once("message", resolve));
    let seq = 0;
    for (let round = 0; round < 60; round++) {
      const appends = Array.from({ length: 8 }, () => journal.append([logEntry(seq, (seq++ * 997) % 9000)]));
      await Promise.all(appends);
      worker.postMessage({ durableSeq: journal.durableSeq, isLast: round === 59 });
    }
    expect(journal.segments().length).toBeGreaterThan(2);
    expect(await finished).toEqual({ entries: seq, problem: undefined });
    await journal.close();
  });

  it("are read by a second reader in batches of any size, from any seq, never past the durable one", async () => {
    const disk = SimulatedDisk.holding(await journalOf([3, 1, 2, 2, 1], { segmentBytes: 900, isClosed: true }));
    for (const bytesMax of [1, 32, 280, 300, 600, 1_000_000]) {
      for (let from = 0; from <= 8; from++) {
        const reader = JournalReader.open(directory, disk);
        expect(reader.entries(from, bytesMax)).toEqual([]);
        reader.advance(7);
        let seq = from;
        while (seq <= 7) {
          const batch = reader.entries(seq, bytesMax);
          expect(batch.length).toBeGreaterThan(0);
          for (const entry of batch) expect(equalBytes(entry, logEntry(seq++))).toBe(true);
        }
        expect(seq).toBe(Math.max(from, 8));
        expect(reader.read(8)).toBeUndefined();
        expect(reader.segments().at(-1)?.lastSeq).toBe(7);
        reader.close();
      }
    }
  });

  it("stand in the room that whoever reads gives, where they fit", async () => {
    const disk = SimulatedDisk.holding(await journalOf([3, 1, 2, 2, 1], { segmentBytes: 900, isClosed: true }));
    const reader = JournalReader.open(directory, disk);
    reader.advance(7);
    for (const roomBytes of [0, 100, 600, 100_000]) {
      const room = new Uint8Array(roomBytes);
      let inRoom = 0;
      for (let seq = 0; seq <= 7; ) {
        for (const entry of reader.entries(seq, 600, room)) {
          expect(equalBytes(entry, logEntry(seq++))).toBe(true);
          if (entry.buffer === room.buffer) inRoom++;
        }
      }
      expect(inRoom).toBe(roomBytes < 600 ? 0 : 8);
    }
    reader.close();
  });
});

async function startReader(path: string): Promise<Worker> {
  const outfile = join(temporaryDirectory(), "reader.mjs");
  const entryPoints = [join(import.meta.dirname, "../support/journal-reader-worker.ts")];
  await build({ entryPoints, outfile, bundle: true, platform: "node", format: "esm" });
  return new Worker(outfile, { workerData: { directory: path } });
}
