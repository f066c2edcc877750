import type { SegmentEvent } from '@millrace/spec';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../destinations/destination.ts';
import { orderKeys } from './order-keys.ts';
import { destinationOf, manualClock, rig, runUntil, settled, trackEvent, type Deliver } from './test-rig.ts';

/** What the destination makes of the attempts of one event, the last one for all further ones. */
type Fate = ('retry' | 'retryAfter' | 'throw' | 'cut' | 'delivered' | 'rejected')[];

interface ScriptedEvent {
  fields: Partial<SegmentEvent>;
  fate: Fate;
}

interface Script {
  events: ScriptedEvent[];
  batch: { maxCount: number; maxBytes: number; maxWaitMs: number };
  maxConcurrency: number;
  latencyMs: number;
  /** The router dies as it would commit what became of these requests. */
  crashes: number[];
}

const person = fc.constantFrom('ann', 'bob', 'cem', 'dia');
const fields: fc.Arbitrary<Partial<SegmentEvent>> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ userId: person }) },
  { weight: 2, arbitrary: fc.record({ userId: fc.constant(null), anonymousId: person }) },
  { weight: 1, arbitrary: fc.record({ userId: person, anonymousId: person }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('alias' as const), userId: person, previousId: person }),
  },
  { weight: 1, arbitrary: fc.record({ userId: person, integrations: fc.constant({ All: false }) }) },
);

const fate: fc.Arbitrary<Fate> = fc
  .tuple(
    fc.array(fc.constantFrom('retry' as const, 'retryAfter' as const, 'throw' as const, 'cut' as const), {
      maxLength: 3,
    }),
    fc.constantFrom('delivered' as const, 'delivered' as const, 'rejected' as const),
  )
  .map(([failures, end]) => [...failures, end]);

function scripts(crashes: fc.Arbitrary<number[]>): fc.Arbitrary<Script> {
  return fc.record({
    events: fc.array(fc.record({ fields, fate }), { minLength: 1, maxLength: 25, size: 'max' }),
    batch: fc.record({
      maxCount: fc.integer({ min: 1, max: 5 }),
      maxBytes: fc.constantFrom(300, 1_000, 100_000),
      maxWaitMs: fc.constantFrom(0, 20),
    }),
    maxConcurrency: fc.integer({ min: 1, max: 3 }),
    latencyMs: fc.constantFrom(0, 5, 700),
    crashes,
  });
}

interface Played {
  /** Events that were sent while an earlier one of the same person was not settled. */
  overtakers: string[];
  decided: Record<string, string[]>;
  expected: Record<string, string[]>;
  deliveredIds: Set<string>;
  deliveredTwice: Set<string>;
  unread: number;
}

const indexOf = ({ messageId }: SegmentEvent): number => Number(messageId.slice(1));
const isFiltered = ({ integrations }: Partial<SegmentEvent>): boolean => integrations !== undefined;

async function play(script: Script): Promise<Played> {
  const clock = manualClock();
  const { append, start, decided, ledger, pending, cursor, endPosition } = rig(clock);
  const events = script.events.map(({ fields }, index) => trackEvent(`m${index}`, fields));
  const keys = events.map((event) => orderKeys('source', event));
  const attemptCounts = new Map<string, number>();
  const overtakers: string[] = [];
  const deliveredIds = new Set<string>();
  const deliveredTwice = new Set<string>();
  let requestCount = 0;
  let hasCrashed = false;

  const noteOvertakers = (batch: readonly SegmentEvent[]): void => {
    const over = new Set(decided().keys());
    for (const event of batch) {
      const related = events
        .slice(0, indexOf(event))
        .filter((_, earlier) => keys[earlier]!.some((key) => keys[indexOf(event)]!.includes(key)));
      const isFirst = related.every((earlier) => isFiltered(earlier) || over.has(earlier.messageId));
      if (!isFirst) overtakers.push(event.messageId);
      over.add(event.messageId);
    }
  };

  const outcomeOf = (messageId: string, step: Fate[number]): Outcome => {
    switch (step) {
      case 'throw':
        throw new Error('scripted');
      case 'delivered':
        (deliveredIds.has(messageId) ? deliveredTwice : deliveredIds).add(messageId);
        return { kind: 'delivered' };
      case 'rejected':
        return { kind: 'rejected', code: 'HTTP_400' };
      case 'retryAfter':
        return { kind: 'retry', code: 'HTTP_429', afterMs: 3_000 };
      default:
        return { kind: 'retry', code: 'HTTP_503' };
    }
  };

  const deliver: Deliver = async (batch) => {
    noteOvertakers(batch.map(({ event }) => event));
    requestCount += 1;
    const isLast = script.crashes.includes(requestCount);
    if (script.latencyMs > 0) await clock.sleep(script.latencyMs);
    const outcomes: Outcome[] = [];
    for (const { event } of batch) {
      const { fate } = script.events[indexOf(event)]!;
      const attemptCount = attemptCounts.get(event.messageId) ?? 0;
      const step = fate[Math.min(attemptCount, fate.length - 1)]!;
      if (step === 'cut' && outcomes.length > 0) break;
      attemptCounts.set(event.messageId, attemptCount + 1);
      outcomes.push(outcomeOf(event.messageId, step));
    }
    if (isLast) {
      hasCrashed = true;
      ledger.open();
    }
    return { outcomes };
  };

  const destination = destinationOf(deliver, { batch: script.batch, maxConcurrency: script.maxConcurrency });
  await append(...events.slice(0, 10));
  start(destination);
  await settled();
  await append(...events.slice(10));
  const isDone = (): boolean => decided().size === events.length && pending().length === 0;
  for (;;) {
    await runUntil(clock, () => hasCrashed || isDone());
    await settled();
    if (!hasCrashed) break;
    hasCrashed = false;
    start(destination);
  }
  const expected = events.map((event, index): [string, string[]] => {
    const end = script.events[index]!.fate.at(-1) === 'delivered' ? 'delivered' : 'dead:HTTP_400';
    return [event.messageId, [isFiltered(event) ? 'filtered:FILTERED_BY_INTEGRATIONS_OBJECT' : end]];
  });
  return {
    overtakers,
    decided: Object.fromEntries(decided()),
    expected: Object.fromEntries(expected),
    deliveredIds,
    deliveredTwice,
    unread: endPosition() - (cursor() ?? 0),
  };
}

function idsOf(decided: Record<string, string[]>, word: string): Set<string> {
  return new Set(Object.keys(decided).filter((messageId) => decided[messageId]!.includes(word)));
}

/** Where a destination throws halfway, what it had delivered by then is delivered again. */
function isClear({ events }: Script): boolean {
  return events.every(({ fate }) => !fate.includes('throw'));
}

describe('whatever a destination does', () => {
  it('each event is settled exactly once, and no person is overtaken by a later request', async () => {
    const property = fc.asyncProperty(scripts(fc.constant([])), async (script) => {
      const played = await play(script);
      expect(played.overtakers).toEqual([]);
      expect(played.decided).toEqual(played.expected);
      expect(played.deliveredIds).toEqual(idsOf(played.decided, 'delivered'));
      expect(isClear(script) ? [...played.deliveredTwice] : []).toEqual([]);
      expect(played.unread).toBe(0);
    });
    await fc.assert(property, { numRuns: 60 });
  }, 30_000);

  it('and wherever the router dies, nothing is missing and the order holds', async () => {
    const crashes = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 });
    const property = fc.asyncProperty(scripts(crashes), async (script) => {
      const played = await play(script);
      expect(played.overtakers).toEqual([]);
      expect(played.decided).toEqual(played.expected);
      expect(played.deliveredIds).toEqual(idsOf(played.decided, 'delivered'));
      expect(played.unread).toBe(0);
    });
    await fc.assert(property, { numRuns: 40 });
  }, 30_000);
});
