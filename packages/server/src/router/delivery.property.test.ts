import type { SegmentEvent } from '@millrace/spec';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../destinations/destination.ts';
import { DEFAULT_HOLD_LIMITS, type HoldLimits } from './holds.ts';
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
  holds: HoldLimits;
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
    holds: fc.constantFrom(
      DEFAULT_HOLD_LIMITS,
      { maxMs: 400, maxFollowerCount: 1_000 },
      { maxMs: 300_000, maxFollowerCount: 2 },
    ),
  });
}

interface Played {
  /** Events that were sent while an earlier one of the same person was not settled, and did not have to be let by. */
  overtakers: string[];
  /** Events that the destination took while it had not taken an earlier one of the same person. */
  ahead: Set<string>;
  /** Events that the ledger calls so. */
  reordered: Set<string>;
  decided: Record<string, string[]>;
  expected: Record<string, string[]>;
  deliveredIds: Set<string>;
  deliveredTwice: Set<string>;
  unread: number;
}

const indexOf = ({ messageId }: SegmentEvent): number => Number(messageId.slice(1));
const isFiltered = ({ integrations }: Partial<SegmentEvent>): boolean => integrations !== undefined;

async function play(script: Script, order: 'user' | 'none' = 'user'): Promise<Played> {
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
  let life = 0;
  const firstSentAtMs = new Map<string, number>();
  const ahead = new Map<string, boolean>();
  /** What the destination has done with, in the life of the router that it told so. */
  let over = new Set<string>();
  const sharesKey = (a: SegmentEvent, b: SegmentEvent): boolean =>
    keys[indexOf(a)]!.some((key) => keys[indexOf(b)]!.includes(key));
  const earlierOf = (event: SegmentEvent): SegmentEvent[] =>
    events.slice(0, indexOf(event)).filter((earlier) => sharesKey(earlier, event) && !isFiltered(earlier));

  /** By the rule: tried, and for too long or with too many behind it. */
  const mayBePassed = (event: SegmentEvent): boolean => {
    const firstMs = firstSentAtMs.get(event.messageId);
    const behindCount = events.slice(indexOf(event) + 1).filter((later) => sharesKey(event, later)).length;
    const { maxMs, maxFollowerCount } = script.holds;
    return firstMs !== undefined && (clock.nowMs() - firstMs >= maxMs || behindCount > maxFollowerCount);
  };

  const noteOvertakers = (batch: readonly SegmentEvent[]): void => {
    const settledIds = new Set(decided().keys());
    for (const event of batch) {
      const isNext = earlierOf(event).every(
        (earlier) => settledIds.has(earlier.messageId) || mayBePassed(earlier),
      );
      if (!isNext) overtakers.push(event.messageId);
      settledIds.add(event.messageId);
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

  /** What the destination took, in the life of the router that asked it. */
  const noteAhead = (batch: readonly SegmentEvent[], outcomes: readonly Outcome[]): void => {
    for (const messageId of decided().keys()) over.add(messageId);
    for (const [index, outcome] of outcomes.entries()) {
      const event = batch[index]!;
      if (outcome.kind === 'retry') continue;
      if (outcome.kind === 'delivered')
        ahead.set(event.messageId, !earlierOf(event).every(({ messageId }) => over.has(messageId)));
      over.add(event.messageId);
    }
  };

  const deliver: Deliver = async (batch) => {
    const own = life;
    const sent = batch.map(({ event }) => event);
    noteOvertakers(sent);
    for (const { messageId } of sent)
      if (!firstSentAtMs.has(messageId)) firstSentAtMs.set(messageId, clock.nowMs());
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
    if (own === life) noteAhead(sent, outcomes);
    if (isLast) {
      life += 1;
      over = new Set();
      hasCrashed = true;
      ledger.open();
    }
    return { outcomes };
  };

  const destination = destinationOf(deliver, { batch: script.batch, maxConcurrency: script.maxConcurrency });
  await append(...events.slice(0, 10));
  const options = { order, holdLimits: script.holds };
  start(destination, options);
  await settled();
  await append(...events.slice(10));
  const isDone = (): boolean => decided().size === events.length && pending().length === 0;
  for (;;) {
    await runUntil(clock, () => hasCrashed || isDone());
    await settled();
    if (!hasCrashed) break;
    hasCrashed = false;
    start(destination, options);
  }
  const expected = events.map((event, index): [string, string[]] => {
    const end = script.events[index]!.fate.at(-1) === 'delivered' ? 'delivered' : 'dead:HTTP_400';
    return [event.messageId, [isFiltered(event) ? 'filtered:FILTERED_BY_INTEGRATIONS_OBJECT' : end]];
  });
  const reordered = ledger.settlements
    .flatMap(({ decisions }) => decisions)
    .flatMap((decision) => (decision.reordered ? [`m${decision.position}`] : []));
  return {
    overtakers,
    ahead: new Set([...ahead].flatMap(([messageId, isAhead]) => (isAhead ? [messageId] : []))),
    reordered: new Set(reordered),
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

/** The order oracle. A destination that throws has taken what came before in its batch, and did not say so. */
function orderHolds({ overtakers, ahead, reordered }: Played, script: Script): void {
  expect(overtakers).toEqual([]);
  expect(isClear(script) ? reordered : ahead).toEqual(ahead);
}

const noCrash = fc.constant<number[]>([]);
const someCrashes = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 });

describe('whatever a destination does', () => {
  it('each event is settled exactly once, and no person is overtaken by a later request', async () => {
    const property = fc.asyncProperty(scripts(noCrash), async (script) => {
      const played = await play(script);
      orderHolds(played, script);
      expect(played.decided).toEqual(played.expected);
      expect(played.deliveredIds).toEqual(idsOf(played.decided, 'delivered'));
      expect(isClear(script) ? [...played.deliveredTwice] : []).toEqual([]);
      expect(played.unread).toBe(0);
    });
    await fc.assert(property, { numRuns: 60 });
  }, 30_000);

  it('and wherever the router dies, nothing is missing and the order holds', async () => {
    const property = fc.asyncProperty(scripts(someCrashes), async (script) => {
      const played = await play(script);
      orderHolds(played, script);
      expect(played.decided).toEqual(played.expected);
      expect(played.deliveredIds).toEqual(idsOf(played.decided, 'delivered'));
      expect(played.unread).toBe(0);
    });
    await fc.assert(property, { numRuns: 40 });
  }, 30_000);

  it.each([
    ['without a crash', noCrash],
    ['with crashes', someCrashes],
  ])(
    'the oracle of the order finds a router that looks at no keys, %s',
    async (_, crashes) => {
      const property = fc.asyncProperty(scripts(crashes), async (script) => {
        orderHolds(await play(script, 'none'), script);
      });
      const { failed } = await fc.check(property, { numRuns: 60, endOnFailure: true });
      expect(failed).toBe(true);
    },
    30_000,
  );
});
