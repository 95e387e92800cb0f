/** Names that a mistyped one may have meant: for the facts of a rejection. */

/** More differences than this are another word. */
const DISTANCE_MAX = 3;
const SUGGESTIONS_MAX = 3;
/** Longer names are not compared: the work is the product of the lengths. */
const CHARS_MAX = 64;

/** At most three of `known`, nearest first: those that differ by case only, or by three letters and less than half. */
export function nearestNames(name: string, known: readonly string[]): string[] {
  if (name.length > CHARS_MAX) return [];
  const wanted = name.toLowerCase();
  return known
    .map((candidate) => ({ candidate, distance: editDistance(wanted, candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= DISTANCE_MAX && distance * 2 < candidate.length)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, SUGGESTIONS_MAX)
    .map(({ candidate }) => candidate);
}

/** Levenshtein's distance: insertions, deletions and substitutions, one row of the table at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
