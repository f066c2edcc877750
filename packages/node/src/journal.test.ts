import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate, startServer, type ScriptedServer } from '../test/scripted-server.ts';
import { Analytics } from './analytics.ts';
import type { AnalyticsOptions } from './options.ts';

let server: ScriptedServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.close();
});

function client(options: AnalyticsOptions = {}): Analytics {
  const analytics = new Analytics('SECRET-KEY', { host: server.host, ...options });
  analytics.flushed = true;
  return analytics;
}

const track = (analytics: Analytics, event: string): Analytics => analytics.track({ userId: 'jane', event });
const ZERO = {
  inPluginsCount: 0,
  inPluginsBytes: 0,
  queuedCount: 0,
  queuedBytes: 0,
  inFlightCount: 0,
  inFlightBytes: 0,
  deliveredCount: 0,
  failedCounts: {},
  droppedCounts: {},
  requestCount: 0,
  retryCount: 0,
};

describe('stats', () => {
  it('are zero at first', () => {
    expect(client().stats()).toEqual(ZERO);
  });

  it('say where each event is on its way', async () => {
    const analytics = client();
    const plugin = gate();
    const answer = gate();
    server.script({ after: answer.opened });
    await analytics.register({
      name: 'slow',
      type: 'enrichment',
      track: (ctx) => (ctx.event['event'] === 'c' ? plugin.opened : undefined),
    });
    track(analytics, 'a');
    const flush = analytics.flush();
    await expect.poll(() => server.requests.length).toBe(1);
    track(analytics, 'b');
    track(analytics, 'c');
    const held = analytics.stats();
    expect(held).toMatchObject({ inPluginsCount: 1, queuedCount: 1, inFlightCount: 1, deliveredCount: 0 });
    expect(held.inPluginsBytes).toBe(held.queuedBytes);
    expect(held.inFlightBytes).toBe(held.queuedBytes);
    answer.open();
    plugin.open();
    await flush;
    await analytics.flush();
    expect(analytics.stats()).toEqual({ ...ZERO, deliveredCount: 3, requestCount: 2 });
  });

  it('count requests, retries, and what failed or was dropped, by code', async () => {
    const analytics = client({ maxBufferedEvents: 2, errorHandler: () => undefined });
    server.script({ status: 503, headers: { 'retry-after': '0' } }, { status: 200 }, { status: 400 });
    for (const event of ['a', 'b', 'too many']) track(analytics, event);
    await analytics.flush();
    track(analytics, 'c');
    await analytics.flush();
    await analytics.closeAndFlush();
    track(analytics, 'late');
    await new Promise((resolve) => void setImmediate(resolve));
    expect(analytics.stats()).toEqual({
      ...ZERO,
      deliveredCount: 2,
      failedCounts: { HTTP_400: 1 },
      droppedCounts: { QUEUE_FULL: 1, CLIENT_CLOSED: 1 },
      requestCount: 3,
      retryCount: 1,
    });
  });

  it('count what plugins cancelled as dropped', async () => {
    const analytics = client();
    await analytics.register({ name: 'no', type: 'before', track: (ctx) => ctx.cancel() });
    track(analytics, 'a');
    expect(analytics.stats()).toEqual({ ...ZERO, droppedCounts: { CANCELLED_BY_PLUGIN: 1 } });
  });

  it('count what was put into the queue and cannot be sent', async () => {
    const analytics = client({ errorHandler: () => undefined });
    analytics.queue.push({ message: 1n });
    await analytics.flush();
    expect(analytics.stats().droppedCounts).toEqual({ ERR_ASSERTION: 1 });
  });
});

describe('debug', () => {
  it('tells of each request, retry, drop and failure in one line', async () => {
    const lines: string[] = [];
    const analytics = client({
      debug: (line) => lines.push(line),
      maxBufferedEvents: 2,
      errorHandler: () => undefined,
    });
    server.script(
      { status: 503, headers: { 'retry-after': '0' } },
      { status: 200 },
      { status: 500 },
      { status: 400 },
    );
    for (const event of ['a', 'b', 'c', 'd']) track(analytics, event);
    await analytics.flush();
    track(analytics, 'e');
    await analytics.flush();
    const ms = expect.stringMatching(/^\d+$/) as string;
    expect(lines.map((line) => line.split(/\b(\d+)(?= ms)/))).toEqual([
      ['dropped 2 events: QUEUE_FULL'],
      ['request of 2 events, attempt 1: 503 in ', ms, ' ms'],
      ['retry of 2 events in ', ms, ' ms'],
      ['request of 2 events, attempt 2: 200 in ', ms, ' ms'],
      ['request of 1 event, attempt 1: 500 in ', ms, ' ms'],
      ['retry of 1 event in ', ms, ' ms'],
      ['request of 1 event, attempt 2: 400 in ', ms, ' ms'],
      ['gave up 1 event: HTTP_400'],
    ]);
    expect(lines.join('\n')).not.toMatch(/SECRET|jane|127\.0\.0\.1/);
  });

  it('is refused when it is none', () => {
    expect(() => client({ debug: 'yes' as unknown as boolean })).toThrow(
      'The option "debug" must be true, false or a function; found "yes".',
    );
  });
});
