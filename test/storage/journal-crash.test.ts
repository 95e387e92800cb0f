/**
 * What a crash may leave of the journal: power is cut after every single change that the journal makes to the disk, and
 * recovery runs on every disk that may then be found (test/support/simulated-disk.ts).
 */
import { describe, expect, it } from "vitest";
import { equalBytes } from "../../src/encoding/bytes.ts";
import { Journal } from "../../src/storage/journal.ts";
import { logEntry } from "../support/log-entries.ts";
import { type Change, SimulatedDisk, seededRandom } from "../support/simulated-disk.ts";

const directory = "/journal";
/** Room for a few entries, so that a session of ten starts several segments. */
const SEGMENT_BYTES = 1400;
/** How many of the disks have their recovery interrupted everywhere too. */
const NESTED_SHARE = 0.01;
const NESTED_DISKS = 4;
const HISTORIES = 2;

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
  appendSync: (count: number, payloadBytes?: number) => void;
}

/** What the record says may and must be found on the disk. */
interface Expected {
  /** By seq: the bytes that were handed in last. */
  entries: Uint8Array[];
  acknowledgedSeq: number;
}

function startSession(disk: SimulatedDisk<Seen>): Session {
  const { journal } = Journal.open({ directory, files: disk, segmentBytes: SEGMENT_BYTES });
  let nextSeq = journal.durableSeq + 1;
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
  const appendSync = (count: number, payloadBytes?: number) => {
    journal.appendSync(handIn(count, payloadBytes));
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
  const { journal, recovery } = Journal.open({ directory, files: disk, segmentBytes: SEGMENT_BYTES });
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
function crashEverywhere(record: readonly Change<Seen>[], seed: number): number {
  const random = seededRandom(seed);
  let disks = 0;
  for (let length = 0; length <= record.length; length++) {
    const prefix = record.slice(0, length);
    const expected = expectedAfter(prefix);
    for (const disk of SimulatedDisk.replay(prefix).powerLosses(random)) {
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

/** Ends the process, but not the system, after every change; then recovers, and then cuts the power. */
function killEverywhere(record: readonly Change<Seen>[]): void {
  for (let length = 0; length <= record.length; length++) {
    const expected = expectedAfter(record.slice(0, length));
    const disk = SimulatedDisk.replay(record.slice(0, length));
    const lastSeq = recover(disk, expected, `killed after change ${length}`);
    const exactly = { entries: expected.entries.slice(0, lastSeq + 1), acknowledgedSeq: lastSeq };
    recover(disk.worstPowerLoss(), exactly, `killed after change ${length}, then power lost`);
  }
}

describe("a journal whose power is cut at any moment", () => {
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
    expect(crashEverywhere(disk.record, 1)).toBeGreaterThan(1000);
    killEverywhere(disk.record);
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
    expect(crashEverywhere(disk.record, 2)).toBeGreaterThan(300);
    killEverywhere(disk.record);
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
    expect(crashEverywhere(disk.record, 3)).toBeGreaterThan(100);
    killEverywhere(disk.record);
  });

  it("keeps what it showed after a restart, even when the failed sync before it made the system forget the pages", async () => {
    const { disk, append } = startSession(new SimulatedDisk<Seen>());
    await append(1);
    disk.fault = (operation) => (operation === "sync" ? { code: "EIO" } : undefined);
    await expect(append(1)).rejects.toMatchObject({ retryable: false });
    killEverywhere(disk.record.filter((change) => !(change.kind === "note" && "refusedFrom" in change.note)));
  });

  it("survives crashes at any moment of any history", async () => {
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const random = seededRandom(seed * 7919);
      const disk = new SimulatedDisk<Seen>();
      for (let sessions = 0; sessions < 2; sessions++) {
        const { journal, append, appendSync } = startSession(disk);
        for (let appends = 0; appends < 3; appends++) {
          const sizes = Array.from({ length: 1 + Math.floor(random() * 3) }, () => Math.floor(random() ** 3 * 900));
          if (random() < 0.3) appendSync(1, sizes[0]);
          else await Promise.all(sizes.map((size) => append(1 + Math.floor(random() * 2), size)));
        }
        if (random() < 0.5) await journal.close();
      }
      crashEverywhere(disk.record, seed);
      killEverywhere(disk.record);
    }
  });
});
