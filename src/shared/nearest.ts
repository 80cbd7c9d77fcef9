// Runs in: any thread.

/** Shorter beginnings fit too much. */
const SHORTEST_BEGINNING = 3;

/**
 * The candidate that is closest to what was typed (at most a third differs), else one that begins like it, else
 * undefined.
 */
export function nearest(typed: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.ceil(typed.length / 3));
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(typed, candidate) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  if (ranked.length > 0) return ranked[0]!.candidate;
  return typed.length < SHORTEST_BEGINNING ? undefined : candidates.find((one) => one.startsWith(typed));
}

/** ` (did you mean "x"?)` or nothing. */
export function didYouMean(typed: string, candidates: readonly string[]): string {
  const found = nearest(typed, candidates);
  return found === undefined ? "" : ` (did you mean "${found}"?)`;
}

/**
 * How many letters must be changed, put in, left out, or swapped with their neighbour (Damerau and Levenshtein,
 * "optimal string alignment"); one row of the table at a time.
 */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      const isSwapped = row > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const swap = isSwapped ? beforePrevious[column - 2]! + 1 : Infinity;
      current.push(Math.min(substitution, previous[column]! + 1, current[column - 1]! + 1, swap));
    }
    [beforePrevious, previous] = [previous, current];
  }
  return previous[b.length]!;
}
