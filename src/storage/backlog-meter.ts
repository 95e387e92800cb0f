/** BacklogMeter: bytes of log between an applied seq and the durable one, from what the log's writer told as it grew. */

interface Mark {
  readonly seq: number;
  /** Bytes of log up to and with `seq`. */
  readonly bytes: number;
}

/** Marks lie at least this far apart: a backlog of 1 GiB has a thousand of them. */
const STEP_BYTES = 1024 * 1024;

export class BacklogMeter {
  #marks: Mark[] = [];
  #durable: Mark = { seq: -1, bytes: 0 };

  /** The log has `bytes` up to and with entry `seq`. */
  grew(seq: number, bytes: number): void {
    if (seq <= this.#durable.seq) return;
    this.#durable = { seq, bytes };
    if (bytes - (this.#marks.at(-1)?.bytes ?? Number.NEGATIVE_INFINITY) >= STEP_BYTES) this.#marks.push(this.#durable);
  }

  /**
   * At most a step too many. Below the first mark entries are taken to be as long as the mean.
   * @param appliedSeq undefined while it is not known: then from the first mark on.
   */
  backlog(appliedSeq: number | undefined): { entries: number; bytes: number } {
    const { seq, bytes } = this.#durable;
    const first = this.#marks[0];
    if (first === undefined || (appliedSeq !== undefined && appliedSeq >= seq)) return { entries: 0, bytes: 0 };
    if (appliedSeq === undefined) return { entries: seq - first.seq, bytes: bytes - first.bytes };
    while (this.#marks.length > 1 && this.#marks[1]!.seq <= appliedSeq) this.#marks.shift();
    const below = Math.max(0, this.#marks[0]!.seq - appliedSeq) * (this.#marks[0]!.bytes / (this.#marks[0]!.seq + 1));
    return { entries: seq - appliedSeq, bytes: Math.round(bytes - this.#marks[0]!.bytes + below) };
  }
}
