import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MAX_RETRY_AFTER_MS,
  backoffMs,
  isRetryableStatus,
  nextStep,
  parseRetryAfterMs,
  type Failure,
} from './retry-policy.ts';

const status = (status: number, retryAfterMs?: number): Failure => ({ kind: 'status', status, retryAfterMs });
const unanswered: Failure = { kind: 'unanswered' };
const bounds = { retryCount: Infinity, deadlineMs: 60_000 };
const first = { number: 1, elapsedMs: 0 };
const most = () => 1;

describe('isRetryableStatus', () => {
  it.each([408, 410, 429, 460, 500, 502, 503, 504, 520, 599])('retries %i', (status) => {
    expect(isRetryableStatus(status)).toBe(true);
  });
  it.each([301, 304, 400, 401, 403, 404, 413, 501, 505, 511, 600])('does not retry %i', (status) => {
    expect(isRetryableStatus(status)).toBe(false);
  });
});

describe('backoffMs', () => {
  it('doubles its bound from 100 ms to 30 s', () => {
    expect([1, 2, 3, 9, 10, 2_000].map((attempt) => backoffMs(attempt, most))).toEqual([
      100, 200, 400, 25_600, 30_000, 30_000,
    ]);
  });

  it('takes any part of that bound', () => {
    expect(backoffMs(3, () => 0)).toBe(0);
    expect(backoffMs(3, () => 0.5)).toBe(200);
  });
});

describe('nextStep', () => {
  it('fails at once on a status that would come again, and on a request that cannot be made', () => {
    expect(nextStep(status(400), first, bounds, most)).toEqual({ kind: 'fail', holdMs: 0 });
    expect(nextStep({ kind: 'unsendable' }, first, bounds, most)).toEqual({ kind: 'fail', holdMs: 0 });
  });

  it('retries what a server or a network may have fixed by then', () => {
    expect(nextStep(status(503), first, bounds, most)).toEqual({ kind: 'retry', afterMs: 100, holdMs: 0 });
    expect(nextStep(unanswered, { number: 3, elapsedMs: 1_000 }, bounds, most)).toEqual({
      kind: 'retry',
      afterMs: 400,
      holdMs: 0,
    });
  });

  it('gives up nothing that may be delivered later where there is a spool', () => {
    const spooled = { ...bounds, keeps: true };
    const late = { number: 9, elapsedMs: 60_000 };
    expect(nextStep(status(503), late, spooled, most)).toEqual({ kind: 'keep', holdMs: 1_000 });
    expect(nextStep(unanswered, first, { ...spooled, retryCount: 0 }, most).kind).toBe('keep');
    expect(nextStep(status(429, 90_000), first, spooled, most)).toEqual({
      kind: 'retry',
      afterMs: 90_000,
      holdMs: 90_000,
    });
    expect(nextStep(status(400), first, spooled, most).kind).toBe('fail');
    // What would be so for any events: no token to be had, and settings of which no request can be made.
    const refusedToken: Failure = {
      kind: 'status',
      status: 400,
      retryAfterMs: undefined,
      isOfAuthorization: true,
    };
    expect(nextStep(refusedToken, first, spooled, most).kind).toBe('keep');
    expect(nextStep(refusedToken, first, bounds, most).kind).toBe('fail');
    expect(nextStep({ kind: 'unsendable' }, first, spooled, most).kind).toBe('keep');
  });

  it.each([401, 403])(
    'probes a write key that is refused (%i) ever more rarely, where there is a spool',
    (code) => {
      const holdsMs = [0, 1, 5, 6, 60].map(
        (keptCount) =>
          nextStep(status(code), { ...first, keptCount }, { ...bounds, keeps: true }, most).holdMs,
      );
      expect(holdsMs).toEqual([1_000, 2_000, 32_000, 60_000, 60_000]);
      expect(nextStep(status(code), first, { ...bounds, keeps: true }, () => 0).holdMs).toBe(500);
      expect(nextStep(status(code), first, bounds, most)).toEqual({ kind: 'fail', holdMs: 0 });
    },
  );

  it('retries retryCount times', () => {
    const twice = { retryCount: 2, deadlineMs: 60_000 };
    const kinds = [1, 2, 3].map((number) => nextStep(unanswered, { number, elapsedMs: 0 }, twice, most).kind);
    expect(kinds).toEqual(['retry', 'retry', 'fail']);
  });

  it('never retries with a retryCount of 0', () => {
    const never = { retryCount: 0, deadlineMs: 60_000 };
    expect(nextStep(status(503), first, never, most).kind).toBe('fail');
  });

  it('makes the last attempt at the deadline and none after it', () => {
    expect(nextStep(unanswered, { number: 12, elapsedMs: 50_000 }, bounds, most)).toEqual({
      kind: 'retry',
      afterMs: 10_000,
      holdMs: 0,
    });
    expect(nextStep(unanswered, { number: 13, elapsedMs: 60_000 }, bounds, most).kind).toBe('fail');
  });

  it('waits for a Retry-After in full, and has the whole client wait', () => {
    expect(nextStep(status(429, 5_000), first, bounds, most)).toEqual({
      kind: 'retry',
      afterMs: 5_000,
      holdMs: 5_000,
    });
    expect(nextStep(status(503, 0), first, bounds, most)).toEqual({ kind: 'retry', afterMs: 100, holdMs: 0 });
  });

  it('fails at once, and holds the client, when a Retry-After reaches past the deadline', () => {
    expect(nextStep(status(429, 60_001), first, bounds, most)).toEqual({ kind: 'fail', holdMs: 60_001 });
  });

  it('never waits past the deadline', () => {
    fc.assert(
      fc.property(
        fc.record({ number: fc.integer({ min: 1, max: 100 }), elapsedMs: fc.nat(70_000) }),
        fc.option(fc.nat(MAX_RETRY_AFTER_MS), { nil: undefined }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempt, retryAfterMs, random) => {
          const next = nextStep(status(503, retryAfterMs), attempt, bounds, () => random);
          const afterMs = next.kind === 'retry' ? next.afterMs : undefined;
          expect(attempt.elapsedMs + (afterMs ?? 0)).toBeLessThanOrEqual(
            Math.max(attempt.elapsedMs, bounds.deadlineMs),
          );
          expect(afterMs ?? Infinity).toBeGreaterThanOrEqual(retryAfterMs ?? 0);
        },
      ),
    );
  });
});

describe('parseRetryAfterMs', () => {
  const nowMs = Date.parse('2026-11-23T10:00:00Z');
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['soon', undefined],
    ['-1x', undefined],
    ['0', 0],
    ['2', 2_000],
    [' 7 ', 7_000],
    ['Mon, 23 Nov 2026 10:00:30 GMT', 30_000],
    ['Mon, 23 Nov 2026 09:00:00 GMT', 0],
    ['86400', MAX_RETRY_AFTER_MS],
    ['Tue, 24 Nov 2026 10:00:00 GMT', MAX_RETRY_AFTER_MS],
  ])('reads %j as %j ms', (header, waitMs) => {
    expect(parseRetryAfterMs(header, nowMs)).toBe(waitMs);
  });
});
