/** ReadyQueue: the jobs whose inputs are all held, oldest first, and which of them go together to a worker. */
import { equalBytes } from "../../../encoding/bytes.ts";
import type { Job } from "./job.ts";

export class ReadyQueue {
  #jobs: Job[] = [];

  get length(): number {
    return this.#jobs.length;
  }

  push(job: Job): void {
    this.#jobs.push(job);
  }

  remove(job: Job): void {
    this.#jobs = this.#jobs.filter((other) => other !== job);
  }

  /**
   * Takes out the oldest job and others under its key: their gates are evaluated level by level together.
   * @param idle workers that have nothing to do: each gets its share.
   * @param gatesMax of what is taken together, unless it is one job.
   */
  next(idle: number, gatesMax: number): Job[] {
    const { keyId } = this.#jobs[0]!;
    const sameKey = this.#jobs.filter((job) => equalBytes(job.keyId, keyId));
    const share = Math.ceil(sameKey.length / idle);
    const taken = new Set<Job>();
    let gates = 0;
    for (const job of sameKey) {
      gates += job.placed!.counts.gates;
      if (taken.size > 0 && (taken.size >= share || gates > gatesMax)) break;
      taken.add(job);
    }
    this.#jobs = this.#jobs.filter((job) => !taken.has(job));
    return [...taken];
  }
}
