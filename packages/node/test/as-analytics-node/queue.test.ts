import assert from 'node:assert';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startServer, type ScriptedServer } from '../scripted-server.ts';
import { LIBRARIES, VALID, type Callback, type Client } from './libraries.ts';

let server: ScriptedServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.close();
});

describe.each(LIBRARIES)('%s', (name, Library, version) => {
  function client(options: object = {}): Client {
    const analytics = new Library('KEY', { host: server.host, ...options });
    analytics.flushed = true;
    return analytics;
  }

  describe('the queue', () => {
    it('holds an item of message and callback for each call, equal to a plain one', () => {
      const analytics = client();
      const timestamp = new Date();
      const callback = vi.fn<Callback>();
      analytics.enqueue('type', { timestamp, context: { ip: '1' } }, callback);
      expect(analytics.queue.length).toBe(1);
      const item = analytics.queue.pop()!;
      const { messageId } = item.message as { messageId: string };
      expect(messageId).toMatch(
        /^node-[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      const plain = {
        message: {
          timestamp,
          type: 'type',
          context: { library: { name, version }, ip: '1' },
          _metadata: { nodeVersion: process.versions.node },
          messageId,
        },
        callback,
      };
      assert.deepStrictEqual(item, plain);
      expect(item).toEqual(plain);
      expect(JSON.parse(JSON.stringify(item))).toEqual(JSON.parse(JSON.stringify(plain)));
      expect({ ...item }).toEqual(plain);
    });

    it('gives an item without a callback one that does nothing', () => {
      const analytics = client();
      analytics.enqueue('type', {});
      expect(() => (analytics.queue[0]!.callback as () => void)()).not.toThrow();
    });

    it('stays one array while calls are made and flushed', async () => {
      const analytics = client();
      const { queue } = analytics;
      analytics.track(VALID);
      expect(queue).toHaveLength(1);
      await analytics.flush();
      expect(queue).toHaveLength(0);
      expect(analytics.queue).toBe(queue);
      analytics.track(VALID);
      expect(queue).toHaveLength(1);
    });

    it('may be emptied, so that nothing is sent', async () => {
      const analytics = client();
      analytics.track(VALID);
      analytics.queue.length = 0;
      expect(await analytics.flush()).toBeUndefined();
      analytics.track(VALID);
      analytics.queue = [];
      expect(await analytics.flush()).toBeUndefined();
      expect(server.requests).toEqual([]);
    });

    it('may be replaced by items of whatever messages, whose callbacks are called', async () => {
      const analytics = client({ flushAt: 3 });
      const callbacks = [vi.fn<Callback>(), vi.fn<Callback>()];
      analytics.queue = [
        { message: 'a', callback: callbacks[0] },
        { message: { event: 'b' }, callback: callbacks[1] },
      ];
      const data = (await analytics.flush()) as object;
      expect(Object.keys(data)).toEqual(['batch', 'timestamp', 'sentAt']);
      expect(data).toEqual({
        batch: ['a', { event: 'b' }],
        timestamp: expect.any(Date) as Date,
        sentAt: expect.any(Date) as Date,
      });
      await vi.waitFor(() => expect(callbacks[1]).toHaveBeenCalledTimes(1));
      expect(callbacks[0]).toHaveBeenCalledExactlyOnceWith(undefined, data);
      expect(server.requests[0]?.body.batch).toEqual(['a', { event: 'b' }]);
    });

    it('may have its messages changed before they are sent', async () => {
      const analytics = client();
      analytics.track(VALID);
      (analytics.queue[0]!.message as { event: string }).event = 'changed';
      await analytics.flush();
      expect(server.requests[0]?.body.batch[0]?.event).toBe('changed');
    });

    it('counts what a program pushed to it towards flushAt', () => {
      const analytics = client({ flushAt: 3 });
      const flush = vi.spyOn(analytics, 'flush').mockResolvedValue(undefined);
      analytics.queue.push({ message: 'a', callback: () => undefined });
      analytics.track(VALID);
      expect(flush).not.toHaveBeenCalled();
      analytics.track(VALID);
      expect(flush).toHaveBeenCalledTimes(1);
    });
  });
});
