import { describe, expect, it } from 'vitest';
import { afterFailed, afterWorked, concurrencyOf, type Concurrency } from './concurrency.ts';
import { afterRequest, SOUND, type Health, type RequestEnd } from './health.ts';
import { filled, fullBucket, opensAtMs } from './rate.ts';

const WORKED: RequestEnd = { kind: 'worked' };
const REFUSED: RequestEnd = { kind: 'unauthorized', code: 'HTTP_401' };
const failed = (afterMs?: number): RequestEnd => ({ kind: 'failed', code: 'HTTP_503', afterMs });

/** Requests that each end a millisecond after they began. */
function after(health: Health, ...requests: [atMs: number, RequestEnd][]): Health {
  return requests.reduce(
    (now, [nowMs, end]) => afterRequest(now, { end, nowMs, startedAtMs: nowMs - 1, random: 0 }),
    health,
  );
}

const failing = after(SOUND, ...[0, 3, 6, 9, 10].map((s): [number, RequestEnd] => [s * 1_000, failed()]));

describe('the health of a destination', () => {
  it.each([
    [1, 10],
    [2, 20],
    [7, 640],
    [30, 1_000],
  ])('after %d failures in a row it is left alone for %d ms', (count, pauseMs) => {
    const health = after(SOUND, ...Array.from({ length: count }, (): [number, RequestEnd] => [0, failed()]));
    expect(health).toMatchObject({ kind: 'sound', resumeAtMs: pauseMs });
  });

  it.each<[string, [number, RequestEnd][], Health['kind']]>([
    ['four failures over a minute', [0, 20, 40, 60].map((s) => [s * 1_000, failed()]), 'sound'],
    ['fifty failures within ten seconds', Array.from({ length: 50 }, (_, i) => [i * 199, failed()]), 'sound'],
    ['five failures over ten seconds', [0, 3, 6, 9, 10].map((s) => [s * 1_000, failed()]), 'failing'],
    [
      'one that worked among them',
      [0, 3, 6]
        .map((s) => [s * 1_000, failed()] as [number, RequestEnd])
        .concat([
          [7_000, WORKED],
          [9_000, failed()],
          [20_000, failed()],
        ]),
      'sound',
    ],
    ['refused credentials', [[0, REFUSED]], 'unauthorized'],
  ])('after %s', (_, requests, kind) => {
    expect(after(SOUND, ...requests).kind).toBe(kind);
  });

  it.each<[string, Health, [number, RequestEnd][], Partial<Health>]>([
    ['the first probe comes soon', failing, [], { kind: 'failing', sinceMs: 10_000, probeAtMs: 12_500 }],
    ['each failed probe doubles the wait', failing, [[13_000, failed()]], { probeAtMs: 18_000 }],
    [
      'up to a minute',
      failing,
      [13, 20, 40, 70, 100, 200].map((s) => [s * 1_000, failed()]),
      { probeAtMs: 230_000 },
    ],
    ['never before Retry-After', failing, [[13_000, failed(90_000)]], { probeAtMs: 103_000 }],
    ['but within four hours', failing, [[13_000, failed(1e9)]], { probeAtMs: 14_413_000 }],
    ['one that works ends it', failing, [[13_000, WORKED]], { kind: 'sound', failureCount: 0 }],
    [
      'refused credentials are refused credentials',
      failing,
      [[13_000, REFUSED]],
      { kind: 'unauthorized', sinceMs: 13_000, probeAtMs: 313_000 },
    ],
  ])('while it fails: %s', (_, health, requests, expected) => {
    expect(after(health, ...requests)).toMatchObject(expected);
  });

  it('hears nothing new from failures that were on their way when it turned', () => {
    const late = { end: failed(), startedAtMs: 9_999, nowMs: 12_000, random: 0 };
    expect(afterRequest(failing, late)).toBe(failing);
    const refused = after(SOUND, [1_000, REFUSED]);
    expect(afterRequest(refused, { ...late, startedAtMs: 500, end: REFUSED })).toBe(refused);
  });

  it('stays unauthorized where a probe does not get as far', () => {
    const refused = after(SOUND, [1_000, REFUSED]);
    expect(after(refused, [301_000, failed()])).toEqual({
      kind: 'unauthorized',
      code: 'HTTP_401',
      sinceMs: 1_000,
      probeAtMs: 601_000,
    });
    expect(after(refused, [301_000, WORKED])).toBe(SOUND);
  });
});

const worked = (from: Concurrency, count: number): Concurrency =>
  Array.from({ length: count }).reduce<Concurrency>((now) => afterWorked(now, 8), from);

describe('the concurrency of a destination', () => {
  it('is halved by a failure, once for all that were on their way', () => {
    const first = afterFailed(concurrencyOf(8), { startedAtMs: 0, nowMs: 10 });
    expect(first.limit).toBe(4);
    expect(afterFailed(first, { startedAtMs: 5, nowMs: 11 }).limit).toBe(4);
    expect(afterFailed(first, { startedAtMs: 10, nowMs: 20 }).limit).toBe(2);
  });

  it('never falls below one', () => {
    const limits = [1, 2, 3, 4, 5].reduce(
      (now, turn) => afterFailed(now, { startedAtMs: turn * 10, nowMs: turn * 10 + 5 }),
      concurrencyOf(8),
    );
    expect(limits.limit).toBe(1);
  });

  it('grows by one for each round that works, up to the cap', () => {
    const low = { ...concurrencyOf(8), limit: 1 };
    expect(worked(low, 1).limit).toBe(2);
    expect(worked(low, 2).limit).toBe(2);
    expect(worked(low, 3).limit).toBe(3);
    expect(worked(low, 1_000).limit).toBe(8);
  });
});

describe('the rate of a destination', () => {
  it.each<[string, number, number, number, number]>([
    ['a full one is open', 10, 0, 0, 0],
    ['an empty one opens with the next event', 10, 10, 0, 100],
    ['a batch beyond it is paid off first', 10, 30, 0, 2_100],
    ['less than one a second', 0.5, 1, 0, 2_000],
    ['time fills it', 10, 10, 1_000, 1_000],
    ['a clock set back fills nothing', 10, 10, -5_000, -4_900],
  ])('%s', (_, eventsPerSecond, sentCount, nowMs, opens) => {
    const { eventCount, atMs } = fullBucket(eventsPerSecond, 0);
    const bucket = filled({ eventCount: eventCount - sentCount, atMs }, eventsPerSecond, nowMs);
    expect(opensAtMs(bucket, eventsPerSecond)).toBeCloseTo(opens);
  });
});
