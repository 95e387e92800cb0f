/** What analytics keep of one contract. */
import { Series } from "./series.ts";
import { type Execution, Track, type TrackRecord } from "./track.ts";

/** Entrypoints of a contract told apart; the rest are counted together. */
const ENTRYPOINTS_MAX = 16;
/** Reasons of failure told apart. */
const REASONS_MAX = 16;
export const OTHERS = "(others)";
/** What is counted beside the entrypoints of a contract: how it came to be. */
export const DEPLOYMENT = "(deploy)";
export const UPGRADE = "(upgrade)";

export interface ContractFile {
  address: string;
  series: ReturnType<Series["record"]>;
  entrypoints: [string, TrackRecord][];
  reasons: [string, number][];
  lastAtMs: number;
  /** Its state was counted from its beginning, and as rollbacks left it. */
  isStateWhole?: boolean;
  stateBytes: number;
  stateKeys: number;
}

export class ContractAnalytics {
  /** 20 bytes as latin1. */
  readonly address: string;
  readonly series: Series;
  readonly entrypoints: Map<string, Track>;
  readonly reasons: Map<string, number>;
  /** Time of the last block with an execution; 0 before the first. */
  lastAtMs = 0;
  /** Its state was counted from its beginning: it has `stateBytes` and `stateKeys`. */
  readonly #isStateWhole: boolean;
  /** Of keys and values in its state, since it is counted. */
  stateBytes = 0;
  stateKeys = 0;
  /** Of the entry that is being counted. */
  readonly #pending = { executions: 0, failures: 0, gasUsed: 0, stateBytes: 0, stateKeys: 0 };

  /** @param isStateWhole it has no state from before it is counted. */
  constructor(address: string, isStateWhole: boolean, file?: ContractFile) {
    this.address = address;
    this.#isStateWhole = isStateWhole;
    this.series = new Series(file?.series);
    this.entrypoints = new Map(file?.entrypoints.map(([name, track]) => [name, Track.from(track)]));
    this.reasons = new Map(file?.reasons);
  }

  static from(address: string, file: ContractFile): ContractAnalytics {
    const contract = new ContractAnalytics(address, file.isStateWhole === true, file);
    contract.lastAtMs = file.lastAtMs;
    contract.stateBytes = file.stateBytes;
    contract.stateKeys = file.stateKeys;
    return contract;
  }

  record(): ContractFile {
    return {
      address: Buffer.from(this.address, "latin1").toString("hex"),
      series: this.series.record(),
      entrypoints: [...this.entrypoints].map(([name, track]) => [name, track.record()]),
      reasons: [...this.reasons],
      lastAtMs: this.lastAtMs,
      isStateWhole: this.#isStateWhole,
      stateBytes: this.stateBytes,
      stateKeys: this.stateKeys,
    };
  }

  /** What its state takes; undefined where it was not counted from its beginning. */
  get state(): { bytes: number; keys: number } | undefined {
    return this.#isStateWhole ? { bytes: this.stateBytes, keys: this.stateKeys } : undefined;
  }

  get executions(): number {
    let sum = 0;
    for (const { executions } of this.entrypoints.values()) sum += executions;
    return sum;
  }

  /** All entrypoints together. */
  track(nowMs: number): Track {
    return Track.sum(this.entrypoints.values(), nowMs);
  }

  /** All but how it came to be: what was made of it. */
  uses(nowMs: number): Track {
    const used = [...this.entrypoints].filter(([name]) => name !== DEPLOYMENT && name !== UPGRADE);
    return Track.sum(
      used.map(([, track]) => track),
      nowMs,
    );
  }

  /** @param track of one of its entrypoints. */
  executed(track: Track, execution: Execution, atMs: number): void {
    track.add(execution, atMs);
    this.counted(1, execution.gasUsed, atMs);
    if (execution.status !== "success") this.#pending.failures++;
  }

  /** So many executions are counted in a track of its. */
  counted(executions: number, gasUsed: number, atMs: number): void {
    this.#pending.executions += executions;
    this.#pending.gasUsed += gasUsed;
    this.lastAtMs = atMs;
  }

  grew(bytes: number, keys: number): void {
    this.stateBytes += bytes;
    this.stateKeys += keys;
    this.#pending.stateBytes += bytes;
    this.#pending.stateKeys += keys;
  }

  /** The entry is counted: what it came to goes into the series, and into that of the whole chain. */
  endEntry(atMs: number, chain: Series): void {
    const pending = this.#pending;
    this.series.add(atMs, pending);
    chain.add(atMs, pending);
    Object.assign(pending, { executions: 0, failures: 0, gasUsed: 0, stateBytes: 0, stateKeys: 0 });
  }

  entrypoint(name: string): Track {
    const known = this.entrypoints.get(name);
    if (known !== undefined) return known;
    const kept = this.entrypoints.size < ENTRYPOINTS_MAX ? name : OTHERS;
    const track = this.entrypoints.get(kept) ?? new Track();
    this.entrypoints.set(kept, track);
    return track;
  }

  failed(reason: string): void {
    const kept = this.reasons.has(reason) || this.reasons.size < REASONS_MAX ? reason : OTHERS;
    this.reasons.set(kept, (this.reasons.get(kept) ?? 0) + 1);
  }
}
