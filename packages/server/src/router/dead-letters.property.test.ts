import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Outcome } from '../destinations/destination.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { destinationOf, manualClock, rig, runUntil, trackEvent, type Deliver } from './test-rig.ts';

type Step = 'retry' | 'rejected';

interface Script {
  /** What becomes of the attempts of one event; the one after the last is delivered. */
  events: { userId: string; fate: Step[] }[];
  maxCount: number;
  maxConcurrency: number;
  latencyMs: number;
  /** A retry of all that is dead is asked for before these requests. */
  asks: number[];
  /** The router dies as it would commit what became of these requests. */
  crashes: number[];
}

const requests = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 6 });

const scripts: fc.Arbitrary<Script> = fc.record({
  events: fc.array(
    fc.record({
      userId: fc.constantFrom('ann', 'bob', 'cem'),
      fate: fc.array(fc.constantFrom<Step>('retry', 'rejected'), { maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 25, size: 'max' },
  ),
  maxCount: fc.integer({ min: 1, max: 5 }),
  maxConcurrency: fc.integer({ min: 1, max: 3 }),
  latencyMs: fc.constantFrom(0, 5, 700),
  asks: requests,
  crashes: requests,
});

async function play(script: Script): Promise<void> {
  const clock = manualClock();
  const { append, start, decided, ledger, pending, cursor } = rig(clock);
  const events = script.events.map(({ userId }, index) => trackEvent(`m${index}`, { userId }));
  const overtakers: string[] = [];
  let requestCount = 0;
  let opened: Ledger;
  let hasCrashed = false;
  const hasDied = (index: number): boolean => script.events[index]!.fate.includes('rejected');

  /** What became of an event so far; a batch that failed as a whole may be offered again without. */
  const outcomeCount = (index: number): number =>
    ledger.settlements.filter(
      ({ decisions, pending: tried }) =>
        decisions.some(({ position }) => position === index) ||
        tried.some(({ position, code }) => position === index && code !== undefined),
    ).length;

  /** Of those that never die: the others have lost their place. */
  const noteOvertakers = (batch: readonly number[]): void => {
    const over = new Set([...decided().keys()].map((messageId) => Number(messageId.slice(1))));
    for (const index of batch) {
      const { userId } = script.events[index]!;
      const isFirst = script.events.every(
        (other, earlier) =>
          earlier >= index || other.userId !== userId || hasDied(earlier) || over.has(earlier),
      );
      if (!hasDied(index) && !isFirst) overtakers.push(`m${index}`);
      over.add(index);
    }
  };

  const deliver: Deliver = async (batch) => {
    const indexes = batch.map(({ event }) => Number(event.messageId.slice(1)));
    noteOvertakers(indexes);
    requestCount += 1;
    const isLast = script.crashes.includes(requestCount);
    if (script.asks.includes(requestCount)) ask();
    if (script.latencyMs > 0) await clock.sleep(script.latencyMs);
    const outcomes = indexes.map((index): Outcome => {
      const step = script.events[index]!.fate[outcomeCount(index)];
      if (step === 'rejected') return { kind: 'rejected', code: 'HTTP_400' };
      return step === 'retry' ? { kind: 'retry', code: 'HTTP_503' } : { kind: 'delivered' };
    });
    if (isLast) {
      hasCrashed = true;
      ledger.open();
    }
    return { outcomes };
  };
  const destination = destinationOf(deliver, {
    batch: { maxCount: script.maxCount, maxBytes: 100_000, maxWaitMs: 0 },
    maxConcurrency: script.maxConcurrency,
  });
  const restart = (): ReturnType<typeof start> => {
    hasCrashed = false;
    opened = ledger.open();
    return start(destination, { ledger: opened });
  };
  const ask = (): void => {
    if (hasCrashed) return;
    opened.changeDead('retry', { filter: {} });
    running.notifyAsked();
  };

  await append(...events);
  let running = restart();
  const reader = ledger.reader();
  const deadCount = (): number => reader.deadLetters({}, { maxCount: 100 }).letters.length;
  const isQuiet = (): boolean =>
    decided().size === events.length &&
    pending().length === 0 &&
    reader.deadLetters({}, { maxCount: 100 }).letters.every((letter) => letter.retryAskedAtMs === undefined);
  for (;;) {
    await runUntil(clock, () => hasCrashed || isQuiet());
    if (hasCrashed) running = restart();
    else if (deadCount() > 0) ask();
    else break;
  }

  expect(overtakers).toEqual([]);
  expect(Object.fromEntries(decided())).toEqual(
    Object.fromEntries(
      script.events.map(({ fate }, index) => [
        `m${index}`,
        [...fate.filter((step) => step === 'rejected').map(() => 'dead:HTTP_400'), 'delivered'],
      ]),
    ),
  );
  const { deliveredCount, dead, pendingCount } = reader.totals()[0]!;
  expect({ deliveredCount, dead, pendingCount }).toEqual({
    deliveredCount: events.length,
    dead: {},
    pendingCount: 0,
  });
  expect(cursor()).toBe(events.length);
}

it('whenever a retry is asked for and the router dies, every event is delivered in the end, and no other is harmed', async () => {
  await fc.assert(fc.asyncProperty(scripts, play), { numRuns: 60 });
}, 30_000);
