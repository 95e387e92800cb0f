/**
 * What a crash may leave of the journal: power is cut after every single change that the journal makes to the disk, and
 * recovery runs on every disk that may then be found (test/support/simulated-disk.ts).
 */
import { beforeAll, describe, expect, it } from "vitest";
import { equalBytes } from "../../src/encoding/bytes.ts";
import { DataKeys } from "../../src/storage/encryption/data-keys.ts";
import { Journal } from "../../src/storage/journal.ts";
import { logEntry } from "../support/log-entries.ts";
import { type Change, SimulatedDisk, seededRandom } from "../support/simulated-disk.ts";

const directory = "/journal";
/** Room for a few entries, so that a session of ten starts several segments. */
const SEGMENT_BYTES = 1400;
/** What an entry of 20 bytes more than its header takes in a segment. */
const FRAME_BYTES = 280;
/** How many of the disks have their recovery interrupted everywhere too. */
const NESTED_SHARE = 0.01;
const NESTED_DISKS = 4;
const HISTORIES = 3;
const HISTORY_DISKS = 8;
/** Few sizes, so that what one group left behind may fit exactly where another ended. */
const SIZES = [20, 20, 0, 900];

/** What the test saw of the journal between two changes to the disk. */
type Seen =
  | { handedIn: number; entry: Uint8Array }
  | { acknowledgedSeq: number }
  /** An append was refused with `retryable: true`: nothing of this seq and above may ever be found. */
  | { refusedFrom: number };

interface Session {
  disk: SimulatedDisk<Seen>;
  journal: Journal;
  append: (count: number, payloadBytes?: number, salt?: number) => Promise<void>;
  appendSync: (count: number, payloadBytes?: number, salt?: number) => void;
}

/** What the record says may and must be found on the disk. */
interface Expected {
  /** By seq: the bytes that were handed in last. */
  entries: Uint8Array[];
  acknowledgedSeq: number;
}

/** Of an encrypted journal; the suite below runs with and without. */
let keys: DataKeys | undefined;

/** Opens the journal on a disk, and notes what it holds as acknowledged: it has been shown. */
function startSession(disk: SimulatedDisk<Seen>): Session {
  const { journal } = Journal.open({ directory, files: disk, segmentBytes: SEGMENT_BYTES, keys });
  let nextSeq = journal.firstSeq;
  for (; nextSeq <= journal.durableSeq; nextSeq++) disk.note({ handedIn: nextSeq, entry: journal.read(nextSeq)! });
  disk.note({ acknowledgedSeq: journal.durableSeq });
  disk.note({ refusedFrom: nextSeq });
  const handIn = (count: number, payloadBytes = 20, salt = 0) =>
    Array.from({ length: count }, () => {
      const entry = logEntry(nextSeq, payloadBytes, salt);
      disk.note({ handedIn: nextSeq++, entry });
      return entry;
    });
  const append = async (count: number, payloadBytes?: number, salt?: number) => {
    const firstSeq = nextSeq;
    const entries = handIn(count, payloadBytes, salt);
    try {
      await journal.append(entries);
      disk.note({ acknowledgedSeq: firstSeq + count - 1 });
    } catch (thrown) {
      disk.note({ refusedFrom: firstSeq });
      nextSeq = Math.min(nextSeq, firstSeq);
      throw thrown;
    }
  };
  const appendSync = (count: number, payloadBytes?: number, salt?: number) => {
    journal.appendSync(handIn(count, payloadBytes, salt));
    disk.note({ acknowledgedSeq: nextSeq - 1 });
  };
  return { disk, journal, append, appendSync };
}

function expectedAfter(record: readonly Change<Seen>[]): Expected {
  const expected: Expected = { entries: [], acknowledgedSeq: -1 };
  for (const change of record) {
    if (change.kind !== "note") continue;
    if ("handedIn" in change.note) expected.entries[change.note.handedIn] = change.note.entry;
    else if ("acknowledgedSeq" in change.note) expected.acknowledgedSeq = change.note.acknowledgedSeq;
    else expected.entries.length = Math.min(expected.entries.length, change.note.refusedFrom);
  }
  return expected;
}

/** Opens the journal on what is left; fails unless it holds what it must, and nothing else. Answers its last seq. */
function recover(disk: SimulatedDisk, expected: Expected, where: string): number {
  const { journal, recovery } = Journal.open({ directory, files: disk, segmentBytes: SEGMENT_BYTES, keys });
  const { durableSeq } = journal;
  if (durableSeq < expected.acknowledgedSeq) {
    throw new Error(`${where}: entry ${expected.acknowledgedSeq} was acknowledged, the log ends at ${durableSeq}`);
  }
  if (recovery.entries !== durableSeq + 1) throw new Error(`${where}: ${recovery.entries} entries up to ${durableSeq}`);
  for (let seq = 0; seq <= durableSeq; seq++) {
    const found = journal.read(seq);
    const handedIn = expected.entries[seq];
    if (handedIn === undefined || found === undefined || !equalBytes(found, handedIn)) {
      throw new Error(`${where}: entry ${seq} is not what was handed in`);
    }
  }
  return durableSeq;
}

/**
 * Cuts the power after every change of the session, and now and then again after every change of the recovery.
 * Answers how many disks were recovered.
 */
function crashEverywhere({ record, initial }: SimulatedDisk<Seen>, seed: number, disksMax?: number): number {
  const random = seededRandom(seed);
  let disks = 0;
  for (let length = firstMoment(record); length <= record.length; length++) {
    const prefix = record.slice(0, length);
    const expected = expectedAfter(prefix);
    for (const disk of SimulatedDisk.replay(prefix, initial).powerLosses(random, disksMax)) {
      const where = `after change ${length} of ${record.length}, disk ${disks++}`;
      const before = disk.contents();
      const lastSeq = recover(disk, expected, where);
      const recoveries = disk.record.slice();
      const exactly = { entries: expected.entries.slice(0, lastSeq + 1), acknowledgedSeq: lastSeq };
      recover(disk.worstPowerLoss(), exactly, `${where}, power lost after recovery`);
      recover(disk, exactly, `${where}, recovered twice`);
      if (random() > NESTED_SHARE) continue;
      for (let changes = 0; changes < recoveries.length; changes++) {
        const interrupted = SimulatedDisk.replay(recoveries.slice(0, changes), before);
        for (const left of interrupted.powerLosses(random, NESTED_DISKS))
          recover(left, expected, `${where}, recovery cut at ${changes}`);
      }
    }
  }
  return disks;
}

/** The moment from which a record knows what the disk held at first. */
function firstMoment(record: readonly Change<Seen>[]): number {
  const first = record.findIndex(({ kind }) => kind !== "note");
  return first < 0 ? record.length : first;
}

/**
 * Ends the process, but not the system, after every change; recovers; and cuts the power during the recovery, after it,
 * and after an append that follows.
 */
function killEverywhere({ record, initial }: SimulatedDisk<Seen>): void {
  const random = seededRandom(record.length);
  for (let length = firstMoment(record); length <= record.length; length++) {
    const where = `killed after change ${length}`;
    const expected = expectedAfter(record.slice(0, length));
    const disk = SimulatedDisk.replay(record.slice(0, length), initial);
    const lastSeq = recover(disk, expected, where);
    for (let changes = length; changes < disk.record.length; changes++) {
      const interrupted = SimulatedDisk.replay(disk.record.slice(0, changes), initial);
      for (const left of interrupted.powerLosses(random, NESTED_DISKS)) {
        recover(left, expected, `${where}, power lost at change ${changes} by the recovery`);
      }
    }
    const exactly = { entries: expected.entries.slice(0, lastSeq + 1), acknowledgedSeq: lastSeq };
    recover(disk.worstPowerLoss(), exactly, `${where}, then power lost`);
    const { journal } = Journal.open({ directory, files: disk, segmentBytes: SEGMENT_BYTES, keys });
    const next = logEntry(lastSeq + 1, 20, 200);
    journal.appendSync([next]);
    const more = { entries: [...exactly.entries, next], acknowledgedSeq: lastSeq + 1 };
    recover(disk.worstPowerLoss(), more, `${where}, then power lost after an append`);
  }
}

/** A journal that is a copy: what it has synced counts as acknowledged. */
function startCopy(disk: SimulatedDisk<Seen>): { journal: Journal; append: (payloadBytes: number) => Promise<void> } {
  const onSynced = () => disk.note({ acknowledgedSeq: journal.durableSeq });
  const copy = { onSynced, onFailed: (problem: Error) => expect.unreachable(problem.message) };
  const { journal } = Journal.open({ directory, files: disk, segmentBytes: SEGMENT_BYTES, copy, keys });
  const append = async (payloadBytes: number) => {
    const seq = journal.lastSeq + 1;
    const entry = logEntry(seq, payloadBytes);
    disk.note({ handedIn: seq, entry });
    await journal.append([entry]);
    expect(equalBytes(journal.read(seq)!, entry)).toBe(true);
  };
  return { journal, append };
}

describe.each([
  { kind: "a journal", dataKey: undefined },
  { kind: "an encrypted journal", dataKey: new Uint8Array(32).fill(7) },
])("$kind whose power is cut at any moment", ({ dataKey }) => {
  beforeAll(() => {
    keys = dataKey === undefined ? undefined : new DataKeys(dataKey);
  });

  it("keeps what was acknowledged, invents nothing, and recovers the same twice", async () => {
    const { disk, journal, append, appendSync } = startSession(new SimulatedDisk<Seen>());
    await append(1);
    await append(2, 7);
    await Promise.all([append(1), append(1, 300)]);
    appendSync(1, 0);
    await append(1, 900);
    await append(1, 1500);
    await append(1);
    await journal.close();
    const again = startSession(disk);
    await again.append(2);
    expect(crashEverywhere(disk, 1)).toBeGreaterThan(1000);
    killEverywhere(disk);
  });

  it("leaves nothing of a group that did not fit on the disk and was taken back", async () => {
    const { disk, append } = startSession(new SimulatedDisk<Seen>());
    await append(1);
    disk.capacityBytes = 900;
    await expect(append(3)).rejects.toMatchObject({ retryable: true });
    await append(1, 4, 77);
    await expect(append(2, 200)).rejects.toMatchObject({ retryable: true });
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    await append(2, 60, 78);
    expect(crashEverywhere(disk, 2)).toBeGreaterThan(300);
    killEverywhere(disk);
  });

  it("leaves nothing of a segment that did not fit on the disk", async () => {
    const { disk, append } = startSession(new SimulatedDisk<Seen>());
    await append(1, 900);
    disk.capacityBytes = 1250;
    await expect(append(1, 400)).rejects.toMatchObject({ retryable: true });
    disk.capacityBytes = 1300;
    await expect(append(1, 400)).rejects.toMatchObject({ retryable: true });
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    await append(1, 400, 79);
    await append(1);
    expect(crashEverywhere(disk, 3)).toBeGreaterThan(100);
    killEverywhere(disk);
  });

  it("keeps what it showed after a restart, even when the failed sync before it made the system forget the pages", async () => {
    const { disk, journal, append } = startSession(new SimulatedDisk<Seen>());
    await append(1);
    disk.fault = (operation) => (operation === "sync" ? { code: "EIO" } : undefined);
    await expect(journal.append([logEntry(1)])).rejects.toMatchObject({ retryable: false });
    const restarted = SimulatedDisk.replay(disk.record);
    const shown = Journal.open({ directory, files: restarted, keys }).journal;
    expect(shown.durableSeq).toBe(1);
    const left = Journal.open({ directory, files: restarted.worstPowerLoss(), keys }).journal;
    expect([left.read(0), left.read(1)]).toEqual([shown.read(0), shown.read(1)]);
  });

  it("keeps, as the copy of a log, a beginning of what was written: all of it that it called durable", async () => {
    const disk = new SimulatedDisk<Seen>();
    const { journal, append } = startCopy(disk);
    // Written one after the other, with no sync between them until a segment is full.
    for (const bytes of [20, 7, 300, 900]) await append(bytes);
    expect(journal.durableSeq).toBeLessThan(journal.lastSeq);
    await expect.poll(() => journal.durableSeq).toBe(journal.lastSeq);
    for (const bytes of [20, 20, 1500, 20]) await append(bytes);
    await journal.close();
    expect(journal.durableSeq).toBe(7);
    expect(crashEverywhere(disk, 5)).toBeGreaterThan(300);
    killEverywhere(disk);
  });

  it("ends, as the copy of a log, when it can't make durable what it took", async () => {
    const disk = new SimulatedDisk<Seen>();
    let failed = (_: Error) => {};
    const failure = new Promise<Error>((resolve) => {
      failed = resolve;
    });
    const copy = { onSynced: () => expect.unreachable(), onFailed: (problem: Error) => failed(problem) };
    const { journal } = Journal.open({ directory, files: disk, copy, keys });
    await journal.append([logEntry(0)]);
    disk.fault = (operation) => (operation === "sync" ? { code: "EIO" } : undefined);
    expect(await failure).toMatchObject({ code: "STORAGE_ERROR", facts: { retryable: false } });
    await expect(journal.append([logEntry(1)])).rejects.toMatchObject({ facts: { retryable: false } });
    expect([journal.durableSeq, journal.lastSeq]).toEqual([-1, 0]);
  });

  it("leaves nothing of a torn group: a later frame of it that survived can't follow what is written next", async () => {
    const session = startSession(new SimulatedDisk<Seen>());
    await session.append(1);
    await session.append(2);
    const torn = session.disk.contents();
    const segment = torn.get(`${directory}/0000000000000000.journal`)!;
    segment[segment.length - 2 * FRAME_BYTES]! ^= 1;
    const disk = SimulatedDisk.holding<Seen>(torn);
    disk.note({ handedIn: 0, entry: logEntry(0) });
    disk.note({ acknowledgedSeq: 0 });
    const again = startSession(disk);
    await again.append(1, 20, 99);
    expect(crashEverywhere(disk, 4)).toBeGreaterThan(10);
    killEverywhere(disk);
  });

  it("leaves no gap when it is cut while segments are dropped", async () => {
    const { disk, journal, append } = startSession(new SimulatedDisk<Seen>());
    for (let appends = 0; appends < 4; appends++) await append(1, 1200);
    const before = disk.record.length;
    let dropped = 0;
    for await (const _ of journal.dropSegmentsBefore(3)) dropped++;
    expect(dropped).toBe(3);
    for (let length = before; length <= disk.record.length; length++) {
      for (const left of SimulatedDisk.replay(disk.record.slice(0, length)).powerLosses(seededRandom(length))) {
        const again = Journal.open({ directory, files: left, requiredFromSeq: 3, requiredToSeq: 3, keys });
        expect(again.recovery.firstSeq).toBeLessThanOrEqual(3);
      }
    }
  });

  it("survives crash after crash at any moment of any history", async () => {
    for (let seed = 1; seed <= (dataKey === undefined ? HISTORIES : 1); seed++) {
      const random = seededRandom(seed * 7919);
      let disk = new SimulatedDisk<Seen>();
      let crashes = 0;
      for (let sessions = 0; sessions < 3; sessions++) {
        const { journal, append, appendSync } = startSession(disk);
        const salt = Math.floor(random() * 256);
        for (let appends = 0; appends < 3; appends++) {
          const sizes = Array.from({ length: 1 + Math.floor(random() * 3) }, () => SIZES[Math.floor(random() * 4)]!);
          if (random() < 0.3) appendSync(1, sizes[0], salt);
          else await Promise.all(sizes.map((size) => append(1 + Math.floor(random() * 2), size, salt)));
        }
        if (random() < 0.3) await journal.close();
        crashes += crashEverywhere(disk, seed, HISTORY_DISKS);
        killEverywhere(disk);
        disk = endedSomewhere(disk, random);
      }
      expect(crashes).toBeGreaterThan(100);
    }
  });
});

/** The disk of a process that ended at some moment of its last session: killed, or by power loss. */
function endedSomewhere(disk: SimulatedDisk<Seen>, random: () => number): SimulatedDisk<Seen> {
  const length = Math.ceil(disk.record.length * (1 - random() / 3));
  const killed = SimulatedDisk.replay(disk.record.slice(0, length), disk.initial);
  if (random() < 0.4) return killed;
  const all = [...killed.powerLosses(random)];
  const left = all[Math.floor(random() * all.length)]!;
  const { entries, acknowledgedSeq } = expectedAfter(killed.record);
  for (const [seq, entry] of entries.entries()) left.note({ handedIn: seq, entry });
  left.note({ acknowledgedSeq });
  return left;
}
