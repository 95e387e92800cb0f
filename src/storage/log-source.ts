/** LogSource: a block log as one open segment, for whoever reads it on the thread that writes it. */
import type { BlockLog } from "../execution/ports.ts";
import type { EntrySource, SegmentInfo } from "./entry-source.ts";

export class LogSource implements EntrySource {
  readonly #log: BlockLog;
  #durableSeq = -1;

  constructor(log: BlockLog) {
    this.#log = log;
  }

  advance(durableSeq: number): void {
    this.#durableSeq = Math.max(this.#durableSeq, durableSeq);
  }

  read(seq: number): Uint8Array | undefined {
    return seq > this.#durableSeq ? undefined : this.#log.read(seq);
  }

  entries(fromSeq: number, bytesMax: number): Uint8Array[] {
    const entries: Uint8Array[] = [];
    let bytes = 0;
    for (let seq = fromSeq; ; seq++) {
      const entry = this.read(seq);
      if (entry === undefined || (entries.length > 0 && bytes + entry.length > bytesMax)) return entries;
      entries.push(entry);
      bytes += entry.length;
    }
  }

  segments(): readonly SegmentInfo[] {
    return [{ path: "", firstSeq: 0, lastSeq: this.#durableSeq, sealed: false }];
  }
}
