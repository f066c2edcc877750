/**
 * Of those that are numbers: a round that did not finish has none.
 * @param {number[]} values
 */
export function median(values) {
  return percentile(values.filter(Number.isFinite), 50);
}

/**
 * By nearest rank; NaN of nothing.
 * @param {number[]} values In any order.
 * @param {number} percent From 0 to 100.
 */
export function percentile(values, percent) {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? NaN;
}

/**
 * Numbers that come out the same each time (mulberry32), so that two runs have the same arrivals.
 * @param {number} seed
 * @returns {() => number} From 0 to 1, without 1.
 */
export function seededRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The list, beginning elsewhere each round, so that no contender always runs first or last.
 * @template T
 * @param {readonly T[]} list
 * @param {number} round
 */
export function rotated(list, round) {
  const start = round % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}
