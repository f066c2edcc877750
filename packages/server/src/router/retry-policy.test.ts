import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterFailure, DEFAULT_RETRY_POLICY, waitsForDeadline, type FailedAttempt } from './retry-policy.ts';

const HOUR_MS = 3_600_000;
const FIRST_MS = 1_000_000_000_000;

function failed(overrides: Partial<FailedAttempt>): FailedAttempt {
  return { attemptCount: 1, firstAttemptAtMs: FIRST_MS, nowMs: FIRST_MS, random: 0.5, ...overrides };
}

function waits(event: { notBeforeMs: number; firstAttemptAtMs?: number }): boolean {
  return waitsForDeadline(event, DEFAULT_RETRY_POLICY);
}

describe('the retry policy', () => {
  it.each<[string, Partial<FailedAttempt>, number]>([
    ['waits a random part of one second after the first failure', { attemptCount: 1 }, 500],
    ['doubles the bound', { attemptCount: 2 }, 1_000],
    ['doubles it again', { attemptCount: 5 }, 8_000],
    ['stops at 15 minutes', { attemptCount: 11 }, 450_000],
    ['stays at 15 minutes however many attempts were made', { attemptCount: 5_000 }, 450_000],
    ['may try again at once', { random: 0 }, 0],
    ['waits as long as it is asked to', { retryAfterMs: 60_000 }, 60_000],
    [
      'waits longer than it is asked to where its own wait is longer',
      { attemptCount: 5, retryAfterMs: 1 },
      8_000,
    ],
    ['takes a Retry-After beyond 15 minutes', { retryAfterMs: HOUR_MS }, HOUR_MS],
    ['takes a negative Retry-After as none', { retryAfterMs: -5 }, 500],
    ['takes one that is no number as none', { retryAfterMs: Number.NaN }, 500],
  ])('%s', (_, overrides, delayMs) => {
    expect(afterFailure(failed(overrides), DEFAULT_RETRY_POLICY)).toEqual({
      kind: 'retry',
      notBeforeMs: FIRST_MS + delayMs,
    });
  });

  it.each<[string, Partial<FailedAttempt>, number]>([
    ['at once when the deadline has passed', { nowMs: FIRST_MS + 5 * HOUR_MS }, FIRST_MS + 5 * HOUR_MS],
    [
      'at once when its own wait would pass the deadline',
      { attemptCount: 20, nowMs: FIRST_MS + 4 * HOUR_MS - 1_000 },
      FIRST_MS + 4 * HOUR_MS - 1_000,
    ],
    [
      'at the deadline when it is asked to wait beyond it',
      { retryAfterMs: 5 * HOUR_MS },
      FIRST_MS + 4 * HOUR_MS,
    ],
    [
      'at the deadline when it is asked to wait until then',
      { retryAfterMs: 4 * HOUR_MS },
      FIRST_MS + 4 * HOUR_MS,
    ],
    ['at the deadline when it is asked to wait forever', { retryAfterMs: Infinity }, FIRST_MS + 4 * HOUR_MS],
  ])('gives up %s', (_, overrides, atMs) => {
    expect(afterFailure(failed(overrides), DEFAULT_RETRY_POLICY)).toEqual({ kind: 'exhausted', atMs });
  });

  it('never tries earlier than asked, nor after the deadline', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 0, max: 5 * HOUR_MS }),
        fc.integer({ min: 0, max: 6 * HOUR_MS }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attemptCount, sinceFirstMs, retryAfterMs, random) => {
          const nowMs = FIRST_MS + sinceFirstMs;
          const attempt = failed({ attemptCount, nowMs, retryAfterMs, random });
          const verdict = afterFailure(attempt, DEFAULT_RETRY_POLICY);
          fc.pre(verdict.kind === 'retry');
          expect(verdict.notBeforeMs).toBeGreaterThanOrEqual(nowMs + retryAfterMs);
          expect(verdict.notBeforeMs).toBeLessThan(FIRST_MS + 4 * HOUR_MS);
          expect(waits({ ...verdict, firstAttemptAtMs: FIRST_MS })).toBe(false);
        },
      ),
    );
  });

  it('tells an event that waits for its deadline from one to be tried again', () => {
    const deadlineMs = FIRST_MS + 4 * HOUR_MS;
    expect(waits({ notBeforeMs: deadlineMs, firstAttemptAtMs: FIRST_MS })).toBe(true);
    expect(waits({ notBeforeMs: deadlineMs - 1, firstAttemptAtMs: FIRST_MS })).toBe(false);
    expect(waits({ notBeforeMs: 0 })).toBe(false);
  });
});
