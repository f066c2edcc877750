const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_557_600_000,
};

/** The spellings that the `ms` package takes for each unit. */
const UNITS: readonly (readonly [unit: string, spelling: RegExp])[] = [
  ['ms', /^(|ms|msecs?|milliseconds?)$/],
  ['s', /^(s|secs?|seconds?)$/],
  ['m', /^(m|mins?|minutes?)$/],
  ['h', /^(h|hrs?|hours?)$/],
  ['d', /^(d|days?)$/],
  ['w', /^(w|weeks?)$/],
  ['y', /^(y|yrs?|years?)$/],
];

/**
 * Milliseconds from a number or from a text such as `'500ms'`, `'10s'` or `'2 minutes'`, which
 * analytics-node reads with the `ms` package. Undefined when it says no positive duration.
 */
export function parseDurationMs(value: unknown): number | undefined {
  if (typeof value === 'number') return value > 0 && Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || value.length > 100) return undefined;
  const [, amount, spelled] = /^(\d*\.?\d+) *([a-z]*)$/i.exec(value) ?? [];
  if (amount === undefined || spelled === undefined) return undefined;
  const unit = UNITS.find(([, spelling]) => spelling.test(spelled.toLowerCase()))?.[0];
  return unit === undefined ? undefined : parseDurationMs(Number(amount) * UNIT_MS[unit]!);
}
