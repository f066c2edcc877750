import { expect, it } from 'vitest';
import type { Outcome } from '../destinations/destination.ts';
import { destinationOf, rig, runUntil, trackEvent } from './test-rig.ts';

it('counts what is delivered, filtered, dead and tried again by the names of the events', async () => {
  const { append, start, decided, clock, ledger } = rig();
  await append(
    trackEvent('a', { event: 'Ordered' }),
    trackEvent('b', { type: 'page', name: 'Cart' }),
    trackEvent('c', { type: 'identify' }),
    trackEvent('d', { event: 'Ordered', integrations: { All: false } }),
    trackEvent('e', { event: 'Broken' }),
  );
  const outcomes: Record<string, Outcome> = {
    Broken: { kind: 'rejected', code: 'HTTP_400' },
    Ordered: { kind: 'retry', code: 'HTTP_503' },
  };
  start(
    destinationOf(async (events) => ({
      outcomes: events.map(({ event }) => {
        const outcome = outcomes[String(event.event)] ?? { kind: 'delivered' };
        if (outcome.kind === 'retry') delete outcomes['Ordered'];
        return outcome;
      }),
    })),
  );
  await runUntil(clock, () => decided().size === 5);
  const { rows } = ledger.reader().eventCounts({ fromMs: 0, toMs: Date.now() + 60_000, byEventName: true });
  const told = rows.map(({ step, code, eventName, count }) => [step, code, eventName, count].join(' '));
  expect(told.toSorted()).toEqual([
    'dead HTTP_400 Broken 1',
    'delivered   1',
    'delivered  Cart 1',
    'delivered  Ordered 1',
    'failed HTTP_503 Ordered 1',
    'filtered FILTERED_BY_INTEGRATIONS_OBJECT Ordered 1',
  ]);
});
