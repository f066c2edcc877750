import { describe, expect, it } from 'vitest';
import { httpOutcome, retryAfterMs } from './http-outcome.ts';

const NOW_MS = Date.UTC(2026, 2, 1, 12, 0, 0);

describe('httpOutcome', () => {
  it.each([
    [200, 'delivered'],
    [202, 'delivered'],
    [204, 'delivered'],
    [299, 'delivered'],
    [300, 'rejected'],
    [301, 'rejected'],
    [302, 'rejected'],
    [307, 'rejected'],
    [308, 'rejected'],
    [400, 'rejected'],
    [401, 'unauthorized'],
    [403, 'unauthorized'],
    [404, 'rejected'],
    [407, 'rejected'],
    [408, 'retry'],
    [409, 'rejected'],
    [410, 'rejected'],
    [413, 'rejected'],
    [415, 'rejected'],
    [422, 'rejected'],
    [423, 'retry'],
    [429, 'retry'],
    [500, 'retry'],
    [501, 'rejected'],
    [502, 'retry'],
    [503, 'retry'],
    [504, 'retry'],
    [522, 'retry'],
  ])('says of %d: %s', (status, kind) => {
    expect(httpOutcome(status, undefined, NOW_MS)).toStrictEqual(
      kind === 'delivered' ? { kind } : { kind, code: `HTTP_${status}` },
    );
  });

  it('waits as long as the answer asks, and only for what is retried', () => {
    expect(httpOutcome(429, '30', NOW_MS)).toStrictEqual({
      kind: 'retry',
      code: 'HTTP_429',
      afterMs: 30_000,
    });
    expect(httpOutcome(503, 'soon', NOW_MS)).toStrictEqual({ kind: 'retry', code: 'HTTP_503' });
    expect(httpOutcome(400, '30', NOW_MS)).toStrictEqual({ kind: 'rejected', code: 'HTTP_400' });
  });
});

describe('retryAfterMs', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7_000],
    ['Sun, 01 Mar 2026 12:00:30 GMT', 30_000],
    ['Sunday, 01-Mar-26 12:00:30 GMT', 30_000],
    ['Sun Mar  1 12:00:30 2026', 30_000],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
    [undefined, undefined],
    ['', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['99999999999', undefined],
    ['2026-03-01', undefined],
    ['Sun, never', undefined],
  ])('reads %j as %s', (header, afterMs) => {
    expect(retryAfterMs(header, NOW_MS)).toBe(afterMs);
  });
});
