/** A count at a moment, by the page's own clock. */
export interface RateSample {
  atMs: number;
  count: number;
}

const WINDOW_MS = 10_000;

/** Adds a sample and forgets what is older than the window; starts anew when the count went back. */
export function addSample(samples: readonly RateSample[], sample: RateSample): readonly RateSample[] {
  const last = samples.at(-1);
  if (last && sample.count < last.count) return [sample];
  return [...samples.filter(({ atMs }) => sample.atMs - atMs <= WINDOW_MS), sample];
}

/** Events a second over the window; undefined until it can be told. */
export function rateOf(samples: readonly RateSample[]): number | undefined {
  const [first, last] = [samples.at(0), samples.at(-1)];
  if (!first || !last || last.atMs - first.atMs < 900) return undefined;
  return ((last.count - first.count) * 1_000) / (last.atMs - first.atMs);
}
