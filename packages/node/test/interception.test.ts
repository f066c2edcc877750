import { createRequire } from 'node:module';
import nock from 'nock';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Analytics } from '../src/analytics.ts';

/**
 * Programs test their calls with nock, which stands in for node:http while they run. What works with
 * analytics-node must work with the built library.
 */

const require = createRequire(import.meta.url);
type Library = new (writeKey: string, options?: object) => Analytics;

beforeAll(() => {
  nock.disableNetConnect();
});

afterEach(() => {
  nock.cleanAll();
});

afterAll(() => {
  nock.enableNetConnect();
  nock.restore();
});

describe.each<[string, Library]>([
  ['analytics-node', require('analytics-node') as Library],
  ['@millrace/node', require('../dist/index.cjs') as Library],
])('nock, with %s', (_, Library) => {
  const message = { userId: 'u', event: 'e' };

  it('sees the request, with its key and its body', async () => {
    const scope = nock('https://api.segment.io', { reqheaders: { 'content-type': /^application\/json/ } })
      .post('/v1/batch', (body: { batch: object[] }) => body.batch.length === 2)
      .basicAuth({ user: 'KEY', pass: '' })
      .reply(200, { success: true });
    const analytics = new Library('KEY');
    analytics.flushed = true;
    analytics.track(message);
    analytics.identify({ userId: 'u' });
    await analytics.flush();
    expect(scope.isDone()).toBe(true);
  });

  it('answers with a status that the flush then rejects with', async () => {
    nock('http://segment.test').post('/v1/batch').reply(400, { error: 'no' });
    const analytics = new Library('KEY', { host: 'http://segment.test' });
    analytics.flushed = true;
    const called = vi.fn<(error?: Error) => void>();
    analytics.track(message, called);
    await expect(analytics.flush()).rejects.toBeInstanceOf(Error);
    await vi.waitFor(() => expect(called).toHaveBeenCalledTimes(1));
    expect(called.mock.calls[0]?.[0]).toBeInstanceOf(Error);
  });

  it('fails once, and the retry arrives', async () => {
    const scope = nock('http://segment.test').post('/v1/batch').reply(503).post('/v1/batch').reply(200);
    const analytics = new Library('KEY', { host: 'http://segment.test' });
    analytics.flushed = true;
    analytics.track(message);
    await analytics.flush();
    expect(scope.isDone()).toBe(true);
  });

  it('refuses the connection', async () => {
    nock('http://segment.test')
      .post('/v1/batch')
      .replyWithError(Object.assign(new Error('nobody there'), { code: 'ECONNREFUSED' }));
    const analytics = new Library('KEY', { host: 'http://segment.test', retryCount: 0 });
    analytics.flushed = true;
    analytics.track(message);
    await expect(analytics.flush()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
