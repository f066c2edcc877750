import { describe, expect, it } from 'vitest';
import { parseDurationMs } from './duration.ts';

describe('parseDurationMs', () => {
  it.each<[unknown, number | undefined]>([
    [500, 500],
    ['500', 500],
    ['500ms', 500],
    ['10s', 10_000],
    ['10 Seconds', 10_000],
    ['1.5 mins', 90_000],
    ['.5h', 1_800_000],
    ['2 days', 172_800_000],
    ['1w', 604_800_000],
    ['1y', 31_557_600_000],
    [0, undefined],
    [-1, undefined],
    [Number.NaN, undefined],
    [Infinity, undefined],
    [false, undefined],
    [undefined, undefined],
    ['', undefined],
    ['0s', undefined],
    ['soon', undefined],
    ['10 parsecs', undefined],
  ])('reads %j as %j ms', (value, durationMs) => {
    expect(parseDurationMs(value)).toBe(durationMs);
  });
});
