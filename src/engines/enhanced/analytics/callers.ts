/**
 * Callers: who executes most, in bounded memory. When there are too many, those who executed least are forgotten, so that
 * a caller with a share of more than one in CALLERS_MAX of what happens stays.
 */
import { type Execution, Track, type TrackRecord } from "./track.ts";

const CALLERS_MAX = 1024;

export class Callers {
  /** By address, 20 bytes as latin1. */
  readonly #tracks: Map<string, Track>;
  /** How many were forgotten; one who came back counts anew. */
  forgotten: number;

  constructor(file?: { tracks: [string, TrackRecord][]; forgotten: number }) {
    this.#tracks = new Map(
      file?.tracks.map(([hex, track]) => [Buffer.from(hex, "hex").toString("latin1"), Track.from(track)]),
    );
    this.forgotten = file?.forgotten ?? 0;
  }

  record(): { tracks: [string, TrackRecord][]; forgotten: number } {
    const top = this.top(CALLERS_MAX);
    return {
      tracks: top.map(([caller, track]) => [Buffer.from(caller, "latin1").toString("hex"), track.record()]),
      forgotten: this.forgotten,
    };
  }

  add(caller: string, execution: Execution, atMs: number): void {
    let track = this.#tracks.get(caller);
    if (track === undefined) {
      if (this.#tracks.size >= 2 * CALLERS_MAX) this.#forget();
      track = new Track();
      this.#tracks.set(caller, track);
    }
    track.add(execution, atMs);
  }

  #forget(): void {
    const counts = [...this.#tracks.values()].map(({ executions }) => executions).sort((a, b) => b - a);
    const least = counts[CALLERS_MAX - 1]!;
    for (const [caller, { executions }] of this.#tracks) {
      if (executions > least) continue;
      this.#tracks.delete(caller);
      this.forgotten++;
    }
  }

  top(count: number): [string, Track][] {
    return [...this.#tracks].sort(([, a], [, b]) => b.executions - a.executions).slice(0, count);
  }
}
