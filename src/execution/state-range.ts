/** Iterates a space of the state: what the snapshot has, with what was changed since laid over it. */
import { compareBytes } from "../encoding/bytes.ts";
import type { StateEntry, StateSnapshot } from "./ports.ts";

/** An entry changed since the snapshot; without a value it was deleted. */
export interface FreshEntry {
  key: Uint8Array;
  value: Uint8Array | undefined;
}

/**
 * Entries whose keys begin with `prefix` and then lie in start ≤ rest < end, in byte order of the rest, or reversed.
 * `own` is sorted here; `check` is shown what the snapshot has that is not among them.
 * @returns keys without the prefix; the bytes belong to the caller.
 */
export function* mergedRange({
  snapshot,
  check,
  own,
  prefix,
  start,
  end,
  reverse,
}: {
  snapshot: StateSnapshot;
  check: ((key: Uint8Array, value: Uint8Array) => void) | undefined;
  own: FreshEntry[];
  prefix: Uint8Array;
  start: Uint8Array;
  end: Uint8Array | undefined;
  reverse: boolean;
}): Generator<StateEntry> {
  const sign = reverse ? -1 : 1;
  own.sort((a, b) => sign * compareBytes(a.key, b.key));
  const from = joined(prefix, start);
  const to = end === undefined ? after(prefix) : joined(prefix, end);
  let next = 0;
  for (const { key, value } of snapshot.range(from, to, { reverse })) {
    const inner = key.subarray(prefix.length);
    while (next < own.length && sign * compareBytes(own[next]!.key, inner) < 0) {
      const entry = own[next++]!;
      if (entry.value !== undefined) yield { key: entry.key, value: entry.value };
    }
    if (next < own.length && compareBytes(own[next]!.key, inner) === 0) {
      const entry = own[next++]!;
      if (entry.value !== undefined) yield { key: entry.key, value: entry.value };
      continue;
    }
    check?.(key, value);
    yield { key: new Uint8Array(inner), value: new Uint8Array(value) };
  }
  for (; next < own.length; next++) {
    const entry = own[next]!;
    if (entry.value !== undefined) yield { key: entry.key, value: entry.value };
  }
}

function joined(prefix: Uint8Array, rest: Uint8Array): Uint8Array {
  const whole = new Uint8Array(prefix.length + rest.length);
  whole.set(prefix);
  whole.set(rest, prefix.length);
  return whole;
}

/** The first key after all that begin with `prefix`. */
function after(prefix: Uint8Array): Uint8Array {
  const next = prefix.slice();
  for (let i = next.length - 1; i >= 0; i--) {
    next[i]!++;
    if (next[i] !== 0) return next.subarray(0, i + 1);
  }
  throw new RangeError("a space's prefix begins with a tag below 255");
}
