import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startServer, type ScriptedServer } from '../scripted-server.ts';
import { LIBRARIES, type Client } from './libraries.ts';

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

  describe('a new client', () => {
    it.each([undefined, null, ''])('is refused without a key (%j)', (key) => {
      const words = "You must pass your Segment project's write key.";
      expect(() => new Library(key)).toThrow(
        expect.objectContaining({ message: words, code: 'ERR_ASSERTION' }),
      );
    });

    it.each<[object | undefined, object]>([
      [
        undefined,
        {
          queue: [],
          writeKey: 'KEY',
          host: 'https://api.segment.io',
          path: '/v1/batch',
          timeout: false,
          flushAt: 20,
          maxQueueSize: 460_800,
          flushInterval: 10_000,
          flushed: false,
          errorHandler: undefined,
          enable: true,
          timer: undefined,
        },
      ],
      [
        { host: 'http://a///', path: '/v1/b//' },
        { host: 'http://a', path: '/v1/b' },
      ],
      [
        { host: '', path: null },
        { host: 'https://api.segment.io', path: '/v1/batch' },
      ],
      [{ flushAt: 0 }, { flushAt: 1 }],
      [{ flushAt: -3 }, { flushAt: 1 }],
      [{ flushAt: '5' }, { flushAt: 5 }],
      [{ flushAt: 'many' }, { flushAt: 20 }],
      [{ flushAt: null }, { flushAt: 1 }],
      [{ flushInterval: 0 }, { flushInterval: 10_000 }],
      [{ flushInterval: null }, { flushInterval: 10_000 }],
      [{ flushInterval: 5 }, { flushInterval: 5 }],
      [{ maxQueueSize: 0 }, { maxQueueSize: 460_800 }],
      [{ maxQueueSize: 9 }, { maxQueueSize: 9 }],
      [{ timeout: 0 }, { timeout: false }],
      [{ timeout: '10s' }, { timeout: '10s' }],
      [{ enable: false }, { enable: false }],
      [{ enable: 'no' }, { enable: true }],
      [{ enable: 0 }, { enable: true }],
    ])('given %j has the fields %j', (options, fields) => {
      const analytics = new Library('KEY', options);
      const found = Object.fromEntries(
        Object.keys(fields).map((field) => [field, (analytics as unknown as Record<string, unknown>)[field]]),
      );
      expect(found).toEqual(fields);
    });

    it('says whether it is enabled in a field that cannot be written', () => {
      expect(Object.getOwnPropertyDescriptor(client(), 'enable')).toEqual({
        value: true,
        enumerable: true,
        writable: false,
        configurable: false,
      });
      expect(() => {
        (client() as { enable: boolean }).enable = false;
      }).toThrow(TypeError);
    });

    it('lists the same fields to whoever walks its keys', () => {
      const fields = [
        'queue',
        'writeKey',
        'host',
        'path',
        'timeout',
        'flushAt',
        'maxQueueSize',
        'flushInterval',
      ];
      expect(Object.keys(client())).toEqual(
        expect.arrayContaining([...fields, 'flushed', 'errorHandler', 'enable']),
      );
    });
  });

  it.each<[object, boolean]>([
    [{ code: 'ECONNRESET' }, true],
    [{ code: 'ECONNREFUSED' }, true],
    [{ code: 'ETIMEDOUT' }, true],
    [{ code: 'ECONNABORTED' }, false],
    [{ code: 'ENOTFOUND' }, false],
    [{ code: 'CERT_HAS_EXPIRED' }, false],
    [{}, false],
    [{ response: { status: 500 } }, true],
    [{ response: { status: 501 } }, true],
    [{ response: { status: 599 } }, true],
    [{ response: { status: 429 } }, true],
    [{ response: { status: 408 } }, false],
    [{ response: { status: 400 } }, false],
  ])('_isErrorRetryable(%j) is %j', (error, answer) => {
    expect(client()._isErrorRetryable(error)).toBe(answer);
  });
});
