/**
 * BackupSchedule: takes a backup every so often and brings it where it is to be, through an outbox on this disk:
 *   due ─▶ D/outbox/NAME, whole and durable ─▶ destination ─▶ checked ─▶ gone from the outbox ─▶ old ones removed there
 * Always
 *  - A backup that was taken is in the outbox until the destination has it: a crash, a full bucket or a night without network
 *    costs time, nothing else. Putting it twice is putting it once: its name is its content.
 *  - The outbox is bounded: while WAITING_MAX backups wait, no further one is taken, and that is reported.
 *  - A destination that is away keeps none from being taken, and one that can't be taken keeps none from its destination.
 *  - Where nothing was added to the log since the newest one, none is taken.
 *  - Only backups of this chain are ever removed, and never the newest.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "../../errors.ts";
import { BackupTarget } from "../copies/backup-target.ts";
import { copyStore } from "../copies/copy-store.ts";
import type { StoreSource } from "../copies/store-source.ts";
import { replaceFile, systemFiles } from "../files.ts";
import type { BackupDestination } from "./backup-destination.ts";
import { backupName, chainOfBackup, seqOfBackup } from "./backup-name.ts";
import type { BackupState } from "./backup-protocol.ts";

export interface BackupScheduleOptions {
  readonly directory: string;
  readonly everyMs: number;
  /** Newest ones that stay at the destination. */
  readonly keep: number;
}

export interface BackupScheduleModules {
  readonly destination: BackupDestination;
  openSource(): Promise<StoreSource>;
  /** Wall-clock time. */
  now(): number;
  report(level: "info" | "warn", message: string, facts: Record<string, unknown>): void;
  /** How it stands: at the start, and after every attempt. */
  onState(state: BackupState): void;
}

const WAITING_MAX = 3;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 300_000;
/** When the last one was taken, ms since 1970. */
const LAST = "LAST";
/** When the destination last had a backup of all that there was, likewise. */
const DELIVERED = "DELIVERED";
const SUFFIX = ".ptbackup";

export class BackupSchedule {
  readonly #options: BackupScheduleOptions;
  readonly #modules: BackupScheduleModules;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  /** Attempts that failed in a row, and in all. */
  #attempt = 0;
  #failures = 0;

  constructor(options: BackupScheduleOptions, modules: BackupScheduleModules) {
    this.#options = options;
    this.#modules = modules;
    systemFiles.makeDirectory(options.directory);
    for (const name of readdirSync(options.directory))
      if (name.endsWith(".partial")) rmSync(join(options.directory, name), { force: true });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops what is under way; what waits in the outbox waits for the next start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    // The clock on the wall counts between two runs alone: while this runs it may be set as anyone likes.
    let dueMs = performance.now() + this.#untilDueMs();
    this.#tell(undefined);
    while (!signal.aborted) {
      const problems: Error[] = [];
      const attempt = (step: () => Promise<unknown>) => step().catch((problem: Error) => problems.push(problem));
      // First: it makes room in the outbox.
      await attempt(() => this.deliver());
      if (performance.now() >= dueMs)
        await attempt(async () => {
          const isTaken = (await this.take()) !== undefined;
          dueMs = performance.now() + this.#options.everyMs;
          this.#note(LAST);
          if (isTaken) await this.deliver();
        });
      if (problems[0] === undefined) await attempt(async () => this.#note(DELIVERED));
      if (signal.aborted) return;
      await this.#sleep(problems[0] === undefined ? this.#succeeded(dueMs) : this.#failed(problems[0]));
    }
  }

  /** @returns how long there is nothing to do. */
  #succeeded(dueMs: number): number {
    this.#attempt = 0;
    this.#tell(undefined);
    return dueMs - performance.now();
  }

  /** @returns how long to wait before the next attempt. */
  #failed({ message: why }: Error): number {
    this.#failures++;
    const waitMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.#attempt++) * (0.5 + Math.random() / 2);
    const facts = { why, waiting: this.waiting().length, retryMs: Math.round(waitMs) };
    this.#modules.report("warn", "a scheduled backup did not get where it is to be; it is tried again", facts);
    this.#tell(why);
    return waitMs;
  }

  #tell(problem: string | undefined): void {
    const [lastSuccessMs, waiting] = [this.#noted(DELIVERED), this.waiting().length];
    this.#modules.onState({ lastSuccessMs, failures: this.#failures, problem, waiting });
  }

  /** What is left of the interval that an earlier run began; nothing where there was none. */
  #untilDueMs(): number {
    const lastMs = this.#noted(LAST);
    if (lastMs === undefined) return 0;
    const { everyMs } = this.#options;
    return Math.min(everyMs, Math.max(0, everyMs - (this.#modules.now() - lastMs)));
  }

  /** What another run noted too; a file that says no time says nothing. */
  #noted(name: string): number | undefined {
    const path = join(this.#options.directory, name);
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    return /^\d+$/.test(text) ? Number(text) : undefined;
  }

  #note(name: string): void {
    replaceFile(join(this.#options.directory, name), Buffer.from(String(this.#modules.now())));
  }

  /** Backups in the outbox, oldest first. */
  waiting(): string[] {
    return readdirSync(this.#options.directory)
      .filter((name) => name.endsWith(SUFFIX))
      .sort();
  }

  /**
   * Puts a backup into the outbox, unless nothing is new. Answers its name.
   * @throws StorageError, retryable, when the outbox is full.
   */
  async take(): Promise<string | undefined> {
    const waiting = this.waiting();
    if (waiting.length >= WAITING_MAX)
      throw new StorageError(
        `no backup was taken: ${waiting.length} before it wait for ${this.#modules.destination.name}, the bound is ${WAITING_MAX}`,
        { retryable: true },
      );
    const source = await this.#modules.openSource();
    try {
      const { chainId, seq, height } = source.head;
      const newest = Math.max(-1, ...(await this.#seqsOf(chainId, waiting)));
      if (newest === seq) return undefined;
      const name = backupName(chainId, this.#modules.now(), seq);
      const target = await BackupTarget.create(join(this.#options.directory, name), false, source);
      const { bytes } = await copyStore(source, target, { signal: this.#stop.signal, onProgress: () => undefined });
      this.#modules.report("info", "took a scheduled backup", { name, bytes, seq, height });
      return name;
    } finally {
      await source.close();
    }
  }

  /** Brings everything in the outbox to the destination, and removes there what is too old. */
  async deliver(): Promise<void> {
    const { destination, report } = this.#modules;
    for (const name of this.waiting()) {
      const path = join(this.#options.directory, name);
      await destination.put(name, path, this.#stop.signal);
      if (!(await destination.list(this.#stop.signal)).includes(name))
        throw new StorageError(`${destination.name} does not list ${name} after taking it`, { retryable: true });
      if (existsSync(path)) rmSync(path);
      systemFiles.syncDirectory(this.#options.directory).now();
      report("info", "a scheduled backup is where it is to be", { name, destination: destination.name });
      await this.#removeOld(chainOfBackup(name)!);
    }
  }

  async #removeOld(chainId: number): Promise<void> {
    const { destination, report } = this.#modules;
    const names = (await destination.list(this.#stop.signal)).filter(
      (name) => seqOfBackup(name, chainId) !== undefined,
    );
    for (const name of names.sort().slice(0, -this.#options.keep)) {
      await destination.remove(name, this.#stop.signal);
      report("info", "removed an old backup", { name, destination: destination.name });
    }
  }

  /** Of backups here and at the destination; what can't be asked for is not known to be there. */
  async #seqsOf(chainId: number, waiting: readonly string[]): Promise<number[]> {
    const there = await this.#modules.destination.list(this.#stop.signal).catch(() => []);
    return [...waiting, ...there].map((name) => seqOfBackup(name, chainId)).filter((seq) => seq !== undefined);
  }

  async #sleep(ms: number): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, Math.max(0, Math.min(ms, 2 ** 31 - 1)));
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      }
      signal.addEventListener("abort", done);
    });
  }
}
