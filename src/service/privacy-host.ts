/**
 * PrivacyHost: composition of what evaluates for privacy contracts: blob store, worker threads, jobs, and their service.
 *   durable entries ── follow ──▶ PrivacyJobs ──▶ EvaluationPool ──▶ BlobFiles ◀── LocalPrivacy ◀── privacy_*
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CollectedJson } from "../client/privacy-methods.ts";
import { BlockEntry } from "../encoding/block-entry.ts";
import { readName } from "../engines/privacy/held-blobs.ts";
import { HeldCollector } from "../engines/privacy/held-collector.ts";
import { HeldKeys } from "../engines/privacy/held-keys.ts";
import { EvaluationPool } from "../engines/privacy/jobs/evaluation-pool.ts";
import { PrivacyJobs } from "../engines/privacy/jobs/privacy-jobs.ts";
import { KeyUses } from "../engines/privacy/key-uses.ts";
import type { BlobStore, BlockLog } from "../execution/ports.ts";
import type { Pipeline } from "../sequencer/pipeline.ts";
import { BlobFiles } from "../storage/blobs/blob-files.ts";
import { CheckpointFiles } from "../storage/blobs/checkpoint-files.ts";
import { SharedBlobs } from "../storage/blobs/shared-blobs.ts";
import type { PostgresOptions } from "../storage/postgres-options.ts";
import { LocalPrivacy } from "./privacy-service.ts";

export interface PrivacyOptions {
  /** Threads that evaluate. */
  readonly workers: number;
  /** Of keys, ciphertexts and results. */
  readonly blobBytesMax: number;
  /** Evaluations that may wait before calls are refused. */
  readonly jobsMax: number;
}

export interface PrivacyHostOptions {
  readonly privacy: PrivacyOptions;
  /** Where daemons share a log: the database that holds it, and whether this one leads. */
  readonly shared: { readonly postgres: PostgresOptions; leads(): boolean } | undefined;
  /** Undefined: storage memory. Keys and ciphertexts are too large for it, so they lie in a directory that goes at the end. */
  readonly dataDir: string | undefined;
  now(): number;
  report(level: "info" | "warn" | "error", message: string, facts: Record<string, unknown>): void;
}

export interface PrivacyHostModules {
  /** Of the threads that evaluate. */
  readonly script: URL;
  readonly pipeline: Pipeline;
}

/** What the executor's thread needs to look keys and ciphertexts up. */
export interface HeldPrivacy {
  readonly directory: string;
  readonly queued: SharedArrayBuffer;
  readonly jobsMax: number;
}

/** What one task may take: half a minute of one thread with the default parameter set. */
const TASK_GATES_MAX = 12_000;

/** Two seconds of one thread: what a kill costs at most. A checkpoint has some megabytes and takes some milliseconds. */
const CHECKPOINT_GATES = 1_024;

/** What may go has been of no use for a day or for a hundred thousand blocks: an hour more does not matter. */
const COLLECT_MS = 3_600_000;
/** Of the executor's time: a page of contracts that it has not compiled takes some milliseconds. */
const CONTRACTS_PAGE = 16;

export class PrivacyHost {
  readonly service: LocalPrivacy;
  readonly held: HeldPrivacy;
  readonly #jobs: PrivacyJobs;
  readonly #pool: EvaluationPool;
  readonly #blobs: BlobStore & { close(): Promise<void> };
  readonly #shared: SharedBlobs | undefined;
  readonly #collecting: NodeJS.Timeout;
  readonly #temporary: string | undefined;

  constructor(
    { privacy: options, shared, dataDir, now, report }: PrivacyHostOptions,
    { script, pipeline }: PrivacyHostModules,
  ) {
    const leaf = (key: Uint8Array) => pipeline.ask("leaf", [key]);
    const height = () => pipeline.head.height;
    this.#temporary = dataDir === undefined ? mkdtempSync(join(tmpdir(), "polytorus-blobs-")) : undefined;
    const directory = this.#temporary ?? join(dataDir!, "blobs");
    const local = BlobFiles.open(directory, { bytesMax: options.blobBytesMax });
    const mayRun = () => shared === undefined || shared.leads();
    if (shared !== undefined)
      this.#shared = new SharedBlobs(local, {
        postgres: shared.postgres,
        onChanged: (name, facts) => facts !== undefined && this.#changed(name),
        onPulled: () => this.#jobs.wake(),
        report,
      });
    this.#blobs = this.#shared ?? local;
    this.held = { directory, queued: new SharedArrayBuffer(4), jobsMax: options.jobsMax };
    this.#pool = new EvaluationPool({ script, directory, workers: options.workers });
    this.#jobs = new PrivacyJobs(
      { workers: options.workers, taskGatesMax: TASK_GATES_MAX, checkpointGates: CHECKPOINT_GATES, now },
      {
        blobs: this.#blobs,
        leaf,
        height,
        run: (task) => this.#pool.run(task),
        mayRun,
        checkpoints: new CheckpointFiles(directory),
        report,
        queued: new Int32Array(this.held.queued),
      },
    );
    const collector = new HeldCollector({
      blobs: this.#blobs,
      leaf,
      isNeeded: (handle) => this.#jobs.takes(handle),
      height,
      now,
    });
    const uses = new KeyUses({
      contracts: (after) => pipeline.askNow("contracts", [{ kind: "privacy", after, limit: CONTRACTS_PAGE }]),
      contract: (address) => pipeline.askNow("contract", [address]),
      leaf: (key) => pipeline.askNow("leaf", [key]),
    });
    const keys = new HeldKeys({ blobs: this.#blobs, contractsOf: (keyIds) => uses.contractsOf(keyIds), now });
    this.service = new LocalPrivacy(
      { blobBytesMax: options.blobBytesMax },
      { blobs: this.#blobs, keys, collector, jobs: this.#jobs, mayCollect: mayRun, leaf, height, now },
    );
    this.#collecting = setInterval(() => {
      this.service.collect().then(
        (gone) => isSome(gone) && report("info", "let go of what nothing refers to", { ...gone }),
        (problem: Error) => report("warn", "keys and encrypted values were not collected", { why: problem.message }),
      );
    }, COLLECT_MS).unref();
  }

  /** Another daemon has written a name. */
  #changed(name: Uint8Array): void {
    const stands = readName(name);
    if (stands === undefined) return;
    if ("handle" in stands) this.#jobs.held(stands.handle);
    else this.#jobs.cancelled(stands.cancelledJob);
  }

  /** Takes up what was ordered and is not done. */
  async resume(log: BlockLog): Promise<void> {
    await this.#shared?.start();
    const { cursor } = this.#jobs;
    // A cursor beyond the log is of what came after the backup that this directory was restored from.
    const next = cursor > log.durableSeq ? log.firstSeq : Math.max(log.firstSeq, cursor + 1);
    for (let seq = next; seq <= log.durableSeq; seq++) {
      const header = new BlockEntry(log.readHeader(seq)!);
      if (header.isRollback || header.hasHandles) this.#jobs.follow(new BlockEntry(log.read(seq)!));
    }
    void this.#jobs.forgetOldCheckpoints();
  }

  /** Seq of the oldest entry with a job that is not over; undefined when there is none. */
  get oldestOpenSeq(): number | undefined {
    return this.#jobs.oldestOpenSeq;
  }

  follow(entry: BlockEntry): void {
    this.#jobs.follow(entry);
  }

  async close(): Promise<void> {
    clearInterval(this.#collecting);
    await this.#jobs.close();
    await this.#pool.close();
    await this.#blobs.close();
    if (this.#temporary !== undefined) rmSync(this.#temporary, { recursive: true, force: true });
  }
}

function isSome({ keys, values, uploads }: CollectedJson): boolean {
  return keys + values + uploads > 0;
}
