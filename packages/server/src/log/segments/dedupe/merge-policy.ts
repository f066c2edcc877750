export interface MergeCandidate {
  hashCount: number;
  createdAtMs: number;
  sealedAtMs: number;
}

export interface MergeLimits {
  /** Each event is looked for in all of them. */
  maxRunCount: number;
  /** Of one run, so that there is memory to make it beside those that it replaces. */
  maxHashCount: number;
  /** From the first event of a run to its last: a run is given up as a whole, once all of it is too old. */
  maxSpanMs: number;
}

/** A run of this many times the hashes of its newer neighbour, or more, is left as it is. */
const LIKE_SIZE = 2;

/**
 * Which run, with the next newer one, is to become one; undefined: none. Runs of like size are merged, as the digits of a
 * binary counter carry: so a hash is written again no more often than the logarithm of what there is, and the number of
 * runs is its logarithm too. Where that, held back by the span, leaves too many, the smallest two neighbours are merged.
 * @param runs Oldest first.
 */
export function nextMerge(runs: readonly MergeCandidate[], limits: MergeLimits): number | undefined {
  const sizeOf = (i: number): number => runs[i]!.hashCount + runs[i + 1]!.hashCount;
  const pairs = runs.slice(1).map((_, i) => i);
  const possible = pairs.filter((i) => sizeOf(i) <= limits.maxHashCount);
  const like = possible.findLast(
    (i) =>
      runs[i]!.hashCount < LIKE_SIZE * runs[i + 1]!.hashCount &&
      runs[i + 1]!.sealedAtMs - runs[i]!.createdAtMs <= limits.maxSpanMs,
  );
  if (like !== undefined || runs.length <= limits.maxRunCount) return like;
  return possible.reduce<number | undefined>(
    (least, i) => (least === undefined || sizeOf(i) < sizeOf(least) ? i : least),
    undefined,
  );
}
