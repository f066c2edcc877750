import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextMerge, type MergeCandidate, type MergeLimits } from './merge-policy.ts';

const HOUR_MS = 3_600_000;
const LIMITS: MergeLimits = { maxRunCount: 8, maxHashCount: 40_000_000, maxSpanMs: 6 * HOUR_MS };

/** Runs of an hour each. */
function runsOf(...counts: number[]): MergeCandidate[] {
  return counts.map((hashCount, i) => ({
    hashCount,
    createdAtMs: i * HOUR_MS,
    sealedAtMs: (i + 1) * HOUR_MS,
  }));
}

function settle(
  runs: MergeCandidate[],
  limits: MergeLimits,
): { runs: MergeCandidate[]; writtenCount: number } {
  let writtenCount = 0;
  let settled = runs;
  for (let at = nextMerge(settled, limits); at !== undefined; at = nextMerge(settled, limits)) {
    const [older, newer] = [settled[at]!, settled[at + 1]!];
    const hashCount = older.hashCount + newer.hashCount;
    writtenCount += hashCount;
    settled = settled.toSpliced(at, 2, { ...newer, hashCount, createdAtMs: older.createdAtMs });
  }
  return { runs: settled, writtenCount };
}

describe('which runs are merged', () => {
  it.each([
    ['none of none', [], undefined],
    ['none of one', [5], undefined],
    ['two of like size', [4, 4], 0],
    ['two where the newer one is larger', [4, 9], 0],
    ['none where the older one is much larger', [8, 4], undefined],
    ['the newest of like size first', [4, 4, 2, 2], 2],
    ['the smallest neighbours where there are too many', [999, 400, 160, 70, 30, 13, 6, 2, 1], 7],
  ] as const)('%s', (_, counts, expected) => {
    expect(nextMerge(runsOf(...counts), LIMITS)).toBe(expected);
  });

  it('never makes one that is larger than there is memory for', () => {
    expect(nextMerge(runsOf(20_000_001, 20_000_000), LIMITS)).toBe(undefined);
    expect(nextMerge(runsOf(20_000_000, 20_000_000), LIMITS)).toBe(0);
  });

  it('makes one of a longer span only where there are too many', () => {
    const seven = Array.from({ length: 7 }, (_, i) => ({
      hashCount: 100,
      createdAtMs: i * 4 * HOUR_MS,
      sealedAtMs: (i + 1) * 4 * HOUR_MS,
    }));
    expect(nextMerge(seven, LIMITS)).toBe(undefined);
    const two = runsOf(1, 1).map((run) => ({
      ...run,
      createdAtMs: 28 * HOUR_MS,
      sealedAtMs: 28.5 * HOUR_MS,
    }));
    expect(nextMerge([...seven, ...two], LIMITS)).toBe(7);
  });

  it('leaves no more than eight over a day, whatever the segments, and writes a hash again a few times', () => {
    const segment = fc.record({
      hashCount: fc.integer({ min: 1, max: 1_000_000 }),
      spanMs: fc.integer({ min: 60_000, max: HOUR_MS }),
    });
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 400, size: 'max' }), (segments) => {
        let nowMs = 0;
        let runs: MergeCandidate[] = [];
        let writtenCount = 0;
        let hashCount = 0;
        for (const made of segments) {
          const run = { hashCount: made.hashCount, createdAtMs: nowMs, sealedAtMs: nowMs + made.spanMs };
          nowMs = run.sealedAtMs;
          hashCount += made.hashCount;
          const live = runs.filter(({ sealedAtMs }) => sealedAtMs >= nowMs - 24 * HOUR_MS);
          const settled = settle([...live, run], { ...LIMITS, maxHashCount: Infinity });
          runs = settled.runs;
          writtenCount += settled.writtenCount;
          expect(runs.length).toBeLessThanOrEqual(8);
        }
        expect(writtenCount / hashCount).toBeLessThan(12);
      }),
    );
  });
});
