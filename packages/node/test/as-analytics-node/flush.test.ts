import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { gate, startServer, type ScriptedServer } from '../scripted-server.ts';
import { LIBRARIES, VALID, type Callback, type Client } from './libraries.ts';

let server: ScriptedServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  vi.useRealTimers();
  await server.close();
});

describe.each(LIBRARIES)('%s', (_, Library) => {
  function client(options: object = {}): Client {
    const analytics = new Library('KEY', { host: server.host, ...options });
    analytics.flushed = true;
    return analytics;
  }

  describe('a flush', () => {
    it('is made through the public method, by the first event, by flushAt and by bytes', () => {
      const analytics = client({ flushAt: 3, maxQueueSize: 2_000 });
      analytics.flushed = false;
      const flush = vi.spyOn(analytics, 'flush').mockImplementation(async () => {
        analytics.queue = [];
      });
      analytics.track(VALID);
      expect([flush.mock.calls.length, analytics.flushed]).toEqual([1, true]);
      analytics.track(VALID);
      analytics.track(VALID);
      expect(flush).toHaveBeenCalledTimes(1);
      analytics.track(VALID);
      expect(flush).toHaveBeenCalledTimes(2);
      analytics.track({ ...VALID, properties: { text: 'x'.repeat(2_000) } });
      expect(flush).toHaveBeenCalledTimes(3);
    });

    it('is made by the timer, which later events do not reset and a flush clears', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const analytics = client({ flushInterval: 100 });
      const flush = vi.spyOn(analytics, 'flush');
      analytics.track(VALID);
      const { timer } = analytics;
      expect(timer).toBeTruthy();
      vi.advanceTimersByTime(60);
      analytics.track(VALID);
      expect(analytics.timer).toBe(timer);
      vi.advanceTimersByTime(39);
      expect(flush).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1);
      expect(flush).toHaveBeenCalledTimes(1);
      expect(analytics.timer).toBeNull();
      vi.useRealTimers();
      await vi.waitFor(() => expect(server.requests).toHaveLength(1));
    });

    it('calls back after the tick, each event first, then its own callback', async () => {
      const analytics = client();
      const order: unknown[] = [];
      analytics.track(VALID, (...given) => order.push(['event', ...given]));
      const data = await new Promise((resolve) => {
        void analytics.flush((...given) => {
          order.push(['flush', ...given]);
          resolve(given[1]);
        });
        expect(order).toEqual([]);
      });
      expect(order).toEqual([
        ['event', undefined, data],
        ['flush', undefined, data],
      ]);
    });

    it('of nothing, and of a disabled client, calls back without arguments and resolves undefined', async () => {
      for (const analytics of [client(), client({ enable: false })]) {
        const callback = vi.fn<Callback>();
        const event = vi.fn<Callback>();
        if (!analytics.enable) analytics.track(VALID, event);
        expect(await analytics.flush(callback)).toBeUndefined();
        await vi.waitFor(() => expect(callback.mock.calls).toEqual([[]]));
        expect(event.mock.calls).toEqual(analytics.enable ? [] : [[]]);
        expect(server.requests).toEqual([]);
      }
    });

    it.each([
      [400, 'Bad Request'],
      [401, 'Unauthorized'],
      [413, 'Payload Too Large'],
    ])('that is refused with %i rejects and calls back with %s', async (status, words) => {
      server.script({ status });
      const analytics = client();
      const callback = vi.fn<Callback>();
      analytics.track(VALID, callback);
      await expect(analytics.flush()).rejects.toThrow(words);
      await vi.waitFor(() => expect(callback).toHaveBeenCalledTimes(1));
      expect(callback.mock.calls[0]).toEqual([
        expect.objectContaining({ message: words }),
        expect.objectContaining({ batch: [expect.objectContaining(VALID)] }),
      ]);
    });

    it.each([30, '30ms'])(
      'that gets no answer within a time-out of %j rejects saying so',
      async (timeout) => {
        const { opened, open } = gate();
        server.script({ after: opened });
        const analytics = client({ timeout, retryCount: 0 });
        analytics.track(VALID);
        await expect(analytics.flush()).rejects.toMatchObject({
          message: 'timeout of 30ms exceeded',
          code: 'ECONNABORTED',
        });
        open();
      },
    );

    it('that reaches nobody rejects with the code and words of the system', async () => {
      const { host } = server;
      await server.close();
      const analytics = client({ host, retryCount: 0 });
      analytics.track(VALID);
      await expect(analytics.flush()).rejects.toMatchObject({
        message: `connect ECONNREFUSED ${host.replace('http://', '')}`,
        code: 'ECONNREFUSED',
      });
      server = await startServer();
    });

    it('resolves where an errorHandler has the error, with the status in its response', async () => {
      server.script({ status: 400 });
      const errorHandler = vi.fn<(error: unknown) => void>();
      const analytics = client({ errorHandler });
      const callback = vi.fn<Callback>();
      analytics.track(VALID, callback);
      await analytics.flush();
      expect(errorHandler).toHaveBeenCalledExactlyOnceWith(
        expect.objectContaining({ response: expect.objectContaining({ status: 400 }) as object }),
      );
      await vi.waitFor(() => expect(callback).toHaveBeenCalledTimes(1));
      expect(callback.mock.calls[0]?.[0]).toBe(errorHandler.mock.calls[0]?.[0]);
    });

    it.each([
      [0, 1],
      [1, 2],
      [2, 3],
    ])('with a retryCount of %i makes %i attempts', async (retryCount, attempts) => {
      server.script(...Array.from({ length: 5 }, () => ({ status: 503 })));
      const analytics = client({ retryCount });
      analytics.track(VALID);
      await expect(analytics.flush()).rejects.toThrow('Service Unavailable');
      expect(server.requests).toHaveLength(attempts);
    });
  });
});
