/**
 * Callers: who executes most, in bounded memory and little time. The first CALLERS_MAX are told apart; from then on a
 * newcomer takes the place of one who has executed less than half as often, by a sketch that counts everyone by hash.
 * What a caller did before it had a place is not in its figures.
 * The sketch is a count-min sketch of one row (Cormode and Muthukrishnan, 2005), halved now and then so that it follows
 * what happens.
 * All of it stands in a few arrays, so that an ExecutionCounter can count in them.
 */
import { hashBytes } from "../../../encoding/key-hash.ts";
import { ADDRESS_BYTES } from "../../../encoding/state-key.ts";
import { type Execution, TRACK_BINS, TRACK_NUMBERS, Track, type TrackRecord } from "./track.ts";

const CALLERS_MAX = 1024;
const SKETCH_SIZE = 2 ** 16;
/** Where a hash may stand: four times as many as there are places. */
const SLOTS = 4 * CALLERS_MAX;
const HALVED_EVERY = 2 ** 20;
/** While counts are small, being ahead means little. */
const LEAD = 64;
const HISTOGRAM_AFTER = 256;
const STATES = 4;

/** Two arrays: `words` has `state` to `bins`, one after the other. An ExecutionCounter changes all but `slots` and `hashes`. */
export class CallerMemory {
  readonly numbers = new Float64Array(CALLERS_MAX * TRACK_NUMBERS);
  /** 10 MB, of which what is not written takes no memory. */
  readonly words = new Uint32Array(STATES + SKETCH_SIZE + SLOTS + CALLERS_MAX * (1 + TRACK_BINS));
  /** See State. */
  readonly state = this.words.subarray(0, STATES);
  /** By the low bits of an address's hash: executions, about. */
  readonly sketch = this.#after(this.state, SKETCH_SIZE);
  /** Number of a place and 1, at the low bits of its hash or the next that is free; 0 where none is. */
  readonly slots = this.#after(this.sketch, SLOTS);
  /** By place, as `bins`. */
  readonly hashes = this.#after(this.slots, CALLERS_MAX);
  readonly bins = this.#after(this.hashes, CALLERS_MAX * TRACK_BINS);

  #after({ byteOffset, byteLength }: Uint32Array, length: number): Uint32Array {
    return new Uint32Array(this.words.buffer, byteOffset + byteLength, length);
  }
}

/** Places taken, who may have to go next, additions until the sketch is halved; one more, so that what follows is aligned. */
const State = { places: 0, hand: 1, untilHalved: 2 } as const;

export class Callers {
  readonly memory = new CallerMemory();
  /** By place: 20 bytes as latin1. */
  readonly #addresses: string[] = [];
  readonly #tracks: Track[] = [];
  /** How many had to go. */
  forgotten: number;

  constructor(file?: { tracks: [string, TrackRecord][]; forgotten: number }) {
    this.memory.state[State.untilHalved] = HALVED_EVERY;
    this.forgotten = file?.forgotten ?? 0;
    for (const [hex, record] of file?.tracks.slice(0, CALLERS_MAX) ?? []) {
      const bytes = Buffer.from(hex, "hex");
      const hash = hashBytes(bytes, 0, ADDRESS_BYTES, 0);
      const track = this.#take(this.#tracks.length, bytes.toString("latin1"), hash, record);
      this.memory.sketch[hash & (SKETCH_SIZE - 1)]! += track.executions;
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
    const { sketch, state } = this.memory;
    const hash = hashBytes(bytes, at, ADDRESS_BYTES, 0);
    const count = ++sketch[hash & (SKETCH_SIZE - 1)]!;
    if (--state[State.untilHalved]! === 0) this.#halve();
    // Two addresses with one hash of 32 bits count as one caller.
    const place = this.#placeOf(hash) ?? this.#newPlace(bytes, at, hash, count);
    if (place !== undefined) this.#tracks[place]!.add(execution, atMs);
  }

  #placeOf(hash: number): number | undefined {
    const { slots, hashes } = this.memory;
    for (let at = hash & (SLOTS - 1); slots[at] !== 0; at = (at + 1) & (SLOTS - 1))
      if (hashes[slots[at]! - 1] === hash) return slots[at]! - 1;
    return undefined;
  }

  #newPlace(bytes: Buffer, at: number, hash: number, count: number): number | undefined {
    const { sketch, hashes, state } = this.memory;
    let place = state[State.places]!;
    if (place === CALLERS_MAX) {
      place = state[State.hand]!;
      state[State.hand] = (place + 1) % CALLERS_MAX;
      if (count <= 2 * sketch[hashes[place]! & (SKETCH_SIZE - 1)]! + LEAD) return undefined;
      this.forgotten++;
    }
    this.#take(place, bytes.toString("latin1", at, at + ADDRESS_BYTES), hash);
    return place;
  }

  #take(place: number, address: string, hash: number, record?: TrackRecord): Track {
    const { slots, hashes, state, numbers, bins } = this.memory;
    const memory = {
      numbers: numbers.subarray(place * TRACK_NUMBERS, (place + 1) * TRACK_NUMBERS).fill(0),
      bins: bins.subarray(place * TRACK_BINS, (place + 1) * TRACK_BINS),
      histogramAfter: HISTOGRAM_AFTER,
    };
    const isFresh = place === state[State.places]!;
    if (isFresh) state[State.places]!++;
    // One who goes had executed a few times at least: this is rare.
    else memory.bins.fill(0);
    hashes[place] = hash;
    this.#addresses[place] = address;
    const track = record === undefined ? new Track(memory) : Track.from(record, memory);
    this.#tracks[place] = track;
    if (!isFresh) slots.fill(0);
    for (let i = isFresh ? place : 0; i < state[State.places]!; i++) {
      let at = hashes[i]! & (SLOTS - 1);
      while (slots[at] !== 0) at = (at + 1) & (SLOTS - 1);
      slots[at] = i + 1;
    }
    return track;
  }

  #halve(): void {
    const { sketch, state } = this.memory;
    state[State.untilHalved] = HALVED_EVERY;
    for (let i = 0; i < SKETCH_SIZE; i++) sketch[i]! >>>= 1;
  }

  top(count: number): [string, Track][] {
    return this.#tracks
      .map((track, place): [string, Track] => [this.#addresses[place]!, track])
      .sort(([, a], [, b]) => b.executions - a.executions)
      .slice(0, count);
  }
}
