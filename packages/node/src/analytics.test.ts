import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { gate, startServer, type ReceivedEvent, type ScriptedServer } from '../test/scripted-server.ts';
import { Analytics } from './analytics.ts';
import type { AnalyticsOptions } from './options.ts';
import type { Callback } from './outgoing.ts';
import { LIBRARY_NAME, LIBRARY_VERSION } from './version.ts';

let server: ScriptedServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.close();
});

/** As the tests of analytics-node make theirs: the first event does not go out at once. */
function client(options: AnalyticsOptions = {}): Analytics {
  const analytics = new Analytics('KEY', { host: server.host, ...options });
  analytics.flushed = true;
  return analytics;
}

const track = (analytics: Analytics, event: string, callback?: Callback): Analytics =>
  analytics.track({ userId: 'u', event }, callback);
const eventsOf = (batch: readonly unknown[] = []): unknown[] =>
  batch.map((message) => (message as ReceivedEvent).event);
const sent = (): unknown[][] => server.requests.map(({ body }) => eventsOf(body.batch));

describe('the constructor', () => {
  it('wants a write key', () => {
    const words = "You must pass your Segment project's write key.";
    expect(() => new Analytics('')).toThrow(words);
    expect(() => new Analytics({ writeKey: '' })).toThrow(words);
    expect(() => new Analytics(undefined as unknown as string)).toThrow(words);
  });

  it('has the defaults of analytics-node', () => {
    expect(new Analytics('KEY')).toMatchObject({
      writeKey: 'KEY',
      host: 'https://api.segment.io',
      path: '/v1/batch',
      timeout: false,
      flushAt: 20,
      flushInterval: 10_000,
      maxQueueSize: 460_800,
      flushed: false,
      enable: true,
      queue: [],
    });
  });

  it.each<[AnalyticsOptions, object]>([
    [
      { host: 'http://a///', path: '/b/' },
      { host: 'http://a', path: '/b' },
    ],
    [{ flushAt: 0 }, { flushAt: 1 }],
    [
      { flushAt: Number.NaN, flushInterval: null },
      { flushAt: 20, flushInterval: 10_000 },
    ],
    [{ enable: false }, { enable: false }],
    [{ enable: 0 as unknown as boolean }, { enable: true }],
    [{ disable: true }, { enable: false }],
    [
      { maxEventsInBatch: 7, httpRequestTimeout: 50 },
      { flushAt: 7, timeout: 50 },
    ],
    [{ timeout: '10s' }, { timeout: '10s' }],
  ])('reads %j', (options, fields) => {
    expect(new Analytics('KEY', options)).toMatchObject(fields);
    expect(new Analytics({ writeKey: 'KEY', ...options })).toMatchObject(fields);
  });

  it.each<[AnalyticsOptions, string]>([
    [{ host: 42 as unknown as string }, 'The option "host" must be a string; found 42.'],
    [{ retryCount: -1 }, 'The option "retryCount" must be a whole number of at least 0; found -1.'],
    [{ maxRetries: 0.5 }, 'The option "maxRetries" must be a whole number of at least 0; found 0.5.'],
    [
      { maxBufferedEvents: 0 },
      'The option "maxBufferedEvents" must be a whole number of at least 1; found 0.',
    ],
    [
      { maxBufferedBytes: 5 },
      'The option "maxBufferedBytes" must be a whole number of at least 32768; found 5.',
    ],
    [
      { maxConcurrentRequests: 0 },
      'The option "maxConcurrentRequests" must be a whole number of at least 1; found 0.',
    ],
    [{ exitDrainMs: -5 }, 'The option "exitDrainMs" must be a whole number of at least 0; found -5.'],
    [{ timeout: 'soon' }, 'The option "timeout" must be a number of milliseconds or a text such as'],
    [
      { overflow: 'block' as 'drop-newest' },
      'The option "overflow" must be one of drop-newest, drop-oldest;',
    ],
    [{ libraryName: 'a\nb' }, 'The option "libraryName" must be visible ASCII characters without spaces;'],
  ])('refuses %j', (options, words) => {
    expect(() => new Analytics('KEY', options)).toThrow(words);
  });

  it('makes `enable` read-only', () => {
    expect(Object.getOwnPropertyDescriptor(client(), 'enable')).toEqual({
      value: true,
      enumerable: true,
      writable: false,
      configurable: false,
    });
  });
});

describe('a call', () => {
  it('sends all six types with their enrichment in one request', async () => {
    const analytics = client();
    analytics
      .identify({ userId: 7, traits: { plan: 'pro' } })
      .track({ userId: 'u', event: 'Signed Up', properties: { a: 1 } })
      .page({ anonymousId: 'a', name: 'Home' })
      .screen({ anonymousId: 'a' })
      .group({ userId: 'u', groupId: 'g' })
      .alias({ userId: 'u', previousId: 'a', extra: true });
    await analytics.flush();
    const [request] = server.requests;
    expect(request).toMatchObject({
      method: 'POST',
      path: '/v1/batch',
      headers: {
        authorization: `Basic ${Buffer.from('KEY:').toString('base64')}`,
        'user-agent': `${LIBRARY_NAME}/${LIBRARY_VERSION}`,
      },
    });
    expect(Object.keys(request!.body)).toEqual(['batch', 'timestamp', 'sentAt']);
    const shared = {
      messageId: expect.stringMatching(/^node-[0-9a-f]{32}-[0-9a-f-]{36}$/) as string,
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      context: { library: { name: LIBRARY_NAME, version: LIBRARY_VERSION } },
      _metadata: { nodeVersion: process.versions.node },
    };
    expect(request!.body.batch).toEqual([
      { ...shared, type: 'identify', userId: '7', traits: { plan: 'pro' } },
      { ...shared, type: 'track', userId: 'u', event: 'Signed Up', properties: { a: 1 } },
      { ...shared, type: 'page', anonymousId: 'a', name: 'Home' },
      { ...shared, type: 'screen', anonymousId: 'a' },
      { ...shared, type: 'group', userId: 'u', groupId: 'g' },
      { ...shared, type: 'alias', userId: 'u', previousId: 'a', extra: true },
    ]);
  });

  it('throws what is wrong with the message, also when disabled', () => {
    for (const analytics of [client(), client({ enable: false })]) {
      expect(() => analytics.track(undefined as unknown as object)).toThrow(
        'You must pass a message object.',
      );
      expect(() => analytics.track({ userId: 'u' })).toThrow('You must pass an "event".');
      expect(() => track(analytics, '水'.repeat(11_000))).toThrow('Your message must be < 32kb.');
      expect(() => analytics.track({ userId: 'u', event: 7, name: 'x'.repeat(32_768) })).toThrow(
        'Your message must be < 32kb.',
      );
      expect(() => analytics.track({ userId: 'u', event: 'e', properties: { n: 1n } })).toThrow(TypeError);
      expect(() => analytics._validate({ userId: 'u', event: 'x'.repeat(32_768) }, 'track')).toThrow('32kb');
      expect(analytics.queue).toEqual([]);
    }
  });

  it('sends the message as it was at the call', async () => {
    const analytics = client();
    const message = { userId: 'u', event: 'e', properties: { n: 1 } };
    analytics.track(message);
    message.properties.n = 2;
    await analytics.flush();
    expect(server.requests[0]?.body.batch[0]).toMatchObject({ properties: { n: 1 } });
    expect(message).toEqual({ userId: 'u', event: 'e', properties: { n: 2 } });
  });

  it('goes through `enqueue` and `_validate`, with the message itself', () => {
    const analytics = client();
    const enqueue = vi.spyOn(analytics, 'enqueue').mockReturnValue();
    const validate = vi.spyOn(analytics, '_validate').mockReturnValue();
    const message = {};
    const callback = vi.fn<Callback>();
    analytics.page(message, callback);
    expect(validate).toHaveBeenCalledExactlyOnceWith(message, 'page');
    expect(enqueue).toHaveBeenCalledExactlyOnceWith('page', message, callback);
    expect(enqueue.mock.calls[0]?.[1]).toBe(message);
  });

  it('calls back without sending when disabled', async () => {
    const analytics = client({ enable: false });
    await new Promise<void>((resolve) => {
      track(analytics, 'a', () => resolve());
    });
    expect(await analytics.flush()).toBeUndefined();
    expect(analytics.queue).toEqual([]);
    expect(server.requests).toEqual([]);
  });
});

describe('a flush is triggered', () => {
  it('by the first event', () => {
    const analytics = new Analytics('KEY', { host: server.host, flushAt: 2 });
    const flush = vi.spyOn(analytics, 'flush');
    track(analytics, 'a');
    expect(flush).toHaveBeenCalledTimes(1);
    track(analytics, 'b');
    expect(flush).toHaveBeenCalledTimes(1);
    track(analytics, 'c');
    expect(flush).toHaveBeenCalledTimes(2);
  });

  it('by maxQueueSize bytes', () => {
    const analytics = client({ maxQueueSize: 2_000, flushAt: 1_000 });
    const flush = vi.spyOn(analytics, 'flush');
    track(analytics, 'x'.repeat(1_000));
    expect(flush).not.toHaveBeenCalled();
    track(analytics, 'x'.repeat(1_000));
    expect(flush).toHaveBeenCalledTimes(1);
  });

  it('by the timer, which later events do not reset', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const analytics = client({ flushInterval: 100 });
      const flush = vi.spyOn(analytics, 'flush').mockResolvedValue(undefined);
      track(analytics, 'a');
      vi.advanceTimersByTime(60);
      track(analytics, 'b');
      vi.advanceTimersByTime(39);
      expect(flush).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1);
      expect(flush).toHaveBeenCalledTimes(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('and does not leave a timer behind', () => {
    const analytics = client({ flushAt: 2 });
    track(analytics, 'a');
    expect(analytics.timer).toBeTruthy();
    track(analytics, 'b');
    expect(analytics.timer).toBeNull();
  });
});

describe('flush', () => {
  it('covers what is queued and what is in flight, and resolves after the callbacks', async () => {
    const { opened, open } = gate();
    server.script({ after: opened });
    const analytics = client({ flushAt: 1 });
    const called: string[] = [];
    const noted = (event: string): Analytics => track(analytics, event, () => called.push(event));
    noted('a');
    await vi.waitFor(() => expect(sent()).toEqual([['a']]));
    noted('b');
    noted('c');
    const flush = analytics.flush(() => called.push('flush'));
    expect(analytics.pendingFlush).toBe(flush);
    expect(called).toEqual([]);
    open();
    const data = await flush;
    expect(called).toEqual(['a', 'b', 'c', 'flush']);
    expect(sent()).toEqual([['a'], ['b', 'c']]);
    expect(Object.keys(data!)).toEqual(['batch', 'timestamp', 'sentAt']);
    expect(eventsOf(data!.batch)).toEqual(['a', 'b', 'c']);
    expect([data!.timestamp, data!.sentAt]).toEqual([expect.any(Date), expect.any(Date)]);
    expect(analytics.pendingFlush).toBeNull();
  });

  it('is under way also where events went out unasked, and covers them', async () => {
    server.script({ status: 400 });
    const analytics = client({ flushAt: 1 });
    expect(analytics.pendingFlush).toBeNull();
    track(analytics, 'a');
    const pending = analytics.pendingFlush;
    expect(analytics.pendingFlush).toBe(pending);
    await expect(pending).rejects.toThrow('Bad Request');
    expect(analytics.pendingFlush).toBeNull();
  });

  it('leaves nothing queued: a batch takes what the limits allow', async () => {
    const analytics = client({ flushAt: 10_000 });
    for (let count = 0; count < 3_000; count += 1) track(analytics, `e${count}`);
    const data = await analytics.flush();
    expect(data?.batch).toHaveLength(3_000);
    expect(server.requests.map(({ body }) => body.batch.length).reduce((sum, count) => sum + count)).toBe(
      3_000,
    );
    for (const { bodyBytes, body } of server.requests) {
      expect(bodyBytes).toBeLessThanOrEqual(512_000);
      expect(body.batch.length).toBeLessThanOrEqual(2_500);
    }
  });

  it('resolves undefined when there is nothing', async () => {
    const callback = vi.fn<Callback>();
    expect(await client().flush(callback)).toBeUndefined();
    await vi.waitFor(() => expect(callback).toHaveBeenCalledExactlyOnceWith());
  });

  it('sends what a program put into the queue', async () => {
    const analytics = client();
    const callback = vi.fn<Callback>();
    analytics.queue = [{ message: 'a', callback }, { message: { event: 'b' } }];
    expect((await analytics.flush())?.batch).toEqual(['a', { event: 'b' }]);
    expect(server.requests[0]?.body.batch).toEqual(['a', { event: 'b' }]);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it('reports what JSON cannot hold to its callback, and sends the rest', async () => {
    const analytics = client();
    const callback = vi.fn<Callback>();
    analytics.queue = [{ message: 1n, callback }, { message: 'b' }];
    expect((await analytics.flush())?.batch).toEqual(['b']);
    expect(callback).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'ERR_ASSERTION' }));
  });

  it('rejects with the status text when the server refuses', async () => {
    server.script({ status: 400 });
    const analytics = client();
    const callback = vi.fn<Callback>();
    const onError = vi.fn<(error: Error) => void>();
    analytics.on('error', onError);
    track(analytics, 'a', callback);
    const error = { message: 'Bad Request', code: 'HTTP_400', response: { status: 400 } };
    await expect(analytics.flush()).rejects.toMatchObject(error);
    expect(callback.mock.calls[0]?.[0]).toMatchObject(error);
    expect(onError).toHaveBeenCalledExactlyOnceWith(callback.mock.calls[0]?.[0]);
  });

  it('rejects when the server refused an event of a batch that it took, and tells the others nothing', async () => {
    const body = '{"success":true,"verdicts":[{"index":1,"code":"invalid_timestamp"}]}';
    server.script({ status: 200, body });
    const analytics = client();
    const codes: unknown[] = [];
    for (const event of ['a', 'b', 'c']) track(analytics, event, (error) => codes.push(error?.code));
    const error = {
      code: 'invalid_timestamp',
      message: expect.stringMatching(/^the server refused 1 of 3/) as string,
    };
    await expect(analytics.flush()).rejects.toMatchObject(error);
    expect(codes).toEqual([undefined, 'invalid_timestamp', undefined]);
  });

  it('rejects with the time-out', async () => {
    const { opened, open } = gate();
    server.script({ after: opened });
    const analytics = client({ timeout: '30ms', retryCount: 0 });
    track(analytics, 'a');
    await expect(analytics.flush()).rejects.toThrow('timeout of 30ms exceeded');
    open();
  });

  it('resolves when an errorHandler has the error', async () => {
    server.script({ status: 400 });
    const errorHandler = vi.fn<(error: Error) => void>();
    const callback = vi.fn<Callback>();
    const analytics = client({ errorHandler });
    track(analytics, 'a', callback);
    expect((await analytics.flush())?.batch).toHaveLength(1);
    expect(errorHandler).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'Bad Request' }));
    expect(callback.mock.calls[0]?.[0]).toBe(errorHandler.mock.calls[0]?.[0]);
  });

  it('retries', async () => {
    server.script({ status: 503 }, 'cut');
    const analytics = client();
    track(analytics, 'a');
    await analytics.flush();
    expect(sent()).toEqual([['a'], ['a'], ['a']]);
    const [first, , third] = server.requests.map(({ body }) => body.batch[0]?.['messageId']);
    expect(first).toBe(third);
  });

  it('reads the fields of the client when it sends', async () => {
    const analytics = client({ host: 'http://wrong.invalid' });
    track(analytics, 'a');
    analytics.host = server.host;
    analytics.path = '/other';
    analytics.writeKey = 'OTHER';
    await analytics.flush();
    expect(server.requests[0]).toMatchObject({
      path: '/other',
      headers: { authorization: `Basic ${Buffer.from('OTHER:').toString('base64')}` },
    });
  });

  it('gives up waiting after its time-out, says what is left, and goes on sending', async () => {
    const { opened, open } = gate();
    server.script({ status: 200 }, { after: opened });
    const analytics = client();
    for (let count = 0; count < 20; count += 1) track(analytics, 'x'.repeat(30_000));
    const timedOut = analytics.flush({ timeout: 200 });
    await expect(timedOut).rejects.toMatchObject({ code: 'FLUSH_TIMEOUT', sentCount: 16, remainingCount: 4 });
    open();
    expect((await analytics.flush())?.batch).toHaveLength(4);
  });

  it('refuses a time-out that is none', () => {
    expect(() => client().flush({ timeout: 'soon' })).toThrow('The option "timeout" must be');
  });

  it('works with a replaced flush, as the tests of analytics-node have it', async () => {
    const analytics = client({ flushAt: 1 });
    const flush = analytics.flush.bind(analytics);
    const flushed = vi.fn<() => void>();
    analytics.flush = () =>
      new Promise((resolve, reject) => {
        void flush((error, data) => (error ? reject(error) : resolve(data))).then(flushed, flushed);
      });
    track(analytics, 'a');
    await vi.waitFor(() => expect(flushed).toHaveBeenCalledTimes(1));
    expect(sent()).toEqual([['a']]);
  });
});

describe('closeAndFlush', () => {
  it('sends what is left, twice the same, and drops what comes later', async () => {
    const { opened, open } = gate();
    server.script({ after: opened });
    const analytics = client();
    track(analytics, 'a');
    const closed = [analytics.closeAndFlush(), analytics.closeAndFlush({ timeout: '5s' })];
    const late = vi.fn<Callback>();
    track(analytics, 'late', late);
    open();
    expect((await Promise.all(closed)).map((data) => eventsOf(data?.batch))).toEqual([['a'], ['a']]);
    expect(sent()).toEqual([['a']]);
    expect(late).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'CLIENT_CLOSED' }));
    expect(await analytics.closeAndFlush()).toBeUndefined();
  });
});

/** Tracks five events, the first of which is in flight when the others follow in one tick. */
async function overflow(
  options: AnalyticsOptions,
): Promise<{ full: string[]; sent: unknown[]; errors: number }> {
  const { opened, open } = gate();
  server.script({ after: opened });
  const errorHandler = vi.fn<(error: Error) => void>();
  const analytics = client({ flushAt: 1, errorHandler, ...options });
  const full: string[] = [];
  const noted = (event: string): Analytics =>
    track(analytics, event, (error) => {
      if (error?.code === 'QUEUE_FULL') full.push(event);
    });
  noted('a');
  await vi.waitFor(() => expect(sent()).toEqual([['a']]));
  for (const event of ['b', 'c', 'd', 'e']) noted(event);
  open();
  await analytics.flush();
  return { full, sent: sent().flat(), errors: errorHandler.mock.calls.length };
}

describe('a full buffer', () => {
  it('drops the newest, calls back, and reports once a tick', async () => {
    expect(await overflow({ maxBufferedEvents: 3 })).toEqual({
      full: ['d', 'e'],
      sent: ['a', 'b', 'c'],
      errors: 1,
    });
  });

  it('drops the oldest that is not in flight, when told to', async () => {
    expect(await overflow({ maxBufferedEvents: 3, overflow: 'drop-oldest' })).toEqual({
      full: ['b', 'c'],
      sent: ['a', 'd', 'e'],
      errors: 1,
    });
  });

  it('is bounded in bytes too', async () => {
    const analytics = client({ maxBufferedBytes: 65_536, flushAt: 100 });
    const dropped = vi.fn<Callback>();
    for (let count = 0; count < 3; count += 1) track(analytics, 'x'.repeat(30_000), dropped);
    await analytics.flush();
    expect(sent().flat()).toHaveLength(2);
    expect(dropped.mock.calls.filter(([error]) => error?.code)).toHaveLength(1);
  });

  it('is emptied although fewer events than flushAt fit', async () => {
    const analytics = client({ maxBufferedEvents: 2, flushAt: 20 });
    for (const event of ['a', 'b', 'c']) track(analytics, event);
    await vi.waitFor(() => expect(sent()).toEqual([['a', 'b']]));
  });
});

describe('error listeners', () => {
  it('come and go', async () => {
    server.script({ status: 400 }, { status: 400 }, { status: 400 });
    const analytics = client();
    const once = vi.fn<(error: Error) => void>();
    const on = vi.fn<(error: Error) => void>();
    analytics.once('error', once).on('error', on);
    for (const event of ['a', 'b', 'c']) {
      track(analytics, event);
      await expect(analytics.flush()).rejects.toThrow('Bad Request');
      if (event === 'b') analytics.off('error', on);
    }
    expect([once.mock.calls.length, on.mock.calls.length]).toEqual([1, 2]);
  });
});

it('answers _isErrorRetryable as analytics-node does', () => {
  expect(client()._isErrorRetryable({ code: 'ETIMEDOUT' })).toBe(true);
  expect(client()._isErrorRetryable({ code: 'ECONNABORTED' })).toBe(false);
});

it('waits for its own events in a flush that the callback of a flush makes', async () => {
  const analytics = client();
  const { opened, open } = gate();
  server.script({ status: 200 }, { after: opened });
  const order: string[] = [];
  track(analytics, 'a');
  await new Promise<void>((resolve) => {
    void analytics.flush(() => {
      track(analytics, 'b', () => order.push('callback of b'));
      void analytics
        .flush()
        .then((data) => order.push(`flushed ${eventsOf(data?.batch).join()}`))
        .then(() => resolve());
      setTimeout(open, 50);
    });
  });
  expect(order).toEqual(['callback of b', 'flushed b']);
});

it('calls back and resolves with fake timers, as analytics-node does', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
  const callback = vi.fn<Callback>();
  const analytics = client();
  track(analytics, 'a', callback);
  expect(eventsOf((await analytics.flush())?.batch)).toEqual(['a']);
  expect(callback).toHaveBeenCalledTimes(1);
  vi.useRealTimers();
});

it.each(['30d', Number.MAX_SAFE_INTEGER])('waits long for a time-out of %s', async (timeout) => {
  const { opened, open } = gate();
  server.script({ after: opened });
  const analytics = client({ timeout, retryCount: 0, flushInterval: Number.MAX_SAFE_INTEGER });
  track(analytics, 'a');
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(server.requests).toHaveLength(0);
  const flush = analytics.flush({ timeout });
  setTimeout(open, 50);
  expect(eventsOf((await flush)?.batch)).toEqual(['a']);
});

it('sends JSON whatever type `enqueue` is given', async () => {
  const analytics = client();
  analytics.enqueue(undefined as unknown as string, { userId: 'u' });
  track(analytics, 'b');
  await analytics.flush();
  expect(server.requests[0]?.body.batch).toMatchObject([{ type: null }, { type: 'track' }]);
});

it('takes a retryCount of Infinity, as analytics-node does', () => {
  expect(() => client({ retryCount: Infinity })).not.toThrow();
  expect(() => client({ maxRetries: Infinity })).not.toThrow();
});

it('reads each event once, however many wait', async () => {
  const analytics = client({ flushAt: 1_000 });
  let reads = 0;
  const properties = { toJSON: () => (reads += 1) };
  for (let count = 0; count < 500; count += 1) analytics.track({ userId: 'u', event: 'e', properties });
  await analytics.flush();
  expect([reads, sent().flat().length]).toEqual([500, 500]);
});

it('has one request in flight, on one connection, whatever is tracked meanwhile', async () => {
  const { opened, open } = gate();
  server.script({ after: opened });
  const analytics = client({ flushAt: 1 });
  track(analytics, 'first');
  await vi.waitFor(() => expect(server.requests).toHaveLength(1));
  for (let count = 0; count < 300; count += 1) track(analytics, `e${count}`);
  open();
  await analytics.flush();
  expect([server.requests.length, server.connectionCount]).toEqual([2, 1]);
});

it('rejects with the first error of several batches once the others are through', async () => {
  server.script({ status: 400 }, { status: 200 }, { status: 413 });
  const analytics = client({ flushAt: 1_000 });
  const outcomes: unknown[] = [];
  for (let count = 0; count < 50; count += 1) {
    track(analytics, 'x'.repeat(30_000), (error) => outcomes.push(error?.code));
  }
  await expect(analytics.flush()).rejects.toMatchObject({ code: 'HTTP_400' });
  const batches = server.requests.map(({ body }) => body.batch.length);
  expect(batches.length).toBeGreaterThan(3);
  const codes = ['HTTP_400', undefined, 'HTTP_413', undefined];
  expect(outcomes).toEqual(
    batches.flatMap((size, place) => Array.from({ length: size }, () => codes[place])),
  );
});

it('tells a failure in the background to callback, errorHandler and listeners alike', async () => {
  server.script({ status: 400 });
  const told = [0, 1, 2].map(() => vi.fn<(error?: Error) => void>());
  const analytics = client({ flushAt: 1, errorHandler: told[0] });
  analytics.on('error', told[1]!);
  track(analytics, 'a', told[2]);
  await vi.waitFor(() => {
    for (const one of told) expect(one.mock.calls[0]?.[0]).toMatchObject({ code: 'HTTP_400' });
  });
});
