import { EVENT_TYPES, FAILURE_CODES, type JsonObject, type SegmentEvent } from '@millrace/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeliveryEvent, DeliveryResult, Destination, Outcome } from './destination.ts';

/** A destination beside the vendor, or whatever stands for it. */
export interface DestinationRig {
  destination: Destination;
  /** The messageIds that arrived, in order. */
  received(): Promise<string[]>;
  /** From now on the vendor fails. */
  breakVendor(): void;
  /** From now on the vendor never answers. Absent: it cannot be made to. */
  hangVendor?(): void;
  /** Of the settings: must not show in a result. */
  secrets: readonly string[];
  dispose(): Promise<void>;
}

/** What every destination does; run it on each. */
export function describeDestination(name: string, makeRig: () => Promise<DestinationRig>): void {
  describe(`destination contract: ${name}`, () => {
    let rig: DestinationRig;
    let destination: Destination;

    beforeEach(async () => {
      rig = await makeRig();
      destination = rig.destination;
    });
    afterEach(() => rig.dispose());

    it('says of itself what the router can use', () => {
      const { accepts, batch, maxConcurrency } = destination;
      expect(destination.name).toMatch(/^[A-Z]/);
      expect(new Set(accepts).size).toBe(accepts.length);
      expect(accepts.every((type) => EVENT_TYPES.includes(type)) && accepts.length > 0).toBe(true);
      for (const atLeastOne of [batch.maxCount, batch.maxBytes, maxConcurrency]) {
        expect(Number.isSafeInteger(atLeastOne) && atLeastOne >= 1).toBe(true);
      }
      expect(batch.maxWaitMs).toBeGreaterThanOrEqual(0);
    });

    it('says what became of each event, and has delivered it by then', async () => {
      const events = Array.from({ length: 5 }, (_, index) => deliveryEvent(`message-${index}`));
      const { outcomes } = await offerAll(destination, events);
      expect(outcomes).toStrictEqual(events.map(() => ({ kind: 'delivered' })));
      expect(await rig.received()).toStrictEqual(events.map(({ event }) => event.messageId));
    });

    it('goes on from the state that was committed', async () => {
      const first = await offerAll(destination, [deliveryEvent('first')]);
      await offerAll(destination, [deliveryEvent('second')], first.state);
      expect(await rig.received()).toStrictEqual(['first', 'second']);
    });

    it('takes every type that it accepts', async () => {
      const events = destination.accepts.map((type) => deliveryEvent(`message-${type}`, { type }));
      const { outcomes } = await offerAll(destination, events);
      expect(outcomes).toHaveLength(events.length);
    });

    it('leaves the events as they were', async () => {
      const event = deliveryEvent('message');
      const json = Buffer.from(event.json);
      const copy = structuredClone(event.event);
      await offerAll(destination, [event]);
      expect(event.json).toStrictEqual(json);
      expect(event.event).toStrictEqual(copy);
    });

    it('answers a failure of the vendor with an outcome that has a known code and tells no secret', async () => {
      rig.breakVendor();
      const result = await offerAll(destination, [deliveryEvent('message')]);
      const [outcome] = result.outcomes;
      expect(outcome?.kind).toMatch(/^(retry|rejected|unauthorized)$/);
      expect(isFailureCode(outcome)).toBe(true);
      for (const secret of rig.secrets) expect(JSON.stringify(result)).not.toContain(secret);
    });

    it('starts nothing once it is aborted', async () => {
      const signal = AbortSignal.abort(new Error('stopping'));
      await expect(
        destination.deliver([deliveryEvent('message')], { state: undefined, signal }),
      ).rejects.toThrow('stopping');
      expect(await rig.received()).toStrictEqual([]);
    });

    it('ends when it is aborted', async () => {
      rig.hangVendor?.();
      const stopping = new AbortController();
      const delivery = destination.deliver([deliveryEvent('message')], {
        state: undefined,
        signal: stopping.signal,
      });
      stopping.abort(new Error('stopping'));
      const [ended] = await Promise.allSettled([delivery]);
      expect(ended.status === 'fulfilled' || String(ended.reason).includes('stopping')).toBe(true);
    });
  });
}

/** Offers events as the router does: state carried on, what got no outcome offered again. */
export async function offerAll(
  destination: Destination,
  events: readonly DeliveryEvent[],
  stateBefore?: JsonObject,
): Promise<{ outcomes: Outcome[]; state: JsonObject | undefined }> {
  const outcomes: Outcome[] = [];
  let state = stateBefore;
  while (outcomes.length < events.length) {
    const batch = events.slice(outcomes.length, outcomes.length + destination.batch.maxCount);
    const signal = new AbortController().signal;
    const result = await destination.deliver(batch, { state, signal });
    expectAnswer(result, batch.length, state);
    outcomes.push(...result.outcomes);
    state = result.state ?? state;
  }
  return { outcomes, state };
}

/** A prefix of outcomes, and where that is empty a new state; else the router would ask forever. */
function expectAnswer(result: DeliveryResult, batchCount: number, stateBefore: JsonObject | undefined): void {
  expect(result.outcomes.length).toBeLessThanOrEqual(batchCount);
  if (result.outcomes.length === 0) {
    expect(result.state).toBeDefined();
    expect(result.state).not.toStrictEqual(stateBefore);
  }
  expect(JSON.stringify(result.state ?? {}).length).toBeLessThanOrEqual(4_096);
}

function isFailureCode(outcome: Outcome | undefined): boolean {
  if (!outcome || outcome.kind === 'delivered' || outcome.kind === 'filtered') return false;
  return Object.hasOwn(FAILURE_CODES, outcome.code) || /^HTTP_\d{3}$/.test(outcome.code);
}

export function deliveryEvent(messageId: string, fields: Partial<SegmentEvent> = {}): DeliveryEvent {
  const event: SegmentEvent = {
    type: 'track',
    event: 'Order Completed',
    messageId,
    userId: 'user-1',
    timestamp: '2026-03-01T11:59:59.000Z',
    receivedAt: '2026-03-01T12:00:00.000Z',
    properties: { revenue: 12.5, currency: 'EUR', note: 'é\n"' },
    ...fields,
  };
  return { event, json: Buffer.from(JSON.stringify(event)) };
}
