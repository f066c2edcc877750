import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRecorder, type Recorder } from './recorder.ts';

let recorder: Recorder;

beforeEach(() => {
  recorder = createRecorder();
});
afterEach(() => {
  vi.useRealTimers();
});

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it did not throw');
}

describe('a recorder', () => {
  it('has each event in the tick of its call, in order, as it goes over the wire', () => {
    const { analytics } = recorder;
    const at = new Date('2026-03-10T12:00:00Z');
    analytics
      .identify({ userId: 7, traits: { plan: 'Pro' } })
      .track({ userId: 7, event: 'Order Completed', properties: { at, coupon: undefined }, timestamp: at })
      .page({ anonymousId: 'a', name: 'Home' });
    expect(recorder.events()).toEqual([
      expect.objectContaining({ type: 'identify', userId: '7', traits: { plan: 'Pro' } }),
      expect.objectContaining({
        type: 'track',
        event: 'Order Completed',
        properties: { at: '2026-03-10T12:00:00.000Z' },
        timestamp: '2026-03-10T12:00:00.000Z',
        messageId: expect.stringMatching(/^node-/),
        context: { library: { name: '@millrace/node', version: expect.any(String) } },
      }),
      expect.objectContaining({ type: 'page', name: 'Home' }),
    ]);
    expect(recorder.ofType('page')).toEqual([expect.objectContaining({ anonymousId: 'a' })]);
  });

  it('has many events of one tick', () => {
    for (let number = 0; number < 1_000; number += 1) {
      recorder.analytics.track({ userId: 'u', event: 'Counted', properties: { number } });
    }
    expect(recorder.events().map(({ properties }) => properties)).toEqual(
      Array.from({ length: 1_000 }, (_, number) => ({ number })),
    );
  });

  it('has what the caller excluded from every destination', () => {
    recorder.analytics.track({ userId: 'u', event: 'Quiet', integrations: { All: false } });
    expect(recorder.expectTracked('Quiet')).toMatchObject({ integrations: { All: false } });
  });

  it('validates as ever, and records nothing then', () => {
    expect(() => recorder.analytics.track({ event: 'Nobody' })).toThrow(
      'You must pass either an "anonymousId" or a "userId".',
    );
    expect(recorder.events()).toEqual([]);
  });

  it('calls back and flushes as when all is delivered', async () => {
    const called = new Promise((resolve) => {
      recorder.analytics.track({ userId: 'u', event: 'First' }, resolve);
    });
    recorder.analytics.track({ userId: 'u', event: 'Second' });
    expect(await recorder.analytics.flush()).toMatchObject({
      batch: [{ event: 'First' }, { event: 'Second' }],
    });
    expect(await called).toBeUndefined();
    await recorder.analytics.closeAndFlush();
  });

  it('records once, and leaves no timer, when all fake timers are run at once', async () => {
    vi.useFakeTimers();
    recorder.analytics.track({ userId: 'u', event: 'Timed' });
    vi.runAllTimers();
    await recorder.analytics.flush().catch(() => undefined);
    expect(recorder.events()).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('forgets what it is told to forget', () => {
    recorder.analytics.track({ userId: 'u', event: 'Old' });
    const before = recorder.events();
    recorder.clear();
    recorder.analytics.track({ userId: 'u', event: 'New' });
    expect(recorder.events()).toHaveLength(1);
    expect(before).toMatchObject([{ event: 'Old' }]);
  });
});

describe('an expectation', () => {
  beforeEach(() => {
    recorder.analytics
      .identify({ userId: 'ada', traits: { plan: 'Pro' } })
      .track({ userId: 'ada', event: 'Order Completed', properties: { total: 39.9, items: [{ sku: 'a' }] } })
      .track({ userId: 'ada', event: 'Order Completed', properties: { total: 5, currency: 'EUR' } })
      .track({ userId: 'bob', event: 'Signed Up' });
  });

  it('gives the event that has what was asked for, and perhaps more', () => {
    expect(recorder.expectTracked('Order Completed', { total: 5 })).toMatchObject({
      userId: 'ada',
      properties: { currency: 'EUR' },
    });
    expect(recorder.expectTracked('Signed Up')['userId']).toBe('bob');
    recorder.expectTracked('Order Completed', { total: expect.any(Number) });
    expect(recorder.expectEvent('identify', { traits: { plan: 'Pro' } })).toMatchObject({ userId: 'ada' });
    expect(recorder.expectEvent('track')).toBe(recorder.events()[1]);
    recorder.expectNotTracked('Order Cancelled');
    recorder.expectNotTracked('Order Completed', { total: 6 });
  });

  it('says how the closest differ, the nearest first', () => {
    expect(
      messageOf(() => recorder.expectTracked('Order Completed', { total: 39.95, currency: 'EUR' })),
    ).toBe(
      `Expected track "Order Completed", but no such event was recorded. Wanted:
  event: 'Order Completed'
  properties: { total: 39.95, currency: 'EUR' }

Closest: event 3 of 4, track "Order Completed"
  properties.total
    - wanted 39.95
    + was    5

Closest: event 2 of 4, track "Order Completed"
  properties.total
    - wanted 39.95
    + was    39.9
  properties.currency
    - wanted 'EUR'
    + was    undefined

Recorded:
  1. identify "ada"
  2. track "Order Completed"
  3. track "Order Completed"
  4. track "Signed Up"`,
    );
  });

  it('compares with the others of the type when no event has the name', () => {
    expect(messageOf(() => recorder.expectTracked('Signed up'))).toContain(
      `Closest: event 4 of 4, track "Signed Up"
  event
    - wanted 'Signed up'
    + was    'Signed Up'`,
    );
  });

  it('says so when nothing was recorded, or nothing of the type', () => {
    expect(messageOf(() => createRecorder().expectTracked('Signed Up'))).toContain('Nothing was recorded.');
    const message = messageOf(() => recorder.expectEvent('group', { groupId: 'g' }));
    expect(message).not.toContain('Closest');
    expect(message).toContain('Recorded:\n  1. identify "ada"');
  });

  it('shows the event that should not be there', () => {
    const message = messageOf(() => recorder.expectNotTracked('Order Completed', { total: 5 }));
    expect(message).toContain('Expected no track "Order Completed", but event 3 of 4 is one:');
    expect(message).toContain("properties: { total: 5, currency: 'EUR' }");
  });

  it('has a stack that starts at the line of the test', () => {
    const error = ((): Error => {
      try {
        recorder.expectTracked('Never');
      } catch (error) {
        return error as Error;
      }
      throw new Error('it did not throw');
    })();
    expect(error.stack?.split('\n').find((line) => line.startsWith('    at '))).toContain('recorder.test.ts');
  });
});
