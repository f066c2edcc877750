import { describe, expect, it } from 'vitest';
import { Analytics } from './analytics.ts';

/** What programs on @segment/analytics-node do with the client that they make from one object. */

const successor = (): Analytics => new Analytics({ writeKey: 'KEY', disable: true });

describe('a client made from one object', () => {
  it('has methods that may be called without it', async () => {
    const analytics = successor();
    // oxlint-disable-next-line typescript/unbound-method -- what is tested
    const { track, identify, flush, closeAndFlush } = analytics;
    expect(track({ userId: 'u', event: 'e' })).toBe(analytics);
    expect(identify({ userId: 'u' })).toBe(analytics);
    await flush();
    await closeAndFlush();
    expect(Object.keys(analytics)).not.toContain('track');
  });

  it('lets a program replace them all the same', () => {
    const analytics = successor();
    const calls: unknown[] = [];
    analytics.enqueue = (type) => void calls.push(type);
    analytics.track({ userId: 'u', event: 'e' });
    analytics.track = (message) => {
      calls.push(message);
      return analytics;
    };
    analytics.track({ event: 'f' });
    expect(calls).toEqual(['track', { event: 'f' }]);
  });

  it('takes a date as text, and refuses one that is none', () => {
    const analytics = successor();
    const track = (timestamp: string) => () => analytics.track({ userId: 'u', event: 'e', timestamp });
    expect(track('2026-03-10T12:00:00Z')).not.toThrow();
    expect(track('soon')).toThrow('"timestamp" must be a date.');
    expect(() => new Analytics('KEY').track({ userId: 'u', event: 'e', timestamp: '2026-03-10' })).toThrow(
      '"timestamp" must be a date.',
    );
  });

  it('says its version, and is ready', async () => {
    const analytics = successor();
    expect(analytics.VERSION).toMatch(/^\d+\.\d+\.\d+/);
    expect(await analytics.ready).toBeUndefined();
  });

  it('is closed at the end of an `await using`', async () => {
    const analytics = successor();
    await analytics[Symbol.asyncDispose]();
    const enabled = new Analytics({ writeKey: 'KEY' });
    await enabled[Symbol.asyncDispose]();
    const error = await new Promise<Error | undefined>((resolve) => {
      enabled.track({ userId: 'u', event: 'e' }, resolve);
    });
    expect(error).toMatchObject({ code: 'CLIENT_CLOSED' });
  });
});
