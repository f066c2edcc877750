import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startServer, type ScriptedServer } from '../scripted-server.ts';
import { CALLS, LIBRARIES, VALID, type Callback, type Client } from './libraries.ts';

let server: ScriptedServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.close();
});

describe.each(LIBRARIES)('%s', (_, Library) => {
  function client(options: object = {}): Client {
    const analytics = new Library('KEY', { host: server.host, ...options });
    analytics.flushed = true;
    return analytics;
  }

  describe('the methods', () => {
    it.each(['enqueue', 'flush', '_validate', ...CALLS] as const)(
      '%s may be replaced on the prototype',
      (method) => {
        const replaced = vi.spyOn(Library.prototype as Client, method).mockReturnValue(undefined);
        const analytics = client();
        analytics[method]('track' as never, {} as never);
        expect(replaced).toHaveBeenCalledTimes(1);
        replaced.mockRestore();
      },
    );

    it('may be those of a class that extends it', async () => {
      class Stamped extends Library {
        override enqueue(type: string, message: object, callback?: Callback): unknown {
          return super.enqueue(type, { ...message, stamped: true }, callback);
        }
      }
      const analytics = new Stamped('KEY', { host: server.host });
      analytics.track(VALID);
      await vi.waitFor(() => expect(server.requests).toHaveLength(1));
      expect(server.requests[0]?.body.batch).toMatchObject([{ ...VALID, stamped: true }]);
    });
  });

  describe.each(CALLS)('%s', (call) => {
    it('returns the client and hands `enqueue` its type, the very message and the callback', () => {
      const analytics = client();
      const enqueue = vi.spyOn(analytics, 'enqueue').mockReturnValue(undefined);
      const message = { ...VALID };
      const callback = vi.fn<Callback>();
      expect(analytics[call](message, callback)).toBe(analytics);
      expect(enqueue.mock.calls).toEqual([[call, message, callback]]);
      expect(enqueue.mock.calls[0]?.[1]).toBe(message);
    });

    it('asks `_validate`, which a program may replace', () => {
      const analytics = client();
      vi.spyOn(analytics, 'enqueue').mockReturnValue(undefined);
      const validate = vi.spyOn(analytics, '_validate').mockImplementation(() => {
        throw new Error('not in my house');
      });
      expect(() => analytics[call]({ ...VALID })).toThrow('not in my house');
      expect(validate.mock.calls).toEqual([[VALID, call]]);
    });

    it('throws at the call, also when disabled, and sends nothing', () => {
      for (const analytics of [client(), client({ enable: false })]) {
        const thrown = (message: unknown): unknown => {
          try {
            analytics[call](message as object);
          } catch (error) {
            const { message: words, code } = error as { message: string; code: string };
            return [words, code];
          }
          return 'nothing';
        };
        expect(thrown(undefined)).toEqual(['You must pass a message object.', 'ERR_ASSERTION']);
        expect(thrown([])).toEqual(['You must pass a message object.', 'ERR_ASSERTION']);
        expect(thrown({ name: 'x'.repeat(32_768) })).toEqual([
          'Your message must be < 32kb.',
          'ERR_ASSERTION',
        ]);
        expect(thrown({ name: '水'.repeat(11_000) })).toEqual([
          'Your message must be < 32kb.',
          'ERR_ASSERTION',
        ]);
        const nobody = call === 'alias' ? 'a "userId".' : 'either an "anonymousId" or a "userId".';
        for (const message of [{}, { userId: 0 }, { userId: '' }, { userId: null, anonymousId: 0 }]) {
          expect(thrown(message)).toEqual([`You must pass ${nobody}`, 'ERR_ASSERTION']);
        }
        expect(thrown({ ...VALID, timestamp: '2020-01-01' })).toEqual([
          '"timestamp" must be a date.',
          'ERR_ASSERTION',
        ]);
        expect(analytics.queue).toEqual([]);
      }
    });

    it('leaves the message as it was', () => {
      const message = Object.freeze({ ...VALID, userId: 7, context: Object.freeze({ ip: '1' }) });
      expect(() => client()[call](message)).not.toThrow();
    });
  });
});
