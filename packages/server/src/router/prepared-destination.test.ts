import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import type { SegmentEvent } from '@millrace/spec';
import type {
  DeliveryEvent,
  Destination,
  EventFilter,
  Outcome,
  Transform,
} from '../destinations/destination.ts';
import { createFiles } from '../destinations/files/files.ts';
import type { MemoryLedger } from '../ledger/memory.ts';
import { filterOnReading } from './filter.ts';
import { rulesOf } from './filters/rules.ts';
import { preparedDestination } from './prepared-destination.ts';
import { destinationOf, manualClock, rig, runUntil, settled, trackEvent, type Deliver } from './test-rig.ts';

const DELIVERED: Outcome = { kind: 'delivered' };
const logger = pino({ level: 'silent' });

interface Setup {
  filters?: readonly EventFilter[];
  transform?: Transform;
  transformTimeoutMs?: number;
  deliver?: Deliver;
  overrides?: Partial<Destination>;
}

function prepared({ filters, transform, transformTimeoutMs, deliver, overrides }: Setup): {
  destination: Destination;
  given: DeliveryEvent[][];
  clock: ReturnType<typeof manualClock>;
} {
  const given: DeliveryEvent[][] = [];
  const inner = destinationOf(
    deliver ??
      (async (events) => {
        given.push([...events]);
        return { outcomes: events.map(() => DELIVERED) };
      }),
    overrides,
  );
  const clock = manualClock();
  const rules = rulesOf(filters);
  const options = { destinationId: 'test', rules, transform, transformTimeoutMs, clock, logger };
  return { destination: preparedDestination(inner, options), given, clock };
}

function deliveryEvents(...events: SegmentEvent[]): DeliveryEvent[] {
  return events.map((event) => ({ event, json: Buffer.from(JSON.stringify(event)) }));
}

const context = { state: undefined, signal: new AbortController().signal };
const throwing = (): boolean => {
  throw new Error('mistake');
};
const keeping: Deliver = async (events, { state }) => ({
  outcomes: [],
  state: { seen: events.map(({ resume }) => resume), before: state },
});
const renames: Transform = async (event) =>
  event.messageId === 'm1' ? null : { ...event, event: 'Changed' };
const dropsFirst: Transform = (event) => (event.messageId === 'm1' ? null : event);
const dropsSecrets: Transform = (event) => (event.event === 'Secret' ? null : event);
/** What the ledger says of each request. */
const attemptCodes = ({ settlements }: MemoryLedger): string[] =>
  settlements.flatMap(({ attempt }) => (attempt ? [attempt.code] : []));
const only = (event: SegmentEvent): DeliveryEvent[] => deliveryEvents(event);

describe('a transform', () => {
  it.each<[string, Transform]>([
    ['the same event', (event) => Object.assign(event, { event: 'Renamed' })],
    ['another one', (event) => ({ ...event, event: 'Renamed' })],
    ['a promise of one', async (event) => ({ ...event, event: 'Renamed' })],
  ])('may return %s', async (_, transform) => {
    const { destination, given } = prepared({ transform });
    const received = trackEvent('m1', { properties: { a: [1] } });
    expect(await destination.deliver(only(received), context)).toEqual({ outcomes: [DELIVERED] });
    const expected = { ...received, event: 'Renamed' };
    expect(given[0]?.[0]?.event).toEqual(expected);
    expect(JSON.parse(given[0]![0]!.json.toString())).toEqual(expected);
  });

  it('keeps messageId and receivedAt, and what JSON can hold', async () => {
    const { destination, given } = prepared({
      transform: (event) => ({
        ...event,
        messageId: 'other',
        receivedAt: 'never',
        properties: { at: new Date(0), f: () => 1 },
      }),
    });
    await destination.deliver(only(trackEvent('m1')), context);
    expect(given[0]?.[0]?.event).toEqual(
      trackEvent('m1', { properties: { at: '1970-01-01T00:00:00.000Z' } }),
    );
  });

  it('gets a copy, each time that it is called', async () => {
    const received = trackEvent('m1', { properties: { list: [1] } });
    const before = structuredClone(received);
    const seen: unknown[] = [];
    const { destination } = prepared({
      transform(event) {
        seen.push(structuredClone(event));
        (event.properties!['list'] as number[]).push(2);
        return event;
      },
    });
    const events = only(received);
    await destination.deliver(events, context);
    await destination.deliver(events, context);
    expect(seen).toEqual([before, before]);
    expect(received).toEqual(before);
  });

  it.each<[string, Transform, Outcome]>([
    ['null', () => null, { kind: 'filtered', code: 'FILTERED_BY_TRANSFORM' }],
    ['nothing', () => undefined, { kind: 'filtered', code: 'FILTERED_BY_TRANSFORM' }],
    ['a promise of null', async () => null, { kind: 'filtered', code: 'FILTERED_BY_TRANSFORM' }],
    [
      'a type that the destination does not take',
      (event) => ({ ...event, type: 'alias' }),
      { kind: 'filtered', code: 'UNSUPPORTED_EVENT_TYPE' },
    ],
    ['a text', (() => 'event') as unknown as Transform, { kind: 'rejected', code: 'TRANSFORM_FAILED' }],
    ['a list', (() => []) as unknown as Transform, { kind: 'rejected', code: 'TRANSFORM_FAILED' }],
    [
      'an event of no known type',
      ((event: SegmentEvent) => ({ ...event, type: 'click' })) as unknown as Transform,
      { kind: 'rejected', code: 'TRANSFORM_FAILED' },
    ],
    [
      'what JSON cannot hold',
      (event) => ({ ...event, big: 1n }),
      { kind: 'rejected', code: 'TRANSFORM_FAILED' },
    ],
    [
      'no more, but throws',
      () => JSON.parse('{') as SegmentEvent,
      { kind: 'rejected', code: 'TRANSFORM_FAILED' },
    ],
    [
      'a promise that is rejected',
      () => Promise.reject(new Error('no')),
      { kind: 'rejected', code: 'TRANSFORM_FAILED' },
    ],
  ])('that returns %s sends nothing', async (_, transform, outcome) => {
    const { destination, given } = prepared({ transform, overrides: { accepts: ['track'] } });
    expect(await destination.deliver(only(trackEvent('m1')), context)).toEqual({ outcomes: [outcome] });
    expect(given).toEqual([]);
  });

  it('that takes longer than its time makes a dead letter, and what it does later is nothing', async () => {
    let finish: (() => void) | undefined;
    const { destination, given, clock } = prepared({
      transformTimeoutMs: 200,
      transform: (event) =>
        event.messageId === 'slow' ? new Promise((resolve) => (finish = () => resolve(event))) : event,
    });
    const result = destination.deliver(deliveryEvents(trackEvent('slow'), trackEvent('m2')), context);
    await settled();
    clock.advanceTo(clock.nowMs() + 199);
    await settled();
    expect(given).toEqual([]);
    clock.advanceTo(clock.nowMs() + 1);
    expect(await result).toEqual({ outcomes: [{ kind: 'rejected', code: 'TRANSFORM_FAILED' }, DELIVERED] });
    finish?.();
    await settled();
    expect(given.flat().map(({ event }) => event.messageId)).toEqual(['m2']);
  });

  it('has 5 seconds by default', async () => {
    const { destination, clock } = prepared({ transform: () => new Promise(() => undefined) });
    const result = destination.deliver(only(trackEvent('m1')), context);
    await settled();
    expect(clock.nextWakeMs()).toBe(clock.nowMs() + 5_000);
    clock.advanceTo(clock.nowMs() + 5_000);
    expect(await result).toEqual({ outcomes: [{ kind: 'rejected', code: 'TRANSFORM_FAILED' }] });
  });

  it('is told of in the log without a word of its own', async () => {
    const warn = vi.fn<(...words: unknown[]) => void>();
    const inner = destinationOf(async () => ({ outcomes: [] }));
    const destination = preparedDestination(inner, {
      destinationId: 'test',
      rules: rulesOf(),
      transform: () => {
        throw new RangeError('secret of ada@example.com');
      },
      clock: manualClock(),
      logger: { info: warn, warn, error: warn },
    });
    await destination.deliver(only(trackEvent('m1')), context);
    expect(warn).toHaveBeenCalledOnce();
    expect(warn.mock.calls[0]?.[0]).toMatchObject({
      destinationId: 'test',
      messageId: 'm1',
      code: 'TRANSFORM_FAILED',
      errorName: 'RangeError',
    });
    expect(JSON.stringify(warn.mock.calls)).not.toContain('ada@example.com');
  });

  it('has at most 32 events of a batch in hand, in their order', async () => {
    const started: string[] = [];
    const ends: (() => void)[] = [];
    const { destination, given } = prepared({
      transform: (event) => {
        started.push(event.messageId);
        return new Promise((resolve) => ends.push(() => resolve(event)));
      },
    });
    const events = deliveryEvents(...Array.from({ length: 40 }, (_, i) => trackEvent(`m${i}`)));
    const result = destination.deliver(events, context);
    await settled();
    expect(started).toEqual(events.slice(0, 32).map(({ event }) => event.messageId));
    while (ends.length > 0) {
      ends.pop()!();
      await settled();
    }
    expect((await result).outcomes).toHaveLength(40);
    expect(given[0]?.map(({ event }) => event.messageId)).toEqual(events.map(({ event }) => event.messageId));
  });

  it('that is slow has a batch cut: nothing is begun after the time of one call', async () => {
    const { destination, given, clock } = prepared({ transform: () => new Promise(() => undefined) });
    const events = deliveryEvents(...Array.from({ length: 40 }, (_, i) => trackEvent(`m${i}`)));
    const result = destination.deliver(events, context);
    await settled();
    clock.advanceTo(clock.nowMs() + 5_000);
    expect((await result).outcomes).toEqual(
      Array.from({ length: 32 }, () => ({ kind: 'rejected', code: 'TRANSFORM_FAILED' })),
    );
    expect(given).toEqual([]);
  });

  it.each([1, 40])('ends with the delivery when the router stops, of %d', async (count) => {
    const stop = new AbortController();
    const transform: Transform = async (event) => {
      stop.abort();
      return event;
    };
    const { destination, given } = prepared({ transform });
    const events = deliveryEvents(...Array.from({ length: count }, (_, i) => trackEvent(`m${i}`)));
    await expect(destination.deliver(events, { ...context, signal: stop.signal })).rejects.toThrow('abort');
    expect(given).toEqual([]);
  });
});

describe('a prepared destination', () => {
  it('is the destination itself where nothing is to be prepared', () => {
    const inner = destinationOf(async () => ({ outcomes: [] }));
    const rules = rulesOf([{ action: 'drop', when: 'event = "x"' }]);
    expect(preparedDestination(inner, { destinationId: 'test', rules, clock: manualClock(), logger })).toBe(
      inner,
    );
  });

  it('may take what its transform may, beside the time of its own', () => {
    const inner = { ...destinationOf(async () => ({ outcomes: [] })), deliverTimeoutMs: 1_000 };
    const options = { destinationId: 'test', rules: rulesOf([]), clock: manualClock(), logger };
    const timeoutOf = (given: object) =>
      preparedDestination(inner, { ...options, transform: structuredClone<SegmentEvent>, ...given })
        .deliverTimeoutMs;
    expect(timeoutOf({})).toBe(11_000);
    expect(timeoutOf({ transformTimeoutMs: 100 })).toBe(1_200);
  });

  it('shapes events before they are transformed', async () => {
    const seen: unknown[] = [];
    const { destination, given } = prepared({
      filters: [{ action: 'blockFields', fields: ['traits.email'] }],
      transform: (event) => {
        seen.push(event.traits);
        return event;
      },
    });
    await destination.deliver(only(trackEvent('m1', { traits: { email: 'a@b', plan: 'pro' } })), context);
    expect(seen).toEqual([{ plan: 'pro' }]);
    expect(given[0]?.[0]?.json.toString()).not.toContain('a@b');
  });

  it('rejects an event of which a condition throws, rather than to send it', async () => {
    for (const filter of [
      { action: 'drop', when: throwing },
      { action: 'blockFields', fields: ['properties.x'], when: throwing },
    ] satisfies EventFilter[]) {
      const { destination, given } = prepared({ filters: [filter] });
      expect(await destination.deliver(only(trackEvent('m1')), context)).toEqual({
        outcomes: [{ kind: 'rejected', code: 'FILTER_FAILED' }],
      });
      expect(given).toEqual([]);
    }
  });

  it('sends no more than the destination takes at once of what has grown', async () => {
    const { destination, given } = prepared({
      transform: (event) => ({ ...event, properties: { text: 'x'.repeat(600) } }),
      overrides: { batch: { maxCount: 10, maxBytes: 2_000, maxWaitMs: 0 } },
    });
    const events = deliveryEvents(...['a', 'b', 'c', 'd'].map((id) => trackEvent(id)));
    expect((await destination.deliver(events, context)).outcomes).toEqual([DELIVERED, DELIVERED]);
    const large = preparedDestination(
      {
        ...destinationOf(async (sent) => ({ outcomes: sent.map(() => DELIVERED) })),
        batch: { maxCount: 10, maxBytes: 5, maxWaitMs: 0 },
      },
      { destinationId: 'test', rules: rulesOf(), transform: (event) => event, clock: manualClock(), logger },
    );
    expect((await large.deliver(events, context)).outcomes).toEqual([DELIVERED]);
    expect(given[0]).toHaveLength(2);
  });

  it('hands on state and what is left to do', async () => {
    const { destination } = prepared({ transform: (event) => event, deliver: keeping });
    const [event] = only(trackEvent('m1'));
    const events = [{ ...event!, resume: { left: 1 } }];
    expect(await destination.deliver(events, { ...context, state: { n: 1 } })).toEqual({
      outcomes: [],
      state: { seen: [{ left: 1 }], before: { n: 1 } },
    });
  });

  it('leaves an answer that breaks the contract broken', async () => {
    const events = deliveryEvents(trackEvent('m1'), trackEvent('m2'));
    const outcomesOf = async (answer: unknown): Promise<unknown> => {
      const { destination } = prepared({
        transform: dropsFirst,
        deliver: async () => answer as { outcomes: Outcome[] },
      });
      return (await destination.deliver(events, context))?.outcomes;
    };
    expect(await outcomesOf(undefined)).toBeUndefined();
    expect(await outcomesOf({ outcomes: 'none' })).toBe('none');
    expect(((await outcomesOf({ outcomes: [DELIVERED, DELIVERED] })) as unknown[]).length).toBeGreaterThan(2);
  });

  it('gives each event its own outcome, for any mixture and as far as the destination got', async () => {
    const fates = fc.array(fc.constantFrom('keep', 'drop', 'fail'), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(fates, fc.nat({ max: 30 }), async (fate, answered) => {
        const transform: Transform = (event) => {
          const own = fate[Number(event.messageId)];
          if (own === 'fail') throw new Error('no');
          return own === 'drop' ? null : event;
        };
        const deliver: Deliver = async (events) => ({
          outcomes: events
            .slice(0, answered)
            .map(({ event }) => ({ kind: 'retry', code: 'HTTP_503', resume: { id: event.messageId } })),
          state: { moved: true },
        });
        const { destination } = prepared({ transform, deliver });
        const events = deliveryEvents(...fate.map((_, i) => trackEvent(String(i))));
        const { outcomes } = await destination.deliver(events, context);
        const kept = fate.flatMap((each, i) => (each === 'keep' ? [i] : []));
        expect(outcomes).toHaveLength(kept[answered] ?? fate.length);
        for (const [i, outcome] of outcomes.entries()) {
          const expected = {
            keep: { kind: 'retry', code: 'HTTP_503', resume: { id: String(i) } },
            drop: { kind: 'filtered', code: 'FILTERED_BY_TRANSFORM' },
            fail: { kind: 'rejected', code: 'TRANSFORM_FAILED' },
          };
          expect(outcome).toEqual(expected[fate[i]!]);
        }
      }),
    );
  });
});

describe('a request', () => {
  it.each<[Outcome[], string]>([
    [[{ kind: 'filtered', code: 'FILTERED_BY_TRANSFORM' }, DELIVERED], 'delivered'],
    [
      [
        { kind: 'rejected', code: 'TRANSFORM_FAILED' },
        { kind: 'retry', code: 'HTTP_503' },
      ],
      'HTTP_503',
    ],
    [[{ kind: 'rejected', code: 'TRANSFORM_FAILED' }], 'TRANSFORM_FAILED'],
    [[{ kind: 'filtered', code: 'FILTERED_BY_TRANSFORM' }], 'FILTERED_BY_TRANSFORM'],
  ])('is called by what was sent, where anything was: %j is %s', async (outcomes, code) => {
    const { clock, append, start, ledger } = rig();
    await append(...outcomes.map((_, i) => trackEvent(`m${i}`)));
    start(destinationOf(async () => ({ outcomes })));
    await runUntil(clock, () => attemptCodes(ledger).length > 0);
    expect(attemptCodes(ledger)).toEqual([code]);
  });
});

describe('a delivery to a prepared destination', () => {
  it('keeps the order of a user, however long a transform takes of the first', async () => {
    const { clock, append, start, decided } = rig();
    const sent: string[] = [];
    const inner = destinationOf(
      async (events) => {
        sent.push(...events.map(({ event }) => event.messageId));
        return { outcomes: events.map(() => DELIVERED) };
      },
      { batch: { maxCount: 1, maxBytes: 1_000_000, maxWaitMs: 0 }, maxConcurrency: 4 },
    );
    const destination = preparedDestination(inner, {
      destinationId: 'test',
      rules: rulesOf(),
      transform: async (event) => {
        if (event.messageId === 'a1') await clock.sleep(3_000);
        return event;
      },
      clock,
      logger,
    });
    const a = { userId: 'a' };
    await append(trackEvent('a1', a), trackEvent('b1'), trackEvent('a2', a), trackEvent('a3', a));
    start(destination);
    await runUntil(clock, () => decided().size === 4);
    expect(sent).toEqual(['b1', 'a1', 'a2', 'a3']);
  });

  it('decides each event once, with its code, also when the code of the config fails', async () => {
    const { clock, append, start, decided, ledger } = rig();
    const inner = destinationOf(async (events) => ({ outcomes: events.map(() => DELIVERED) }));
    const rules = rulesOf([
      { action: 'drop', when: { names: ['Ping'] } },
      {
        action: 'drop',
        when: ({ event }) => {
          if (event === 'Odd') throw new Error('mistake');
          return event === 'Noise';
        },
      },
    ]);
    const destination = preparedDestination(inner, {
      destinationId: 'test',
      rules,
      transform: dropsSecrets,
      clock,
      logger,
    });
    const names = ['Ordered', 'Ping', 'Noise', 'Odd', 'Secret'];
    await append(...names.map((event) => trackEvent(event, { event })));
    start(destination, { filter: filterOnReading('test', inner, { rules }) });
    await runUntil(clock, () => decided().size === names.length);
    expect(Object.fromEntries(decided())).toEqual({
      Ordered: ['delivered'],
      Ping: ['filtered:FILTERED_BY_RULES'],
      Noise: ['filtered:FILTERED_BY_RULES'],
      Odd: ['dead:FILTER_FAILED'],
      Secret: ['filtered:FILTERED_BY_TRANSFORM'],
    });
    expect(attemptCodes(ledger)).toEqual(['delivered']);
  });

  it('writes each line once where the destination first has its state kept', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-prepared-'));
    const { clock, append, start, decided } = rig();
    const files = createFiles({ dir });
    const destination = preparedDestination(files, {
      destinationId: 'test',
      rules: rulesOf([{ action: 'blockFields', fields: ['properties.card'] }]),
      transform: renames,
      clock,
      logger,
    });
    try {
      const properties = { card: 1, plan: 'pro' };
      await append(...Array.from({ length: 25 }, (_, i) => trackEvent(`m${i}`, { properties })));
      const delivery = start(destination);
      await vi.waitFor(() => {
        // It waits for its batch to fill.
        clock.advanceTo(clock.nextWakeMs() ?? 0);
        expect(decided().size).toBe(25);
      });
      await delivery.stop();
      const lines = (await readFile(join(dir, '2026-01-01.ndjson'), 'utf8')).trimEnd().split('\n');
      const expected = Array.from({ length: 25 }, (_, i) =>
        trackEvent(`m${i}`, { event: 'Changed', properties: { plan: 'pro' } }),
      ).filter(({ messageId }) => messageId !== 'm1');
      expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(expected);
      expect(decided().get('m1')).toEqual(['filtered:FILTERED_BY_TRANSFORM']);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
