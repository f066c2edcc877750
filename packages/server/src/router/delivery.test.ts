import { describe, expect, it } from 'vitest';
import type { DeliveryEvent, Outcome } from '../destinations/destination.ts';
import { EpochError, type Ledger } from '../ledger/ledger.ts';
import { LogReadError, type LogReader } from '../log/log.ts';
import { destinationOf, manualClock, rig, runUntil, settled, trackEvent } from './test-rig.ts';

const DELIVERED: Outcome = { kind: 'delivered' };
const ids = (events: readonly DeliveryEvent[]): string[] => events.map(({ event }) => event.messageId);
const all = (events: readonly DeliveryEvent[], outcome: Outcome): { outcomes: Outcome[] } => ({
  outcomes: events.map(() => outcome),
});

describe('a delivery', () => {
  it('delivers what is in the log and what comes later, and moves the cursor behind it', async () => {
    const { append, start, decided, clock, cursor } = rig();
    const requests: string[][] = [];
    await append(trackEvent('a'), trackEvent('b'));
    start(
      destinationOf(async (events) => {
        requests.push(ids(events));
        return all(events, DELIVERED);
      }),
    );
    await runUntil(clock, () => decided().size === 2);
    await append(trackEvent('c'));
    await runUntil(clock, () => decided().size === 3);
    expect(requests).toEqual([['a', 'b'], ['c']]);
    expect(cursor()).toBe(3);
  });

  it('hands over the event, its bytes and nothing else', async () => {
    const { append, start, decided, clock } = rig();
    const event = trackEvent('a', { properties: { price: 3 } });
    await append(event);
    const got: DeliveryEvent[] = [];
    start(destinationOf(async (events) => (got.push(...events), all(events, DELIVERED))));
    await runUntil(clock, () => decided().size === 1);
    expect(got).toEqual([{ event, json: Buffer.from(JSON.stringify(event)) }]);
  });

  it('records each request with its duration, its positions and the first code that was not delivered', async () => {
    const { append, start, decided, clock, ledger } = rig();
    await append(trackEvent('a'), trackEvent('b'));
    const startedAtMs = clock.nowMs();
    start(
      destinationOf(async () => {
        await clock.sleep(30);
        return { outcomes: [DELIVERED, { kind: 'rejected', code: 'HTTP_400' }] };
      }),
    );
    await runUntil(clock, () => decided().size === 2);
    expect(ledger.settlements.at(-1)?.attempt).toEqual({
      startedAtMs,
      durationMs: 30,
      code: 'HTTP_400',
      positions: [0, 1],
    });
  });

  it('keeps a copy of an event that is rejected', async () => {
    const { append, start, decided, clock, ledger } = rig();
    const event = trackEvent('a');
    await append(event);
    start(destinationOf(async (events) => all(events, { kind: 'rejected', code: 'HTTP_400' })));
    await runUntil(clock, () => decided().size === 1);
    expect(decided().get('a')).toEqual(['dead:HTTP_400']);
    expect(ledger.settlements.at(-1)?.dead).toEqual([
      {
        position: 0,
        messageId: 'a',
        eventName: 'Test',
        code: 'HTTP_400',
        attemptCount: 1,
        diedAtMs: clock.nowMs(),
        event: Buffer.from(JSON.stringify(event)),
      },
    ]);
  });

  it('filters by type and by the integrations object', async () => {
    const { append, start, decided, clock, cursor } = rig();
    await append(
      trackEvent('a', { type: 'page' }),
      trackEvent('b', { integrations: { All: false } }),
      trackEvent('c'),
      trackEvent('d', { integrations: { Test: false } }),
    );
    start(destinationOf(async (events) => all(events, DELIVERED), { accepts: ['track'] }));
    await runUntil(clock, () => decided().size === 4);
    expect(Object.fromEntries(decided())).toEqual({
      a: ['filtered:UNSUPPORTED_EVENT_TYPE'],
      b: ['filtered:FILTERED_BY_INTEGRATIONS_OBJECT'],
      c: ['delivered'],
      d: ['filtered:FILTERED_BY_INTEGRATIONS_OBJECT'],
    });
    expect(cursor()).toBe(4);
  });

  it('costs one transaction a block where everything is filtered', async () => {
    const { append, start, decided, clock, ledger, cursor } = rig();
    await append(...Array.from({ length: 2_500 }, (_, index) => trackEvent(`m${index}`, { type: 'page' })));
    start(destinationOf(async (events) => all(events, DELIVERED), { accepts: ['track'] }));
    await runUntil(clock, () => decided().size === 2_500);
    expect(ledger.settlements.length - 1).toBe(3);
    expect(cursor()).toBe(2_500);
  });

  it('commits what is filtered behind an event that is stuck, with a row for that event', async () => {
    const { append, start, clock, cursor, pending } = rig();
    await append(
      trackEvent('stuck'),
      ...Array.from({ length: 6_000 }, (_, index) => trackEvent(`m${index}`, { type: 'page' })),
    );
    start(destinationOf(() => new Promise(() => {}), { accepts: ['track'] }));
    await runUntil(clock, () => (cursor() ?? 0) >= 5_000);
    expect(pending()).toEqual([{ position: 0, attemptCount: 0, notBeforeMs: 0 }]);
  });

  it('tries again after a while, and hands over what the last attempt left to do', async () => {
    const { append, start, decided, clock, pending } = rig();
    await append(trackEvent('a'));
    const attempts: { atMs: number; resume: unknown }[] = [];
    const startMs = clock.nowMs();
    const destination = destinationOf(async (events) => {
      attempts.push({ atMs: clock.nowMs() - startMs, resume: events[0]?.resume });
      if (attempts.length === 1) return all(events, { kind: 'retry', code: 'TIMEOUT', resume: { part: 2 } });
      if (attempts.length === 2) return all(events, { kind: 'retry', code: 'HTTP_503', afterMs: 7_000 });
      return all(events, DELIVERED);
    });
    start(destination);
    await runUntil(clock, () => attempts.length === 1);
    await settled();
    expect(pending()).toEqual([
      {
        position: 0,
        attemptCount: 1,
        firstAttemptAtMs: startMs,
        notBeforeMs: startMs + 500,
        code: 'TIMEOUT',
        resume: { part: 2 },
      },
    ]);
    await runUntil(clock, () => decided().size === 1);
    expect(attempts).toEqual([
      { atMs: 0, resume: undefined },
      { atMs: 500, resume: { part: 2 } },
      { atMs: 7_500, resume: { part: 2 } },
    ]);
    expect(pending()).toEqual([]);
  });

  it('gives up after four hours of failures', async () => {
    const { append, start, decided, clock } = rig();
    await append(trackEvent('a'));
    const startMs = clock.nowMs();
    start(destinationOf(async (events) => all(events, { kind: 'retry', code: 'HTTP_503' })));
    await runUntil(clock, () => decided().size === 1);
    expect(decided().get('a')).toEqual(['dead:RETRIES_EXHAUSTED']);
    expect(clock.nowMs() - startMs).toBeGreaterThan(3.5 * 3_600_000);
    expect(clock.nowMs() - startMs).toBeLessThanOrEqual(4 * 3_600_000);
  });

  it('makes no further attempt where it is asked to stay away beyond the deadline', async () => {
    const { append, start, decided, clock } = rig();
    await append(trackEvent('a'));
    const startMs = clock.nowMs();
    let requestCount = 0;
    const destination = destinationOf(async (events) => {
      requestCount += 1;
      return all(events, { kind: 'retry', code: 'HTTP_429', afterMs: 86_400_000 });
    });
    start(destination);
    await runUntil(clock, () => requestCount === 1);
    await settled();
    start(destination);
    await runUntil(clock, () => decided().size === 1);
    expect(decided().get('a')).toEqual(['dead:RETRIES_EXHAUSTED']);
    expect(clock.nowMs() - startMs).toBe(4 * 3_600_000);
    expect(requestCount).toBe(1);
  });

  it('asks with one event every five minutes where the credentials are refused, and goes on when they are taken', async () => {
    const { append, start, decided, clock, states, pending } = rig();
    await append(trackEvent('a'), trackEvent('b'));
    const startMs = clock.nowMs();
    const requests: { atMs: number; count: number }[] = [];
    start(
      destinationOf(async (events) => {
        requests.push({ atMs: clock.nowMs() - startMs, count: events.length });
        return all(events, requests.length < 3 ? { kind: 'unauthorized', code: 'HTTP_401' } : DELIVERED);
      }),
    );
    await runUntil(clock, () => states.length === 1);
    await append(trackEvent('c'));
    await settled();
    expect(requests).toEqual([{ atMs: 0, count: 2 }]);
    expect(pending()).toEqual([
      { position: 0, attemptCount: 0, notBeforeMs: 0, code: 'HTTP_401' },
      { position: 1, attemptCount: 0, notBeforeMs: 0, code: 'HTTP_401' },
    ]);
    await runUntil(clock, () => decided().size === 3);
    expect(requests).toEqual([
      { atMs: 0, count: 2 },
      { atMs: 300_000, count: 1 },
      { atMs: 600_000, count: 1 },
      { atMs: 600_000, count: 2 },
    ]);
    const refused = { kind: 'unauthorized', code: 'HTTP_401', sinceMs: startMs };
    expect(states).toEqual([
      { ...refused, nextProbeMs: startMs + 300_000 },
      { ...refused, nextProbeMs: startMs + 600_000 },
      { kind: 'running' },
    ]);
    expect(pending()).toEqual([]);
  });

  it('goes on at once after a restart where the credentials were refused', async () => {
    const { append, start, decided, clock, states } = rig();
    await append(trackEvent('a'));
    const startMs = clock.nowMs();
    start(destinationOf(async (events) => all(events, { kind: 'unauthorized', code: 'HTTP_401' })));
    await runUntil(clock, () => states.length === 1);
    start(destinationOf(async (events) => all(events, DELIVERED)));
    await runUntil(clock, () => decided().size === 1);
    expect(clock.nowMs()).toBe(startMs);
  });

  it('spends no attempt while request after request fails, asks with one event, and goes on in full when it is back', async () => {
    const { append, start, decided, clock, states, pending, ledger } = rig();
    const startMs = clock.nowMs();
    const backAtMs = startMs + 3 * 3_600_000;
    await append(...Array.from({ length: 30 }, (_, index) => trackEvent(`m${index}`)));
    const counts: number[] = [];
    start(
      destinationOf(async (events) => {
        counts.push(events.length);
        return all(events, clock.nowMs() < backAtMs ? { kind: 'retry', code: 'HTTP_503' } : DELIVERED);
      }),
    );
    await runUntil(clock, () => states.at(-1)?.kind === 'failing');
    const realCount = counts.length;
    const spent = pending().map(({ attemptCount }) => attemptCount);
    await runUntil(clock, () => clock.nowMs() > backAtMs - 600_000);
    expect(new Set(counts.slice(realCount))).toEqual(new Set([1]));
    expect(pending().map(({ attemptCount }) => attemptCount)).toEqual(spent);
    await runUntil(clock, () => decided().size === 30);
    expect(clock.nowMs() - backAtMs).toBeLessThanOrEqual(121_000);
    expect(states.at(-1)).toEqual({ kind: 'running' });
    expect(ledger.settlements.flatMap(({ dead }) => dead)).toEqual([]);
  });

  it.each<[string, string, number, (events: readonly DeliveryEvent[]) => { outcomes: Outcome[] }]>([
    [
      'is rejected as one',
      'dead:HTTP_400',
      7,
      (events) => all(events, { kind: 'rejected', code: 'HTTP_400' }),
    ],
    [
      'makes the destination throw',
      'dead:RETRIES_EXHAUSTED',
      1_000,
      () => {
        throw new Error('poison');
      },
    ],
  ])(
    'takes a batch apart that %s, so that one event costs only itself',
    async (_, dead, mostCount, refuse) => {
      const { append, start, decided, clock } = rig();
      await append(...Array.from({ length: 8 }, (_each, index) => trackEvent(`m${index}`)));
      let requestCount = 0;
      start(
        destinationOf(async (events) => {
          requestCount += 1;
          if (!ids(events).includes('m5')) return all(events, DELIVERED);
          return refuse(events);
        }),
      );
      await runUntil(clock, () => decided().size === 8);
      for (const [messageId, words] of decided()) {
        expect(words).toEqual([messageId === 'm5' ? dead : 'delivered']);
      }
      expect(requestCount).toBeLessThanOrEqual(mostCount);
    },
  );

  it('takes a batch apart again after a restart in the middle of it', async () => {
    const { append, start, decided, clock } = rig();
    await append(...Array.from({ length: 8 }, (_, index) => trackEvent(`m${index}`)));
    let requestCount = 0;
    const destination = destinationOf(async (events) => {
      requestCount += 1;
      if (requestCount === 3) return new Promise(() => {});
      const isPoisoned = ids(events).includes('m5');
      return all(events, isPoisoned ? { kind: 'rejected', code: 'HTTP_400' } : DELIVERED);
    });
    start(destination);
    await runUntil(clock, () => requestCount === 3);
    start(destination);
    await runUntil(clock, () => decided().size === 8);
    expect(decided().get('m5')).toEqual(['dead:HTTP_400']);
    expect([...decided().values()].filter(([word]) => word === 'delivered')).toHaveLength(7);
  });

  it('keeps after a restart what an attempt left to do, and when it may be made', async () => {
    const { append, start, decided, clock } = rig();
    await append(trackEvent('a'));
    const startMs = clock.nowMs();
    let requestCount = 0;
    start(
      destinationOf(async (events) => {
        requestCount += 1;
        return all(events, { kind: 'retry', code: 'HTTP_503', afterMs: 9_000, resume: { done: ['x'] } });
      }),
    );
    await runUntil(clock, () => requestCount === 1);
    await settled();
    const resumed: unknown[] = [];
    start(
      destinationOf(async (events) => {
        resumed.push([clock.nowMs() - startMs, events[0]?.resume]);
        return all(events, DELIVERED);
      }),
    );
    await runUntil(clock, () => decided().size === 1);
    expect(resumed).toEqual([[9_000, { done: ['x'] }]]);
  });

  it('lets others by an event that was retried for five minutes, and counts each that gets ahead', async () => {
    const { append, start, decided, clock, ledger } = rig();
    const person = { userId: 'ann' };
    await append(trackEvent('stuck', person), trackEvent('b', person), trackEvent('other'));
    const startMs = clock.nowMs();
    const sentAtMs = new Map<string, number>();
    start(
      destinationOf(
        async (events) => ({
          outcomes: events.map(({ event }) => {
            sentAtMs.set(event.messageId, clock.nowMs() - startMs);
            return event.messageId === 'stuck' ? { kind: 'rejected', code: 'HTTP_400' } : DELIVERED;
          }),
        }),
        { batch: { maxCount: 1, maxBytes: 1_000, maxWaitMs: 0 } },
      ),
    );
    await runUntil(clock, () => decided().size === 3);
    // Whoever waited for one that is dead by now got ahead of nobody.
    expect(ledger.settlements.flatMap(({ decisions }) => decisions).some(({ reordered }) => reordered)).toBe(
      false,
    );

    await append(trackEvent('again', person), trackEvent('c', person), trackEvent('d', person));
    const againMs = clock.nowMs();
    start(
      destinationOf(
        async (events) => {
          for (const { event } of events) sentAtMs.set(event.messageId, clock.nowMs() - againMs);
          return {
            outcomes: events.map((event) =>
              event.event.messageId === 'again' ? { kind: 'retry', code: 'HTTP_500' } : DELIVERED,
            ),
          };
        },
        { batch: { maxCount: 1, maxBytes: 1_000, maxWaitMs: 0 } },
      ),
    );
    let n = 0;
    // Others keep it busy, so that it is one event that fails and not the destination.
    while (decided().size - n < 5) {
      await append(trackEvent(`busy-${(n += 1)}`));
      const untilMs = clock.nowMs() + 1_000;
      void clock.sleep(1_000);
      await runUntil(clock, () => clock.nowMs() >= untilMs);
    }
    expect(sentAtMs.get('c')).toBeGreaterThanOrEqual(300_000);
    expect(sentAtMs.get('c')).toBeLessThan(302_000);
    const reordered = ledger.settlements
      .flatMap(({ decisions }) => decisions)
      .flatMap((decision) => (decision.reordered ? [decision.position] : []));
    expect(reordered).toEqual([4, 5]);
  });

  it('lets others by an event in retry that a thousand wait for', async () => {
    const { append, start, decided, clock, ledger } = rig();
    await append(...Array.from({ length: 1_003 }, (_, index) => trackEvent(`m${index}`, { userId: 'ann' })));
    const startMs = clock.nowMs();
    start(
      destinationOf(
        async (events) => ({
          outcomes: events.map(({ event }) =>
            event.messageId === 'm0' ? { kind: 'retry', code: 'HTTP_500' } : DELIVERED,
          ),
        }),
        { batch: { maxCount: 1, maxBytes: 1_000, maxWaitMs: 0 } },
      ),
    );
    await runUntil(clock, () => decided().size === 1_002);
    expect(clock.nowMs() - startMs).toBeLessThan(10_000);
    const decisions = ledger.settlements.flatMap((settlement) => settlement.decisions);
    expect(decisions.filter(({ reordered }) => reordered)).toHaveLength(1_002);
  });

  it('counts what a destination takes out of order within one batch', async () => {
    const { append, start, decided, clock, ledger } = rig();
    await append(trackEvent('a', { userId: 'ann' }), trackEvent('b', { userId: 'ann' }), trackEvent('c'));
    let isFirst = true;
    start(
      destinationOf(async (events) => {
        const outcomes = events.map((): Outcome => DELIVERED);
        if (isFirst) outcomes[0] = { kind: 'retry', code: 'HTTP_429' };
        isFirst = false;
        return { outcomes };
      }),
    );
    await runUntil(clock, () => decided().size === 3);
    const decisions = ledger.settlements.flatMap((settlement) => settlement.decisions);
    expect(decisions.map(({ position, reordered = false }) => [position, reordered])).toEqual([
      [1, true],
      [2, false],
      [0, false],
    ]);
  });

  it("holds nothing back where order is 'none', and counts nothing", async () => {
    const { append, start, decided, clock, ledger } = rig();
    await append(trackEvent('a', { userId: 'ann' }), trackEvent('b', { userId: 'ann' }));
    start(
      destinationOf(
        async (events) =>
          all(
            events,
            ids(events).includes('a') ? { kind: 'retry', code: 'HTTP_500', afterMs: 60_000 } : DELIVERED,
          ),
        { batch: { maxCount: 1, maxBytes: 1_000, maxWaitMs: 0 } },
      ),
      { order: 'none' },
    );
    await runUntil(clock, () => decided().size === 1);
    expect(decided().get('b')).toEqual(['delivered']);
    expect(ledger.settlements.flatMap(({ decisions }) => decisions).some(({ reordered }) => reordered)).toBe(
      false,
    );
  });

  it('sends no more a second than it may', async () => {
    const { append, start, decided, clock } = rig();
    await append(...Array.from({ length: 50 }, (_, index) => trackEvent(`m${index}`)));
    const startMs = clock.nowMs();
    const sentAtMs: number[] = [];
    start(
      destinationOf(
        async (events) => {
          sentAtMs.push(clock.nowMs() - startMs);
          return all(events, DELIVERED);
        },
        { batch: { maxCount: 1, maxBytes: 1_000, maxWaitMs: 0 } },
      ),
      { eventsPerSecond: 10 },
    );
    await runUntil(clock, () => decided().size === 50);
    expect(sentAtMs.filter((atMs) => atMs === 0)).toHaveLength(10);
    expect(sentAtMs.at(-1)).toBe(4_000);
  });

  it('takes its slot back from a destination that never settles, and tries again', async () => {
    const { append, start, decided, clock, pending } = rig();
    await append(trackEvent('a'));
    const startMs = clock.nowMs();
    let isHanging = true;
    let aborted = 0;
    start(
      destinationOf(
        (events, { signal }) => {
          if (!isHanging) return Promise.resolve(all(events, DELIVERED));
          signal.addEventListener('abort', () => (aborted += 1));
          return new Promise(() => {});
        },
        { deliverTimeoutMs: 5_000 },
      ),
    );
    await runUntil(clock, () => pending().length === 1);
    expect(clock.nowMs() - startMs).toBe(6_000);
    expect(pending()).toMatchObject([{ attemptCount: 1, code: 'DELIVERY_TIMEOUT' }]);
    expect(aborted).toBe(1);
    isHanging = false;
    await runUntil(clock, () => decided().size === 1);
  });

  it('takes an outcome that comes with the abort', async () => {
    const { append, start, decided, clock, ledger } = rig();
    await append(trackEvent('a'));
    const destination = destinationOf(
      (events, { signal }) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(all(events, DELIVERED)))),
      { deliverTimeoutMs: 5_000 },
    );
    start(destination);
    await runUntil(clock, () => decided().size === 1);
    expect(ledger.settlements.at(-1)?.attempt).toMatchObject({ durationMs: 5_000, code: 'delivered' });
  });

  it('keeps what was answered while the disk under the ledger is full, sends nothing, and goes on', async () => {
    const { append, start, decided, clock, ledger, states, ledgerErrors } = rig();
    await append(trackEvent('a'), trackEvent('b', { userId: 'a' }));
    const startMs = clock.nowMs();
    let opened: Ledger | undefined;
    let isFull = true;
    const requests: string[][] = [];
    start(
      destinationOf(
        async (events) => {
          requests.push(ids(events));
          return all(events, DELIVERED);
        },
        { batch: { maxCount: 1, maxBytes: 1_000, maxWaitMs: 0 } },
      ),
      {
        ledger: {
          ...ledger.open(),
          commit(settlement) {
            if (isFull) throw Object.assign(new Error('full'), { code: 'SQLITE_FULL' });
            (opened ??= ledger.open()).commit(settlement);
          },
        },
      },
    );
    await runUntil(clock, () => clock.nowMs() - startMs > 60_000);
    expect(requests).toEqual([['a']]);
    expect(states).toEqual([
      { kind: 'waiting', reason: 'ledger.db cannot be written: the disk is full', sinceMs: startMs },
    ]);
    isFull = false;
    await runUntil(clock, () => decided().size === 2);
    expect(requests).toEqual([['a'], ['b']]);
    expect(states.at(-1)).toEqual({ kind: 'running' });
    expect(ledgerErrors).toEqual([]);
  });

  it('offers events without an outcome again, first, with no attempt spent', async () => {
    const { append, start, decided, clock, ledger } = rig();
    await append(...['a', 'b', 'c', 'd'].map((id) => trackEvent(id)));
    const requests: string[][] = [];
    start(
      destinationOf(async (events) => {
        requests.push(ids(events));
        return { outcomes: requests.length === 1 ? [DELIVERED] : events.map(() => DELIVERED) };
      }),
    );
    await runUntil(clock, () => decided().size === 4);
    expect(requests).toEqual([
      ['a', 'b', 'c', 'd'],
      ['b', 'c', 'd'],
    ]);
    expect(ledger.settlements.flatMap(({ attempt }) => (attempt ? [attempt.positions] : []))).toEqual([
      [0],
      [1, 2, 3],
    ]);
  });

  it('commits a state without outcomes before it offers the batch again', async () => {
    const { append, start, decided, clock, ledger } = rig();
    await append(trackEvent('a'));
    const states: unknown[] = [];
    start(
      destinationOf(async (events, { state }) => {
        states.push(state);
        return state ? all(events, DELIVERED) : { outcomes: [], state: { offset: 7 } };
      }),
    );
    await runUntil(clock, () => decided().size === 1);
    expect(states).toEqual([undefined, { offset: 7 }]);
    expect(ledger.settlements[1]).toMatchObject({ state: { offset: 7 }, cursor: 0, decisions: [] });
    expect(ledger.settlements[1]).not.toHaveProperty('attempt');
  });

  it('gives a restarted destination the state that was committed last', async () => {
    const { append, start, decided, clock } = rig();
    const states: unknown[] = [];
    const destination = destinationOf(async (events, { state }) => {
      states.push(state);
      return { ...all(events, DELIVERED), state: { count: states.length } };
    });
    start(destination);
    await append(trackEvent('a'));
    await runUntil(clock, () => decided().size === 1);
    start(destination);
    await append(trackEvent('b'));
    await runUntil(clock, () => decided().size === 2);
    expect(states).toEqual([undefined, { count: 1 }]);
  });

  it.each<[string, (events: readonly DeliveryEvent[]) => Promise<unknown>]>([
    ['throws', () => Promise.reject(new Error('secret'))],
    ['returns nothing', async () => undefined],
    ['returns no outcome and no state', async () => ({ outcomes: [] })],
    ['returns more outcomes than events', async () => ({ outcomes: [DELIVERED, DELIVERED, DELIVERED] })],
    ['returns an outcome that there is not', async () => ({ outcomes: [{ kind: 'done' }, DELIVERED] })],
    [
      'returns too large a state',
      async (events) => ({ ...all(events, DELIVERED), state: { x: 'x'.repeat(5_000) } }),
    ],
    ['returns a state that is not JSON', async (events) => ({ ...all(events, DELIVERED), state: { x: 1n } })],
    [
      'returns too large a resume',
      async (events) => all(events, { kind: 'retry', code: 'TIMEOUT', resume: { x: 'x'.repeat(1_500) } }),
    ],
  ])('has the whole batch tried again when the destination %s', async (_, deliver) => {
    const { append, start, clock, pending } = rig();
    await append(trackEvent('a'), trackEvent('b'));
    start(destinationOf(deliver as Parameters<typeof destinationOf>[0]));
    await runUntil(clock, () => pending().length === 2);
    for (const event of pending()) {
      expect(event).toMatchObject({
        attemptCount: 1,
        code: 'DESTINATION_FAILED',
        notBeforeMs: clock.nowMs() + 500,
      });
    }
  });

  it('delivers as many batches at a time as the destination allows', async () => {
    const { append, start, decided, clock } = rig();
    await append(...['a', 'b', 'c', 'd', 'e'].map((id) => trackEvent(id)));
    let currentCount = 0;
    let mostCount = 0;
    const batch = { maxCount: 1, maxBytes: 1_000, maxWaitMs: 0 };
    start(
      destinationOf(
        async (events) => {
          mostCount = Math.max(mostCount, (currentCount += 1));
          await clock.sleep(10);
          currentCount -= 1;
          return all(events, DELIVERED);
        },
        { batch, maxConcurrency: 2 },
      ),
    );
    await runUntil(clock, () => decided().size === 5);
    expect(mostCount).toBe(2);
  });

  it('reads no further than its bound while events are stuck, and goes on when they are settled', async () => {
    const { append, start, decided, clock, log } = rig();
    await append(...Array.from({ length: 50 }, (_, index) => trackEvent(`m${index}`, { userId: 'one' })));
    let readTo = 0;
    const inner = log.openReader();
    inner.setDurableEnds(log.log.durableEnds);
    const reader: LogReader = {
      ...inner,
      async read(partition, from, limit) {
        const records = await inner.read(partition, from, limit);
        readTo = Math.max(readTo, (records.at(-1)?.position ?? -1) + 1);
        return records;
      },
    };
    let isDown = true;
    start(
      destinationOf(async (events) =>
        all(events, isDown ? { kind: 'retry', code: 'NETWORK_ERROR' } : DELIVERED),
      ),
      { reader, laneLimits: { maxCount: 20, maxBytes: 1_000_000 } },
    );
    const untilMs = clock.nowMs() + 60_000;
    await runUntil(clock, () => clock.nowMs() >= untilMs);
    expect(readTo).toBe(20);
    isDown = false;
    await runUntil(clock, () => decided().size === 50);
  });

  it('waits for those in flight when it is stopped, and starts none', async () => {
    const { append, start, decided, clock, cursor } = rig();
    await append(trackEvent('a'), trackEvent('b', { userId: 'a' }));
    let requestCount = 0;
    const delivery = start(
      destinationOf(
        async (events) => {
          requestCount += 1;
          await clock.sleep(5_000);
          return all(events, DELIVERED);
        },
        { batch: { maxCount: 1, maxBytes: 1_000, maxWaitMs: 0 } },
      ),
    );
    await runUntil(clock, () => requestCount === 1);
    let stopped = false;
    void delivery.stop().then(() => (stopped = true));
    await settled();
    expect(stopped).toBe(false);
    await runUntil(clock, () => stopped);
    expect(decided().get('a')).toEqual(['delivered']);
    expect(requestCount).toBe(1);
    expect(cursor()).toBe(1);
  });

  it('aborts a delivery that hangs when it is stopped, without spending an attempt', async () => {
    const { append, start, clock, cursor, pending } = rig();
    await append(trackEvent('a'));
    const startMs = clock.nowMs();
    let aborted = false;
    const delivery = start(
      destinationOf(
        (_, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              aborted = true;
              reject(new Error('aborted'));
            });
          }),
      ),
    );
    await settled();
    let stopped = false;
    void delivery.stop().then(() => (stopped = true));
    await runUntil(clock, () => stopped);
    expect(aborted).toBe(true);
    expect(clock.nowMs() - startMs).toBe(10_000);
    expect(cursor()).toBe(0);
    expect(pending()).toEqual([]);
  });

  it('ends its stop even where the destination ignores the abort', async () => {
    const { append, start, clock } = rig();
    await append(trackEvent('a'));
    const delivery = start(destinationOf(() => new Promise(() => {})));
    const startMs = clock.nowMs();
    await settled();
    let stopped = false;
    void delivery.stop().then(() => (stopped = true));
    await runUntil(clock, () => stopped);
    expect(clock.nowMs() - startMs).toBe(11_000);
  });

  it.each([
    ['beyond_end', 'the cursor lies beyond the end of the log'],
    ['damaged', 'the log is damaged at the cursor'],
  ] as const)('stops and says why when the log is %s', async (code, reason) => {
    const { start, clock, states } = rig();
    const reader: LogReader = {
      setDurableEnds: () => {},
      setStarts: () => {},
      read: () => Promise.reject(new LogReadError(code, 'no')),
      ranges: async () => [],
      close: async () => {},
    };
    start(
      destinationOf(async (events) => all(events, DELIVERED)),
      { reader },
    );
    await runUntil(clock, () => states.length > 0);
    expect(states).toEqual([{ kind: 'stopped', reason }]);
  });

  it('stops when a pending event is not in the log any more', async () => {
    const { append, start, clock, states, ledger } = rig();
    await append(trackEvent('a'));
    const lost = { position: 1, attemptCount: 1, notBeforeMs: 0 };
    const settlement = { destinationId: 'test', partition: 0, cursor: 1, decisions: [], dead: [] };
    ledger.open().commit({ ...settlement, pending: [lost] });
    start(destinationOf(async (events) => all(events, DELIVERED)));
    await runUntil(clock, () => states.length > 0);
    expect(states).toEqual([{ kind: 'stopped', reason: 'a pending event is not in the log' }]);
  });

  it('tries a read again that failed for a reason that may pass', async () => {
    const { append, start, decided, clock, log } = rig();
    await append(trackEvent('a'));
    const inner = log.openReader();
    inner.setDurableEnds(log.log.durableEnds);
    let failures = 2;
    const reader: LogReader = {
      ...inner,
      read: (...args) =>
        failures-- > 0 ? Promise.reject(new LogReadError('io', 'no')) : inner.read(...args),
    };
    const startMs = clock.nowMs();
    start(
      destinationOf(async (events) => all(events, DELIVERED)),
      { reader },
    );
    await runUntil(clock, () => decided().size === 1);
    expect(clock.nowMs() - startMs).toBe(2_000);
  });

  it('delivers nothing more when the ledger cannot be written', async () => {
    const { append, start, clock, ledger, ledgerErrors, states } = rig();
    await append(trackEvent('a'), trackEvent('b', { userId: 'a' }));
    let requestCount = 0;
    const opened = ledger.open();
    const full = new Error('disk is full');
    start(
      destinationOf(
        async (events) => {
          requestCount += 1;
          return all(events, DELIVERED);
        },
        { batch: { maxCount: 1, maxBytes: 1_000, maxWaitMs: 0 } },
      ),
      {
        ledger: {
          ...opened,
          commit: () => {
            throw full;
          },
        },
      },
    );
    await runUntil(clock, () => ledgerErrors.length > 0);
    await settled();
    expect(ledgerErrors).toEqual([full]);
    expect(states).toEqual([{ kind: 'stopped', reason: 'the ledger cannot be written' }]);
    expect(requestCount).toBe(1);
  });

  it('delivers again after a crash between delivery and commit, and loses nothing', async () => {
    const { append, start, decided, clock, ledger, ledgerErrors } = rig();
    await append(trackEvent('a'), trackEvent('b'));
    const requests: string[][] = [];
    const destination = destinationOf(async (events) => {
      requests.push(ids(events));
      if (requests.length === 1) ledger.open(); // As a router does that starts meanwhile.
      return all(events, DELIVERED);
    });
    start(destination);
    await runUntil(clock, () => ledgerErrors.length > 0);
    expect(ledgerErrors[0]).toBeInstanceOf(EpochError);
    expect(decided().size).toBe(0);
    start(destination);
    await runUntil(clock, () => decided().size === 2);
    expect(requests).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('finds scattered pending events again, and those held back behind them', async () => {
    const clock = manualClock();
    const { append, start, decided, pending } = rig(clock);
    const failing = new Set(['m3', 'm4', 'm700', 'm2900']);
    let isDown = true;
    const destination = destinationOf(
      async (events) => ({
        outcomes: events.map(({ event }) =>
          isDown && failing.has(event.messageId)
            ? { kind: 'retry', code: 'HTTP_503', afterMs: 3_600_000 }
            : DELIVERED,
        ),
      }),
      { batch: { maxCount: 100, maxBytes: 1_000_000, maxWaitMs: 0 } },
    );
    await append(
      ...Array.from({ length: 3_000 }, (_, index) =>
        trackEvent(`m${index}`, index === 800 ? { userId: 'm700' } : {}),
      ),
    );
    start(destination);
    await runUntil(clock, () => decided().size === 2_995);
    expect(pending().map(({ position, attemptCount }) => [position, attemptCount])).toEqual([
      [3, 1],
      [4, 1],
      [700, 1],
      [800, 0],
      [2_900, 1],
    ]);
    isDown = false;
    start(destination);
    await runUntil(clock, () => decided().size === 3_000);
    expect([...decided().values()].every((words) => words.length === 1)).toBe(true);
  });
});
