/**
 * Callers: who executes most, in bounded memory and little time. The first CALLERS_MAX are told apart; from then on a
 * newcomer takes the place of one who has executed less than half as often, by a sketch that counts everyone by hash.
 * What a caller did before it had a place is not in its figures.
 * The sketch is a count-min sketch of one row (Cormode and Muthukrishnan, 2005), halved now and then so that it follows
 * what happens.
 */
import { hashBytes } from "../../../encoding/key-hash.ts";
import { ADDRESS_BYTES } from "../../../encoding/state-key.ts";
import { CALLER_HISTOGRAM_FROM, type Execution, Track, type TrackRecord } from "./track.ts";

const CALLERS_MAX = 1024;
const SKETCH_SIZE = 2 ** 16;
const HALVED_EVERY = 2 ** 20;
/** While counts are small, being ahead means little. */
const LEAD = 64;

interface Place {
  /** 20 bytes as latin1. */
  address: string;
  hash: number;
  track: Track;
}

export class Callers {
  readonly #byHash = new Map<number, Place>();
  readonly #places: Place[] = [];
  readonly #sketch = new Uint32Array(SKETCH_SIZE);
  #untilHalved = HALVED_EVERY;
  /** Who may have to go next. */
  #hand = 0;
  /** How many had to go. */
  forgotten: number;

  constructor(file?: { tracks: [string, TrackRecord][]; forgotten: number }) {
    this.forgotten = file?.forgotten ?? 0;
    for (const [hex, record] of file?.tracks.slice(0, CALLERS_MAX) ?? []) {
      const bytes = Buffer.from(hex, "hex");
      const hash = hashBytes(bytes, 0, ADDRESS_BYTES, 0);
      const track = Track.from(record, CALLER_HISTOGRAM_FROM);
      this.#take(this.#places.length, { address: bytes.toString("latin1"), hash, track });
      this.#sketch[hash & (SKETCH_SIZE - 1)]! += track.executions;
    }
  }

  record(): { tracks: [string, TrackRecord][]; forgotten: number } {
    return {
      tracks: this.top(CALLERS_MAX).map(([caller, track]) => [
        Buffer.from(caller, "latin1").toString("hex"),
        track.record(),
      ]),
      forgotten: this.forgotten,
    };
  }

  /** @param bytes that hold the caller's address from `at`. */
  add(bytes: Buffer, at: number, execution: Execution, atMs: number): void {
    const hash = hashBytes(bytes, at, ADDRESS_BYTES, 0);
    const cell = hash & (SKETCH_SIZE - 1);
    const count = ++this.#sketch[cell]!;
    if (--this.#untilHalved === 0) this.#halve();
    // Two addresses with one hash of 32 bits count as one caller.
    const place = this.#byHash.get(hash) ?? this.#placeFor(bytes, at, hash, count);
    place?.track.add(execution, atMs);
  }

  #placeFor(bytes: Buffer, at: number, hash: number, count: number): Place | undefined {
    let index = this.#places.length;
    if (index >= CALLERS_MAX) {
      index = this.#hand;
      this.#hand = (index + 1) % CALLERS_MAX;
      const holder = this.#places[index]!;
      if (count <= 2 * this.#sketch[holder.hash & (SKETCH_SIZE - 1)]! + LEAD) return undefined;
      this.#byHash.delete(holder.hash);
      this.forgotten++;
    }
    const address = bytes.toString("latin1", at, at + ADDRESS_BYTES);
    const place = { address, hash, track: new Track(CALLER_HISTOGRAM_FROM) };
    this.#take(index, place);
    return place;
  }

  #take(index: number, place: Place): void {
    this.#places[index] = place;
    this.#byHash.set(place.hash, place);
  }

  #halve(): void {
    this.#untilHalved = HALVED_EVERY;
    for (let i = 0; i < SKETCH_SIZE; i++) this.#sketch[i]! >>>= 1;
  }

  top(count: number): [string, Track][] {
    return [...this.#byHash.values()]
      .sort((a, b) => b.track.executions - a.track.executions)
      .slice(0, count)
      .map(({ address, track }) => [address, track]);
  }
}
