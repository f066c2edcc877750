import { expect, test } from 'vitest';
import { addSample, rateOf, type RateSample } from './rate.ts';

const samplesOf = (...samples: RateSample[]) =>
  samples.reduce<readonly RateSample[]>((all, sample) => addSample(all, sample), []);

test('cannot be told from one sample', () => {
  expect(rateOf([])).toBeUndefined();
  expect(rateOf(samplesOf({ atMs: 0, count: 100 }))).toBeUndefined();
});

test('is what came over the time it took', () => {
  expect(rateOf(samplesOf({ atMs: 0, count: 100 }, { atMs: 2_000, count: 150 }))).toBe(25);
});

test('falls to nothing once the window holds no more events', () => {
  const samples = Array.from({ length: 13 }, (_, second) => ({
    atMs: second * 1_000,
    count: second === 0 ? 0 : 50,
  }));
  expect(rateOf(samplesOf(...samples))).toBe(0);
});

test('starts anew when the server did', () => {
  const samples = samplesOf({ atMs: 0, count: 900 }, { atMs: 1_000, count: 2 }, { atMs: 2_000, count: 7 });
  expect(rateOf(samples)).toBe(5);
});
