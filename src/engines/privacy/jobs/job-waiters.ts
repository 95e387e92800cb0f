/** Whoever waits until a job is over. */
import type { Job } from "./job.ts";

export class JobWaiters {
  readonly #waiting = new Set<() => void>();

  /** Some job is over. */
  tell(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves when the job is over, or after `timeoutMs`. */
  async until(job: Job, timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = () => {
        if (job.finishedAtMs !== undefined) end();
      };
      const timer = setTimeout(end, timeoutMs);
      this.#waiting.add(look);
    });
  }
}
